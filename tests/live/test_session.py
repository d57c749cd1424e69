"""The worker's loop without its process: what it sends, in which order, and why it stops."""

import time

import numpy as np
import pytest

from offrl_live.runs import wire
from offrl_live.runs.config import Lane, RunConfig
from offrl_live.runs.engine import Engine
from offrl_live.runs.worker import Worker
from tests.live.watching import HandClock, SkippingClock

BCQ = RunConfig("double-crossing", {}, (Lane("bcq"),))


class Bench:
    """A worker driven by hand."""

    def __init__(self, time: HandClock | SkippingClock | None = None) -> None:
        self.time = time or SkippingClock()
        self.sent: list[tuple[dict, dict, bytes]] = []
        self.worker = Worker(self._receive, self.time.clock)
        self.order = 0

    def _receive(self, message: bytes) -> None:
        header, payload = wire.split(message)
        self.sent.append((header, wire.unpack(header["fields"], payload), bytes(payload)))

    def start(self, config: RunConfig = BCQ, **more) -> None:
        base = {"do": "start", "run": "r", "order": 0, "config": config.to_json(), "dataset": None, "checkpoint": None}
        self.do(**{**base, "step": 0, "speed": 0.0, "limit": config.budget, "focus": (0,), **more})

    def do(self, do: str, **more) -> None:
        self.order += 1
        self.worker.obey({"do": do, "run": "r", "order": self.order, "viewer": 1, "id": self.order, **more})

    def work(self) -> None:
        """One slice, once it is time for it."""
        self.time.sleep(self.worker.wait() or 0.0)
        self.worker.work()

    def run(self, until, seconds: float = 20.0) -> None:
        """Let the worker work until `until()`."""
        deadline = time.monotonic() + seconds
        while not until():
            assert time.monotonic() < deadline, [h for h, _, _ in self.sent][-5:]
            if self.worker.wait() is None:
                return
            self.work()

    def kinds(self) -> list[str]:
        return [header["kind"] for header, _, _ in self.sent]

    def of(self, kind: str) -> list[dict]:
        return [header for header, _, _ in self.sent if header["kind"] == kind]

    def tables(self) -> list[dict]:
        return [arrays for header, arrays, _ in self.sent if header["kind"] == "frame"]

    def standing(self) -> bool:
        """Whether the last command that changes the state was answered by standing still."""
        last = self.of("state")[-1]
        return last["state"] != "running" and last["order"] == self.order


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_a_run_is_described_and_shown_before_it_trains(bench: Bench) -> None:
    bench.start()
    assert bench.kinds() == ["built", "checkpoint", "frame", "arrived", "state"]
    assert bench.of("built")[0]["hello"]["states"] == 24
    (tables,) = bench.tables()
    assert tables["metrics"].shape == (1, len(bench.of("built")[0]["hello"]["metrics"]))
    assert tables["q_pi"].shape == (1, 24, 4)
    assert bench.of("state")[0]["state"] == "paused"


def test_training_begins_slowly_and_ends_with_the_budget(bench: Bench) -> None:
    bench.start(RunConfig("double-crossing", {}, (Lane("cql"),), budget=400))
    bench.do("play", limit=400, keep_on=False)
    bench.run(bench.standing)
    steps = [header["step"] for header in bench.of("frame")]
    assert steps[:6] == [0, 1, 2, 3, 4, 5]
    assert steps[-1] == 400
    last = bench.of("state")[-1]
    assert (last["state"], last["reason"], last["step"]) == ("finished", "its budget of 400 updates is spent", 400)
    # The last word comes after the last frame and the checkpoint that belongs to it.
    assert bench.kinds()[-3:] == ["frame", "checkpoint", "state"]
    assert bench.of("checkpoint")[-1]["step"] == 400
    bench.do("play", limit=400, keep_on=False)
    assert bench.of("state")[-1]["state"] == "finished"


def test_what_it_sends_is_what_the_engine_computes(bench: Bench) -> None:
    bench.start(RunConfig("double-crossing", {}, (Lane("bcq"),), budget=60), limit=60)
    bench.do("play", limit=60, keep_on=False)
    bench.run(bench.standing)
    engine = Engine(BCQ)
    for header, tables in zip(bench.of("frame"), bench.tables(), strict=True):
        engine.advance(header["step"] - engine.step)
        for name, table in engine.snapshot().tables.items():
            if name in tables:
                np.testing.assert_array_equal(tables[name], table)


