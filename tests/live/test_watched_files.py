"""Own files on a server: their algorithms as any other, trained anew when they are saved, and their mistakes told."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from offrl_core import algos, own_files
from offrl_core.data.catalogue import load_dataset
from offrl_core.learning import Learner
from offrl_live.runs.checks import ConfigError
from offrl_live.runs.config import Lane, RunConfig
from offrl_live.runs.engine import Engine
from offrl_live.runs.live_runs import Limits
from offrl_live.runs.script import script
from offrl_live.serving.command_line import cluster_address, named_files
from offrl_live.serving.environment import own_seconds
from offrl_live.serving.hub import Hub
from tests.live.watching import CQL, Watcher, until
from tests.own_code import ENDLESS, MISTAKES, TEXT, changed

SECONDS = 2.0
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file that the hub of this module watches."""
    place = tmp_path_factory.mktemp("own") / "mine.py"
    place.write_text(TEXT)
    return place


@pytest.fixture(scope="module")
def watching_hub(place: Path) -> Iterator[Hub]:
    """A hub that was given the file."""
    patch = pytest.MonkeyPatch()
    patch.setenv("OFFRL_OWN_SECONDS", str(SECONDS))
    patch.setattr(algos, "_added", {})
    running = Hub(Limits(workers=1)).start()
    running.watch([place])
    yield running
    running.close()
    patch.undo()


@pytest.fixture
def hub(watching_hub: Hub, place: Path) -> Iterator[Hub]:
    """That hub without runs, with the file as it was at first."""
    place.write_text(TEXT)
    until(lambda: not watching_hub.mistakes and own_files.read(place).version == _kind().version)
    yield watching_hub
    for run_id in list(watching_hub.runs):
        watching_hub.drop(run_id)


def _kind() -> type[algos.Algorithm]:
    return algos.algorithm("mine")


def mine(**values: object) -> RunConfig:
    """A run of the file's algorithm, without an end."""
    return RunConfig("double-crossing", {}, (Lane("mine", hyperparameters={"batch_size": 64, **values}),), budget=0)


Watched = Callable[..., Watcher]


@pytest.fixture
def watched(hub: Hub) -> Watched:
    """Opens a run of the file's algorithm that trains and is watched."""

    def open_one(**values: object) -> Watcher:
        watcher = Watcher(hub, hub.open(mine(**values)))
        watcher.say("play")
        until(lambda: len(watcher.frames()) > 2)
        return watcher

    return open_one


def moved(hub: Hub, watcher: Watcher) -> Watcher:
    """Follows to the run that begins anew."""
    (message,) = until(lambda: watcher.of("moved"))
    assert message["shared"]
    assert message["reason"] == "mine.py was saved: trained anew"
    watcher.leave()
    fresh = Watcher(hub, message["run_id"])
    until(lambda: len(fresh.frames()) > 2)
    return fresh


