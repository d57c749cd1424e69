"""A server under a class and under attack: a crowd while workers are killed, one client against all, any command, ends.

    python benchmarks/served.py [crowd] [attacks] [commands] [ends] [--viewers 200] [--minutes 10] [--attack-seconds 10]

- `crowd`: viewers of four runs, for so many minutes; every minute one worker is killed and its run taken up again.
- `attacks`: what one client can do to ten viewers of a run, in frames, answers and memory; `--only` takes those whose
  name holds this.
- `commands`: twenty viewers send random commands, right and wrong ones, for so many minutes.
- `ends`: the app with a run that trains, ended by SIGTERM, by Ctrl-C and by kill −9.

Every figure stands beside its target; prints a table in Markdown and ends with 1 if one is missed. Nothing here takes
longer than it is told to, or more than a few gigabytes: whoever is attacked is a process of this script's own.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import io
import json
import multiprocessing
import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks")]

from figures import Row, command  # noqa: E402
from live import BUSY, Page  # noqa: E402

from tests.processes import descendants, left_behind  # noqa: E402
from tests.serving import free_port, start_server, stop_server  # noqa: E402

SERVER = """
import asyncio, logging, sys, uvicorn
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route
from offrl_core.dataset import Dataset
from offrl_core.formats import FileError, Limits
from offrl_core.processes.file_reader import read_isolated
from offrl_live.runs.checks import ConfigError
from offrl_live.runs.config import RunConfig
from offrl_live.runs.datasets import keep
from offrl_live.runs.live_runs import UnknownRun
from offrl_live.serving.environment import upload_room
from offrl_live.serving.hub import get_hub
from offrl_live.serving.socket import live_route
from offrl_ui.lecture.socket import routes

async def open_run(request):
    config = await request.json()
    try:
        return JSONResponse(await asyncio.to_thread(lambda: get_hub().open(RunConfig.from_json(config), private=True)))
    except (ValueError, RuntimeError) as error:
        return JSONResponse(str(error), 400)

async def info(request):
    try:
        found = get_hub().info(request.path_params["run"])
    except UnknownRun:  # its viewers have gone, and it had to make room
        return JSONResponse({"state": "gone", "pid": None})
    return JSONResponse({name: found[name] for name in ("state", "step", "rate", "viewers", "reason", "pid")})

def upload(data, visit):
    # As the page does it.
    limits = Limits(unpacked=upload_room().one)
    reading = read_isolated(data, format="npz", limits=limits, name="log.npz", visitor=visit)
    return keep(Dataset.from_reading(reading, 0.99), visit, upload_room())

async def take(request):
    data = await request.body()
    try:
        return JSONResponse(await asyncio.to_thread(upload, data, request.query_params["visit"]))
    except (FileError, ConfigError, ValueError) as error:
        return JSONResponse(str(error), 400)

if __name__ == "__main__":
    logging.basicConfig(level=logging.ERROR)
    get_hub()
    posts = [Route("/open", open_run, methods=["POST"]), Route("/take", take, methods=["POST"])]
    app = Starlette(routes=[live_route(), *routes(), *posts, Route("/info/{run}", info)])
    uvicorn.run(
        app, host="127.0.0.1", port=int(sys.argv[1]), log_level="error",
        ws_per_message_deflate=False, ws_max_size=16 * 1024 * 1024,
    )
"""
QUIET = {"dataset": "double-crossing", "lanes": [{"algorithm": "cql"}]}


def _share(pid: int) -> int:
    """A process's own memory and its share of what it shares with others (PSS), in bytes; 0 if it has ended."""
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    return 0


