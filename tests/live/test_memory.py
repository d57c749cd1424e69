"""Memory that strangers can ask for is bounded: uploads, viewers who do not read, links with many changes."""

from __future__ import annotations

import weakref

import pytest

from offrl_core.dataset import Dataset
from offrl_core.processes.freed_memory import FreedMemory
from offrl_live.runs import datasets, wire
from offrl_live.runs.checks import ConfigError
from offrl_live.runs.config import Change, Lane, RunConfig
from offrl_live.runs.datasets import UploadRoom
from offrl_live.runs.run import MAX_OUTBOX, OUTBOX_BYTES
from offrl_live.runs.worker import Worker
from offrl_live.serving.clock import SYSTEM_CLOCK
from offrl_live.serving.environment import upload_room
from offrl_ui.setup import links
from tests.live.test_live_runs import OneThread
from tests.live.watching import CQL


def log(rows: int = 40) -> Dataset:
    return Dataset.from_columns([0, 1] * (rows // 2), [0, 1] * (rows // 2), [0.0] * rows, [False, True] * (rows // 2))


SIZE = log().nbytes


def kept_bytes() -> int:
    """The memory that all uploaded datasets take."""
    return sum(data.nbytes for data, _ in datasets._uploads.values())


def test_a_visitors_uploads_push_out_their_own_first() -> None:
    room = UploadRoom(one=SIZE, owner=2 * SIZE, all=10 * SIZE + kept_bytes())
    other = datasets.keep(log(), "another", room)
    mine = [datasets.keep(log(), "me", room) for _ in range(4)]
    assert [datasets.is_kept(name) for name in (other, *mine)] == [True, False, False, True, True]
    datasets.uploaded(mine[2])  # is used again
    datasets.keep(log(), "me", room)
    assert [datasets.is_kept(name) for name in mine[2:]] == [True, False]


def test_all_uploads_together_have_so_much_room() -> None:
    for name in list(datasets._uploads):
        datasets.forget(name)
    room = UploadRoom(one=SIZE, owner=SIZE, all=3 * SIZE)
    names = [datasets.keep(log(), visitor, room) for visitor in range(5)]
    assert [datasets.is_kept(name) for name in names] == [False, False, True, True, True]
    assert kept_bytes() == 3 * SIZE


def test_data_that_are_too_large_are_refused_and_not_kept() -> None:
    before = kept_bytes()
    with pytest.raises(ConfigError, match=r"takes 0 MB of memory; at most 0 MB are allowed: leave out columns"):
        datasets.keep(log(400), "me", UploadRoom(one=SIZE))
    assert kept_bytes() == before


@pytest.mark.parametrize(("name", "of"), [("UPLOAD", "one"), ("VISITOR_UPLOADS", "owner"), ("UPLOADS", "all")])
def test_the_operator_says_how_much_room_there_is(monkeypatch: pytest.MonkeyPatch, name: str, of: str) -> None:
    monkeypatch.setenv(f"OFFRL_{name}_MB", "7")
    assert upload_room() == UploadRoom(**{of: 7_000_000})
    monkeypatch.setenv(f"OFFRL_{name}_MB", "seven")
    with pytest.raises(ValueError, match=f"OFFRL_{name}_MB = 'seven' is not allowed: it must be a whole number from 1"):
        upload_room()


def test_a_worker_keeps_an_upload_no_longer_than_its_run() -> None:
    data = log()
    name = datasets.keep(data)
    config = RunConfig(name, {}, (Lane("bc"),))
    start = {"do": "start", "order": 0, "checkpoint": None, "step": 0, "speed": 0.0, "limit": 0, "focus": (0,)}
    worker = Worker(lambda message: None, SYSTEM_CLOCK)
    # A worker is another process: it has only what a run brings along.
    datasets.forget(name)
    for run in ("one", "two"):
        worker.obey({**start, "run": run, "config": config.to_json(), "dataset": data})
        assert datasets.is_kept(name)
    worker.obey({"do": "drop", "run": "two"})
    assert not datasets.is_kept(name)
    # One that was here already stays.
    datasets.bring(name, data)
    worker.obey({**start, "run": "three", "config": config.to_json(), "dataset": data})
    worker.obey({"do": "drop", "run": "three"})
    assert datasets.is_kept(name)
    datasets.forget(name)


def test_runs_that_hold_data_count_for_the_memory() -> None:
    alone = OneThread(memory=3 * SIZE + 200_000)
    ids = []
    for _ in range(40):
        config = RunConfig(datasets.keep(log()), {}, (Lane("bc"),))
        ids.append(alone.runs.open(config))
    assert alone.runs.nbytes >= 40 * SIZE
    alone.runs.limits = type(alone.runs.limits)(memory=5 * SIZE)
    alone.time += 2
    alone.runs.tick()
    assert 1 <= len(alone.runs.runs) <= 5
    assert alone.runs.nbytes <= 5 * SIZE


def test_a_viewer_who_never_reads_costs_little_while_the_discount_moves() -> None:
    alone = OneThread()
    viewer = alone.watch(alone.runs.open(CQL))
    viewer.wait_for("paused")
    lazy = viewer.viewer
    gammas = [0.5 + step / 128 for step in range(60)]
    for gamma in gammas:
        viewer.say("set", lane=0, values={"gamma": gamma})
        for _ in range(3):
            alone.turn()
    assert lazy.run.described is not None
    assert lazy.run.described["truth"]["gamma"] == gammas[-1]
    assert {type(message) for message in lazy.outbox} == {str}, "tables that are out of date do not wait"
    assert lazy.waiting == sum(len(message) for message in lazy.outbox if isinstance(message, str))
    before = len(viewer.binaries)
    viewer.read()
    static = viewer.of("static")[-1]
    assert [message["kind"] for message in viewer.binaries[before:]].count("static") == 1
    q_star = wire.unpack(static["fields"], static["payload"])["q_star"]
    assert (q_star == lazy.run.static["q_star"]).all()


def test_whoever_falls_far_behind_is_greeted_anew() -> None:
    alone = OneThread()
    viewer = alone.watch(alone.runs.open(CQL))
    viewer.wait_for("paused")
    for size, many in ((OUTBOX_BYTES // 10, 40), (10, 3 * MAX_OUTBOX)):
        greetings = len(viewer.of("hello"))
        most = 0
        for number in range(many):
            viewer.viewer.send(f'{{"type":"news","number":{number},"x":"{"x" * size}"}}')
            most = max(most, viewer.viewer.waiting)
            assert len(viewer.viewer.outbox) <= MAX_OUTBOX
        assert most <= OUTBOX_BYTES
        assert viewer.of("news")[-1]["number"] == many - 1
        assert len(viewer.of("hello")) == greetings + 1
    # A message of any size reaches whoever reads.
    viewer.viewer.send('{"type":"large","x":"' + "x" * (2 * OUTBOX_BYTES) + '"}')
    assert len(viewer.of("large")) == 1
    assert viewer.viewer.waiting == 0


def test_a_link_with_many_changes_takes_time_in_proportion(monkeypatch: pytest.MonkeyPatch) -> None:
    made = []
    check = Change.__post_init__
    monkeypatch.setattr(Change, "__post_init__", lambda change: (made.append(1), check(change))[1])
    many = 400
    at = ";".join(f"{step}:rho=0.{step % 9 + 1}" for step in range(many))
    config, notes = links.parse({"data": ["double-crossing"], "algo": ["bcq"], "at": [at]})
    assert (len(config.changes), notes) == (many, [])
    assert len(made) <= 2 * many


def test_what_is_no_longer_used_is_given_back_now_and_then() -> None:
    class Large:
        """Refers to itself."""

        def __init__(self) -> None:
            self.own = self

    freed, seldom = FreedMemory(0.0, collect=True), FreedMemory(3600.0, collect=True)
    gone = weakref.ref(Large())
    seldom.give_back()
    assert gone() is not None
    freed.give_back()
    assert gone() is None


def test_where_the_c_library_is_not_found_by_no_name_nothing_is_asked_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on Windows, where a program has no C library of its own."""

    def refuse(name: str | None) -> None:
        raise TypeError(name)

    monkeypatch.setattr("sys.platform", "win32")
    monkeypatch.setattr("ctypes.CDLL", refuse)
    FreedMemory(0.0).give_back()
