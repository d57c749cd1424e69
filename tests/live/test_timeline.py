"""The timeline: it stays within its bytes, stays evenly spread, and forks without copying."""

import numpy as np
import pytest

from offrl_live.runs.convergence import Convergence
from offrl_live.runs.pace import Pacer, Rhythm
from offrl_live.runs.timeline import Checkpoint, Frame, Mark, Thinned, Timeline


def frame(step: int, nbytes: int = 100) -> Frame:
    return Frame(0, step, 0.0, 0.0, (0,), np.zeros((1, 2), np.float32), {}, nbytes)


def test_a_budget_thins_evenly() -> None:
    kept: Thinned[Frame] = Thinned(budget=100 * 50, limit=10_000)
    for step in range(5000):
        kept.append(frame(step))
        assert kept.nbytes <= 100 * 50
    steps = [item.step for item in kept]
    assert steps[0] == 0
    assert steps[-1] == 4999
    gaps = np.diff(steps)[:-1]
    assert gaps.min() == gaps.max() == 128
    assert len(steps) > 25
    assert kept.nbytes == sum(item.nbytes for item in kept)


def test_a_number_thins_as_well() -> None:
    kept: Thinned[Frame] = Thinned(budget=10**9, limit=20)
    for step in range(1000):
        kept.append(frame(step))
        assert len(kept) <= 20
    assert kept.until(999).step == 999


def test_pinned_steps_stay_while_others_have_room_beside_them() -> None:
    kept: Thinned[Frame] = Thinned(budget=10**9, limit=40)
    pins = [3, 316, 317, 700]
    for step in range(1000):
        kept.append(frame(step))
        if step in pins:  # an alarm is told of the newest frame
            kept.pinned.add(step)
        assert len(kept) <= 40
    steps = [item.step for item in kept]
    assert set(pins) <= set(steps)
    assert [item.step for item in kept.fork(400)][-1] <= 400
    assert kept.fork(400).pinned == {3, 316, 317}
    # More than there is room for: the ring still stays within its limit, and goes on.
    for step in range(1000, 1200):
        kept.append(frame(step))
        kept.pinned.add(step)
        assert len(kept) <= 40
    assert kept.until(1199).step == 1199


def test_one_step_has_one_frame() -> None:
    kept: Thinned[Frame] = Thinned(budget=10**6, limit=100)
    for step, size in ((0, 10), (5, 10), (5, 30)):
        kept.append(frame(step, size))
    assert [item.nbytes for item in kept] == [10, 30]
    with pytest.raises(ValueError, match="only grows"):
        kept.append(frame(4))


def test_the_newest_at_or_before_a_step() -> None:
    kept: Thinned[Checkpoint] = Thinned(budget=10**6, limit=100)
    for step in (0, 10, 20):
        kept.append(Checkpoint(step, b"x"))
    assert [kept.until(step).step for step in (0, 9, 10, 25)] == [0, 0, 10, 20]
    assert Thinned(1, 1).until(3) is None


def test_a_long_run_in_a_large_world_stays_within_64_megabytes() -> None:
    """100 000 updates at 100 a frame: the tables of 716 × 25 that a learner of ICU-Sepsis has."""
    timeline = Timeline()
    table = np.zeros((1, 716, 25), np.float32)
    fields = dict.fromkeys(("q", "policy", "q_pi", "behavior", "advantages"), table)
    nbytes = 5 * table.nbytes + 716 * 25
    for number in range(1001):
        timeline.add(Frame(0, number * 100, 0.0, 0.0, (0,), np.zeros((1, 14), np.float32), fields, nbytes))
        timeline.checkpoints.append(Checkpoint(number * 100, bytes(215_396)))
        assert timeline.nbytes <= 64_000_000
    assert timeline.step == 100_000
    assert len(timeline.frames) >= 50
    assert len(timeline.checkpoints) >= 30


def test_a_fork_shares_the_past_and_has_its_own_future() -> None:
    timeline = Timeline()
    for step in range(0, 100, 10):
        timeline.add(frame(step))
        timeline.checkpoints.append(Checkpoint(step, bytes(4)))
    timeline.marks += [Mark(20, 0, {"rho": [0, 1]}), Mark(70, 0, {"rho": [1, 2]})]
    fork = timeline.fork(45)
    assert [item.step for item in fork.frames] == [0, 10, 20, 30, 40]
    assert (fork.step, fork.marks) == (45, timeline.marks[:1])
    assert fork.frames.until(40) is timeline.frames.until(40)
    added = fork.add(frame(50))
    assert added.seq == timeline.seq + 1
    assert [item.step for item in timeline.frames][-1] == 90
    assert [item.seq for item in fork.after(3)] == [4, 5, 11]
    assert fork.nbytes == 600 + 5 * 4


def test_training_starts_with_single_updates_and_then_speeds_up() -> None:
    pacer = Pacer(speed=0.0)
    pacer.start(0.0, slow_start=True)
    done, by_second, now = 0, [], 0.0
    for tick in range(1, 5001):
        now = tick / 1000
        updates = pacer.due(now)
        pacer.spent(updates, updates * 1e-5, now)
        done += updates
        if tick % 1000 == 0:
            by_second.append(done)
    assert 9 <= by_second[0] <= 12
    assert 40 < by_second[1] < 200
    assert by_second[4] - by_second[3] > 100_000


def test_the_chosen_speed_is_kept() -> None:
    pacer = Pacer(speed=50.0)
    pacer.start(0.0, slow_start=False)
    done = 0
    for tick in range(1, 4001):
        updates = pacer.due(tick / 1000)
        pacer.spent(updates, 1e-5, tick / 1000)
        done += updates
        assert updates <= 1
    assert 199 <= done <= 202
    assert pacer.rate == pytest.approx(50, rel=0.05)
    # A stall of a second is not made up for at once.
    assert pacer.due(5.0) <= 50 * 0.1


def test_what_costs_much_is_done_rarely() -> None:
    rhythm, done = Rhythm(share=0.04, period=0.1), 0
    for tick in range(1, 10_001):
        rhythm.work(0.001)
        if rhythm.due(tick / 1000):
            rhythm.done(tick / 1000, 0.02)
            done += 1
    assert 18 <= done <= 22  # 20 ms at 4 %: every half second
    rare = Rhythm(share=0.04, period=0.1, at_least=0.25)
    rare.done(0.0, 0.02)
    assert [rare.due(now) for now in (0.2, 0.26)] == [False, True]
    rare.done(0.3, 0.5)
    assert not rare.due(0.6)
    idle = Rhythm(share=0.04, period=0.1)
    idle.done(0.0, 0.02)
    idle.work(0.0, idle=0.1)
    assert idle.due(0.1)


def test_settled_is_when_nothing_moves_over_the_window() -> None:
    convergence = Convergence(window=0)
    tables = {"q": np.ones((1, 2, 2)), "policy": np.full((1, 2, 2), 0.5)}
    moved = {**tables, "policy": np.array([[[0.5, 0.5], [0.501, 0.499]]])}
    assert convergence.see(0, tables) == ""
    assert convergence.see(500, tables) == ""
    assert convergence.see(1000, moved) == ""
    assert "last 1000 updates" in convergence.see(2000, moved)
    convergence.restart(armed=False)
    assert [convergence.see(step, moved) for step in (3000, 4000, 5000)] == ["", "", ""]
    waiting = Convergence(window=5000)
    assert [bool(waiting.see(step, tables)) for step in (0, 2000, 4999, 5000)] == [False, False, False, True]
