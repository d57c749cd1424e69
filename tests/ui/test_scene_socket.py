"""The route `/scene` on a real server: what it answers, what it refuses, and following a presenter."""

from __future__ import annotations

import json
import socket as sockets
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest
import uvicorn
from starlette.applications import Starlette
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from offrl_lecture.registry import pages
from offrl_live.serving.origins import FOREIGN
from offrl_ui.lecture.rooms import ALPHABET, code_of
from offrl_ui.lecture.socket import BURST, MAX_MESSAGE, MAX_WRONG_CODES, routes


@pytest.fixture(scope="module")
def host() -> Iterator[str]:
    with sockets.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    config = uvicorn.Config(Starlette(routes=routes()), port=port, log_level="error", ws="websockets-sansio")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.02)
    yield f"127.0.0.1:{port}"
    server.should_exit = True
    thread.join(5)


class Tab:
    """A browser tab's connection."""

    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection
        self.id = 0

    def send(self, **message: Any) -> None:
        self.connection.send(json.dumps(message))

    def compute(self, scene: str, state: dict | None = None, **more: Any) -> int:
        self.id += 1
        self.send(type="compute", id=self.id, scene=scene, state=state or {}, **more)
        return self.id

    def until(self, kind: str, **wanted: Any) -> dict:
        """The next message of a kind (and with these fields); others are skipped."""
        deadline = time.monotonic() + 8
        while time.monotonic() < deadline:
            message = json.loads(self.connection.recv(timeout=30))
            if message["type"] == kind and all(message.get(k) == v for k, v in wanted.items()):
                return message
        raise AssertionError(f"no {kind} {wanted} came")


@pytest.fixture
def tab(host: str) -> Iterator[Any]:
    with ExitStack() as stack:
        yield lambda: Tab(stack.enter_context(connect(f"ws://{host}/scene", origin=f"http://{host}")))


def test_a_state_comes_back_as_its_pictures(tab) -> None:
    viewer = tab()
    number = viewer.compute("emrl", {"r_plus": -1, "r_minus": -2, "share": 0.9})
    message = viewer.until("result", id=number)
    pictures = message["result"]["pictures"]
    assert pictures["numbers"]["numbers"][0]["value"] < 1e-9
    assert "negative" in pictures["loss"]["alarm"].lower()
    assert message["result"]["partial"] is False
    assert message["ms"] < 2000


@pytest.mark.parametrize("origin", ["http://elsewhere.example", "null", "http://127.0.0.1"])
def test_another_origin_is_refused(host: str, origin: str) -> None:
    with connect(f"ws://{host}/scene", origin=origin) as connection, pytest.raises(ConnectionClosed) as refusal:
        connection.recv(timeout=10)
    assert refusal.value.rcvd is not None
    assert refusal.value.rcvd.code == FOREIGN


def test_a_connection_on_which_nothing_is_said_hears_that_it_stands(tab) -> None:
    assert tab().until("alive") == {"type": "alive"}


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("{", "must be JSON"),
        ("[1]", "JSON object"),
        ("[" * 4000, "must be JSON"),
        (json.dumps({"type": "run"}), "'run' is not known"),
        (json.dumps({"type": ["compute"]}), "is not known"),
        (json.dumps({"type": "compute", "id": 1, "scene": "nowhere"}), "no scene 'nowhere'"),
        (json.dumps({"type": "compute", "id": 1, "scene": {"a": 1}}), "no scene"),
        (json.dumps({"type": "compute", "id": "1", "scene": "emrl"}), "whole number"),
        (json.dumps({"type": "compute", "id": 1, "scene": "emrl", "state": [1]}), "state must be"),
        (
            json.dumps({"type": "compute", "id": 1, "scene": "emrl", "state": {"r_plus": 4}}),
            "r_plus = 4 is not allowed",
        ),
        (json.dumps({"type": "compute", "id": 1, "scene": "emrl", "state": {"r_plus": "1"}}), "a number from -3 to 3"),
        ('{"type": "compute", "id": 1, "scene": "emrl", "state": {"r_plus": NaN}}', "r_plus = nan is not allowed"),
        (json.dumps({"type": "compute", "id": 1, "scene": "emrl", "state": {"q": 4}}), "no control 'q'"),
        (json.dumps({"type": "compute", "id": 1, "scene": "emrl", "pad": "x" * MAX_MESSAGE}), "too long"),
        (json.dumps({"type": "vote", "scene": "emrl", "choice": 0}), "only followers"),
        (json.dumps({"type": "follow", "code": "ZZZZZZ"}), "no room 'ZZZZZZ'"),
        (json.dumps({"type": "present", "code": "ZZZZZZ", "token": "x"}), "no room"),
        *(
            (json.dumps({"type": "qr", "url": url}), "only addresses of this site")
            for url in ("https://elsewhere.example/", "javascript://127.0.0.1/%0aalert(1)", "http://127.0.0.1:1/", 7)
        ),
    ],
)
def test_what_is_not_accepted_is_refused_with_the_reason_and_the_connection_lives(tab, text: str, why: str) -> None:
    viewer = tab()
    viewer.connection.send(text)
    assert why in viewer.until("refused")["message"]
    assert viewer.until("result", id=viewer.compute("cloning"))


