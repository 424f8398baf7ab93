"""
Our few static files: each is served under a name with its hash, so that browsers may keep it for ever.
"""

import gzip
import hashlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from fastapi import APIRouter, Request, Response

from app.kit.errors import NotFound

FOLDER = Path(__file__).parent / "static"
_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
_KEEP = "public, max-age=31536000, immutable"

router = APIRouter(include_in_schema=False)


@dataclass(frozen=True, slots=True)
class Asset:
    """
    One file as it is served.
    """

    name: str
    media_type: str
    plain: bytes
    packed: bytes
    etag: str


@cache
def assets() -> dict[str, Asset]:
    """
    Return every file by its name with the hash in it.
    """
    found = {}
    for path in sorted(FOLDER.iterdir()):
        if path.suffix in _TYPES:
            plain = path.read_bytes()
            digest = hashlib.sha256(plain).hexdigest()[:16]
            name = f"{path.stem}.{digest}{path.suffix}"
            packed = gzip.compress(plain, mtime=0)
            found[name] = Asset(name, _TYPES[path.suffix], plain, packed, f'"{digest}"')
    return found


@cache
def url(name: str) -> str:
    """
    Return where a file is, by the name it has in its folder.
    """
    path = Path(name)
    (found,) = (
        one for one in assets() if one.startswith(path.stem + ".") and one.endswith(path.suffix)
    )
    return f"/static/{found}"


@router.get("/static/{name}", response_model=None)
async def asset(name: str, request: Request) -> Response:
    """
    Serve one file.
    """
    found = assets().get(name)
    if found is None:
        raise NotFound
    headers = {"Cache-Control": _KEEP, "ETag": found.etag, "Vary": "Accept-Encoding"}
    headers["Cross-Origin-Resource-Policy"] = "same-origin"
    if request.headers.get("if-none-match") == found.etag:
        return Response(status_code=304, headers=headers)
    if "gzip" in request.headers.get("accept-encoding", ""):
        headers["Content-Encoding"] = "gzip"
        return Response(found.packed, media_type=found.media_type, headers=headers)
    return Response(found.plain, media_type=found.media_type, headers=headers)
