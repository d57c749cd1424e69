"""The server's queue of experiments: started, stopped, gone on with, remembered, and refused with a reason."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from offrl_core.experiments import Design, ExperimentError, InThisProcess, Store, run
from offrl_live.runs.live_runs import NoRoom
from offrl_live.serving.environment import ExperimentLimits, experiment_limits
from offrl_live.serving.experiments import Experiments, Standing

SMALL = {"datasets": ["two-actions"], "algorithms": ["bc", "rwr"], "seeds": 2, "steps": 20, "evaluate": [20]}
LONG = {"datasets": ["double-crossing"], "algorithms": ["bc", "bcq"], "seeds": 1, "steps": 5_000_000}

Make = Callable[..., Experiments]


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    """Makes queues with results in one folder; they end with the test."""
    made: list[Experiments] = []

    def one(cluster: Callable[[], InThisProcess] | None = InThisProcess, **limits: float) -> Experiments:
        made.append(Experiments(replace(ExperimentLimits(tmp_path), **limits), cluster))  # type: ignore[arg-type]
        return made[-1]

    yield one
    for queue in made:
        queue.close()


def until(queue: Experiments, design: Design, *states: str) -> Standing:
    """Wait until an experiment is in one of these states."""
    end = time.monotonic() + 90
    while (standing := queue.standing(design)).state not in states:
        assert time.monotonic() < end, standing
        time.sleep(0.02)
    return standing


def test_an_experiment_is_computed_and_its_numbers_are_the_cores(make: Make, tmp_path: Path) -> None:
    queue, design = make(), Design.from_json(SMALL)
    assert queue.standing(design).state == "new"
    queue.start(design)
    done = until(queue, design, "finished")
    assert done.progress is not None
    assert (done.progress.jobs_done, done.progress.updates_done) == (2, 80)
    assert queue.pace is not None
    again = run(design, Store(tmp_path / "elsewhere"), InThisProcess()).frame
    ours = queue.results(design).frame
    assert ours.drop(columns="failed").equals(again.drop(columns="failed"))


def test_a_second_click_starts_nothing_twice_and_several_wait_in_line(make: Make) -> None:
    queue = make(cluster=None, workers=1)
    long, other = Design.from_json(LONG), Design.from_json(SMALL)
    queue.start(long)
    queue.start(long)
    assert queue.start(other).place in (1, 2)
    queue.start(other)
    until(queue, long, "running")
    assert [standing.key for standing in queue.all()] == [other.key, long.key]
    assert queue.standing(other).place == 1
    assert queue.stop(other).state == "stopped"
    assert queue.stop(long).state == "stopping"
    assert until(queue, long, "stopped").reason == "it was stopped"


def test_stopped_while_it_starts_it_goes_on_from_what_is_there(make: Make) -> None:
    queue, design = make(cluster=None, workers=1), Design.from_json(SMALL)
    queue.start(design)
    queue.stop(design)
    until(queue, design, "stopped", "finished")
    queue.start(design)
    assert until(queue, design, "finished").progress is not None
    assert queue.results(design).frame["run"].nunique() == 4


def test_started_again_while_it_is_being_stopped_it_waits_anew(make: Make) -> None:
    queue, long = make(cluster=None, workers=1), Design.from_json(LONG)
    queue.start(long)
    until(queue, long, "running")
    queue.stop(long)
    queue.start(long)
    until(queue, long, "running")
    queue.stop(long)
    until(queue, long, "stopped")


def test_a_server_that_starts_again_knows_what_was_started_and_computes_only_what_is_missing(make: Make) -> None:
    first, design, waiting = make(), Design.from_json(SMALL), Design.from_json({**SMALL, "steps": 30, "evaluate": [30]})
    first.start(design)
    until(first, design, "finished")
    first.close()
    # A server that was killed leaves the state that it was in.
    place = first.limits.folder / "designs" / f"{waiting.key}.json"
    place.write_text(json.dumps({"design": waiting.to_json(), "state": "running", "reason": "", "since": 1.0}))
    (first.limits.folder / "designs" / "damaged.json").write_text("{")
    second = make()
    assert second.standing(design).state == "finished"
    assert (second.standing(waiting).state, second.standing(waiting).reason) == ("stopped", "the server was ended")
    second.start(waiting)
    until(second, waiting, "finished")
    second.start(design)
    again = until(second, design, "finished")
    assert again.progress is None or again.progress.found == 4


def test_the_best_settings_are_trained_afresh_in_the_same_queue(make: Make) -> None:
    queue, design = make(), Design.from_json({**SMALL, "axes": {"rwr.temperature": [0.5, 2.0]}})
    queue.start(design)
    until(queue, design, "finished")
    assert queue.standing(design, afresh=True).state == "new"
    assert queue.start(design, afresh=True).afresh
    end = time.monotonic() + 90
    while (again := queue.standing(design, afresh=True)).state != "finished":
        assert time.monotonic() < end, again
        time.sleep(0.02)
    assert again.progress is not None
    assert (again.progress.jobs, again.progress.updates_done) == (2, 2 * 6 * 20)
    assert [(each.afresh, each.state) for each in queue.all()] == [(True, "finished"), (False, "finished")]
    choice = queue.results(design).choice()
    found = queue.results(design).afresh(choice)
    assert set(found["run"]) == {run.key for job in choice.jobs for run in job.runs}
    assert not set(found["run"]) & set(design.run_of), "what is trained afresh has no part in the experiment"
    queue.close()
    assert make().standing(design, afresh=True).state == "finished"


def test_what_is_not_allowed_is_refused_with_the_number(make: Make) -> None:
    design = Design.from_json(SMALL)
    with pytest.raises(NoRoom, match="no experiments are started"):
        make(queued=0).start(design)
    with pytest.raises(ExperimentError, match="2 jobs are more than this server takes for one experiment"):
        make(jobs=1).start(design)
    full = make(cluster=None, queued=1, workers=1)
    full.start(Design.from_json(LONG))
    until(full, Design.from_json(LONG), "running")
    full.start(design)
    with pytest.raises(NoRoom, match="1 experiments wait already"):
        full.start(Design.from_json({**SMALL, "steps": 21, "evaluate": [21]}))


def test_one_that_takes_too_long_makes_room_and_keeps_what_it_has(make: Make) -> None:
    queue, long = make(cluster=None, workers=1, seconds=0.5), Design.from_json(LONG)
    queue.start(long)
    assert "as long as this server takes for one" in until(queue, long, "stopped").reason


def test_what_goes_wrong_is_told_and_the_next_one_is_computed(make: Make) -> None:
    def unreachable() -> InThisProcess:
        raise OSError("no scheduler answers at tcp://127.0.0.1:1")

    queue, design = make(cluster=unreachable), Design.from_json(SMALL)
    queue.start(design)
    assert until(queue, design, "failed").reason == "no scheduler answers at tcp://127.0.0.1:1"
    queue.start(design)
    until(queue, design, "failed")
    assert len(queue.all()) == 1


def test_a_full_disk_is_told(make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    queue, design = make(), Design.from_json(SMALL)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("offrl_core.experiments.store.os.fsync", full)
    queue.start(design)
    assert "the disk is full" in until(queue, design, "failed").reason
    monkeypatch.undo()
    queue.start(design)
    until(queue, design, "finished")


def test_a_folder_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ExperimentError, match="results cannot be kept in"):
        Experiments(ExperimentLimits(tmp_path / "file"))


@pytest.mark.parametrize("name", ["QUEUE", "WORKERS", "JOBS", "MINUTES"])
def test_settings_of_the_environment_are_checked(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"OFFRL_EXPERIMENT_{name}", "some")
    with pytest.raises(ValueError, match=f"OFFRL_EXPERIMENT_{name} = 'some' is not allowed"):
        experiment_limits()


def test_settings_of_the_environment_are_taken(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("OFFRL_EXPERIMENTS", str(tmp_path))
    monkeypatch.setenv("OFFRL_EXPERIMENT_QUEUE", "0")
    monkeypatch.setenv("OFFRL_EXPERIMENT_MINUTES", "5")
    limits = experiment_limits()
    assert (limits.folder, limits.queued, limits.seconds) == (tmp_path, 0, 300.0)