def test_a_message_that_is_no_text_is_refused_and_the_connection_lives(tab) -> None:
    viewer = tab()
    viewer.connection.send(b"\x00\xff")
    assert "must be text" in viewer.until("refused")["message"]
    assert viewer.until("result", id=viewer.compute("cloning"))


def test_a_flood_is_slowed_and_then_closed(tab) -> None:
    viewer, other = tab(), tab()

    def flood() -> None:
        for _ in range(int(BURST) + 400):
            viewer.send(type="compute", id=1, scene="cloning", state={})
        for _ in range(400):
            viewer.connection.recv(timeout=30)

    with pytest.raises(ConnectionClosed):
        flood()
    assert other.until("result", id=other.compute("cloning"))


def test_a_newer_state_replaces_an_older_one(tab) -> None:
    viewer = tab()
    for share in range(5, 95):
        viewer.compute("emrl", {"share": share / 100})
    last = viewer.id
    message = viewer.until("result", id=last)
    assert message["scene"] == "emrl"


def test_a_qr_code_is_an_svg_of_an_address_of_this_site(tab, host: str) -> None:
    viewer = tab()
    url = f"http://{host}/reweighting?scene=emrl"
    viewer.send(type="qr", url=url)
    message = viewer.until("qr", url=url)
    assert message["svg"].startswith("<svg")
    assert "<script" not in message["svg"]


def test_of_many_qr_codes_the_newest_comes(tab, host: str) -> None:
    viewer = tab()
    urls = [f"http://{host}/reweighting?scene=emrl&step={i}&pad={'x' * 1000}" for i in range(20)]
    for url in urls:
        viewer.send(type="qr", url=url)
    assert viewer.until("qr", url=urls[-1])["svg"].startswith("<svg")
    viewer.send(type="qr", url=f"http://{host}/\ud800")
    assert "only addresses of this site" in viewer.until("refused")["message"]


def test_a_scene_of_another_page_can_be_described(tab) -> None:
    viewer = tab()
    viewer.send(type="describe", scene="rwr")
    message = viewer.until("scene")
    assert message["page"] == "reweighting"
    assert message["scene"]["id"] == "rwr"


# --- follow me -----------------------------------------------------------------------------------------------------


def present(presenter: Tab) -> dict:
    presenter.send(type="present")
    return presenter.until("presenting")


def test_followers_see_the_presenters_state_and_picture(tab) -> None:
    presenter, early, late = tab(), tab(), tab()
    room = present(presenter)
    assert len(room["code"]) == 6
    assert set(room["code"]) <= set(ALPHABET)
    early.send(type="follow", code=room["code"].lower())
    early.until("following")
    number = presenter.compute("emrl", {"r_plus": 2.0}, revealed=True)
    own = presenter.until("result", id=number)
    seen = early.until("show")
    assert seen["scene"] == "emrl"
    assert seen["state"]["r_plus"] == 2.0
    assert seen["revealed"] is True
    assert seen["result"] == own["result"]
    late.send(type="follow", code=room["code"])
    assert late.until("show")["state"] == seen["state"]
    # Who leaves sees no more of it.
    early.send(type="leave")
    early.until("result", id=early.compute("cloning"))
    presenter.compute("emrl", {"r_plus": 1.0})
    late.until("show")
    early.until("result", id=early.compute("cloning", {"n_plus": 3}))


