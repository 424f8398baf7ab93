"""
Builds the application: its resources, its middleware, its routers, its error handlers. No logic.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI
from fastapi.routing import APIRoute
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app import migrations, nudge, routes, settings
from app.access.deps import KeyCache
from app.kit import db, logs, problems, secrets, trace
from app.kit.http import Resources, document_if_match
from app.kit.waiting import Waker
from app.settings import Settings
from app.webhooks.service import Following

_HEADERS = (
    (b"cache-control", b"no-store"),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
)


class CaseDataHeaders:
    """
    Adds to every answer that case data is not to be kept by anything on the way (I11).
    """

    def __init__(self, app: ASGIApp) -> None:
        """
        Wrap the application.
        """
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """
        Pass everything on, with the headers.
        """

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                present = {name.lower() for name, _ in message["headers"]}
                message["headers"] = [
                    *message["headers"],
                    *(header for header in _HEADERS if header[0] not in present),
                ]
            await send(message)

        await self._app(scope, receive, with_headers if scope["type"] == "http" else send)


class Application(FastAPI):
    """
    FastAPI, with our layers around its own: it refuses a large body outside of any other middleware.
    """

    def openapi(self) -> dict[str, Any]:
        """
        Describe the API, with what FastAPI cannot know of it.
        """
        if self.openapi_schema is None:
            document_if_match(super().openapi())
        return super().openapi()

    def build_middleware_stack(self) -> ASGIApp:
        """
        Put ours around.
        """
        inner = problems.PlainRefusals(super().build_middleware_stack())
        return trace.Traced(CaseDataHeaders(inner))


def create_app(chosen: Settings | None = None) -> FastAPI:
    """
    Build the application for these settings; by default those of the environment.
    """
    here = chosen or settings.load("api")
    logs.configure()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        if here.database_url is None:
            message = (
                "set ASSAYLINE_DATABASE_URL, or run `assayline serve`, which brings a database"
            )
            raise settings.SettingsError(message)
        bell = nudge.doorbell(here.redis_url, timeout_s=here.doorbell_timeout_s)
        waker = Waker()

        async def after_commit(bells: frozenset[str]) -> None:
            # Whoever waits in this very process needs no Redis to hear of it.
            waker.wake()
            await bell.ring(bells)

        database = db.connect(
            here.database_url,
            pool_size=here.pool_size,
            overflow=here.pool_overflow,
            pool_timeout_s=here.pool_timeout_s,
            pooler=here.database_pooler,
            application="assayline-api",
            after_commit=after_commit,
        )
        cursor_key = secrets.derive(here.secret_key_bytes(), secrets.Purpose.CURSOR_MAC)
        app.state.resources = Resources(here, database, cursor_key.raw, waker)
        app.state.following = Following(database)
        hearing = asyncio.create_task(nudge.hearken(here.redis_url, waker.wake))
        app.state.key_cache = KeyCache()
        app.state.doorbell = bell
        app.state.schema = await asyncio.to_thread(migrations.newest)
        yield
        hearing.cancel()
        await asyncio.gather(hearing, return_exceptions=True)
        await database.dispose()
        await bell.close()

    app = Application(
        title="Assayline",
        summary="Seized samples, ranked by the harm that not knowing does.",
        version="1",
        lifespan=lifespan,
        max_body_size=here.max_body_bytes,
        redirect_slashes=False,
        openapi_url=f"{routes.PREFIX}/openapi.json",
        docs_url=None,
        redoc_url=None,
        generate_unique_id_function=_operation_id,
        license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
    )
    problems.install(app)
    routes.add_to(app)
    return app


def _operation_id(route: APIRoute) -> str:
    return route.name
