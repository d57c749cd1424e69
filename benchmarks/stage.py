"""The stage in a real browser, on the real page: how soon it shows something, how smoothly it moves.

    python benchmarks/stage.py [open] [preset] [live] [scrub] [lens] [replay] [--seconds 10] [--show]

Starts the app, drives Chromium through the playground, and prints a table in Markdown with a target beside every
figure; ends with 1 if one is missed. The browser paints with the processor (no graphics card is assumed), on the
machine that also trains.
"""

from __future__ import annotations

import argparse
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, CDPSession, Locator, Page, sync_playwright

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.figures import Row, report  # noqa: E402
from offrl_live.runs.config import Lane, RunConfig  # noqa: E402
from offrl_live.runs.recorder import record  # noqa: E402
from offrl_ui.gallery.presets import presets  # noqa: E402
from offrl_ui.playground.replay_file import replay_html  # noqa: E402

# A network on minibatches, without a budget: it trains for as long as it is watched.
BUSY = "?v=1&data=four-rooms&algo=cql&net=mlp&seeds=1&batch_size=256&budget=0"
LENS = "?v=1&data=double-crossing&algo=bcq&net=mlp&seeds=1&batch_size=256&budget=0&rho=" + ",".join(
    f"{i / 20:g}" for i in range(16)
)
PARTS = ("open", "preset", "live", "scrub", "lens", "replay")
OPENINGS = 5
REPEATS = 7
SNAPSHOTS = 300

# Counts what the viewer sees: animation frames, worlds drawn, curves moved, and canvases found blank.
COUNT = """async (element, seconds) => {
  const { world, curves, store } = element.stage;
  const seen = { ticks: 0, worlds: world.draws, curves: curves.updates, blank: 0, steps: new Set() };
  const begin = performance.now();
  await new Promise((done) => requestAnimationFrame(function tick(now) {
    seen.ticks += 1;
    const frame = element.stage.playback.frame;
    if (frame) seen.steps.add(frame.step);
    if (seen.ticks % 20 === 0) {
      const { width, height } = world.canvas;
      const { data } = world.canvas.getContext("2d").getImageData(0, height >> 1, width, 1);
      if (!data.some((value) => value > 0)) seen.blank += 1;
    }
    if (now - begin < seconds * 1000) requestAnimationFrame(tick);
    else done();
  }));
  const passed = (performance.now() - begin) / 1000;
  return { fps: seen.ticks / passed, frames: seen.steps.size / passed, curves: (curves.updates - seen.curves) / passed,
           blank: seen.blank, stored: store.frames.length };
}"""

# One pointer position per animation frame, over the whole timeline and back.
SCRUB = """async (element, seconds) => {
  const line = element.querySelector(".timeline");
  const box = line.getBoundingClientRect();
  const send = (type, x) =>
    line.dispatchEvent(new PointerEvent(type, { clientX: x, clientY: box.y + 15, pointerId: 1, bubbles: true }));
  line.setPointerCapture = () => {};
  send("pointerdown", box.x);
  const begin = performance.now();
  let ticks = 0;
  const draws = element.stage.world.draws;
  await new Promise((done) => requestAnimationFrame(function tick(now) {
    ticks += 1;
    const phase = ((now - begin) / 4000) % 2;
    send("pointermove", box.x + box.width * (phase < 1 ? phase : 2 - phase));
    if (now - begin < seconds * 1000) requestAnimationFrame(tick);
    else done();
  }));
  send("pointerup", box.x);
  const passed = (performance.now() - begin) / 1000;
  return { fps: ticks / passed, draws: (element.stage.world.draws - draws) / passed };
}"""

# Milliseconds from an act until a frame newer than `step()` at that moment is on the canvas.
CHANGED = """async (element, change) => {
  const { stage } = element;
  const begin = performance.now();
  let after = stage.playback.frame.step;
  const marks = stage.store.marks.length;
  if (change) stage.session.send({ cmd: "set", lane: 0, values: change });
  else element.querySelector(".button.play").click();
  while (performance.now() - begin < 20000) {
    await new Promise((done) => requestAnimationFrame(done));
    const made = stage.store.marks.length > marks ? stage.store.marks.at(-1).step : change ? Infinity : after;
    if (stage.playback.frame.step > made) return performance.now() - begin;
  }
  return Infinity;
}"""