class Server:
    """The live route, the scenes and three ways in, in a process of their own."""

    def __init__(self, workers: int) -> None:
        self.port = free_port()
        self.host = f"127.0.0.1:{self.port}"
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "OFFRL_WORKERS": str(workers), "OFFRL_WARM_UP": "0"}
        handle, name = tempfile.mkstemp(".log")
        self.log = Path(name)
        self.process = subprocess.Popen(
            [sys.executable, "-c", SERVER, str(self.port)], env=environment, stderr=handle, cwd=ROOT
        )
        os.close(handle)
        deadline = time.monotonic() + 60
        while True:
            with contextlib.suppress(OSError):
                self.open(QUIET)
                return
            if time.monotonic() > deadline or self.process.poll() is not None:
                raise RuntimeError(f"the server did not start: {self.errors()}")
            time.sleep(0.1)

    def ask(self, path: str, data: bytes | None = None, seconds: float = 60.0) -> Any:
        """The JSON at `path`, also of a refusal."""
        try:
            with urllib.request.urlopen(f"http://{self.host}{path}", data=data, timeout=seconds) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            return json.load(error)

    def open(self, config: dict[str, Any]) -> str:
        """A run of this configuration, or why there is none."""
        return str(self.ask("/open", json.dumps(config).encode()))

    def built(self, config: dict[str, Any]) -> str:
        """A run of this configuration that can be watched."""
        run = self.open(config)
        while self.ask(f"/info/{run}")["state"] in ("starting", "queued"):
            time.sleep(0.05)
        return run

    @property
    def megabytes(self) -> float:
        """Resident memory of the server and all its processes, what they share counted once."""
        return sum(map(_share, [self.process.pid, *descendants(self.process.pid)])) / 1e6

    def errors(self) -> str:
        """What the server has logged as an error."""
        return self.log.read_text()

    def close(self) -> None:
        """End it."""
        self.process.terminate()
        self.process.wait(20)
        self.log.unlink()


@contextlib.contextmanager
def serving(workers: int = 2) -> Iterator[Server]:
    """A server, ended afterwards."""
    server = Server(workers)
    try:
        yield server
    finally:
        server.close()


def live(server: str, run: str) -> Any:
    """A viewer's connection."""
    return connect(f"ws://{server}/live/{run}", max_size=None, compression=None)


def _p95(seconds: list[float]) -> float:
    """What 95 % stay within; infinite where there was nothing."""
    return float(np.quantile(seconds, 0.95)) if seconds else float("inf")


class Watched:
    """What viewers of a run have seen."""

    def __init__(self) -> None:
        self.late: list[float] = []
        self.frames: dict[int, int] = {}
        self.backwards = 0

    async def watch(self, server: str, run: str, number: int, end: float) -> None:
        """Play, acknowledge, and take up a run whose worker has died, until `end`."""
        self.frames[number] = 0
        async with live(server, run) as socket:
            page, last = Page(socket), -1
            await page.next("hello")
            await page.say(cmd="play")
            while time.monotonic() < end:
                try:
                    async with asyncio.timeout(max(0.01, end - time.monotonic())):
                        message = await page.next("frame", "state")
                except TimeoutError:
                    return
                if message.get("state") == "failed":
                    await page.say(cmd="restart")
                elif "seq" in message:
                    self.frames[number] += 1
                    self.backwards += message["step"] < last
                    last = message["step"]
                    self.late.append(time.time() - message["time"])


def _crowd(host: str, runs: list[str], viewers: int, seconds: float, out: Any) -> None:
    """In a process of its own: all viewers."""

    async def main() -> Watched:
        watched, end = Watched(), time.monotonic() + seconds
        await asyncio.gather(*(watched.watch(host, runs[n % len(runs)], n, end) for n in range(viewers)))
        return watched

    watched = asyncio.run(main())
    out.put((watched.late, watched.frames, watched.backwards))


def crowd(given: argparse.Namespace) -> Iterator[Row]:
    """Viewers of four runs, most of them of the first, while one worker is killed every minute."""
    seconds = 60 * given.minutes
    with serving(4) as server:
        runs = [server.built(config) for config in BUSY.values()]
        out: Any = multiprocessing.Queue()
        shares = [*[runs[0]] * 7, *runs[1:]]
        pages = multiprocessing.Process(target=_crowd, args=(server.host, shares, given.viewers, seconds, out))
        pages.start()
        began, killed, memory = time.monotonic(), 0, []
        while time.monotonic() - began < seconds:
            time.sleep(min(5.0, seconds / 8))
            memory.append((time.monotonic() - began, server.megabytes))
            # Not at the very end: what is taken up again would not be seen.
            if min(60.0, seconds / 3) * (killed + 1) < time.monotonic() - began < seconds - 15:
                pid = server.ask(f"/info/{random.choice(runs)}")["pid"]
                if pid:
                    os.kill(pid, signal.SIGKILL)
                    killed += 1
        late, frames, backwards = out.get()
        pages.join()
        failed = sum(server.ask(f"/info/{run}")["state"] == "failed" for run in runs)
    slowest = min(frames.values()) / seconds
    p95 = _p95(late)
    settled = [size for at, size in memory if at > 0.4 * seconds]
    growth = settled[-1] / settled[0] - 1 if settled else float("inf")
    name = f"{given.viewers} viewers, 4 runs, {killed} workers killed in {given.minutes:g} min"
    yield f"{name}: frames a second of the slowest", f"{slowest:.1f}", "8", slowest >= 8
    yield f"{name}: 95 % of frames within", f"{p95:.2f} s", "0.3 s", p95 <= 0.3
    lost = backwards + failed == 0
    yield f"{name}: steps that went back, runs that stayed dead", f"{backwards}, {failed}", "0, 0", lost
    yield f"{name}: memory after 40 % of the time and at the end", f"{growth:+.0%}", "+5 %", growth <= 0.05


