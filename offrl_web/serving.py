"""A built site, served by the app at `/web/`: a class with a poor line gets it from the lecturer's machine."""

from __future__ import annotations

import gzip
import os
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from anyio import to_thread
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

SITE = "OFFRL_SITE"
USUAL = "site"
MEDIA_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".mjs": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".json": "application/json",
    ".svg": "image/svg+xml",
    ".webp": "image/webp",
    ".py": "text/plain; charset=utf-8",
    ".yml": "text/plain; charset=utf-8",
    ".yaml": "text/plain; charset=utf-8",
    ".wasm": "application/wasm",
}
PACKED = (".html", ".js", ".mjs", ".css", ".json", ".svg", ".wasm")
"""What a second compression makes smaller."""
FOR_EVER = ("stage/", "pyodide/")
"""Folders named by what they hold, or by its version."""


def folder() -> Path | None:
    """`OFFRL_SITE`: the folder that `python -m offrl_web.build` has made; `site` by default, None where it is none."""
    path = Path(os.environ.get(SITE, USUAL))
    return path if (path / "sw.js").is_file() else None


@dataclass(frozen=True)
class _File:
    path: Path
    media: str
    kept: str


@cache
def _files(site: Path) -> dict[str, _File]:
    """Every file by its path below the site: a request can only name a key of this table."""
    found = {}
    for path in site.rglob("*"):
        if path.is_file():
            name = path.relative_to(site).as_posix()
            media = MEDIA_TYPES.get(path.suffix, "application/octet-stream")
            for_ever = name.startswith(FOR_EVER)
            found[name] = _File(path, media, "public, max-age=31536000, immutable" if for_ever else "no-cache")
    return found


@cache
def _packed(path: Path, changed: int) -> bytes:
    return gzip.compress(path.read_bytes(), 6, mtime=0)


def _as_folder(name: str, request: Request) -> Response:
    """On to the same address with a slash behind it, whatever path a proxy puts before it."""
    query = f"?{request.url.query}" if request.url.query else ""
    return RedirectResponse(f"{name.rpartition('/')[2]}/{query}")


def routes(site: Path | None) -> list[Route]:
    """`GET /web/…` for the files of a site; nothing where there is none."""
    if site is None:
        return []
    there = _files(site)

    async def give(request: Request) -> Response:
        name = request.path_params["file"]
        if name and not name.endswith("/") and f"{name}/index.html" in there:
            return _as_folder(name, request)
        file = there.get(f"{name}index.html" if not name or name.endswith("/") else name)
        if file is None:
            return Response(
                "no such file", status_code=404, media_type="text/plain", headers={"Cache-Control": "no-store"}
            )
        headers = {"Cache-Control": file.kept, "Vary": "Accept-Encoding", "X-Content-Type-Options": "nosniff"}
        if file.path.suffix in PACKED and "gzip" in request.headers.get("accept-encoding", ""):
            data = await to_thread.run_sync(_packed, file.path, file.path.stat().st_mtime_ns)
            return Response(data, media_type=file.media, headers={**headers, "Content-Encoding": "gzip"})
        return Response(await to_thread.run_sync(file.path.read_bytes), media_type=file.media, headers=headers)

    async def begin(request: Request) -> Response:
        return _as_folder("web", request)

    return [Route("/web/{file:path}", give, methods=["GET"]), Route("/web", begin, methods=["GET"])]