def free_port() -> int:
    """A TCP port of 127.0.0.1 that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def app() -> Iterator[str]:
    """The app on a free port; yields its address."""
    port = free_port()
    command = [sys.executable, "-m", "streamlit", "run", "app.py", "--server.headless=true", f"--server.port={port}"]
    process = subprocess.Popen(
        [*command, "--server.address=127.0.0.1"], cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    url = f"http://127.0.0.1:{port}"
    try:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            try:
                urllib.request.urlopen(f"{url}/_stcore/health", timeout=1)
                break
            except OSError:
                time.sleep(0.1)
        yield url
    finally:
        process.terminate()
        process.wait(20)


def stage_of(page: Page, url: str) -> Locator:
    """The stage of the page at `url`, with its curves drawn and at rest."""
    page.goto(url)
    element = page.locator(".stage")
    page.wait_for_selector(".stage.has-run", timeout=60_000)
    wait(element, "curves.built && element.stage.curves.settled && element.stage.store.frames.length > 0")
    return element


def wait(element: Locator, condition: str, seconds: float = 120.0) -> None:
    """Until `element.stage.…condition` holds."""
    deadline = time.monotonic() + seconds
    while not element.evaluate(f"(element) => Boolean(element.stage && element.stage.{condition})"):
        if time.monotonic() > deadline:
            raise TimeoutError(condition)
        time.sleep(0.05)


def busy_share(session: CDPSession, before: dict[str, float] | None = None) -> dict[str, float]:
    """The renderer's time on its main thread and the clock, in seconds."""
    values = {metric["name"]: metric["value"] for metric in session.send("Performance.getMetrics")["metrics"]}
    return {"busy": values["TaskDuration"], "clock": values["Timestamp"]}


def first_pictures(browser: Browser, url: str) -> tuple[float, float]:
    """Seconds from the address typed in to the first world and the first curves; a fresh profile."""
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    element = stage_of(context.new_page(), url)
    names = "['offrl:world', 'offrl:curves']"
    marks = element.evaluate(f"() => {names}.map((n) => performance.getEntriesByName(n)[0].startTime / 1000)")
    context.close()
    return marks[0], marks[1]


def opening(browser: Browser, url: str) -> Iterator[Row]:
    """From the address typed in to the first picture, the server warm."""
    first_pictures(browser, url)  # the first visit also warms the server
    worlds, curves = zip(*(first_pictures(browser, url) for _ in range(OPENINGS)), strict=True)
    world, curve = statistics.median(worlds), statistics.median(curves)
    yield "first picture (canvas) after opening the page", f"{world:.2f} s", "2 s", world <= 2
    yield "curves after opening the page", f"{curve:.2f} s", "3.5 s", curve <= 3.5


def live(browser: Browser, url: str, seconds: float) -> Iterator[Row]:
    """A run that trains as fast as it goes, watched."""
    page = browser.new_page(viewport={"width": 1440, "height": 900})
    element = stage_of(page, url + BUSY)
    session = page.context.new_cdp_session(page)
    session.send("Performance.enable")
    click = element.evaluate(CHANGED, None) / 1000
    yield "click on play → first live frame drawn", f"{click:.2f} s", "0.5 s", click <= 0.5
    wait(element, "store.frames.last.step > 200")
    before = busy_share(session)
    seen = element.evaluate(COUNT, seconds)
    after = busy_share(session)
    share = (after["busy"] - before["busy"]) / (after["clock"] - before["clock"])
    yield "live frames drawn", f"{seen['frames']:.1f} /s", "10 /s", seen["frames"] >= 9.5
    yield "canvas while training", f"{seen['fps']:.0f} fps", "50 fps", seen["fps"] >= 50
    yield "curves moved while training", f"{seen['curves']:.1f} /s", "8 /s", seen["curves"] >= 8
    yield "main thread while training", f"{share:.0%}", "under 60 %", share < 0.6
    yield "blank pictures", str(seen["blank"]), "0", seen["blank"] == 0
    delays = [element.evaluate(CHANGED, {"alpha": 1 + 0.1 * i}) / 1000 for i in range(REPEATS)]
    delay = statistics.median(delays)
    worst = f"{delay:.3f} s (slowest {max(delays):.3f})"
    yield "live hyperparameter → first frame computed with it, drawn", worst, "0.2 s", delay <= 0.2
    page.close()


