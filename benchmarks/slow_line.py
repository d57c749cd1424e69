"""A slow line, by Chromium's own emulation: 300 ms of delay and 1 Mbit/s each way.

    python benchmarks/slow_line.py [cold] [warm] [live] [--seconds 30] [--delay 300] [--megabits 1] [--openings 3]

Cold is a first visit: from the address to the first picture of the world, and what was loaded until then. Warm is a
second visit of the same browser. Live is a run of a large world that trains as fast as it goes: how late its frames are
when they are drawn, at the beginning and at the end. Prints a table in Markdown with a target beside every figure; ends
with 1 if one is missed. `--list`
prints what was loaded, in order.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.figures import Row, report  # noqa: E402
from tests.serving import Server, start_server, stop_server  # noqa: E402

MB = 1e6
# Large tables in a network's run: the most that a viewer is sent.
BUSY = "?v=1&data=icu-sepsis&algo=cql&net=mlp&seeds=1&batch_size=256&budget=0"
# How late each drawn frame is: the two processes have one clock.
LATE = """async (element, seconds) => {
  const { playback } = element.stage;
  const late = [];
  const begin = performance.now();
  let step = -1;
  while (performance.now() - begin < seconds * 1000) {
    await new Promise((done) => requestAnimationFrame(done));
    const frame = playback.frame;
    if (!frame || frame.step === step) continue;
    step = frame.step;
    late.push(Date.now() / 1000 - frame.time);
  }
  return late;
}"""


class Line:
    """What goes over the line of one page.

    Args:
        page: the page.
        delay: milliseconds.
        megabits: a second, each way.
    """

    def __init__(self, page: Page, delay: float, megabits: float) -> None:
        self._names: dict[str, str] = {}
        self.loaded: list[tuple[float, str, int]] = []
        self._began: float | None = None
        session = page.context.new_cdp_session(page)
        session.send("Network.enable")
        rate = megabits * 1e6 / 8
        session.send(
            "Network.emulateNetworkConditions",
            {"offline": False, "latency": delay, "downloadThroughput": rate, "uploadThroughput": rate},
        )
        session.on("Network.requestWillBeSent", self._asked)
        session.on("Network.loadingFinished", self._finished)
        session.on("Network.webSocketFrameReceived", self._received)

    def _asked(self, event: Any) -> None:
        self._began = self._began or event["timestamp"]
        self._names[event["requestId"]] = event["request"]["url"]

    def _finished(self, event: Any) -> None:
        self._note(event, self._names.get(event["requestId"], "?"), int(event["encodedDataLength"]))

    def _received(self, event: Any) -> None:
        data, binary = event["response"]["payloadData"], event["response"]["opcode"] == 2
        self._note(event, "WebSocket", len(data) * 3 // 4 if binary else len(data.encode()))

    def _note(self, event: Any, name: str, size: int) -> None:
        self.loaded.append((event["timestamp"] - (self._began or event["timestamp"]), name, size))

    def bytes_until(self, seconds: float) -> int:
        """What had arrived so many seconds after the first request."""
        return sum(size for at, _, size in self.loaded if at <= seconds)

    def show(self, until: float) -> None:
        """Print what has arrived, in order."""
        for at, name, size in sorted(self.loaded):
            mark = " " if at <= until else "later"
            print(f"    {size / 1e3:9.1f} kB at {at:6.2f} s {mark} {name[-90:]}", file=sys.stderr)


def picture(page: Page, url: str) -> float:
    """Seconds from the address to the first drawn world."""
    page.goto(url, wait_until="commit", timeout=120_000)
    page.wait_for_selector(".stage.has-run", timeout=120_000)
    page.wait_for_function("performance.getEntriesByName('offrl:world').length > 0", timeout=120_000)
    return float(page.evaluate("performance.getEntriesByName('offrl:world')[0].startTime / 1000"))


def opened(browser: Browser) -> BrowserContext:
    """A fresh profile."""
    return browser.new_context(viewport={"width": 1440, "height": 900})


def visits(browser: Browser, server: Server, given: argparse.Namespace) -> Iterator[Row]:
    """First visits in fresh profiles, each followed by a second one."""
    cold, warm, sizes = [], [], []
    for _ in range(given.openings):
        context = opened(browser)
        page = context.new_page()
        line = Line(page, given.delay, given.megabits)
        cold.append(picture(page, server.url))
        sizes.append(line.bytes_until(cold[-1]))
        if given.list:
            line.show(cold[-1])
        if "warm" in given.what:
            page.wait_for_timeout(3000 + 8 * 1.5 * MB / given.megabits / 1e3)  # the chart library comes later
            page.close()
            page = context.new_page()
            line = Line(page, given.delay, given.megabits)
            warm.append(picture(page, server.url))
            if given.list:
                line.show(warm[-1])
        context.close()
    name = f"at {given.delay:.0f} ms and {given.megabits:g} Mbit/s"
    if "cold" in given.what:
        size, seconds = statistics.median(sizes), statistics.median(cold)
        yield f"first visit {name}: loaded before the picture", f"{size / MB:.2f} MB", "2.5 MB", size <= 2.5 * MB
        yield f"first visit {name}: first picture", f"{seconds:.1f} s", "15 s", seconds <= 15
    if warm:
        seconds = statistics.median(warm)
        yield f"second visit {name}: first picture", f"{seconds:.1f} s", "4 s", seconds <= 4


def live(browser: Browser, server: Server, given: argparse.Namespace) -> Iterator[Row]:
    """A large world that trains as fast as it goes; the page is loaded before the line becomes slow."""
    context = opened(browser)
    page = context.new_page()
    picture(page, server.url + BUSY)
    element = page.locator(".stage")
    page.wait_for_timeout(3000)
    line = Line(page, given.delay, given.megabits)
    element.evaluate("(element) => element.querySelector('.button.play').click()")
    page.wait_for_timeout(5000)
    early = element.evaluate(LATE, min(5.0, given.seconds / 3))
    before = sum(size for _, _, size in line.loaded)
    whole = element.evaluate(LATE, given.seconds)
    received = sum(size for _, _, size in line.loaded) - before
    context.close()
    first, last = statistics.median(early), statistics.median(whole[len(whole) // 2 :])
    rate = len(whole) / given.seconds
    most = 0.3 + 2 * given.delay / 1e3 + 1.5
    yield "live, large world: frames drawn", f"{rate:.1f} /s", "1 /s", rate >= 1
    yield "live, large world: lateness of a frame, at first", f"{first:.2f} s", f"{most:.1f} s", first <= most
    yield "live, large world: lateness in the second half", f"{last:.2f} s", f"{most:.1f} s", last <= most
    yield "live, large world: received", f"{60 * received / given.seconds / MB:.1f} MB a minute", "—", True


def main() -> int:
    """Measure what was asked for."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("what", nargs="*", choices=["cold", "warm", "live", []], default=[])
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--delay", type=float, default=300.0)
    parser.add_argument("--megabits", type=float, default=1.0)
    parser.add_argument("--openings", type=int, default=3)
    parser.add_argument("--list", action="store_true")
    given = parser.parse_args()
    given.what = given.what or ["cold", "warm", "live"]
    own = next(
        (path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), None
    )
    os.environ.setdefault("OFFRL_WARM_UP", "1")
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        server = start_server(Path(folder) / "server.log")
        browser = playwright.chromium.launch(executable_path=own, args=["--no-sandbox"])
        try:
            context = opened(browser)
            picture(context.new_page(), server.url)  # the first visit of all warms the server
            context.close()
            parts = [visits] if {"cold", "warm"} & set(given.what) else []
            parts += [live] if "live" in given.what else []
            return report(row for part in parts for row in part(browser, server, given))
        finally:
            browser.close()
            stop_server(server)


if __name__ == "__main__":
    sys.exit(main())
