"""Which pages may connect: what is compared behind the usual proxies, and what the refused ones are told."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from offrl_live.serving.origins import FOREIGN, Origins
from tests.threads import in_a_loop

PUBLIC = "https://rl.example.edu"


def answer(origin: str | None, *, peer: str = "10.0.0.7", origins: Origins | None = None, **headers: str) -> str:
    """What a page is told that connects through `peer`, behind uvicorn's own handling of proxies."""
    allowed = origins or Origins()

    async def endpoint(websocket: WebSocket) -> None:
        if not await allowed.turned_away(websocket):
            await websocket.accept()
            await websocket.close(1000, "welcome")

    app: Any = ProxyHeadersMiddleware(
        Starlette(routes=[WebSocketRoute("/live/{run}", endpoint)]),  # type: ignore[arg-type]
        trusted_hosts=allowed.proxies,
    )
    named = {**({} if origin is None else {"Origin": origin}), **headers}
    encoded = [(name.replace("_", "-").lower().encode(), value.encode("latin1")) for name, value in named.items()]
    scope = {"type": "websocket", "path": "/live/abc", "headers": encoded, "client": (peer, 40_000), "scheme": "ws"}
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, str]:
        return {"type": "websocket.connect"}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    in_a_loop(app({**scope, "query_string": b"", "subprotocols": []}, receive, send))
    assert [message["type"] for message in sent] == ["websocket.accept", "websocket.close"]
    reason = str(sent[-1]["reason"])
    assert (sent[-1]["code"], len(reason.encode()) <= 123) == (1000 if reason == "welcome" else FOREIGN, True)
    return reason


LOCAL, FROM_LOCAL = {"peer": "127.0.0.1"}, {"peer": "127.0.0.1", "X_Forwarded_For": "93.184.216.34"}
TAKEN = {
    "the address itself": ("http://10.0.0.1:8501", {"Host": "10.0.0.1:8501"}),
    "its name in other letters": ("http://lab.example", {"Host": "LAB.example"}),
    "an IPv6 address": ("http://[::1]:8501", {"Host": "[::1]:8501"}),
    "TLS ended before us": (PUBLIC, {"Host": "rl.example.edu"}),
    "TLS ended before us, with its port": (PUBLIC, {"Host": "rl.example.edu:443"}),
    "Host passed on": (f"{PUBLIC}:8443", {"Host": "rl.example.edu:8443"}),
    "nginx's default Host": (PUBLIC, {**FROM_LOCAL, "Host": "127.0.0.1:8501", "X_Forwarded_Host": "rl.example.edu"}),
    "a proxy without X-Forwarded-For": (PUBLIC, {**LOCAL, "Host": "app", "X_Forwarded_Host": "rl.example.edu"}),
    "the port in a header of its own": (
        f"{PUBLIC}:8443",
        {**FROM_LOCAL, "Host": "app", "X_Forwarded_Host": "rl.example.edu", "X_Forwarded_Port": "8443"},
    ),
    "several proxies": (PUBLIC, {**FROM_LOCAL, "Host": "app", "X_Forwarded_Host": "rl.example.edu, inner:80"}),
    "no browser's page": (None, {"Host": "10.0.0.1:8501"}),
}


@pytest.mark.parametrize(("origin", "more"), TAKEN.values(), ids=TAKEN)
def test_pages_of_the_servers_own_address_are_taken(origin: str | None, more: dict[str, str]) -> None:
    assert answer(origin, **more) == "welcome"


REFUSED = {
    "another site": ("https://evil.example", {"Host": "rl.example.edu"}),
    "another port": ("http://rl.example.edu:8080", {"Host": "rl.example.edu"}),
    "a name that begins alike": ("https://rl.example.edu.evil.example", {"Host": "rl.example.edu"}),
    "a name behind an @": ("https://rl.example.edu@evil.example", {"Host": "evil.example"}),
    "no page": ("null", {"Host": "null"}),
    "a file": ("file://", {"Host": ""}),
    "an empty name": ("http://", {"Host": ""}),
    "a port that is none": ("http://rl.example.edu:x", {"Host": "rl.example.edu:x"}),
    "Host $host on another port": (f"{PUBLIC}:8443", {**FROM_LOCAL, "Host": "rl.example.edu"}),
    "X-Forwarded-Host of a stranger": (PUBLIC, {"Host": "app", "X_Forwarded_Host": "rl.example.edu"}),
    "a stranger who says that he was forwarded": (
        PUBLIC,
        {"Host": "app", "X_Forwarded_Host": "rl.example.edu", "X_Forwarded_For": "127.0.0.1"},
    ),
}


@pytest.mark.parametrize(("origin", "more"), REFUSED.values(), ids=REFUSED)
def test_other_pages_are_told_what_was_compared(origin: str, more: dict[str, str]) -> None:
    said = answer(origin, **more)
    assert said.startswith(f"its origin is {origin[:30]}")
    assert f"the server was asked as {more['Host']}"[:50] in said


def test_the_operator_may_allow_more() -> None:
    mine = {"Host": "127.0.0.1:8501", "origins": Origins([f"{PUBLIC}:8443", "lab.example"])}
    assert answer(f"{PUBLIC}:8443", **mine) == "welcome"
    assert answer("http://lab.example", **mine) == "welcome"
    assert answer(PUBLIC, **mine) != "welcome"
    assert answer(PUBLIC, Host="app", origins=Origins(all=True)) == "welcome"


@pytest.mark.parametrize("proxies", ["10.0.0.0/8", "192.168.0.1, 10.0.0.7", "*"])
def test_the_operator_says_which_proxies_are_believed(monkeypatch: pytest.MonkeyPatch, proxies: str) -> None:
    monkeypatch.setenv("FORWARDED_ALLOW_IPS", proxies)
    for more in ({}, {"X_Forwarded_For": "93.184.216.34"}):
        assert answer(PUBLIC, Host="app", X_Forwarded_Host="rl.example.edu", **more) == "welcome"


def test_the_log_names_the_setting_that_helps(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        answer(f"{PUBLIC}:8443", Host="127.0.0.1:8501")
    (line,) = [record.getMessage() for record in caplog.records if "refused a connection" in record.getMessage()]
    for word in ("/live", PUBLIC, "127.0.0.1:8501", "X-Forwarded-Host", "FORWARDED_ALLOW_IPS", "corsAllowedOrigins"):
        assert word in line
    assert "abc" not in line, "who knows a run's id can watch it"


def test_what_a_foreign_page_sends_is_cut() -> None:
    said = answer("https://" + "é" * 500, Host="h" * 500)
    assert said.endswith("asked as " + "h" * 35 + "...")