def scrub(browser: Browser, url: str, seconds: float) -> Iterator[Row]:
    """Over 500 snapshots of a paused run."""
    page = browser.new_page(viewport={"width": 1440, "height": 900})
    element = stage_of(page, url + BUSY)
    # Slowly: one snapshot for about ten updates.
    element.evaluate("(element) => element.stage.session.send({ cmd: 'speed', value: 100 })")
    element.evaluate("(element) => element.querySelector('.button.play').click()")
    wait(element, "store.frames.length >= 500", 240)
    element.evaluate("(element) => element.querySelector('.button.play').click()")
    wait(element, "curves.settled && element.stage.store.state.state === 'paused'")
    stored = element.evaluate("(element) => element.stage.store.frames.length")
    seen = element.evaluate(SCRUB, seconds)
    yield f"scrubbing the timeline of {stored} snapshots", f"{seen['fps']:.0f} fps", "50 fps", seen["fps"] >= 50
    page.close()


def lens(browser: Browser, url: str, seconds: float) -> Iterator[Row]:
    """Sixteen members as sixteen worlds."""
    page = browser.new_page(viewport={"width": 1440, "height": 900})
    element = stage_of(page, url + LENS)
    members = element.evaluate("(element) => element.stage.store.shownMembers().length")
    element.evaluate("(element) => element.querySelector('.button.play').click()")
    wait(element, "store.frames.last.step > 100")
    seen = element.evaluate(COUNT, seconds)
    frames, fps = f"{seen['frames']:.1f} /s", f"{seen['fps']:.0f} fps"
    yield f"lens with {members} members: frames drawn", frames, "5 /s", seen["frames"] >= 5 and members == 16
    yield f"lens with {members} members: canvas", fps, "40 fps", seen["fps"] >= 40
    page.close()


def preset(browser: Browser, url: str) -> Iterator[Row]:
    """Every stored run, from its link to its picture."""
    first_pictures(browser, f"{url}/gallery")
    times = {name: first_pictures(browser, f"{url}/gallery?preset={name}")[0] for name in presets()}
    slowest = max(times, key=lambda name: times[name])
    median = statistics.median(times.values())
    told = f"{median:.2f} s (slowest: {slowest}, {times[slowest]:.2f} s)"
    yield f"opening a preset → its picture, {len(times)} presets", told, "1.5 s", median <= 1.5


def replay(browser: Browser, seconds: float) -> Iterator[Row]:
    """A run as one file, opened from disk."""
    run = RunConfig("double-crossing", {}, (Lane("bcq", "table", 4),))
    recording = record(run, [5 * i for i in range(SNAPSHOTS)], title="replay").recording(most=SNAPSHOTS)
    data = replay_html(recording, "replay", charts=False)
    size = f"{len(data) / 1e6:.2f} MB"
    yield f"replay file, {SNAPSHOTS} snapshots, without the chart library", size, "2 MB", len(data) <= 2e6
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "replay.html"
        file.write_bytes(data)
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        page.goto(file.as_uri())
        element = page.locator(".stage")
        wait(element, "world.draws > 0")
        stored = element.evaluate("(element) => element.stage.store.frames.length")
        element.evaluate("(element) => element.querySelector('.button.play').click()")
        seen = element.evaluate(COUNT, min(seconds, 6.0))  # the film itself takes eight
        page.close()
    fps = f"{seen['fps']:.0f} fps ({seen['frames']:.0f} snapshots a second)"
    yield f"replay file playing {stored} snapshots from disk", fps, "50 fps", seen["fps"] >= 50 and stored == SNAPSHOTS


def main() -> int:
    """Measure what was asked for."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("what", nargs="*", choices=[*PARTS, []], default=[])
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--show", action="store_true", help="with a window")
    given = parser.parse_args()
    names = ("chromium", "chromium-browser", "google-chrome")
    own = next((path for name in names if (path := shutil.which(name))), None)
    with app() as url, sync_playwright() as playwright:
        flags = ["--no-sandbox", "--disable-dev-shm-usage"]
        browser = playwright.chromium.launch(executable_path=own, args=flags, headless=not given.show)
        parts = {
            "open": lambda: opening(browser, url),
            # Before anything trains: a run that was left goes on for a minute.
            "preset": lambda: preset(browser, url),
            "live": lambda: live(browser, url, given.seconds),
            "scrub": lambda: scrub(browser, url, given.seconds),
            "lens": lambda: lens(browser, url, given.seconds),
            "replay": lambda: replay(browser, given.seconds),
        }
        print(f"{os.cpu_count()} cores, Chromium {browser.version}\n")
        status = report(row for name in given.what or parts for row in parts[name]())
        browser.close()
    return status


if __name__ == "__main__":
    sys.exit(main())
