"""Live runs on this machine: viewers, several runs at once, a class, what watching costs, how soon a click is seen.

    python benchmarks/live.py [viewers] [runs] [students] [cost] [clicks] [--viewers 50] [--students 60] [--seconds 10]

A server of its own (the live route and one small page, nothing else) runs in another process; viewers connect to it
over WebSockets, as a page does. Every figure stands beside its target; prints a table in Markdown and ends with 1 if
one is missed.
"""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.figures import Row, command  # noqa: E402
from offrl_live.runs import wire  # noqa: E402

CONFIGS: dict[str, dict[str, Any]] = {
    "grid": {"dataset": "double-crossing", "lanes": [{"algorithm": "cql"}], "budget": 0},
    "grid, mlp": {"dataset": "double-crossing", "lanes": [{"algorithm": "cql", "approximator": "mlp"}], "budget": 0},
    "icu": {"dataset": "icu-sepsis", "lanes": [{"algorithm": "cql"}], "budget": 0},
    "icu, mlp": {"dataset": "icu-sepsis", "lanes": [{"algorithm": "bcq", "approximator": "mlp"}], "budget": 0},
}
SLOW = 10.0
"""Updates a second, as of a first visit."""
BUSY = {  # noise that never settles: minibatches
    name: {**config, "lanes": [{**config["lanes"][0], "hyperparameters": {"batch_size": 256}}]}
    for name, config in CONFIGS.items()
}

SERVER = """
import sys, uvicorn
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route
from offrl_live.runs.config import RunConfig
from offrl_live.serving.hub import get_hub
from offrl_live.serving.socket import live_route

async def open_run(request):
    return JSONResponse(get_hub().open(RunConfig.from_json(await request.json()), private=True))

async def info(request):
    found = get_hub().info(request.path_params["run"])
    return JSONResponse({name: found[name] for name in ("state", "step", "rate", "viewers", "reason")})

if __name__ == "__main__":
    get_hub()
    app = Starlette(routes=[live_route(), Route("/open", open_run, methods=["POST"]), Route("/info/{run}", info)])
    # As streamlit configures it: no compression of messages.
    uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), log_level="error", ws_per_message_deflate=False)
"""


class Server:
    """The server's process and how to talk to it."""

    def __init__(self, port: int, workers: int) -> None:
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "OFFRL_WORKERS": str(workers)}
        self.host = f"127.0.0.1:{port}"
        self.process = subprocess.Popen([sys.executable, "-c", SERVER, str(port)], env=environment)
        deadline = time.monotonic() + 60
        while True:
            try:
                self.open(CONFIGS["grid"])
                break
            except OSError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.1)
        time.sleep(3.0)  # the other workers start, too: a class comes to a server that has started

    def get(self, path: str, data: Any = None) -> Any:
        """The JSON at `path`."""
        body = None if data is None else json.dumps(data).encode()
        with urllib.request.urlopen(f"http://{self.host}{path}", data=body, timeout=60) as answer:
            return json.load(answer)

    def open(self, config: dict[str, Any]) -> str:
        """A run of this configuration, built and paused at step 0."""
        run = str(self.get("/open", config))
        while self.get(f"/info/{run}")["state"] in ("starting", "queued"):
            time.sleep(0.02)
        return run

    def processor_seconds(self) -> float:
        """Processor time of the server itself, its workers not counted."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def serving(port: int, workers: int) -> Iterator[Server]:
    """A server, ended afterwards."""
    server = Server(port, workers)
    try:
        yield server
    finally:
        server.process.terminate()
        server.process.wait(10)


class Page:
    """One viewer's end."""

    def __init__(self, socket: Any) -> None:
        self.socket = socket
        self.count = 0

    async def say(self, **command: Any) -> int:
        """Send a command and return its id."""
        self.count += 1
        await self.socket.send(json.dumps({"id": self.count, **command}))
        return self.count

    async def next(self, *kinds: str) -> dict[str, Any]:
        """The next message of one of these kinds; frames are decoded and acknowledged, as the stage does."""
        while True:
            data = await self.socket.recv()
            if isinstance(data, str):
                message: dict[str, Any] = json.loads(data)
                name = message["type"]
            else:
                message, _ = wire.split(data)
                name = message["kind"]
                if name == "frame":
                    await self.socket.send(json.dumps({"cmd": "ack", "seq": message["seq"]}))
            if name in kinds:
                return message