def test_one_prediction_a_connection_counted_without_names(tab) -> None:
    presenter, voters = tab(), [tab() for _ in range(3)]
    room = present(presenter)
    presenter.until("result", id=presenter.compute("emrl"))
    for voter in voters:
        voter.send(type="follow", code=room["code"])
        voter.until("show")
    voters[0].send(type="vote", scene="emrl", choice=2)
    voters[0].send(type="vote", scene="emrl", choice=0)
    voters[1].send(type="vote", scene="emrl", choice=2)
    voters[2].send(type="vote", scene="emrl", choice=7)
    assert "must be from 0 to 2" in voters[2].until("refused")["message"]
    voters[2].send(type="vote", scene="cloning", choice=0)
    assert "another scene" in voters[2].until("refused")["message"]
    tally = presenter.until("votes", counts=[0, 0, 2])
    assert set(tally) == {"type", "scene", "round", "counts", "predicted", "followers"}
    assert (tally["predicted"], tally["followers"]) == (2, 3)
    assert voters[2].until("votes", predicted=2)["counts"] is None, "nobody follows what most have said"
    voters[1].connection.close()
    presenter.until("votes", counts=[0, 0, 1], followers=2)
    # A reset and another scene forget them all.
    presenter.send(type="clear")
    presenter.until("votes", counts=[0, 0, 0])
    voters[0].send(type="vote", scene="emrl", choice=1)
    presenter.until("votes", counts=[0, 1, 0])
    presenter.compute("cloning")
    presenter.until("votes", scene="cloning", counts=[0, 0, 0])


def test_only_the_presenter_takes_a_room_up_again(tab) -> None:
    presenter, follower, thief = tab(), tab(), tab()
    room = present(presenter)
    presenter.until("result", id=presenter.compute("rwr"))
    follower.send(type="follow", code=room["code"])
    follower.until("show")
    thief.send(type="present", code=room["code"], token="guess")
    assert "another presenter" in thief.until("refused")["message"]
    presenter.connection.close()
    follower.until("presence", away=True)
    back = tab()
    back.send(type="present", code=room["code"], token=room["token"])
    again = back.until("presenting", code=room["code"])
    assert (again["scene"], again["first"], again["record"]) == ("rwr", None, [])
    follower.until("presence", away=False)
    back.compute("family")
    assert follower.until("show", scene="family")
    back.send(type="end")
    follower.until("ended")
    follower.send(type="follow", code=room["code"])
    assert "no room" in follower.until("refused")["message"]


def test_guessing_codes_ends_soon(tab) -> None:
    viewer = tab()
    for _ in range(MAX_WRONG_CODES):
        viewer.send(type="follow", code="AAAAAA")
        viewer.until("refused")
    viewer.send(type="follow", code="AAAAAA")
    assert "too many wrong codes" in viewer.until("refused")["message"]


def test_every_scene_of_the_first_page_is_served(tab) -> None:
    viewer = tab()
    for scene in pages()["reweighting"].scenes:
        message = viewer.until("result", id=viewer.compute(scene.id))
        assert message["result"]["pictures"]


def test_a_room_that_is_made_anew_goes_on_in_its_round(tab) -> None:
    """As after a restart of the server: the token names a room that it does not know."""
    token = "a token of another server"
    code, presenter, follower = code_of(token), tab(), tab()
    presenter.send(type="present", code=code, token=token, scene="emrl", round=7)
    presenter.until("presenting", code=code)
    follower.send(type="follow", code=code)
    follower.until("following")
    presenter.until("result", id=presenter.compute("emrl"))
    assert follower.until("show")["round"] == 7
    follower.send(type="vote", scene="emrl", choice=1)
    presenter.until("votes", counts=[0, 1, 0], round=7)
    for scene, round in (("nowhere", 3), ("cloning", -1), ("cloning", True), ("cloning", 1.5), (["cloning"], 3)):
        presenter.send(type="present", code=code, token=token, scene=scene, round=round)
        presenter.until("presenting", code=code)
    presenter.until("result", id=presenter.compute("emrl"))
    assert follower.until("show")["round"] == 7, "a room that is there stays as it is"
    presenter.send(type="end")
