"""Waiting in browser tests: for a picture to be painted, for a reading to become what it should, for a page to rest."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from playwright.sync_api import Locator, Page, expect

from tests.conftest import PATIENCE

T = TypeVar("T")

PAINTED = "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done(true))))"
STATIC = "Boolean(document.body?.dataset.page)"  # whether a page is one of the static edition
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
# To be run before the page's own scripts: `heard` is fired at each message of the app's script.
HEARING = """{
  const Native = WebSocket;
  window.WebSocket = class extends Native {
    constructor(url, ...rest) {
      super(url, ...rest);
      if (`${url}`.includes("/_stcore/stream"))
        this.addEventListener("message", () => dispatchEvent(new Event("heard")));
    }
  };
}"""
# Waits until the script has rested and said nothing for so many milliseconds; with a link, after it has run for it: it
# is opened as the browser's back button does. (A short run may begin and end between two drawn frames.)
RESTED = """([milliseconds, patience, link]) => new Promise((done, fail) => {
  const app = document.querySelector("[data-testid=stApp]");
  const observer = new MutationObserver(look);
  const late = setTimeout(() => end(new Error("the script did not come to rest in time")), patience);
  let timer;
  function look() {
    clearTimeout(timer);
    if (app.dataset.testScriptState === "notRunning") timer = setTimeout(end, milliseconds);
  }
  function end(error) {
    observer.disconnect();
    removeEventListener("heard", look);
    clearTimeout(late);
    if (error) fail(error);
    else done(true);
  }
  observer.observe(app, { attributeFilter: ["data-test-script-state"] });
  addEventListener("heard", look);
  if (!link) return look();
  history.pushState(null, "", link);
  dispatchEvent(new PopStateEvent("popstate"));
})"""


def visit(tab: Page, url: str) -> str:
    """Open a link of the app: in a tab that shows the app already as the back button does, which loads nothing.

    Returns:
        The link that is left, with what a control reported last.
    """
    before = tab.url
    if tab.evaluate(STATIC):
        tab.evaluate(
            "(link) => { history.pushState(null, '', link); dispatchEvent(new PopStateEvent('popstate')); }", url
        )
    elif tab.get_by_test_id("stApp").count():
        tab.mouse.move(1, 1)
        settled(tab, 150)
        before = tab.url
        tab.evaluate(RESTED, [60, PATIENCE, url])
        painted(tab)
    else:
        tab.goto(url)
    return before


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


def settled(page: Page, milliseconds: int = 700) -> None:
    """Wait until the script has run for the last time: a click that crosses a later run may be lost on its way.

    After a live change it runs once more, 0.4 s later, to write the link. (The static edition has no script.)
    """
    if not page.evaluate(STATIC):
        page.evaluate(RESTED, [milliseconds, PATIENCE, ""])


def at_rest(page: Page, element: Locator) -> None:
    """Wait until the script has run and the element stands still in view."""
    expect(page.get_by_test_id("stApp")).to_have_attribute("data-test-script-state", "notRunning")
    element.scroll_into_view_if_needed()
    element.evaluate(STILL)
