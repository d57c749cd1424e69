"""The live route on a real server: greetings, commands, refusals, slow viewers, and what is left when it dies."""

import asyncio
import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import uvicorn
from starlette.applications import Starlette
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from offrl_live.runs import wire
from offrl_live.runs.commands import MAX_TEXT, CommandError, parse
from offrl_live.runs.config import Lane, RunConfig
from offrl_live.runs.live_runs import Limits
from offrl_live.serving.hub import Hub
from offrl_live.serving.origins import FOREIGN
from offrl_live.serving.socket import live_route
from tests.live.watching import until
from tests.threads import in_a_loop

CQL = RunConfig("double-crossing", {}, (Lane("cql", hyperparameters={"batch_size": 64}),), budget=0)
ROOT = Path(__file__).resolve().parents[2]


class Served:
    """A hub behind a real server."""

    def __init__(self) -> None:
        self.hub = Hub(Limits(workers=1)).start()
        app = Starlette(routes=[live_route(self.hub)])
        self.server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_level="warning"))
        self.thread = threading.Thread(target=self.server.run, daemon=True)
        self.thread.start()
        while not self.server.started:
            time.sleep(0.01)
        self.port = self.server.servers[0].sockets[0].getsockname()[1]
        self.host = f"127.0.0.1:{self.port}"

    def url(self, run_id: str, query: str = "") -> str:
        return f"ws://{self.host}/live/{run_id}{query}"

    def close(self) -> None:
        self.server.should_exit = True
        self.thread.join(10)
        self.hub.close()


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    running = Served()
    yield running
    running.close()


@pytest.fixture
def run_id(served: Served) -> str:
    return served.hub.open(CQL, private=True)


