"""The whole app behind a real nginx: at the root with TLS ended before us, and under a sub-path that is passed on or
cut off; and what a visitor and the operator are told where the proxy hides the page's address."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import pytest
from playwright.sync_api import Browser, Page, expect

from offrl_ui.gallery.presets import presets
from tests.browser.playground import BUS
from tests.browser.scene_walk import assert_nothing_blank
from tests.browser.waiting import eventually
from tests.conftest import PATIENCE
from tests.nginx import PASS_ON, Nginx
from tests.serving import Server, start_server, stop_server

FORWARDED = "proxy_set_header X-Forwarded-Host $http_host;"


class Sites(NamedTuple):
    """Addresses by the kind of proxy, and the two apps behind them."""

    nginx: Nginx
    app: Server
    below: Server


@pytest.fixture(scope="module")
def sites(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sites]:
    folder = tmp_path_factory.mktemp("nginx")
    below = start_server(folder / "below.log", base="/rl/lab")
    behind = below.url.removesuffix("/rl/lab")
    nginx = Nginx(
        folder,
        {
            # nginx names the server that it asks as the host: the page's own address stands in X-Forwarded-Host.
            "tls": f"location / {{ proxy_pass {server.url}; {PASS_ON} {FORWARDED} }}",
            "kept": f"location /rl/lab {{ proxy_pass {behind}; {PASS_ON} proxy_set_header Host $http_host; }}",
            "cut": f"location /demo/ {{ proxy_pass {server.url}/; {PASS_ON} {FORWARDED} }}",
            # The usual recipe, which loses the port.
            "hidden": f"location / {{ proxy_pass {server.url}; {PASS_ON} proxy_set_header Host $host; }}",
        },
    )
    yield Sites(nginx, server, below)
    nginx.close()
    stop_server(below)


@pytest.fixture
def visitor(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(ignore_https_errors=True, viewport={"width": 1440, "height": 900})
    context.set_default_timeout(PATIENCE)
    page = context.new_page()
    page.missing = []  # type: ignore[attr-defined]
    # Streamlit looks for its own place by asking for these in several.
    page.on(
        "response",
        lambda answer: answer.status >= 400 and "/_stcore/" not in answer.url and page.missing.append(answer.url),
    )  # type: ignore[attr-defined]
    yield page
    context.close()


@pytest.mark.parametrize(("kind", "path"), [("tls", ""), ("kept", "/rl/lab"), ("cut", "/demo")])
def test_everything_works_behind_a_proxy(sites: Sites, visitor: Page, kind: str, path: str) -> None:
    site = sites.nginx.url(kind, path)
    sockets: list[str] = []
    visitor.on("websocket", lambda socket: sockets.append(socket.url))

    # The stage: modules, style, chart library, live frames, formulas, files.
    visitor.goto(f"{site}/?algo=bcq")
    visitor.wait_for_function(f"{BUS}?.connected && {BUS}.hello?.run")
    expect(visitor.locator(".stage canvas").first).to_be_visible()
    visitor.evaluate(f"{BUS}.send({{ cmd: 'play' }})")
    visitor.wait_for_function(f"{BUS}.state?.step > 20")
    eventually(visitor, lambda: visitor.locator(".stage").evaluate("(host) => host.stage.curves.built"), True)
    expect(visitor.locator("math").first).to_be_visible()
    visitor.get_by_role("button", name="Take it home").click()
    link = visitor.get_by_role("link", name="metrics.csv")
    address = str(link.evaluate("(link) => link.href"))
    assert address.startswith(f"{site}/take/")
    assert visitor.request.get(address).text().startswith("step,")

    # A recording.
    preset = next(iter(presets()))
    visitor.goto(f"{site}/gallery?preset={preset}")
    eventually(
        visitor, lambda: visitor.locator(".stage").evaluate("(host) => host.stage?.store.frames.length > 1"), True
    )

    # A scene with its socket, a room, and the links in its codes.
    visitor.goto(f"{site}/reweighting?scene=emrl&v=1&reveal=1")
    visitor.locator("#control-r_plus").press("Home")
    expect(visitor.locator(".answer-text")).to_contain_text("A weight is negative")
    assert_nothing_blank(visitor)
    visitor.get_by_role("button", name="Share").first.click()
    expect(visitor.locator(".share .qr svg")).to_have_count(1)
    assert visitor.get_by_role("textbox", name="link").input_value().startswith(f"{site}/reweighting?")
    visitor.get_by_role("button", name="Open a room").click()
    code = visitor.locator(".room .room-code").inner_text()

    # A follower, by the link of the code.
    follower = visitor.context.new_page()
    follower.goto(f"{site}/reweighting?follow={code}")
    expect(follower.locator(".room")).to_contain_text("You follow the presenter")
    visitor.locator("#control-r_plus").press("End")
    expect(follower.locator("#control-r_plus")).to_have_value("3")

    expected = site.replace("http", "ws", 1)
    assert sockets
    assert [url for url in sockets if not url.startswith(expected)] == []
    assert visitor.missing == [], "nothing was asked for in vain"  # type: ignore[attr-defined]


def test_a_proxy_that_hides_the_address_is_named_on_the_page_and_in_the_log(sites: Sites, visitor: Page) -> None:
    site = sites.nginx.url("hidden")
    visitor.goto(f"{site}/?algo=bcq")
    words = visitor.locator(".stage .state-line")
    expect(words).to_contain_text(f"its origin is {site}, but the server was asked as 127.0.0.1.")
    expect(words).to_contain_text("X-Forwarded-Host")
    expect(words).to_contain_text("server.corsAllowedOrigins")
    line = next(line for line in sites.app.output().splitlines() if "refused a connection to /live: its origin" in line)
    assert site in line
    assert "server.corsAllowedOrigins" in line
    visitor.goto(f"{site}/reweighting?scene=emrl")
    expect(visitor.locator(".notes")).to_contain_text(f"its origin is {site}")