def _connect(server: str, run: str) -> Any:
    from websockets.asyncio.client import connect

    return connect(f"ws://{server}/live/{run}", max_size=None, compression=None)


def _watch(server: str, run: str, viewers: int, seconds: float, out: Any) -> None:
    """In a process of its own: `viewers` pages that play and note each frame's lateness."""

    async def one() -> list[float]:
        late = []
        async with _connect(server, run) as socket:
            page = Page(socket)
            await page.next("hello")
            await page.say(cmd="play")
            begin = time.monotonic() + 4.0  # past the slow start
            while time.monotonic() < begin + seconds:
                frame = await page.next("frame")
                if time.monotonic() > begin:
                    late.append(time.time() - frame["time"])
        return late

    async def all_of_them() -> list[list[float]]:
        return await asyncio.gather(*(one() for _ in range(viewers)))

    out.put(asyncio.run(all_of_them()))


def viewers(count: int, seconds: float, port: int) -> Iterator[Row]:
    """Many viewers of one run: how late frames are, and what the server spends."""
    for name in ("grid", "icu"):
        with serving(port, 1) as server:
            run = server.open(BUSY[name])
            out: Any = multiprocessing.Queue()
            pages = multiprocessing.Process(target=_watch, args=(server.host, run, count, seconds, out))
            pages.start()
            time.sleep(4.0)
            before, began = server.processor_seconds(), time.monotonic()
            time.sleep(seconds)
            share = (server.processor_seconds() - before) / (time.monotonic() - began)
            late = out.get()
            pages.join()
        everything = np.concatenate([np.array(one) for one in late])
        rate = min(len(one) for one in late) / seconds
        p95 = float(np.quantile(everything, 0.95))
        yield f"{name}: {count} viewers, frames a second of the slowest", f"{rate:.1f}", "10", rate >= 9.5
        yield f"{name}: {count} viewers, 95 % of frames within", f"{p95 * 1000:.0f} ms", "300 ms", p95 <= 0.3
        yield f"{name}: {count} viewers, server's share of one core", f"{share:.0%}", "40 %", share < 0.4


def runs(seconds: float, port: int) -> Iterator[Row]:
    """Four runs at once: how long the server takes to answer a request and a command."""

    async def measure(server: Server, names: list[str]) -> tuple[float, float, list[float]]:
        async with AsyncExitStack() as stack:
            pages = [Page(await stack.enter_async_context(_connect(server.host, name))) for name in names]
            for page in pages:
                await page.next("hello")
                await page.say(cmd="play")
            reading = [asyncio.create_task(_drain(page)) for page in pages[1:]]
            await asyncio.sleep(5)
            requests, commands, end = [], [], time.monotonic() + seconds
            while time.monotonic() < end:
                began = time.monotonic()
                await asyncio.to_thread(server.get, f"/info/{names[0]}")
                requests.append(time.monotonic() - began)
                began = time.monotonic()
                await pages[0].say(cmd="select", state=0)
                await pages[0].next("accepted")
                commands.append(time.monotonic() - began)
                await asyncio.sleep(0.05)
            rates = [server.get(f"/info/{name}")["rate"] for name in names]
            for task in reading:
                task.cancel()
            return max(requests), max(commands), rates

    with serving(port, 4) as server:
        names = [server.open(BUSY[name]) for name in ("grid", "grid, mlp", "icu", "icu, mlp")]
        request, command, rates = asyncio.run(measure(server, names))
    yield "four runs at once: slowest answer to a request", f"{request * 1000:.0f} ms", "300 ms", request <= 0.3
    yield "four runs at once: slowest answer to a command", f"{command * 1000:.0f} ms", "300 ms", command <= 0.3
    shown = ", ".join(f"{rate:,.0f}" for rate in rates)
    yield "four runs at once: updates a second of each", shown, "all train", min(rates) > 0


