"""The lecture's pages, measured on the running app: `python benchmarks/scenes.py [sliders] [followers] [opening]`.

- `sliders`: in Chromium, from the slider's event to the frame in which its picture has been painted, for every scene;
  answers that a newer one replaced count until the newer one is on screen. Aim: median 100 ms, 95th percentile 200 ms.
- `followers`: 200 WebSocket clients follow a presenter who changes the state five times a second; from the presenter's
  message to each client's receipt of that state or a newer one. Aim: 95 % within 1 s.
- `opening`: from the request of a page to its first picture, on a warm server. Aim: 2 s.

Starts the app itself, on a free port of 127.0.0.1.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from playwright.sync_api import Page, sync_playwright
from websockets.asyncio.client import ClientConnection, connect

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from conftest import Server, start_server, stop_server  # noqa: E402

from offrl_lecture.base.encode import step_of  # noqa: E402
from offrl_lecture.registry import pages  # noqa: E402

FOLLOWERS = 200
CHANGES = 60
PER_SECOND = 5.0
FIRST_SHARE = 0.05
Rows = list[tuple[str, str, str]]


def quantiles(milliseconds: list[float]) -> str:
    """Median and 95th percentile, with how many were measured."""
    middle, high = np.quantile(milliseconds, [0.5, 0.95])
    return f"{middle:.0f} ms / {high:.0f} ms ({len(milliseconds)})"


def cpu_seconds(pid: int) -> float:
    """Processor time that a process has used so far (Linux)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def chromium(play: object) -> Page:
    """A page of 1440 × 900 in a headless Chromium."""
    own = next((p for name in ("chromium", "chromium-browser") if (p := shutil.which(name))), None)
    browser = play.chromium.launch(executable_path=own, args=["--no-sandbox"])
    return browser.new_context(viewport={"width": 1440, "height": 900}).new_page()


def sliders(server: Server, moves: int = 60) -> Rows:
    """Slider to painted picture, per scene: every slider is swept with the arrow keys at some 20 events a second."""
    rows: Rows = []
    every: list[float] = []
    with sync_playwright() as play:
        page = chromium(play)
        for name, found in pages().items():
            for scene in found.scenes:
                moved = [c for c in scene.controls if c.widget != "none" and not c.shown_if and step_of(c) is not None]
                logs = [c for c in scene.controls if c.spec.scale == "log" and c.spec.numeric and not c.shown_if]
                page.goto(f"{server.url}/{name}?scene={scene.id}&reveal=1")
                page.locator(".lecture .picture").first.wait_for()
                page.wait_for_timeout(800)
                page.evaluate("performance.clearMeasures('scene-answer')")
                for control in {c.name: c for c in (*moved, *logs)}.values():
                    page.locator(f"#control-{control.name}").focus()
                    for i in range(moves):
                        page.keyboard.press("ArrowLeft" if i < moves / 2 else "ArrowRight")
                        page.wait_for_timeout(40)
                page.wait_for_timeout(1500)
                took = page.evaluate("performance.getEntriesByName('scene-answer').map((m) => m.duration)")
                if took:
                    every += took
                    rows.append((f"slider → picture, {scene.id}", quantiles(took), "100 / 200 ms"))
    return [("slider → picture, all scenes", quantiles(every), "100 / 200 ms"), *rows]


async def _follow(socket: ClientConnection, asked: list[float], late: list[float]) -> None:
    answered = 0
    async for text in socket:
        if not text.startswith('{"type": "show"'):
            continue
        now = time.perf_counter()
        share = json.loads(text[: text.index(',"result":')] + "}")["state"]["share"]
        number = round((share - FIRST_SHARE) * 100) + 1
        # A newer state answers for the older ones it replaced.
        late += [now - asked[i] for i in range(answered, number)]
        answered = max(answered, number)


async def _present(server: Server, followers: int) -> tuple[list[float], float, int]:
    host = server.url.removeprefix("http://")
    address, origin = f"{server.websocket}/scene", f"http://{host}"
    presenter = await connect(address, origin=origin, max_size=None)
    await presenter.send(json.dumps({"type": "present"}))
    code = json.loads(await presenter.recv())["code"]
    asked: list[float] = []
    late: list[float] = []
    sockets = [await connect(address, origin=origin, max_size=None) for _ in range(followers)]
    for socket in sockets:
        await socket.send(json.dumps({"type": "follow", "code": code}))
    await asyncio.sleep(1)
    tasks = [asyncio.create_task(_follow(socket, asked, late)) for socket in sockets]
    drain = asyncio.create_task(_drain(presenter))
    began, busy = time.perf_counter(), cpu_seconds(server.process.pid)
    for i in range(CHANGES):
        asked.append(time.perf_counter())
        state = {"share": round(FIRST_SHARE + 0.01 * i, 2)}
        message = {"type": "compute", "id": i + 1, "scene": "emrl", "state": state}
        await presenter.send(json.dumps(message))
        await asyncio.sleep(1 / PER_SECOND)
    await asyncio.sleep(2)
    cpu = (cpu_seconds(server.process.pid) - busy) / (time.perf_counter() - began)
    for task in (*tasks, drain):
        task.cancel()
    for socket in (*sockets, presenter):
        await socket.close()
    return late, cpu, followers * CHANGES


async def _drain(socket: ClientConnection) -> None:
    async for _ in socket:
        pass


def followers(server: Server) -> Rows:
    """How late a presenter's change reaches each of 200 followers."""
    late, cpu, sent = asyncio.run(_present(server, FOLLOWERS))
    within = 100 * sum(t <= 1 for t in late) / sent
    return [
        (f"{FOLLOWERS} followers, changes received within 1 s", f"{within:.1f} % of {sent}", "95 %"),
        (f"{FOLLOWERS} followers, delay", quantiles([1000 * t for t in late]), "1 s at 95 %"),
        (f"{FOLLOWERS} followers, server", f"{100 * cpu:.0f} % of one core", ""),
    ]


def opening(server: Server, times: int = 5) -> Rows:
    """From the request of a page to its first picture; the browser's cache is warm."""
    rows: Rows = []
    with sync_playwright() as play:
        page = chromium(play)
        for name in pages():
            took = []
            for _ in range(times + 1):
                page.goto("about:blank")
                began = time.perf_counter()
                page.goto(f"{server.url}/{name}", wait_until="commit")
                page.locator(".lecture .picture :is(svg, pre, table, dl, .cover)").first.wait_for()
                took.append(1000 * (time.perf_counter() - began))
            rows.append((f"first picture, {name}", quantiles(took[1:]), "2 s"))
    return rows


def main() -> None:
    """Run the chosen measurements, all of them by default, and print a table in Markdown."""
    every = {"sliders": sliders, "followers": followers, "opening": opening}
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("what", nargs="*", choices=[*every, []], default=[])
    chosen = parser.parse_args().what or list(every)
    server = start_server(Path(tempfile.mkdtemp()) / "server.log")
    try:
        print("| figure | measured: median / 95th percentile | aim |\n|---|---|---|")
        for name in chosen:
            for row in every[name](server):
                print(f"| {' | '.join(row)} |", flush=True)
    finally:
        stop_server(server)


if __name__ == "__main__":
    main()
