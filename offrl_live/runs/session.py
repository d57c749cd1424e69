"""A session: one run in a worker, trained in slices between commands, at its pace, sending what there is to see."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from offrl_core.dataset import Dataset
from offrl_core.evaluation.alarms import Watch
from offrl_core.evaluation.member_returns import played
from offrl_live.runs import datasets
from offrl_live.runs.checks import ConfigError
from offrl_live.runs.clock import Clock, Forward
from offrl_live.runs.config import RunConfig
from offrl_live.runs.convergence import Convergence
from offrl_live.runs.engine import Engine
from offrl_live.runs.look_back import LookBack
from offrl_live.runs.pace import (
    AHEAD_EFFORT,
    CHECKPOINT_SECONDS,
    CHECKPOINT_SHARE,
    FRAME_SECONDS,
    FRAME_SHARE,
    LOOK_BACK_SHARE,
    PLAYED_SECONDS,
    PLAYED_SHARE,
    SLICE_SECONDS,
    SLOWEST_FRAME_SECONDS,
    TRUTH_SHARE,
    Pacer,
    Rhythm,
)
from offrl_live.runs.session_messages import Command, Send, SessionMessages
from offrl_live.runs.snapshot import RunSnapshot
from offrl_live.runs.wire import json_data

REPLAY_SLICE = 64


class Session:
    """One run in this process: the engine, its pace, and what is sent when.

    Args:
        command: `run, order, config, dataset` (None: from the catalogue), `checkpoint` (None: from the start), `step`
            (to replay to), `speed, limit` (step to stop at, 0 none), `focus` (members that are looked at), `reads`
            (whether what the targets of networks read is looked at).
        send: takes a message of the wire format.
        clock: the times to go by.
    """

    def __init__(self, command: Command, send: Send, clock: Clock) -> None:
        self.run: str = command["run"]
        self._forward = Forward(clock)
        self._clock = clock = self._forward.clock
        dataset: Dataset | None = command["dataset"]
        self._brought = dataset is not None and datasets.bring(command["config"]["dataset"], dataset)
        try:
            self.engine = Engine(RunConfig.from_json(command["config"]))
        except BaseException:
            if self._brought:
                datasets.forget(command["config"]["dataset"])
            raise
        if command["checkpoint"] is not None:
            self.engine.restore(command["checkpoint"])
        self.engine.reads = command.get("reads", False)
        self.limit: int = command["limit"]
        self.replay_to: int = command["step"]
        self.training = False
        self.pacer = Pacer(command["speed"])
        self.frames = Rhythm(FRAME_SHARE, FRAME_SECONDS, SLOWEST_FRAME_SECONDS)
        self._played = played(self.engine.dataset)
        self.truths = Rhythm(PLAYED_SHARE if self._played else TRUTH_SHARE, cost=PLAYED_SECONDS * self._played)
        self.checkpoints = Rhythm(CHECKPOINT_SHARE, CHECKPOINT_SECONDS)
        self.look_backs = Rhythm(LOOK_BACK_SHARE)
        self.look_back = LookBack(self.engine, clock)
        self.convergence = Convergence(self.engine.settling_window)
        self._shown = -1
        self._evaluated = -1
        self._saved = -1
        self._next_update = 0.0
        self._until: int | None = None
        self._ahead_until: float | None = None
        self._ahead_every = 0.0
        self._evaluation: Iterator[RunSnapshot | None] | None = None
        self._evaluation_seconds = 0.0
        self._effort = clock.effort()
        self._order: int = command["order"]
        self._reported = ("paused", "")
        self._last_known: dict[str, Any] = {}
        self.watch = Watch(self.engine.facts())
        self._messages = SessionMessages(self.run, self.engine, tuple(command["focus"]), send)
        if self.engine.step >= self.replay_to:
            self._arrived()

    def close(self) -> None:
        """The run leaves this process, and with it the dataset that it brought along."""
        if self._brought:
            datasets.forget(self.engine.config.dataset)

    # what the loop asks

    def wait(self) -> float | None:
        """Seconds until there is work: 0 now, None when only a command brings some."""
        if self.replay_to > self.engine.step or self._evaluation is not None or self._look_back_due():
            return 0.0
        if not self.training:
            return None
        return max(0.0, self._next_update - self._clock.now())

    def work(self) -> None:
        """One slice."""
        if self.engine.step < self.replay_to:
            self._replay()
        elif self._look_back_due():
            self._look_back()
        elif self._evaluation is not None:
            self._evaluate_on()
        elif self._ahead_until is not None:
            self._train_ahead(self._ahead_until)
        elif self.training:
            self._train()

    def obey(self, command: Command) -> None:
        """Carry out one command of the server."""
        do = command["do"]
        # The server numbers what changes the run's state, and so knows which command a state answers.
        self._order = command.get("order", self._order)
        if do in ("play", "step", "set") and self._evaluation is not None:
            self._evaluation, self._evaluated = None, -1  # what was being measured is about to change
        if do == "play":
            self.limit = command["limit"]
            self._play(keep_on=command["keep_on"], ahead=command.get("ahead", 0.0), every=command.get("every", 0.0))
        elif do == "pause":
            self._pause("paused", "")
        elif do == "step":
            self.limit = command["limit"]
            self._step(command["unit"])
        elif do == "speed":
            self.pacer.speed = command["value"]
            self._next_update = 0.0
        elif do == "set":
            self._set(command)
        elif do == "focus":
            self._messages.focus(tuple(command["members"]))
            if not self.training:
                self._show(truth=True)
        elif do == "reads":
            self.engine.reads = command["wanted"]
            if self.engine.reads and not self.training:
                self._show(truth=True)
        elif do == "explain" and command.get("step") in (None, self.engine.step):
            self._explain(command)
        elif do in ("explain", "film") and (dropped := self.look_back.order(command)) is not None:
            self._messages.reply(dropped, "refused", message="another step was asked for meanwhile")

    # playing

    def _replay(self) -> None:
        self.engine.advance(min(REPLAY_SLICE, self.replay_to - self.engine.step))
        if self.engine.stopped:
            self.replay_to = self.engine.step
        if self.engine.step >= self.replay_to:
            self._arrived()

    def _arrived(self) -> None:
        """The step to continue from is reached: show it; from here on commands come."""
        self.replay_to = self.engine.step
        self._save()
        self._show(truth=True)
        self._send_marks()
        self._messages.arrived()
        self._state("paused", "")

    def _play(self, *, keep_on: bool = False, ahead: float = 0.0, every: float = 0.0) -> None:
        """Train.

        Args:
            keep_on: also where nothing moves any more.
            ahead: so many seconds of watching, without waiting for anybody to watch; 0 for live.
            every: seconds of watching from one frame to the next then.
        """
        if self._ended():
            return
        self.training, self._until = True, None
        self._effort = self._clock.effort()
        self.convergence.restart(armed=not keep_on)
        now = self._clock.now()
        # What follows the beginning, or a change, is to be seen update by update.
        news = self.engine.step == 0 or (self.engine.marks and self.engine.marks[-1].step == self.engine.step)
        self.pacer.start(now, slow_start=bool(news))
        self._ahead_until = now + ahead if ahead else None
        self._ahead_every = every
        self.frames.reset()
        if not self._played:
            self.truths.reset()
        self._next_update = 0.0
        self._state("running", "")

    def _ended(self) -> bool:
        """Report why there is nothing left to train, if so."""
        if self.engine.stopped:
            self._messages.alarms(self.engine.divergences())
            self._pause("diverged", self.engine.why_stopped)
            return True
        if self.limit and self.engine.step >= self.limit:
            self._pause("finished", f"its budget of {self.engine.step:,} updates is spent")
            return True
        return False

    def _pause(self, state: str, reason: str) -> None:
        """Stop training: the last frame, with its truth, and a checkpoint are sent, then the state."""
        self.training, self._until, self._ahead_until = False, None, None
        if not self._shown == self._evaluated == self.engine.step:
            self._show(truth=True)
        self._save()
        self._state(state, reason)

    def _train(self) -> None:
        now = self._clock.now()
        updates = self.pacer.due(now) if self._until is None else self.pacer.most
        for end in (self.limit or None, self._until):
            if end is not None:
                updates = min(updates, end - self.engine.step)
        if updates:
            before, effort = self.engine.step, self._clock.effort()
            self.engine.advance(updates)
            done = self._clock.now()
            self.pacer.spent(self.engine.step - before, done - now, done)
            self._passed(self._clock.effort() - effort, 0.0)
        else:
            done = now
            self.pacer.spent(0, 0.0, now)
        idle = 0.0 if updates else self.pacer.wait()
        self._next_update = done + idle
        self._passed(0.0, idle)
        self._send_marks()
        if self._ended():
            return
        if self.engine.step == self._until:
            self._pause("paused", "")
            return
        if self.engine.step != self._shown and self.frames.due(done) and (reason := self._show()):
            self._pause("finished", reason)
            return
        if self.checkpoints.due(done) and self._saved != self.engine.step:
            self._save()

    def _train_ahead(self, until: float) -> None:
        """Train up to the next frame, and go on as if the time had passed in which that is watched."""
        updates, seconds = self.pacer.ahead(self._ahead_every)
        self.engine.advance(min(updates, self.limit - self.engine.step) if self.limit else updates)
        self._forward.skip(seconds)
        self._send_marks()
        if self._ended():
            return
        if reason := self._show(truth=not self._played):
            self._pause("finished", reason)
        elif self._clock.now() >= until or self._clock.effort() - self._effort >= AHEAD_EFFORT:
            self._pause("ahead", "")

    def _passed(self, worked: float, idle: float) -> None:
        for rhythm in (self.frames, self.truths, self.checkpoints, self.look_backs):
            rhythm.work(worked, idle)

    def _step(self, unit: str) -> None:
        """Train a little way as fast as it goes, in slices as ever, and stand still there."""
        if self._ended():
            return
        updates = {"update": 1, "epoch": self.engine.steps_per_epoch}.get(unit)
        if updates is None:  # to the next snapshot: as far as one frame of training goes
            updates = max(1, int(FRAME_SECONDS * (self.pacer.rate or 1.0)))
        self.training, self._until = True, self.engine.step + updates
        self.convergence.restart(armed=False)
        self._train()

    def _set(self, command: Command) -> None:
        try:
            self.engine.set(command["lane"], command["values"])
        except ConfigError as error:
            self._messages.reply(command, "refused", message=str(error))
            if not self.training:
                self._state(*self._reported)
            return
        self._send_marks()
        self.convergence.restart(window=self.engine.settling_window)
        self._messages.reply(command, "accepted")
        if self.training:
            # The next frame is the first one computed with the new value.
            self.engine.advance(1)
            if self._ended():
                return
        else:
            self._saved = -1
        self._show(truth=not self.training)
        if not self.training:
            self._save()
            self._state("paused", "")

    def _explain(self, command: Command) -> None:
        try:
            data = self.engine.explain(command["member"], command["what"])
        except ValueError as error:
            self._messages.reply(command, "refused", message=str(error))
            return
        self._messages.reply(command, "explain", step=self.engine.step, data=json_data(data))

    def _look_back_due(self) -> bool:
        """Whether a viewer waits for a film or for an earlier step, and it may have a slice: the run trains on."""
        return self.look_back.busy and (not self.training or self.look_backs.due(self._clock.now()))

    def _look_back(self) -> None:
        effort = self._clock.effort()
        finished = self.look_back.work(SLICE_SECONDS)
        now = self._clock.now()
        self.look_backs.done(now, self._clock.effort() - effort)
        self.pacer.resume(now)
        if finished is None:
            return
        order, found, why_not = finished
        if found is None:
            self._messages.reply(order, "refused", message=why_not)
        elif order["do"] == "film":
            self._messages.film(order, found)
        else:
            self._messages.reply(order, "explain", step=order["step"], data=json_data(found))

    # looking

    def _state(self, state: str, reason: str) -> None:
        self._reported = (state, reason)
        rate = self.pacer.rate if self.training else 0.0
        self._messages.state(state, reason, order=self._order, rate=rate)

    def _send_marks(self) -> None:
        if self._messages.marks():
            self.watch.facts = self.engine.facts()

    def _show(self, *, truth: bool = False) -> str:
        """Send a frame of now; the true return is in it, or follows, when asked for or when it is due.

        Returns:
            Why training is over, where nothing moves any more; else nothing.
        """
        now, effort = self._clock.now(), self._clock.effort()
        snapshot = self.engine.snapshot(truth=False)
        seconds = 0.0
        if truth or self.truths.due(now):
            looked, self._evaluated = self._clock.effort(), snapshot.step
            evaluation = self.engine.evaluating(snapshot)
            # A known world answers at once. Where policies have to be played, training waits, so that the return is
            # that of this very step, but commands do not: the frame goes out and is sent again with its return.
            first = next(evaluation, snapshot)
            if first is None:
                self._evaluation, self._evaluation_seconds = evaluation, 0.0
            else:
                snapshot = first
                seconds = self._clock.effort() - looked
                self.truths.done(self._clock.now(), seconds)
        self._send_frame(snapshot)
        self._alarm(snapshot)
        self._shown = snapshot.step
        settled = self.convergence.see(snapshot.step, snapshot.tables, snapshot.metrics.get("loss_policy"))
        self.frames.done(now, self._clock.effort() - effort - seconds)
        self._messages.truth()
        return settled

    def _evaluate_on(self) -> None:
        """Play on for a slice; at the end the frame of this step is sent again, with the return in it."""
        assert self._evaluation is not None
        began, effort = self._clock.now(), self._clock.effort()
        for snapshot in self._evaluation:
            now = self._clock.now()
            if snapshot is None and now - began < SLICE_SECONDS:
                continue
            self._evaluation_seconds += self._clock.effort() - effort
            if snapshot is not None:
                self._evaluation = None
                self.truths.done(now, self._evaluation_seconds)
                self._last_known |= snapshot.metrics
                self._send_frame(snapshot)
                self.pacer.resume(now)
            return

    def _send_frame(self, snapshot: RunSnapshot) -> None:
        spent = self._clock.effort() - self._effort
        self._messages.frame(snapshot, date=self._clock.date(), rate=self.pacer.rate, spent=spent)

    def _alarm(self, snapshot: RunSnapshot) -> None:
        # Between two exact evaluations the true return is taken to stand still.
        self._last_known |= snapshot.metrics
        self._messages.alarms(self.engine.divergences())
        self._messages.alarms(self.watch.see(snapshot.step, self._last_known))

    def _save(self) -> None:
        if self._saved == self.engine.step:
            return
        effort = self._clock.effort()
        self._messages.checkpoint()
        self.checkpoints.done(self._clock.now(), self._clock.effort() - effort)
        self._saved = self.engine.step
