"""A built site below `/web/` of the app."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette

from offrl_web import serving
from tests.threads import in_a_loop


@pytest.fixture
def app(tmp_path: Path) -> Starlette:
    for name in ("sw.js", "index.html", "docs/index.html", "docs/map/index.html", "stage/1/icon.svg"):
        (tmp_path / "site" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "site" / name).write_text(f"this is {name}")
    (tmp_path / "site" / "docs" / "picture.webp").write_bytes(b"RIFF")
    (tmp_path / "secret").write_text("not of the site")
    return Starlette(routes=serving.routes(tmp_path / "site"))


def get(app: Starlette, path: str, query: str = "", **headers: str) -> tuple[int, dict[str, str], bytes]:
    sent: list[Any] = []

    async def ask() -> None:
        async def receive() -> Any:
            return {"type": "http.request", "body": b"", "more_body": False}

        async def send(message: Any) -> None:
            sent.append(message)

        given = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
        scope = {"type": "http", "method": "GET", "path": path, "query_string": query.encode(), "headers": given}
        await app({**scope, "http_version": "1.1", "scheme": "http", "server": ("here", 80)}, receive, send)

    in_a_loop(ask())
    told = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
    return sent[0]["status"], told, b"".join(message.get("body", b"") for message in sent[1:])


def test_pages_are_given_with_their_types_and_lifetimes(app: Starlette):
    for path, inside in (("/web/", "index.html"), ("/web/docs/map/", "docs/map/index.html")):
        status, told, body = get(app, path)
        assert (status, told["content-type"], told["cache-control"]) == (200, "text/html; charset=utf-8", "no-cache")
        assert body == f"this is {inside}".encode()
    assert get(app, "/web/docs/picture.webp")[1]["content-type"] == "image/webp"
    status, told, body = get(app, "/web/stage/1/icon.svg", accept_encoding="br, gzip")
    assert (told["content-encoding"], gzip.decompress(body)) == ("gzip", b"this is stage/1/icon.svg")
    assert "immutable" in told["cache-control"]


def test_a_folder_is_led_to_itself_and_nothing_else_is_given(app: Starlette):
    for path, query, to in (
        ("/web", "v=1&algo=bcq", "web/?v=1&algo=bcq"),
        ("/web/docs", "", "docs/"),
        ("/web/docs/map", "a=1", "map/?a=1"),
    ):
        status, told, _ = get(app, path, query)
        assert (status, told["location"]) == (307, to)
    for path in ("/web/nothing", "/web/../secret", "/web//secret", "/web/stage/"):
        assert get(app, path)[0] == 404


def test_a_folder_that_holds_no_site_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv(serving.SITE, str(tmp_path))
    assert serving.folder() is None
    assert serving.routes(None) == []
    (tmp_path / "sw.js").write_text("")
    assert serving.folder() == tmp_path