Attack = Callable[[Server, str, float], Awaitable[None]]


async def resets(server: Server, run: str, end: float) -> None:
    """Begin again as fast as it goes."""
    async with live(server.host, server.open(BUSY["grid"])) as socket:
        page = Page(socket)
        await page.next("hello")
        while time.monotonic() < end:
            await page.say(cmd="reset")
            await page.next("accepted", "refused")


async def acknowledgements(server: Server, run: str, end: float) -> None:
    """Acknowledge what never came."""
    async with live(server.host, run) as socket:
        while time.monotonic() < end:
            for _ in range(200):
                await socket.send('{"cmd": "ack", "seq": 1}')
            await asyncio.sleep(0.01)


async def sockets(server: Server, run: str, end: float) -> None:
    """Open connections and keep them."""
    async with contextlib.AsyncExitStack() as stack:
        for _ in range(1000):
            if time.monotonic() > end:
                return
            with contextlib.suppress(ConnectionClosed, InvalidStatus, OSError):
                await stack.enter_async_context(live(server.host, run))
        await asyncio.sleep(max(0.0, end - time.monotonic()))


async def rooms(server: Server, run: str, end: float) -> None:
    """Take all rooms."""
    async with contextlib.AsyncExitStack() as stack:
        for _ in range(300):
            with contextlib.suppress(ConnectionClosed, InvalidStatus, OSError):
                socket = await stack.enter_async_context(connect(f"ws://{server.host}/scene"))
                await socket.send('{"type": "present"}')
        await asyncio.sleep(max(0.0, end - time.monotonic()))


async def scenes(server: Server, run: str, end: float) -> None:
    """Ask for states as fast as they are taken."""
    async with connect(f"ws://{server.host}/scene", max_size=None) as socket:
        while time.monotonic() < end:
            state = {"share": random.randint(5, 95) / 100}
            await socket.send(json.dumps({"type": "compute", "id": 1, "scene": "emrl", "state": state}))
            await asyncio.sleep(1 / 55)


async def large_messages(server: Server, run: str, end: float) -> None:
    """Six messages of 150 MB."""
    for _ in range(6):
        with contextlib.suppress(ConnectionClosed, OSError):
            async with connect(f"ws://{server.host}/scene", max_size=None, write_limit=2**20) as socket:
                await asyncio.wait_for(socket.send("x" * 150_000_000), max(0.1, end - time.monotonic()))


async def long_links(server: Server, run: str, end: float) -> None:
    """Links with 499 changes."""
    changes = [{"step": step, "lane": 0, "values": {"gamma": 0.9 + step % 2 / 100}} for step in range(1, 500)]
    while time.monotonic() < end:
        await asyncio.to_thread(server.open, {**QUIET, "changes": changes})


async def large_data(server: Server, run: str, end: float) -> None:
    """A hundred links to a hundred thousand episodes each."""
    for seed in range(100):
        if time.monotonic() > end:
            return
        config = {"dataset": "icu-sepsis", "options": {"episodes": 100_000, "seed": seed}, "lanes": QUIET["lanes"]}
        await asyncio.to_thread(server.open, config)


