"""How fast a run trains: as its viewers want, or as it was told while none of them has said."""

from __future__ import annotations

from typing import Any

import pytest

from tests.live.test_live_runs import OneThread
from tests.live.watching import NOISY, Watcher


class Pair:
    """Two viewers of one run."""

    def __init__(self) -> None:
        alone = OneThread()
        self.runs = alone.runs
        self.run_id = self.runs.open(NOISY)
        self.viewers: tuple[Watcher, Watcher] = (alone.watch(self.run_id), alone.watch(self.run_id))

    @property
    def speed(self) -> float:
        speed: float = self.runs.info(self.run_id)["speed"]
        return speed


def test_the_fastest_playing_viewer_sets_the_speed() -> None:
    pair = Pair()
    one, two = pair.viewers
    one.say("speed", value=20)
    one.say("play")
    two.say("play")
    two.say("speed", value=50)
    assert pair.speed == 50
    two.say("speed", value=0)
    assert pair.speed == 0
    two.say("pause")
    assert pair.speed == 20


def test_who_presses_play_is_not_held_by_the_speed_of_who_has_paused() -> None:
    pair = Pair()
    slow, fast = pair.viewers
    fast.say("speed", value=0)
    slow.say("play")
    slow.say("speed", value=2)
    assert pair.speed == 2, "who does not play does not set it"
    fast.say("play")
    assert pair.speed == 0
    fast.say("pause")
    assert pair.speed == 2
    slow.say("pause")
    fast.say("play")
    assert pair.speed == 0


def test_a_speed_goes_with_the_viewer_who_wanted_it() -> None:
    pair = Pair()
    slow, other = pair.viewers
    slow.say("play")
    other.say("play")
    slow.say("speed", value=2)
    assert pair.speed == 2
    slow.leave()
    assert pair.speed == 0
    # A run that was made slower without viewers stays so.
    pair.runs.speed(pair.run_id, 200)
    other.say("pause")
    other.say("play")
    assert pair.speed == 200


def test_a_speed_reaches_the_worker_that_a_run_has_already() -> None:
    alone = OneThread()
    run_id = alone.runs.open(NOISY)
    alone.until(lambda: alone.runs.runs[run_id].built)
    alone.runs.speed(run_id, 4)
    alone.runs.play(run_id)
    began = alone.time
    alone.until(lambda: alone.runs.info(run_id)["step"] >= 13)
    assert 2.5 < alone.time - began < 3.5, "four updates a second"


@pytest.mark.parametrize(
    "command", [{"cmd": "branch", "step": 2, "lane": 0, "values": {"gamma": 0.9}}, {"cmd": "reset"}]
)
def test_a_run_that_came_of_another_keeps_its_speed_until_a_viewer_says_another(command: dict[str, Any]) -> None:
    alone = OneThread()
    viewer = alone.watch(alone.runs.open(NOISY))
    viewer.say("speed", value=20)
    viewer.say("play")
    alone.until(lambda: viewer.frames() and viewer.frames()[-1]["step"] > 5)
    viewer.say(**command)
    (moved,) = viewer.of("moved")
    viewer.leave()
    mine = alone.watch(moved["run_id"])
    mine.say("pause")
    mine.say("play")
    assert alone.runs.info(moved["run_id"])["speed"] == 20
    mine.say("speed", value=30)
    assert alone.runs.info(moved["run_id"])["speed"] == 30
