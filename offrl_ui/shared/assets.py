"""JavaScript modules and styles, served from memory under an address that changes with their content."""

from __future__ import annotations

import gzip
import hashlib
from functools import cache
from importlib.resources import files

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

MEDIA_TYPES = {".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8"}
PLOTLY = "plotly.min.js"


def asset_text(name: str) -> str:
    """The source of `folder/name`."""
    return files("offrl_ui").joinpath("assets", name).read_text(encoding="utf-8")


@cache
def _contents() -> dict[str, tuple[bytes, bytes, str]]:
    """`folder/name` → content, the same gzipped, media type. Read once: a request can only name a key of this table."""
    found = {}
    for folder in files("offrl_ui").joinpath("assets").iterdir():
        for entry in folder.iterdir() if folder.is_dir() else ():
            suffix = "." + entry.name.rpartition(".")[2]
            if suffix in MEDIA_TYPES:
                found[f"{folder.name}/{entry.name}"] = (entry.read_bytes(), MEDIA_TYPES[suffix])
    plotly = files("plotly").joinpath("package_data", PLOTLY).read_bytes()
    found[PLOTLY] = (plotly, MEDIA_TYPES[".js"])
    # mtime=0: the same content gives the same bytes. Level 6 takes a third of the time of 9 for 1 % more.
    return {name: (data, gzip.compress(data, 6, mtime=0), media) for name, (data, media) in found.items()}


@cache
def asset_version() -> str:
    """Hash of all files that are served: it stands in their addresses, so browsers may keep them for ever."""
    digest = hashlib.sha256()
    for name, (data, _, _) in sorted(_contents().items()):
        digest.update(name.encode() + b"\0" + data)
    return digest.hexdigest()[:12]


def asset_root() -> str:
    """The folder that holds the modules, below the place where the app is served: `stage/0a1b2c3d4e5f/`."""
    return f"stage/{asset_version()}/"


async def _asset(request: Request) -> Response:
    found = _contents().get(request.path_params["file"])
    if found is None or request.path_params["version"] != asset_version():
        return Response("no such file", status_code=404, media_type="text/plain", headers={"Cache-Control": "no-store"})
    data, packed, media = found
    headers = {
        "Cache-Control": "public, max-age=31536000, immutable",
        "Vary": "Accept-Encoding",
        "X-Content-Type-Options": "nosniff",
    }
    if "gzip" in request.headers.get("accept-encoding", ""):
        return Response(packed, media_type=media, headers={**headers, "Content-Encoding": "gzip"})
    return Response(data, media_type=media, headers=headers)


def routes() -> list[Route]:
    """`GET /stage/{version}/{folder}/{file}`: gzipped once, here, and cacheable for ever."""
    asset_version()
    return [Route("/stage/{version}/{file:path}", _asset, methods=["GET"])]