def students(count: int, port: int, seconds: float = 90.0) -> Iterator[Row]:
    """A class: each student opens a run of their own at the same time, plays it and goes on looking.

    Every second one watches as a first visit does, at some updates a second; the others as fast as it goes.
    """
    pictures, motions, answers, watched = [], [], [], []

    async def one(server: Server, seed: int, end: float) -> None:
        config = {**BUSY["grid"], "options": {"seed": seed}}
        began = time.monotonic()
        run = await asyncio.to_thread(server.get, "/open", config)
        async with _connect(server.host, run) as socket:
            page = Page(socket)
            await page.next("frame", "backlog")
            pictures.append(time.monotonic() - began)
            slow = seed % 2 == 0
            await page.say(cmd="speed", value=SLOW if slow else 0)
            await page.say(cmd="play")
            began = time.monotonic()
            while (await page.next("frame"))["step"] == 0:
                pass
            motions.append(time.monotonic() - began)
            moved = time.monotonic()
            while time.monotonic() < end:
                began = time.monotonic()
                await page.say(cmd="select", state=0)
                await page.next("accepted")
                answers.append(time.monotonic() - began)
                await asyncio.sleep(2.0)
            if slow:
                await page.say(cmd="pause")
                while (state := await page.next("state"))["state"] != "paused":
                    pass
                watched.append(state["step"] / (time.monotonic() - moved))

    async def everybody(server: Server) -> None:
        end = time.monotonic() + seconds
        tasks = [asyncio.create_task(one(server, seed, end)) for seed in range(count)]
        await asyncio.wait(tasks, timeout=seconds + 20)
        for task in tasks:
            task.cancel()

    with serving(port, os.cpu_count() or 1) as server:
        asyncio.run(everybody(server))
    for figure, times, target in (
        ("first picture", pictures, 3.0),
        ("own first live frame", motions, 20.0 if count <= 60 else 60.0),
    ):
        late = sorted([*times, *[float("inf")] * (count - len(times))])[int(np.ceil(0.95 * count)) - 1]
        yield (
            f"{count} students with runs of their own: {figure}, 95 % within",
            f"{late:.1f} s",
            f"{target:.0f} s",
            late <= target,
        )
    # Whoever could not be asked has seen nothing.
    watched += [0.0] * ((count + 1) // 2 - len(watched))
    half, tenth = np.quantile(watched, (0.5, 0.1))
    yield (
        f"{count} students: updates a second seen by those who watch {SLOW:.0f}, median / tenth",
        f"{half:.1f} / {tenth:.1f}",
        f"{SLOW / 2:.0f}",
        half >= SLOW / 2,
    )
    p95 = float(np.quantile(answers, 0.95)) if answers else float("inf")
    yield f"{count} students: answer to a selection, 95 % within", f"{p95 * 1000:.0f} ms", "500 ms", p95 <= 0.5


async def _drain(page: Page) -> None:
    while True:
        await page.next("frame")


def _alone(config: dict[str, Any], seconds: float, out: Any) -> None:
    """In a process of its own: updates a second of the very same learners, with nobody to look at them."""
    from offrl_live.runs.config import RunConfig
    from offrl_live.runs.engine import Engine

    engine = Engine(RunConfig.from_json(config))
    engine.advance(50)
    began, step = time.perf_counter(), engine.step
    while time.perf_counter() - began < seconds:
        engine.advance(20)
    out.put((engine.step - step) / (time.perf_counter() - began))


async def watched(server: Server, run: str, begin: float, seconds: float) -> tuple[float, float]:
    """Updates and frames a second of a run that is played and watched so long, `begin` seconds after its start."""
    async with _connect(server.host, run) as socket:
        page = Page(socket)
        await page.next("hello")
        await page.say(cmd="play")
        begin += time.monotonic()
        frame = await page.next("frame")
        while time.monotonic() < begin:
            frame = await page.next("frame")
        first, frames = frame, 0
        while time.monotonic() < begin + seconds:
            frame = await page.next("frame")
            frames += 1
    passed = frame["time"] - first["time"]
    return float((frame["step"] - first["step"]) / passed), frames / passed


def cost(seconds: float, port: int) -> Iterator[Row]:
    """Updates a second of a run that is watched, against the same learner that nobody watches."""

    for name, config in BUSY.items():
        out: Any = multiprocessing.Queue()
        plain = multiprocessing.Process(target=_alone, args=(config, seconds, out))
        os.environ["OPENBLAS_NUM_THREADS"] = "1"
        plain.start()
        alone = out.get()
        plain.join()
        with serving(port, 1) as server:
            live, _ = asyncio.run(watched(server, server.open(config), 5.0, seconds))
        share = live / alone
        yield (
            f"{name}: updates a second, live / unwatched",
            f"{live:,.0f} / {alone:,.0f} = {share:.0%}",
            "90 %",
            share >= 0.9,
        )


def clicks(port: int, repeats: int = 7) -> Iterator[Row]:
    """From a click to its frame at the viewer (drawing not counted): play, a live change, a branch. Medians."""

    async def measure(server: Server, config: dict[str, Any]) -> tuple[list[float], list[float], list[float]]:
        plays, sets, branches = [], [], []
        for _ in range(repeats):
            async with _connect(server.host, server.open(config)) as socket:
                page = Page(socket)
                await page.next("hello")
                began = time.monotonic()
                await page.say(cmd="play")
                while (await page.next("frame"))["step"] == 0:
                    pass
                plays.append(time.monotonic() - began)
                await asyncio.sleep(3.0)
                began = time.monotonic()
                await page.say(cmd="set", lane=0, values={"gamma": 0.9})
                mark = await page.next("mark")
                while (frame := await page.next("frame"))["step"] <= mark["step"]:
                    pass
                sets.append(time.monotonic() - began)
                began = time.monotonic()
                await page.say(cmd="branch", step=int(frame["step"] * 0.7), lane=0, values={"gamma": 0.99})
                moved = await page.next("moved")
                async with _connect(server.host, f"{moved['run_id']}?after={moved['after']}") as other:
                    branch = Page(other)
                    while (await branch.next("frame"))["step"] <= moved["step"]:
                        pass
                    branches.append(time.monotonic() - began)
        return plays, sets, branches

    with serving(port, 2) as server:
        for name in ("grid", "icu"):
            play, change, branch = (float(np.median(t)) for t in asyncio.run(measure(server, BUSY[name])))
            yield f"{name}: play → first live frame", f"{play * 1000:.0f} ms", "500 ms", play <= 0.5
            yield f"{name}: live change → first frame with it", f"{change * 1000:.0f} ms", "200 ms", change <= 0.2
            yield f"{name}: branch → first new frame", f"{branch * 1000:.0f} ms", "500 ms", branch <= 0.5


def main() -> int:
    """Measure what was asked for."""
    parts = {
        "viewers": lambda given: viewers(given.viewers, given.seconds, given.port),
        "runs": lambda given: runs(given.seconds, given.port),
        "students": lambda given: students(given.students, given.port),
        "cost": lambda given: cost(given.seconds, given.port),
        "clicks": lambda given: clicks(given.port),
    }
    return command(__doc__, parts, viewers=50, students=60, seconds=10.0, port=8649)


if __name__ == "__main__":
    sys.exit(main())