class Client:
    """A page's end of the socket."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self.seen: list[dict] = []

    async def say(self, **command) -> None:
        await self.socket.send(json.dumps(command))

    async def next(self, kind: str, **fields) -> dict:
        """The next message of this kind with these fields."""
        async with asyncio.timeout(20):
            while True:
                data = await self.socket.recv()
                message = json.loads(data) if isinstance(data, str) else wire.split(data)[0]
                self.seen.append(message)
                name = message.get("type") or message.get("kind")
                if name == kind and all(message.get(key) == value for key, value in fields.items()):
                    return message


def browse(address: str, act, **options):
    """Connect as a page of the same origin and run `act(client)`."""

    async def main():
        async with connect(address, max_size=None, **options) as socket:
            return await act(Client(socket))

    return in_a_loop(main())


def test_a_viewer_is_greeted_and_plays(served: Served, run_id: str) -> None:
    async def act(client: Client) -> list[str]:
        await client.next("state")
        await client.say(cmd="play", id=1)
        await client.next("accepted", id=1)
        await client.next("state", state="running")
        while (await client.next("frame"))["step"] < 5:
            pass
        await client.say(cmd="pause", id=2)
        await client.next("state", state="paused", playing=False)
        return [m.get("type") or m.get("kind") for m in client.seen]

    kinds = browse(served.url(run_id), act, origin=f"http://{served.host}")
    assert kinds.index("hello") < kinds.index("static") < kinds.index("frame")


def test_a_reconnection_gets_only_what_is_new(served: Served, run_id: str) -> None:
    async def first(client: Client) -> int:
        await client.say(cmd="play", id=1)
        for _ in range(6):
            frame = await client.next("frame")
        return frame["seq"]

    async def second(client: Client) -> list[int]:
        backlog = await client.next("backlog")
        return [frame["seq"] for frame in backlog["frames"]]

    seq = browse(served.url(run_id), first)
    until(lambda: served.hub.export(run_id).frames[-1].seq > seq + 2)
    new = browse(served.url(run_id, f"?after={seq}"), second)
    assert new[0] == seq + 1
    assert len(new) < 40
    everything = browse(served.url(run_id), second)
    assert everything[0] == 1


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://127.0.0.1:1", "file://", "http://"])
def test_a_foreign_origin_is_turned_away(served: Served, run_id: str, origin: str) -> None:
    async def act(client: Client) -> None:
        await client.next("state")

    with pytest.raises(ConnectionClosed) as refusal:
        browse(served.url(run_id), act, origin=origin)
    assert refusal.value.rcvd.code == FOREIGN
    assert f"its origin is {origin}, but the server was asked as {served.host}" == refusal.value.rcvd.reason
    assert served.hub.info(run_id)["viewers"] == 0


@pytest.mark.parametrize("name", ["nothing", "%00", "..", "a" * 500])
def test_an_unknown_run_has_its_own_code(served: Served, name: str) -> None:
    async def act(client: Client) -> None:
        await client.next("never")

    with pytest.raises(ConnectionClosed) as closed:
        browse(served.url(name), act)
    assert closed.value.rcvd.code == 4404


BAD = [
    ("", "must be JSON"),
    ("play", "must be JSON"),
    ("[]", "JSON object"),
    ("[" * 8000, "must be JSON"),
    ('{"cmd":"format-disk","id":5}', "must be one of ack, play"),
    ('{"cmd":["play"],"id":5}', "must be one of ack, play"),
    ('{"cmd":"play","id":5,"path":"/etc/passwd"}', "play has no 'path'"),
    ('{"cmd":"set","id":5,"lane":0}', "set needs values"),
    ('{"cmd":"set","id":5,"lane":0,"values":{"gamma":1e9}}', "gamma = 1000000000.0 is not allowed"),
    ('{"cmd":"set","id":5,"lane":0,"values":{"gamma":"__import__"}}', "gamma = '__import__' is not allowed"),
    ('{"cmd":"set","id":5,"lane":0,"values":{"gamma":NaN}}', "gamma = nan is not allowed"),
    ('{"cmd":"set","id":5,"lane":9,"values":{"gamma":0.5}}', "lane = 9 is not allowed"),
    ('{"cmd":"set","id":5,"lane":-1,"values":{"gamma":0.5}}', "lane = -1 is not allowed"),
    ('{"cmd":"set","id":5,"lane":true,"values":{"gamma":0.5}}', "lane = True is not allowed"),
    ('{"cmd":"speed","id":5,"value":-1}', "value = -1 is not allowed"),
    ('{"cmd":"speed","id":5,"value":Infinity}', "value = inf is not allowed"),
    ('{"cmd":"step","id":5,"unit":"mile"}', "update, epoch, snapshot"),
    ('{"cmd":"view","id":5,"member":1}', "members 0 to 0"),
    ('{"cmd":"view","id":5,"member":0,"members":[0,0]}', "different members"),
    ('{"cmd":"view","id":5,"member":0,"mode":"secret"}', "must be one of q"),
    ('{"cmd":"select","id":5,"state":24}', "states 0 to 23"),
    ('{"cmd":"select","id":5,"state":1.5}', "whole number"),
    ('{"cmd":"branch","id":5,"step":99999999,"lane":0,"values":{"gamma":0.5}}', "has come to step"),
    ('{"cmd":"explain","id":5,"member":0}', "a row of the data, or a state and an action"),
    ('{"cmd":"play","id":{}}', "id must be"),
    ('{"cmd":"play","id":"\\ud800"}', "id must be"),
]


def test_bad_messages_are_answered_and_the_run_is_untouched(served: Served, run_id: str) -> None:
    async def act(client: Client) -> list[str]:
        await client.next("hello")
        answers = []
        for text, _ in BAD:
            await client.socket.send(text)
            answers.append((await client.next("refused"))["message"])
        await client.socket.send(b"\x00\x01")
        answers.append((await client.next("refused"))["message"])
        await client.say(cmd="pause", id=6)
        await client.next("accepted", id=6)
        return answers

    answers = browse(served.url(run_id), act)
    for answer, (_, words) in zip(answers, [*BAD, (b"", "must be text")], strict=True):
        assert words in answer
    info = served.hub.info(run_id)
    assert (info["state"] != "running", info["step"], info["config"], info["speed"]) == (True, 0, CQL, 0.0)


def test_a_message_that_is_too_large_ends_the_connection(served: Served, run_id: str) -> None:
    async def act(client: Client) -> None:
        await client.next("hello")
        await client.socket.send(json.dumps({"cmd": "play", "id": "x" * MAX_TEXT}))
        assert "too long" in (await client.next("refused"))["message"]
        await client.next("never")

    with pytest.raises(ConnectionClosed) as closed:
        browse(served.url(run_id), act)
    assert closed.value.rcvd.code == 1009
    info = served.hub.info(run_id)
    assert (info["state"] != "running", info["step"]) == (True, 0)


@pytest.mark.parametrize(
    ("command", "times"), [({"cmd": "pause", "id": 1}, 300), ({"cmd": "ack", "seq": 0}, 400)], ids=["commands", "acks"]
)
def test_a_flood_is_refused_and_then_cut_off(served: Served, run_id: str, command: dict, times: int) -> None:
    async def act(client: Client) -> None:
        await client.next("hello")
        for _ in range(times):
            await client.say(**command)
        await client.next("never")

    with pytest.raises(ConnectionClosed) as closed:
        browse(served.url(run_id), act)
    assert closed.value.rcvd.code == 4429
    assert served.hub.info(run_id)["viewers"] == 0


def test_a_slow_viewer_skips_frames_and_holds_up_nobody(served: Served, run_id: str) -> None:
    async def main() -> tuple[list[int], list[int]]:
        async with connect(served.url(run_id)) as reading, connect(served.url(run_id)) as stuck:
            client, slow = Client(reading), Client(stuck)
            for one in (client, slow):
                await one.next("hello")
            # From here on its frames are counted: before the first of them is on its way.
            await slow.say(cmd="ack", seq=0)
            for one in (slow, client):
                await one.say(cmd="play", id=1)
            seen = [(await client.next("frame"))["seq"] for _ in range(25)]
            # What lay in the network's buffers, and then, once some of that has arrived, the newest frame.
            late = [(await slow.next("frame"))["seq"]]
            while late[-1] < seen[-1]:
                await slow.say(cmd="ack", seq=late[-1])
                late.append((await slow.next("frame"))["seq"])
            return seen, late

    seen, late = in_a_loop(main())
    assert np.mean(np.diff(seen) == 1) > 0.8
    gaps = np.diff(late)
    held = int(np.argmax(gaps > 10))
    assert gaps[held] > 10
    # At most a window of four, and the first snapshot of all where that came before the counting.
    assert held < 5
    assert (gaps[:held] == 1).all()


def test_parsing_refuses_what_is_too_deep_or_too_long() -> None:
    assert parse('{"cmd":"play"}').id is None
    for text in ("[" * 16_000, '{"cmd":"set","lane":0,"values":' + '{"a":' * 3000, "x" * (MAX_TEXT + 1)):
        with pytest.raises(CommandError):
            parse(text)


def test_a_worker_imports_neither_streamlit_nor_plotly() -> None:
    code = "import sys, offrl_live.serving.worker_process, offrl_live.serving.hub, offrl_live.serving.socket;"
    code += "print([m for m in ('streamlit', 'plotly', 'torch') if m in sys.modules])"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, cwd=ROOT, check=True, text=True)
    assert out.stdout.strip() == "[]"


def test_a_browser_keeps_its_name_and_nothing_else_becomes_one(served: Served, run_id: str) -> None:
    async def named(cookie: str | None) -> str:
        headers = {"Cookie": f"offrl_visit={cookie}"} if cookie else {}
        async with connect(served.url(run_id), additional_headers=headers) as socket:
            assert socket.response is not None
            given = socket.response.headers["set-cookie"]
            await socket.recv()
            (viewer,) = served.hub.runs[run_id].viewers
            name, _, rest = given.removeprefix("offrl_visit=").partition(";")
            assert (viewer.owner, "HttpOnly" in rest) == (name, True)
            return name

    first = in_a_loop(named(None))
    until(lambda: not served.hub.runs[run_id].viewers)
    assert in_a_loop(named(first)) == first
    until(lambda: not served.hub.runs[run_id].viewers)
    assert in_a_loop(named("short")) != "short"
