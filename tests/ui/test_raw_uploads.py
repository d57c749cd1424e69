"""Files that browsers send have so much room, and no more: of a visit, of an address, of all."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager
from streamlit.runtime.uploaded_file_manager import UploadedFileRec

from offrl_live.runs.datasets import UploadRoom
from offrl_live.serving.environment import takes_uploads
from offrl_ui.shared.raw_uploads import RawUploads
from tests.threads import in_a_loop

ROOM = UploadRoom(one=0, owner=400, all=800)


class Site:
    """Streamlit's own store behind the middleware; files are taken once `take` is set."""

    def __init__(self, base: str = "") -> None:
        self.base = base
        self.store = MemoryUploadedFileManager("/_stcore/upload_file")
        self.take = asyncio.Event()
        self.app = RawUploads(self.streamlits, lambda: self.store, ROOM, largest=200, base=base)

    async def streamlits(self, scope: Any, receive: Any, send: Any) -> None:
        await self.take.wait()
        session, file = scope["path"].rpartition("upload_file/")[2].split("/")
        self.store.add_file(session, UploadedFileRec(file, "log.csv", "text/csv", b"x" * scope["size"]))
        await send({"type": "http.response.start", "status": 204})

    async def put(self, session: str, file: str, size: int, address: str = "10.0.0.1", told: str | None = None) -> int:
        path = f"{self.base}/_stcore/upload_file/{session}/{file}"
        headers = [(b"content-length", (told or str(size)).encode())] if told != "" else []
        scope = {
            "type": "http",
            "method": "PUT",
            "path": path,
            "headers": headers,
            "client": (address, 1),
            "size": size,
        }
        status = []

        async def send(message: Any) -> None:
            status.append(message.get("status"))

        await self.app(scope, asyncio.Future, send)  # type: ignore[arg-type]
        return int(status[0])

    def kept(self, session: str) -> list[str]:
        return list(self.store.file_storage.get(session, {}))


@pytest.mark.parametrize("base", ["", "/rl"])
def test_a_visits_oldest_files_make_room_for_its_newest(base: str) -> None:
    async def main() -> None:
        site = Site(base)
        site.take.set()
        assert [await site.put("a", f"file-{number}", 150) for number in range(5)] == [204] * 5
        assert site.kept("a") == ["file-3", "file-4"]
        assert await site.put("b", "other", 100, address="10.0.0.2") == 204
        assert site.kept("a") == ["file-3", "file-4"], "nobody takes another's room"

    in_a_loop(main())


def test_all_have_so_much_room_together_and_get_it_back() -> None:
    async def main() -> None:
        site = Site()
        site.take.set()
        assert [await site.put(visit, "file", 400, address=visit) for visit in "abc"] == [204, 204, 413]
        site.store.remove_session_files("a")  # as Streamlit does when a visit ends
        assert await site.put("c", "file", 400, address="c") == 204

    in_a_loop(main())


@pytest.mark.parametrize("told", [None, "", "many"])
def test_what_is_on_its_way_counts(told: str | None) -> None:
    """One address that sends slowly, and tells no size or a wrong one, leaves room to others."""

    async def main() -> None:
        site = Site()
        tasks = [asyncio.create_task(site.put(f"visit-{number}", "file", 200, told=told)) for number in range(8)]
        other = asyncio.create_task(site.put("other", "file", 200, address="10.0.0.2", told=told))
        await asyncio.sleep(0)
        site.take.set()
        assert sorted([await task for task in tasks]) == [204, 204, *[413] * 6]
        assert await other == 204
        assert not site.app._coming

    in_a_loop(main())


def test_everything_else_passes() -> None:
    async def main() -> None:
        site, passed = Site(), []

        async def streamlits(scope: Any, receive: Any, send: Any) -> None:
            passed.append(scope["path"])

        site.app._app = streamlits
        for scope in (
            {"type": "http", "method": "DELETE", "path": "/_stcore/upload_file/a/b"},
            {"type": "http", "method": "PUT", "path": "/elsewhere"},
            {"type": "websocket", "path": "/_stcore/stream"},
        ):
            await site.app(scope, asyncio.Future, asyncio.Future)  # type: ignore[arg-type]
        assert passed == ["/_stcore/upload_file/a/b", "/elsewhere", "/_stcore/stream"]

    in_a_loop(main())


def test_a_server_that_takes_no_files_takes_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OFFRL_UPLOADS", "0")

    async def main() -> None:
        site = Site()
        site.take.set()
        assert await site.put("a", "file", 1) == 403
        assert site.kept("a") == []

    in_a_loop(main())
    monkeypatch.setenv("OFFRL_UPLOADS", "yes")
    with pytest.raises(ValueError, match="OFFRL_UPLOADS = 'yes' is not allowed: it must be 1 or 0"):
        takes_uploads()
