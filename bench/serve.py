"""
One API process, ours or a bare one, under the same uvicorn settings; it prints its port and serves.

`python -m bench.serve ours` reads its settings from the environment, as any API process does.
`python -m bench.serve bare` reads the body it answers with from its standard input.
"""

import socket
import sys
from typing import Any

import uvicorn
from fastapi import FastAPI, Request, Response

from app.main import create_app


def bare_app(body: bytes) -> FastAPI:
    """
    Make the least FastAPI can be: one answer ready in memory, no dependency, nothing to look up.
    """
    app = FastAPI(openapi_url=None)

    @app.get("/v1/samples/{sample_id}")
    async def answer(sample_id: str, request: Request) -> Response:
        del sample_id
        if "if-none-match" in request.headers:
            return Response(status_code=304, headers={"ETag": '"1"'})
        return Response(body, media_type="application/json", headers={"ETag": '"1"'})

    return app


def serve(app: Any) -> None:
    """
    Serve on a free port until told to stop.
    """
    listener = socket.create_server(("127.0.0.1", 0), backlog=64)
    print(listener.getsockname()[1], flush=True)
    config = uvicorn.Config(
        app, loop="uvloop", http="httptools", ws="none", access_log=False, log_level="warning"
    )
    uvicorn.Server(config).run(sockets=[listener])


if __name__ == "__main__":
    serve(create_app() if sys.argv[1] == "ours" else bare_app(sys.stdin.buffer.read()))
