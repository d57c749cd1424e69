"""Pictures of cards by an address that changes with their content, so that a browser loads them once, and packed."""

from __future__ import annotations

import gzip
import hashlib
import json
from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from offrl_core.recent import Recent

MOST_BYTES = 20_000_000

_packed: Recent[str, bytes] = Recent(MOST_BYTES, len)


def address(pictures: Mapping[str, str]) -> str:
    """Where pictures can be had from now on, below the place where the app is served.

    Args:
        pictures: SVG by the card's id.
    """
    text = json.dumps(pictures)
    name = hashlib.sha256(text.encode()).hexdigest()[:32]
    _packed.of(name, lambda: gzip.compress(text.encode(), mtime=0))
    return f"cards/{name}.json"


async def _pictures(request: Request) -> Response:
    found = _packed.get(request.path_params["name"])
    if found is None:
        return Response("no such pictures", status_code=404, headers={"Cache-Control": "no-store"})
    headers = {"Cache-Control": "private, max-age=31536000, immutable", "X-Content-Type-Options": "nosniff"}
    if "gzip" not in request.headers.get("accept-encoding", ""):
        return Response(gzip.decompress(found), media_type="application/json", headers=headers)
    return Response(found, media_type="application/json", headers={**headers, "Content-Encoding": "gzip"})


def routes() -> list[Route]:
    """`GET /cards/{name}.json`: SVG by id; private, for a picture may be of somebody's own log."""
    return [Route("/cards/{name}.json", _pictures, methods=["GET"])]
