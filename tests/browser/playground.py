"""The playground in a tab: opening a link, and the run that the stage shows."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlsplit

from playwright.sync_api import Page, expect

from offrl_ui.setup import links
from tests.browser.waiting import visit
from tests.serving import Server

BUS = "globalThis.offrlBus"
# Whether the stage is connected to a run of this dataset and these algorithms.
SHOWN = """([dataset, options, algorithms]) => {
  const bus = globalThis.offrlBus, run = bus?.connected && bus.hello?.run?.config;
  return run && run.dataset === dataset && Object.keys(options).every((name) => run.options[name] === options[name])
    && run.lanes.map((lane) => lane.algorithm).join() === algorithms.join();
}"""


def open_playground(page: Page, server: Server, link: str = "") -> None:
    """Open a link and wait until the picture of its run stands."""
    visit(page, f"{server.url}/{link}")
    wanted, _ = links.parse(parse_qs(urlsplit(link).query))
    algorithms = [lane.algorithm for lane in wanted.lanes]
    page.wait_for_function(SHOWN, arg=[wanted.dataset, dict(wanted.options), algorithms])
    expect(page.locator(".stage canvas").first).to_be_visible()


def run(page: Page) -> str:
    """The id of the run that the stage shows."""
    return str(page.evaluate(f"{BUS}.hello.run.id"))


def value(page: Page, name: str) -> Any:
    """A hyperparameter's value as the run reports it."""
    return page.evaluate(f"{BUS}.hyperparameters(0).find((h) => h.name === '{name}').value")