def test_it_is_an_algorithm_as_any_other(hub: Hub, watched: Watched, place: Path, tmp_path: Path) -> None:
    watcher = watched()
    (hello,) = watcher.of("hello")
    assert hello["lanes"][0]["title"] == "Mine"
    assert hello["run"]["config"]["lanes"][0]["version"] == own_files.read(place).version
    assert watcher.answer(watcher.say("set", lane=0, values={"alpha": 2.0}))["type"] == "accepted"
    (mark,) = until(lambda: watcher.of("mark"))
    assert mark["what"] == {"alpha": [0.1, 2.0]}
    explained = watcher.answer(watcher.say("explain", row=3))
    assert {"q", "target", "delta"} <= {step["name"] for step in explained["data"]["steps"]}
    watcher.say("film")
    until(lambda: watcher.of("film"))
    watcher.say("pause")
    watcher.wait_for("paused")
    # The exported script loads the file and computes the same numbers.
    export = hub.export(watcher.viewer.run.id)
    code = script(export.config, min(export.frames[-1].step, mark["step"] + 20))
    assert f"orl.load_algorithms('mine.py', version='{_kind().version}')\n" in code
    (tmp_path / "mine.py").write_text(TEXT)
    ran = subprocess.run(
        [sys.executable, "-c", code + "\nnp.save('q.npy', snapshot.q)\n"],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert ran.returncode == 0, ran.stderr
    engine = Engine(export.config)
    engine.advance(min(export.frames[-1].step, mark["step"] + 20))
    np.testing.assert_array_equal(np.load(tmp_path / "q.npy"), engine.lanes[0].snapshot().q)
    assert export.policies("csv").startswith(b"model")


def test_saving_trains_anew_and_the_run_before_stays_as_it_was(hub: Hub, watched: Watched, place: Path) -> None:
    before, other = watched(alpha=0.7), Watcher(hub, hub.open(CQL))
    old = before.viewer.run
    place.write_text(
        TEXT.replace('"Mine"', '"Mine II"')
        .replace("(*Q_LEARNING, ", '(*Q_LEARNING, Hyperparameter("beta", "b", 1.0, "More.", low=0.0, high=2.0), ')
        .replace("hp.alpha)", "hp.alpha * hp.beta)")
    )
    fresh = moved(hub, before)
    (hello,) = fresh.of("hello")
    assert hello["lanes"][0]["title"] == "Mine II"
    now = {h["name"]: h["value"] for h in hello["lanes"][0]["hyperparameters"]}
    assert (now["alpha"], now["beta"]) == (0.7, 1.0)
    assert hello["run"]["parent"]["id"] == old.id
    assert hello["run"]["key"] != old.config.key
    assert fresh.answer(fresh.say("set", lane=0, values={"beta": 2.0}))["type"] == "accepted"
    assert not other.of("moved")
    # What was trained before goes on by its own text, where somebody goes back to it.
    fresh.say("pause")
    back = Watcher(hub, old.id)
    step = old.step
    back.say("play")
    until(lambda: old.step > step)
    assert back.of("hello")[0]["lanes"][0]["title"] == "Mine"
    assert back.answer(back.say("set", lane=0, values={"beta": 2.0}))["type"] == "refused"


def test_it_trains_beside_others_and_branches(hub: Hub, place: Path) -> None:
    lanes = (Lane("cql", hyperparameters={"form": "paper", "alpha": 0.5}), Lane("mine", hyperparameters={"alpha": 0.5}))
    watcher = Watcher(hub, hub.open(RunConfig("double-crossing", {}, lanes, budget=60)))
    watcher.say("play")
    assert watcher.wait_for("finished")["step"] == 60
    tables = hub.export(watcher.viewer.run.id).frames[-1].fields["q"]
    np.testing.assert_array_equal(tables[0], tables[1])  # the same loss, once as built in and once as a file
    watcher.say("branch", step=30, lane=1, values={"alpha": 0.0})
    (message,) = until(lambda: watcher.of("moved"))
    branch = Watcher(hub, message["run_id"])
    assert branch.wait_for("finished")["step"] >= 60
    tables = hub.export(message["run_id"]).frames[-1].fields["q"]
    assert np.abs(tables[0] - tables[1]).max() > 0.01
    # Saved, both lanes begin anew in one run.
    place.write_text(TEXT.replace("hp.alpha)", "2 * hp.alpha)"))
    fresh = moved(hub, branch)
    assert [lane["algorithm"] for lane in fresh.of("hello")[0]["lanes"]] == ["cql", "mine"]


def test_who_opens_the_same_choice_gets_the_run_of_the_newest_text(hub: Hub, watched: Watched, place: Path) -> None:
    watcher = watched()
    assert hub.open(mine()) == watcher.viewer.run.id
    place.write_text(TEXT.replace('"Mine"', '"Mine II"'))
    fresh = moved(hub, watcher)
    assert hub.open(mine()) == fresh.viewer.run.id
    with pytest.raises(ConfigError, match="its file is another one by now"):
        RunConfig.from_json(json.dumps({**mine().to_json(), "lanes": [{"algorithm": "mine", "version": "gone"}]}))


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_told_with_its_line_and_the_run_goes_on(
    hub: Hub, watched: Watched, place: Path, name: str
) -> None:
    watcher = watched()
    place.write_text(changed(MISTAKES[name]))
    until(lambda: watcher.of("state")[-1].get("mistake"))
    said = watcher.state()["mistake"]
    assert said.startswith("mine.py")
    assert MISTAKES[name][2] in said
    assert not watcher.of("moved")
    step = watcher.viewer.run.step
    until(lambda: watcher.viewer.run.step > step)
    # A run that is opened now is told, too; taken back, the mistake is gone, and nothing begins anew.
    other = Watcher(hub, hub.open(mine(alpha=0.3)))
    assert until(lambda: other.of("state"))[-1]["mistake"] == said
    place.write_text(TEXT)
    until(lambda: "mistake" not in watcher.of("state")[-1])
    assert not watcher.of("moved")


@pytest.mark.parametrize("name", ENDLESS)
def test_what_does_not_end_is_stopped(hub: Hub, watched: Watched, place: Path, name: str) -> None:
    watcher = watched()
    place.write_text(changed(ENDLESS[name]))
    until(lambda: watcher.of("state")[-1].get("mistake"))
    line = (
        changed(ENDLESS[name]).splitlines().index({"loading": "while True:", "training": "        while True:"}[name])
    )
    said = watcher.state()["mistake"]
    assert said in {f"mine.py, line {at}: this does not end: it was stopped after 2 s" for at in (line + 1, line + 2)}
    step = watcher.viewer.run.step
    until(lambda: watcher.viewer.run.step > step)


LATER = (
    "        return {",
    "        if float(hp.alpha[0, 0]) > 5:\n            while True:\n                pass\n"
    "        if float(hp.alpha[0, 0]) > 4:\n            return 1 / 0\n        return {",
    "",
)


def test_a_run_whose_code_fails_or_hangs_later_fails_alone(hub: Hub, watched: Watched, place: Path) -> None:
    watcher = watched()
    place.write_text(changed(LATER))
    watcher = moved(hub, watcher)
    watcher.say("set", lane=0, values={"alpha": 4.5})
    reason = watcher.wait_for("failed")["reason"]
    assert reason.startswith("mine.py, line 19: ZeroDivisionError: division by zero; restart continues from step")
    workers = set(hub.scheduler.workers)
    watcher = Watcher(hub, hub.open(mine(alpha=3.0)))
    watcher.say("play")
    until(lambda: len(watcher.frames()) > 2)
    watcher.say("set", lane=0, values={"alpha": 6.0})
    reason = watcher.wait_for("failed")["reason"]
    assert "this does not end: it was stopped after 2 s" in reason
    assert reason.startswith(("mine.py, line 16", "mine.py, line 17"))
    # The worker is replaced, and others train.
    other = hub.open(CQL)
    hub.play(other)
    until(lambda: hub.info(other)["step"] > 10)
    until(lambda: len(hub.scheduler.workers) == 2 and set(hub.scheduler.workers) != workers)


def test_the_picture_of_its_card_is_trained_elsewhere(hub: Hub) -> None:
    assert hub.files is not None
    policy = np.array(until(lambda: hub.files.policy(_kind(), "double-crossing", 100)))
    learner = Learner(load_dataset("double-crossing"), "mine")
    learner.advance(100)
    np.testing.assert_allclose(policy, learner.snapshot().policy[0])


def test_a_text_that_is_saved_does_not_wait_for_the_picture(hub: Hub, watched: Watched, place: Path) -> None:
    assert hub.files is not None
    assert hub.files.policy(_kind(), "double-crossing", 10**8) is None
    watcher = watched()
    place.write_text(changed(MISTAKES["hyperparameter"]))
    until(lambda: watcher.of("state")[-1].get("mistake"))
    assert hub.files.policy(_kind(), "double-crossing", 10**8) is None


def test_an_algorithm_may_get_another_name_while_its_run_goes_on(hub: Hub, watched: Watched, place: Path) -> None:
    watcher = watched()
    place.write_text(TEXT.replace('"mine"', '"renamed"'))
    until(lambda: watcher.of("state")[-1].get("mistake"))
    assert watcher.state()["mistake"] == "mine.py: there is no algorithm 'mine' in it any more"
    assert "renamed" in algos.algorithms()
    step = watcher.viewer.run.step
    until(lambda: watcher.viewer.run.step > step)
    place.write_text(TEXT)
    until(lambda: "mistake" not in watcher.of("state")[-1])


def test_a_file_that_is_not_there_yet_is_taken_when_it_comes(tmp_path: Path) -> None:
    late = tmp_path / "late.py"
    hub = Hub(Limits(workers=1))
    try:
        hub.watch([late])
        assert hub.files is not None
        assert list(hub.files.never_good()) == ["late.py"]
        assert "there is no such file" in hub.mistakes["late.py"]
        late.write_text(TEXT.replace('"mine"', '"late"'))
        until(lambda: "late" in algos.algorithms())
        until(lambda: hub.files.never_good() == {})
    finally:
        hub.close()
        algos._added.pop("late", None)


@pytest.mark.skipif(
    not Path("/proc/self/maps").exists(),
    reason="which libraries a process has loaded is read from /proc/<pid>/maps, which only Linux has",
)
def test_torch_is_loaded_where_a_file_needs_it_and_waits_in_one_worker(hub: Hub, tmp_path: Path) -> None:
    def with_torch(hub: Hub) -> list[bool]:
        return ["libtorch" in Path(f"/proc/{worker.pid}/maps").read_text() for worker in hub.scheduler.workers]

    assert with_torch(hub) == [False, False]  # a file in numpy needs none
    place = tmp_path / "my_cql.py"
    place.write_text((ROOT / "docs" / "examples" / "my_cql.py").read_text())
    other = Hub(Limits(workers=1)).start()
    try:
        other.watch([place])
        until(lambda: sorted(with_torch(other)) == [False, True])
        config = RunConfig("double-crossing", {}, (Lane("my-cql"),))
        watcher = Watcher(other, other.open(config))
        until(watcher.frames)
        # The run took the one that had it, and the next one is made ready.
        until(lambda: with_torch(other) == [True, True])
    finally:
        other.close()
        algos._added.pop("my-cql", None)


def test_the_command_line_names_files(capsys: pytest.CaptureFixture[str]) -> None:
    here = Path.cwd()
    assert named_files([]) == ()
    assert named_files(["--algorithm", "a.py", "--algorithm=/tmp/b.py", "--algorithm", "a.py"]) == (
        here / "a.py",
        Path("/tmp/b.py").resolve(),
    )
    with pytest.raises(SystemExit):
        named_files(["--algoritm", "a.py"])
    assert "usage: streamlit run app.py -- [-h] [--algorithm FILE]" in capsys.readouterr().err
    assert cluster_address(["--algorithm", "a.py"]) == ""
    assert cluster_address(["--cluster", "tcp://127.0.0.1:8786"]) == "tcp://127.0.0.1:8786"
    with pytest.raises(SystemExit):
        cluster_address(["--cluster", "127.0.0.1"])
    assert "'127.0.0.1' is not the address of a cluster: it is written tcp://host:8786" in capsys.readouterr().err


def test_the_time_limit_is_a_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OFFRL_OWN_SECONDS", raising=False)
    assert own_seconds() == 10.0
    for text in ("0", "-1", "nan", "inf", "soon"):
        monkeypatch.setenv("OFFRL_OWN_SECONDS", text)
        with pytest.raises(ValueError, match=f"OFFRL_OWN_SECONDS = '{text}' is not allowed"):
            own_seconds()