async def bombs(server: Server, run: str, end: float) -> None:
    """Uploads of a megabyte that unpack to as much as is taken."""
    rows, columns = 30_000, 2_000
    file = io.BytesIO()
    np.savez_compressed(
        file,
        observations=np.zeros((rows, columns), np.float32),
        actions=np.zeros(rows, np.int64),
        rewards=np.zeros(rows),
        terminals=np.arange(rows) % 100 == 99,
    )
    visit = 0
    while time.monotonic() < end:
        visit += 1
        await asyncio.to_thread(server.ask, f"/take?visit={visit}", file.getvalue())


async def never_reads(server: Server, run: str, end: float) -> None:
    """Watch without reading while the discount moves."""
    async with connect(f"ws://{server.host}/live/{run}", max_queue=1, compression=None) as socket:
        while time.monotonic() < end:
            values = {"gamma": random.uniform(0.5, 0.99)}
            await socket.send(json.dumps({"cmd": "set", "id": 1, "lane": 0, "values": values}))
            await asyncio.sleep(1 / 25)


ATTACKS: dict[str, Attack] = {
    "uploads that unpack to 240 MB": bombs,
    "links to large data": large_data,
    "resets": resets,
    "acknowledgements": acknowledgements,
    "1000 connections": sockets,
    "all rooms": rooms,
    "states of a scene": scenes,
    "links with 499 changes": long_links,
    "messages of 150 MB": large_messages,
    "a viewer who never reads": never_reads,
}


def _attacked(port: int, pid: int, run: str, name: str, seconds: float, out: Any) -> None:
    """In a process of its own: the attacker."""
    server = Server.__new__(Server)
    server.host = f"127.0.0.1:{port}"

    async def main() -> None:
        with contextlib.suppress(ConnectionClosed, OSError, TimeoutError, ValueError):
            await ATTACKS[name](server, run, time.monotonic() + seconds)

    asyncio.run(main())
    out.put(True)


def attacks(given: argparse.Namespace) -> Iterator[Row]:
    """Ten viewers of a run, and one client that does each of these in turn."""
    seconds = given.attack_seconds

    async def seen(server: Server, run: str, seconds: float) -> tuple[float, float, float]:
        watched, end, answers = Watched(), time.monotonic() + seconds, []
        peak = server.megabytes

        async def ask() -> None:
            nonlocal peak
            async with live(server.host, run) as socket:
                page = Page(socket)
                await page.next("hello")
                while time.monotonic() < end:
                    began = time.monotonic()
                    await page.say(cmd="select", state=0)
                    await page.next("accepted")
                    answers.append(time.monotonic() - began)
                    peak = max(peak, server.megabytes)
                    await asyncio.sleep(0.2)

        await asyncio.gather(ask(), *(watched.watch(server.host, run, n, end) for n in range(10)))
        return sum(watched.frames.values()) / 10 / seconds, _p95(answers), peak

    chosen = [name for name in ATTACKS if not given.only or given.only in name]
    for name in chosen:
        with serving() as server:
            run = server.built(BUSY["grid"])
            asyncio.run(seen(server, run, 2.0))
            usual, _, before = asyncio.run(seen(server, run, seconds))
            out: Any = multiprocessing.Queue()
            attacker = multiprocessing.Process(
                target=_attacked, args=(server.port, server.process.pid, run, name, seconds, out)
            )
            attacker.start()
            frames, answer, peak = asyncio.run(seen(server, run, seconds))
            attacker.join(seconds + 30)
            if attacker.is_alive():
                attacker.kill()
        share = frames / usual if usual else 0.0
        yield f"{name}: frames of the others", f"{share:.0%}", "80 %", share >= 0.8
        yield f"{name}: answers to the others, 95 %", f"{answer:.2f} s", "0.5 s", answer <= 0.5
        # A worker may hold a dataset of its own for each run: the settings bound what the server keeps.
        more, bound = peak - before, 800 + 2 * 2 * 256
        yield f"{name}: memory at most above the usual", f"{more:,.0f} MB", f"{bound:,} MB", more <= bound


