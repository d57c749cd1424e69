"""Waiting in browser tests: for a picture to be painted, for a reading to become what it should, for a page to rest."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from playwright.sync_api import Locator, Page, expect

from tests.conftest import PATIENCE

T = TypeVar("T")

PAINTED = "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done(true))))"
# Whether an element stands still: the same box for a third of a second.
STILL = """(element) => new Promise((done) => {
  let [before, since] = ["", performance.now()];
  requestAnimationFrame(function look(now) {
    const { x, y, width, height } = element.getBoundingClientRect();
    const box = [x, y, width, height].join();
    if (box !== before) [before, since] = [box, now];
    if (now - since > 333) done(true);
    else requestAnimationFrame(look);
  });
})"""
# Whether the script has come to rest: after a live change it runs once more, 0.4 s later, to write the link.
SETTLED = """() => new Promise((done) => {
  const app = document.querySelector("[data-testid=stApp]");
  let since = performance.now();
  requestAnimationFrame(function look(now) {
    if (app.dataset.testScriptState !== "notRunning") since = now;
    if (now - since > 700) done(true);
    else requestAnimationFrame(look);
  });
})"""


def painted(page: Page) -> None:
    """Wait until everything that is due has been drawn: pictures are drawn in the next animation frame."""
    page.evaluate(PAINTED)


def eventually(page: Page, read: Callable[[], T], wanted: T | Callable[[T], bool]) -> T:
    """Read until the reading is what is wanted; fails with the last reading when the usual patience has run out."""
    deadline = time.monotonic() + PATIENCE / 1000
    while True:
        last = read()
        if wanted(last) if callable(wanted) else last == wanted:
            return last
        assert time.monotonic() < deadline, f"never what it should be; last read: {last!r}"
        page.wait_for_timeout(50)


def settled(page: Page) -> None:
    """Wait until the script has run for the last time: a click that crosses a later run may be lost on its way."""
    page.evaluate(SETTLED)


def at_rest(page: Page, element: Locator) -> None:
    """Wait until the script has run and the element stands still in view."""
    expect(page.get_by_test_id("stApp")).to_have_attribute("data-test-script-state", "notRunning")
    element.scroll_into_view_if_needed()
    element.evaluate(STILL)
