"""Files that browsers send: Streamlit keeps all of a visit's in memory until it ends; here they have so much room."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any, Protocol, cast

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send
from streamlit.runtime import get_instance

from offrl_live.runs.datasets import UploadRoom
from offrl_live.serving.counted import REFUSALS
from offrl_live.serving.environment import takes_uploads


class Store(Protocol):
    """Streamlit's store: by session and file, what was sent, the oldest first."""

    file_storage: dict[str, dict[str, Any]]

    def remove_file(self, session_id: str, file_id: str) -> None:
        """Forget a file."""


def streamlits_store() -> Store:
    """That of the server that runs."""
    return cast(Store, get_instance().uploaded_file_mgr)


class RawUploads:
    """Middleware before Streamlit's upload route.

    A visit's oldest files make room for its newest. What everybody sends is refused where there is no room for it, and
    what one address sends at the same time where it is more than one visit may keep.

    Args:
        app: what takes the files.
        store: gives Streamlit's store.
        room: bytes of a visit (`owner`) and of all (`all`).
        largest: bytes of a file whose size is not told.
        base: the path below which the app is served, such as `/rl`.
    """

    def __init__(
        self, app: ASGIApp, store: Callable[[], Store], room: UploadRoom, largest: int, base: str = ""
    ) -> None:
        self._app, self._store, self._room, self._largest = app, store, room, largest
        self._route = f"{base}/_stcore/upload_file/"
        self._coming: Counter[str] = Counter()  # bytes on their way, by address

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http" or scope["method"] != "PUT" or not scope["path"].startswith(self._route):
            await self._app(scope, receive, send)
            return
        if not takes_uploads():
            REFUSALS.labels("upload: none are taken").inc()
            await PlainTextResponse("this server takes no files", 403)(scope, receive, send)
            return
        told = Headers(scope=scope).get("content-length", "")
        size = int(told) if told.isdecimal() and len(told) < 16 else self._largest
        address = (scope.get("client") or ("",))[0]
        session = scope["path"].removeprefix(self._route).partition("/")[0]
        self._make_room(session, size)
        if not self._fits(address, size):
            REFUSALS.labels("upload: no room").inc()
            answer = PlainTextResponse("the server has no room for this file now; try again later", 413)
            await answer(scope, receive, send)
            return
        self._coming[address] += size
        try:
            await self._app(scope, receive, send)
        finally:
            self._coming[address] -= size
            if not self._coming[address]:
                del self._coming[address]

    def _fits(self, address: str, size: int) -> bool:
        kept = sum(map(_size, list(self._store().file_storage.values())))
        return self._coming[address] + size <= self._room.owner and kept + self._coming.total() + size <= self._room.all

    def _make_room(self, session: str, size: int) -> None:
        store = self._store()
        held = dict(store.file_storage.get(session, {}))
        while held and _size(held) + size > self._room.owner:
            oldest = next(iter(held))
            store.remove_file(session, oldest)
            del held[oldest]


def _size(files: dict[str, Any]) -> int:
    return sum(len(file.data) for file in list(files.values()))