def test_it_says_when_nothing_moves_any_more(bench: Bench) -> None:
    bench.start()
    bench.do("play", limit=0, keep_on=False)
    bench.run(bench.standing)
    last = bench.of("state")[-1]
    assert last["state"] == "finished"
    assert last["reason"].startswith("converged")
    assert last["step"] < 20_000
    # What it came to is known in full: the last frame has the truth about its policy.
    assert bench.of("frame")[-1]["step"] == last["step"]
    assert "q_pi" in bench.tables()[-1]
    bench.do("play", limit=last["step"] + 5000, keep_on=True)
    bench.run(bench.standing)
    assert bench.of("state")[-1]["reason"].startswith("its budget of")


def test_a_loss_without_a_floor_never_settles(bench: Bench) -> None:
    bench.start(RunConfig("two-actions", {"reward_plus": 1.0, "reward_minus": -1.0}, (Lane("emrl"),), budget=8000))
    bench.do("play", limit=8000, keep_on=False)
    bench.run(bench.standing)
    last = bench.of("state")[-1]
    assert last["reason"].startswith("its budget of")
    # The policy is as certain as it can be long before.
    assert bench.tables()[-1]["policy"].max() == pytest.approx(1, abs=1e-6)


def test_it_says_what_left_the_numbers(bench: Bench) -> None:
    bench.start(RunConfig("double-crossing", {}, (Lane("rwr", hyperparameters={"temperature": 0.01}),)))
    bench.do("play", limit=0, keep_on=False)
    bench.run(bench.standing)
    last = bench.of("state")[-1]
    assert last["state"] == "diverged"
    assert "weight overflowed to infinity" in last["reason"]
    assert last["step"] == 0
    (alarm,) = [message["alarm"] for message in bench.of("alarm") if message["alarm"]["kind"] == "diverged"]
    assert alarm["member"] == 0
    assert np.isfinite(bench.tables()[-1]["policy"]).all()


