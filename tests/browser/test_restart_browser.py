"""A server that is killed and started again: open tabs come back to their run at its step, rooms to their votes."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.playground import BUS
from tests.conftest import PATIENCE
from tests.serving import Server, free_port, start_server, stop_server


class Site:
    """A server at one address, whichever process it is."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.port = folder, free_port()
        self.server = self._start()

    def _start(self) -> Server:
        return start_server(self.folder / "server.log", port=self.port)

    def kill_and_start(self) -> None:
        """As after a crash: nothing is said to anybody."""
        os.kill(self.server.process.pid, signal.SIGKILL)
        self.server.process.wait(10)
        self.server = self._start()


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    running = Site(tmp_path)
    yield running
    stop_server(running.server)


@pytest.fixture
def tab(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    context.set_default_timeout(PATIENCE)
    yield context.new_page()
    context.close()


def test_open_tabs_come_back(site: Site, tab: Page) -> None:
    # A run that has trained, and stands.
    tab.goto(f"{site.server.url}/?data=double-crossing&algo=cql&budget=0")
    tab.wait_for_function(f"{BUS}?.connected && {BUS}.hello?.run")
    tab.evaluate(f"{BUS}.send({{ cmd: 'play' }})")
    tab.wait_for_function(f"{BUS}.state?.step > 60")
    tab.evaluate(f"{BUS}.send({{ cmd: 'pause' }})")
    tab.wait_for_function(f"{BUS}.state?.state === 'paused'")
    before = tab.evaluate(f"({{ id: {BUS}.hello.run.id, step: {BUS}.state.step }})")

    # A room with a follower who predicts.
    presenter, follower = tab.context.new_page(), tab.context.new_page()
    presenter.goto(f"{site.server.url}/reweighting?scene=emrl")
    presenter.get_by_role("button", name="Share").first.click()
    presenter.get_by_role("button", name="Open a room").click()
    code = presenter.locator(".room .room-code").inner_text()
    follower.goto(f"{site.server.url}/reweighting?follow={code}")
    expect(follower.locator(".room")).to_contain_text("You follow the presenter")
    follower.locator(".prediction button").nth(1).click()
    said = presenter.locator(".prediction .tally")
    expect(said).to_contain_text("1 of 1")

    site.kill_and_start()

    tab.wait_for_function(f"{BUS}?.connected && {BUS}.hello?.run && {BUS}.hello.run.id !== '{before['id']}'")
    tab.wait_for_function(f"{BUS}.state?.step >= {before['step']}")

    expect(follower.locator(".room")).to_contain_text("You follow the presenter")
    late = tab.context.new_page()
    late.goto(f"{site.server.url}/reweighting?follow={code}")
    expect(late.locator(".room")).to_contain_text("You follow the presenter")
    expect(said).to_contain_text("1 of 2")