def commands(given: argparse.Namespace) -> Iterator[Row]:
    """Twenty viewers of four runs who press everything."""
    seconds = 60 * given.minutes

    def command() -> dict[str, Any]:
        values = {"alpha": random.uniform(0, 5), "gamma": random.uniform(0.5, 0.99)}
        step = random.randint(0, 300)
        return random.choice(
            [
                {"cmd": "play"},
                {"cmd": "pause"},
                {"cmd": "step", "unit": random.choice(["update", "epoch", "snapshot", "mile"])},
                {"cmd": "speed", "value": random.choice([0, 5, 50, -1])},
                {"cmd": "set", "lane": random.choice([0, 0, 0, 7]), "values": values},
                {"cmd": "reset"},
                {"cmd": "branch", "step": step, "lane": 0, "values": {}},
                {"cmd": "stop"},
                {"cmd": "restart"},
                {"cmd": "view", "member": 0, "mode": random.choice(["q", "v", "policy", "nothing"])},
                {"cmd": "select", "state": random.randint(-1, 30)},
                {"cmd": "history", "member": 0},
                {"cmd": "frame", "step": step},
                {"cmd": "explain", "row": random.randint(0, 10)},
                {"cmd": "film", "step": step, "member": 0, "seed": 0},
                {"cmd": "catch_up", "step": step},
                {"cmd": "no such thing"},
            ]
        )

    async def one(server: Server, run: str, end: float) -> None:
        while time.monotonic() < end:
            try:
                async with live(server.host, run) as socket:
                    page = Page(socket)
                    reading = asyncio.create_task(_read(page, socket))
                    while time.monotonic() < end and not reading.done():
                        await page.say(**command())
                        await asyncio.sleep(random.uniform(0.1, 0.6))
                    reading.cancel()
                    if reading.done() and not reading.cancelled() and reading.exception() is None:
                        run = reading.result()
            except ConnectionClosed:
                await asyncio.sleep(0.5)

    async def _read(page: Page, socket: Any) -> str:
        """Until this viewer is moved to another run."""
        moved = await page.next("moved")
        return str(moved["run_id"])

    async def everybody(server: Server, runs: list[str]) -> list[tuple[float, float]]:
        began = time.monotonic()
        tasks = [asyncio.create_task(one(server, runs[n % len(runs)], began + seconds)) for n in range(20)]
        memory = []
        while time.monotonic() < began + seconds:
            await asyncio.sleep(min(5.0, seconds / 8))
            memory.append((time.monotonic() - began, server.megabytes))
        await asyncio.wait(tasks, timeout=10)
        for task in tasks:
            task.cancel()
        return memory

    with serving() as server:
        runs = [server.built(config) for config in BUSY.values()]
        memory = asyncio.run(everybody(server, runs))
        errors = server.errors()
    settled = [size for at, size in memory if at > 0.4 * seconds]
    growth, most = settled[-1] / settled[0] - 1, max(size for _, size in memory)
    name = f"20 viewers with random commands for {given.minutes:g} min"
    broken = len(re.findall(r"^Traceback", errors, re.M))
    yield f"{name}: exceptions", str(broken), "0", broken == 0
    yield f"{name}: memory after 40 % of the time and at the end", f"{growth:+.0%}", "+5 %", growth <= 0.05
    yield f"{name}: memory at most", f"{most:,.0f} MB", "600 MB", most <= 600
    if broken:
        print(errors[-3000:], file=sys.stderr)


def ends(given: argparse.Namespace) -> Iterator[Row]:
    """The app itself, with its workers, by each kind of end."""
    for name in ("SIGTERM", "SIGINT", "SIGKILL"):
        with tempfile.TemporaryDirectory() as folder:
            server = start_server(Path(folder) / "log")
            pids = [server.process.pid, *descendants(server.process.pid)]
            began = time.monotonic()
            server.process.send_signal(getattr(signal, name))
            with contextlib.suppress(subprocess.TimeoutExpired):
                server.process.wait(15)
            left = left_behind(pids, max(0.0, 3.0 - (time.monotonic() - began)))
            took = time.monotonic() - began
            stop_server(server)
        figure = f"{name}: ended, processes of {len(pids)} that are left"
        yield figure, f"{took:.1f} s, {len(left)}", "3 s, 0", took <= 3.0 and not left


def main() -> int:
    """Measure what was asked for."""
    parts = {"crowd": crowd, "attacks": attacks, "commands": commands, "ends": ends}
    return command(__doc__, parts, viewers=200, minutes=10.0, attack_seconds=10.0, only="")


if __name__ == "__main__":
    sys.exit(main())