@pytest.mark.parametrize(("unit", "updates"), [("update", 1), ("epoch", 4)])
def test_steps(bench: Bench, unit: str, updates: int) -> None:
    bench.start(RunConfig("double-crossing", {}, (Lane("bcq", hyperparameters={"batch_size": 256}),)))
    rows = bench.of("built")[0]["hello"]["rows"]
    assert bench.of("built")[0]["hello"]["steps_per_epoch"] == -(-rows // 256) == 4
    bench.do("step", unit=unit, limit=0)
    bench.run(bench.standing)
    assert bench.of("frame")[-1]["step"] == updates
    assert "q_pi" in bench.tables()[-1]
    assert bench.of("state")[-1]["state"] == "paused"


def test_a_step_never_passes_the_budget(bench: Bench) -> None:
    config = RunConfig("double-crossing", {}, (Lane("bcq", hyperparameters={"batch_size": 8}),), budget=5)
    bench.start(config)
    bench.do("step", unit="epoch", limit=5)
    bench.run(bench.standing)
    assert bench.of("frame")[-1]["step"] == 5


def test_a_long_epoch_can_be_interrupted(bench: Bench) -> None:
    bench.start(RunConfig("icu-sepsis", {}, (Lane("bcq", hyperparameters={"batch_size": 1}),)))
    epoch = bench.of("built")[0]["hello"]["steps_per_epoch"]
    assert epoch > 50_000
    bench.do("step", unit="epoch", limit=0)
    bench.work()
    bench.do("pause")
    assert bench.of("state")[-1]["state"] == "paused"
    assert 0 < bench.of("frame")[-1]["step"] < epoch
    assert bench.worker.wait() is None


def test_a_change_while_training_shows_at_once(bench: Bench) -> None:
    bench.start()
    bench.do("speed", value=40.0)
    bench.do("play", limit=0, keep_on=False)
    bench.run(lambda: bench.of("frame")[-1]["step"] >= 4)
    before = len(bench.sent)
    bench.do("set", lane=0, values={"learning_rate": 0.01})
    new = [header for header, _, _ in bench.sent[before:]]
    assert [header["kind"] for header in new[:3]] == ["mark", "reply", "frame"]
    mark, reply, frame = new[:3]
    assert mark["mark"]["what"] == {"learning_rate": [0.5, 0.01]}
    assert (reply["type"], reply["id"]) == ("accepted", bench.order)
    assert frame["step"] == mark["mark"]["step"] + 1
    engine = Engine(BCQ.changed(mark["mark"]["step"], 0, {"learning_rate": 0.01}))
    engine.advance(frame["step"])
    np.testing.assert_array_equal(bench.tables()[-1]["q"], engine.snapshot().tables["q"])


def test_a_refused_change_is_answered_and_nothing_else(bench: Bench) -> None:
    bench.start()
    bench.do("set", lane=0, values={"rho": 7})
    reply, state = [header for header, _, _ in bench.sent[-2:]]
    assert (reply["type"], state["state"]) == ("refused", "paused")
    assert "rho = 7 is not allowed" in reply["message"]
    assert state["order"] == bench.order


def test_the_speed_is_kept_and_pausing_acts_at_once() -> None:
    hand = HandClock()
    bench = Bench(hand)
    bench.start(speed=100.0)
    bench.worker.session.engine.advance(1)  # past the slow start
    bench.do("play", limit=0, keep_on=False)
    began, first = hand.time, bench.worker.session.engine.step
    bench.run(lambda: hand.time - began > 2.0)
    assert 198 <= bench.worker.session.engine.step - first <= 202
    frames = [header["time"] for header in bench.of("frame")]
    assert 20 <= len(frames) - 1 <= 25
    pressed = hand.time
    bench.do("pause")
    assert hand.time == pressed
    assert bench.of("state")[-1]["state"] == "paused"
    assert bench.of("frame")[-1]["step"] == bench.of("checkpoint")[-1]["step"] == bench.of("state")[-1]["step"]


def test_it_continues_from_a_checkpoint_to_the_step_that_was_shown(bench: Bench) -> None:
    engine = Engine(BCQ)
    engine.advance(50)
    bench.start(checkpoint=engine.checkpoint(), step=333)
    assert bench.kinds() == ["built"]
    bench.run(lambda: "arrived" in bench.kinds())
    engine.advance(283)
    assert bench.of("frame")[0]["step"] == 333
    np.testing.assert_array_equal(bench.tables()[0]["q"], engine.snapshot().tables["q"])


def test_large_runs_send_who_is_looked_at_and_everybody_now_and_then(bench: Bench) -> None:
    config = RunConfig("icu-sepsis", {}, (Lane("bcq", seeds=8),))
    bench.start(config, focus=(5,))
    for _ in range(8):
        bench.do("step", unit="update", limit=0)
    carried = [header["members"] for header in bench.of("frame")]
    assert [list(range(8)) in carried, [5] in carried] == [True, True]
    assert carried.count([5]) > carried.count(list(range(8)))
    sizes = [len(payload) for header, _, payload in bench.sent if header["kind"] == "frame"]
    assert np.mean(sizes) < 1_200_000
    assert all(tables["metrics"].shape[0] == 8 for tables in bench.tables())


def test_a_run_that_cannot_be_built_fails_and_the_worker_goes_on(bench: Bench) -> None:
    bench.start(checkpoint=b"not a checkpoint at all, but long enough to be read as one")
    assert bench.kinds() == ["error"]
    assert bench.worker.session is None
    bench.start()
    assert bench.kinds()[1:] == ["built", "checkpoint", "frame", "arrived", "state"]


def test_commands_for_another_run_are_ignored(bench: Bench) -> None:
    bench.start()
    count = len(bench.sent)
    bench.worker.obey({"do": "play", "run": "other", "order": 9, "limit": 0, "keep_on": False})
    assert len(bench.sent) == count
    bench.do("drop")
    assert bench.worker.session is None


def test_returns_that_must_be_played_follow_their_frame(bench: Bench) -> None:
    config = RunConfig("maze", {}, (Lane("bcq", "mlp", seeds=2),), budget=0)
    bench.start(config)
    names = [metric["name"] for metric in bench.of("built")[0]["hello"]["metrics"]]
    (low, mean, high) = (names.index(name) for name in ("return_low", "return", "return_high"))
    # The frame does not wait for the episodes; it is sent again when they are over.
    assert bench.of("state")[-1]["state"] == "paused"
    assert np.isnan(bench.tables()[0]["metrics"][:, mean]).all()
    bench.run(lambda: len(bench.of("frame")) == 2)
    assert [header["step"] for header in bench.of("frame")] == [0, 0]
    again = bench.tables()[1]["metrics"]
    assert (again[:, low] <= again[:, mean]).all()
    assert (again[:, mean] <= again[:, high]).all()
    np.testing.assert_array_equal(bench.tables()[0]["q"], bench.tables()[1]["q"])
    engine = Engine(config)
    np.testing.assert_allclose(again[:, mean], engine.snapshot().metrics["return"], rtol=1e-6)
    # A command in the middle of it acts at once.
    bench.do("step", unit="update", limit=0)
    bench.work()
    bench.do("play", limit=0, keep_on=False)
    bench.run(lambda: bench.of("frame")[-1]["step"] > 20)
    measured = [tables["metrics"][0, mean] for tables in bench.tables()]
    assert np.isnan(measured).sum() > np.isfinite(measured).sum()


def test_looking_into_a_transition(bench: Bench) -> None:
    bench.start()
    bench.do("explain", member=0, what={"row": 3})
    assert bench.of("reply")[-1]["data"]["row"] == 3
    bench.do("explain", member=0, what={"state": 0, "action": 77})
    assert bench.of("reply")[-1]["type"] == "refused"
