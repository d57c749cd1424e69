"""Two servers behind one address, with the recipe of docs/serve.md, a real Caddy and a real Redis."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.browser.playground import BUS
from tests.caddy import Caddy
from tests.conftest import PATIENCE
from tests.redis_server import Redis
from tests.serving import ROOT, Server, free_port, start_server, stop_server


@dataclass
class Site:
    """Two servers, and the address before them."""

    servers: list[Server]
    url: str


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    store = Redis(tmp_path)
    shared = {"OFFRL_REDIS": store.url}
    servers = [start_server(tmp_path / f"{name}.log", environment=shared, port=free_port()) for name in ("one", "two")]
    recipe = re.search(r"```caddyfile\n(.*?)```", (ROOT / "docs" / "serve.md").read_text(), re.DOTALL)
    assert recipe
    configuration = recipe[1].replace("rl.example.edu", "{$SITE}")
    for number, server in enumerate(servers, 1):
        configuration = configuration.replace(f"10.0.0.{number}:8501", server.url.removeprefix("http://"))
    caddy = Caddy(tmp_path, configuration)
    yield Site(servers, caddy.url)
    caddy.close()
    for server in servers:
        stop_server(server)
    store.stop()


@pytest.fixture
def visit(browser: Browser, site: Site) -> Iterator[list[BrowserContext]]:
    """Two browsers, each of which came to another server."""
    contexts: dict[str, BrowserContext] = {}
    others = []
    while len(contexts) < 2:
        context = browser.new_context(viewport={"width": 1024, "height": 768}, ignore_https_errors=True)
        context.set_default_timeout(PATIENCE)
        context.request.get(f"{site.url}/healthz")
        (cookie,) = context.cookies()
        others.append(context)
        contexts.setdefault(cookie["value"], context)
        assert len(others) < 40, "every browser comes to the same server"
    yield list(contexts.values())
    for context in others:
        context.close()


def train(tab: Page, site: Site) -> None:
    """Open a run and let it train a little."""
    tab.goto(f"{site.url}/?data=double-crossing&algo=cql&budget=0")
    tab.wait_for_function(f"{BUS}?.connected && {BUS}.hello?.run")
    tab.evaluate(f"{BUS}.send({{ cmd: 'play' }})")
    tab.wait_for_function(f"{BUS}.state?.step > 20")
    tab.evaluate(f"{BUS}.send({{ cmd: 'pause' }})")
    tab.wait_for_function(f"{BUS}.state?.state === 'paused'")


def test_a_lecture_on_two_servers_of_which_one_dies(site: Site, visit: list[BrowserContext]) -> None:
    one, other = visit
    presenter, follower = one.new_page(), other.new_page()
    presenter.goto(f"{site.url}/reweighting?scene=emrl")
    presenter.get_by_role("button", name="Share").first.click()
    presenter.get_by_role("button", name="Open a room").click()
    code = presenter.locator(".room .room-code").inner_text()
    follower.goto(f"{site.url}/reweighting?follow={code}")
    expect(follower.locator(".room")).to_contain_text("You follow the presenter")
    follower.locator(".prediction button").nth(1).click()
    expect(presenter.locator(".prediction .tally")).to_contain_text("1 of 1")

    tabs = [one.new_page(), other.new_page()]
    for tab in tabs:
        train(tab, site)
    steps = [tab.evaluate(f"{BUS}.state.step") for tab in tabs]
    site.servers[0].process.kill()

    # Whoever was there goes on with the other server, where nothing was known of the run.
    for tab, step in zip(tabs, steps, strict=True):
        tab.wait_for_function(f"{BUS}?.connected && {BUS}.state?.step >= {step}")
    expect(follower.locator(".room")).to_contain_text("You follow the presenter")
    late = other.new_page()
    late.goto(f"{site.url}/reweighting?follow={code}")
    expect(late.locator(".room")).to_contain_text("You follow the presenter")
    expect(presenter.locator(".prediction .tally")).to_contain_text("1 of 2")
