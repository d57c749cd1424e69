"""Every run, its viewers and where it trains, in one thread: no locks, sockets, processes or clock of its own."""

from __future__ import annotations

import secrets
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from offrl_core.declarations import Value
from offrl_live.runs.checks import ConfigError
from offrl_live.runs.clock import Clock
from offrl_live.runs.config import Change, RunConfig
from offrl_live.runs.export import RunExport
from offrl_live.runs.run import Allowance, Message, Run, Viewer
from offrl_live.runs.scheduler import MakeWorker, Scheduler
from offrl_live.runs.viewer_messages import next_messages

REMEMBERED = 2000


class UnknownRun(LookupError):
    """A run id that is not known here: it never was, or it was forgotten."""


class NoRoom(RuntimeError):
    """There are as many runs or viewers as are taken."""


@dataclass(frozen=True)
class Limits:
    """How much is taken at once.

    Attributes:
        workers: runs that train at once.
        turn: seconds of processor time after which a run makes room while others wait.
        ahead: seconds of watching for which a table is trained in one turn then.
        pause_after, drop_after: seconds without a viewer until a run pauses, and until it is forgotten.
        memory: bytes of all timelines and uploaded data of runs; beyond it the runs that nobody watches go first.
        alone: the share of it for timelines of runs that nobody has watched for `pause_after`; one that had to go is
            computed again for whoever comes back to it.
        max_runs, max_viewers: how many there may be.
        max_viewers_of_one: viewers behind one address.
        max_family: runs that came of one by branching and beginning again, beyond which the oldest go that nobody
            watches.
    """

    workers: int = 1
    turn: float = 1.0
    ahead: float = 30.0
    pause_after: float = 60.0
    drop_after: float = 900.0
    memory: int = 1_000_000_000
    alone: float = 0.1
    max_runs: int = 500
    max_viewers: int = 1000
    max_viewers_of_one: int = 300
    max_family: int = 24


class LiveRuns:
    """Runs by their ids. Equal configurations are one run, computed once and shown to all.

    Args:
        make_worker: see `Scheduler`.
        clock: the times to go by.
        limits: how much to take.

    Attributes:
        runs: every run by its id; a run belongs to whoever knows its id.
        scheduler: gives workers to runs.
        mistakes: own files whose newest text cannot be used, by name: what is wrong.
    """

    def __init__(self, make_worker: MakeWorker, clock: Clock, limits: Limits) -> None:
        self.limits = limits
        self.clock = clock
        self.scheduler = Scheduler(limits.workers, limits.turn, make_worker, clock, ahead=limits.ahead)
        self.runs: dict[str, Run] = {}
        self._shared: dict[str, Run] = {}
        self._forgotten: OrderedDict[str, RunConfig] = OrderedDict()
        self.mistakes: dict[str, str] = {}
        self._second = clock.now()

    # coming and going

    def open(
        self,
        config: RunConfig,
        *,
        private: bool = False,
        title: str = "",
        owner: str | None = None,
        speed: float = 0.0,
        stays: bool = False,
        step: int | None = None,
    ) -> str:
        """The id of a run of this configuration: one that is there already, or a new one (paused at step 0).

        Args:
            config: what to train.
            private: a run of one's own, even if others watch the same. It is there at once where a shared one of the
                same configuration was built before: description and first frame are taken over from that.
            title: a name for the screen.
            owner: who asks: what they have branched, or changed, is found again by what it has become. To others it
                is not shown, for whoever watches a run alone can change it.
            speed: updates per second of a new run until a viewer chooses; 0 for as fast as it goes.
            stays: a new run is not let go because nobody watches it.
            step: what is to be looked at. The run is computed up to there and stands; where one that is there has
                passed it without a frame of it, it is a run of one's own.

        Raises:
            NoRoom: there are as many runs as are taken, and all of them are watched.
        """
        run_id = self._open(config, private=private, title=title, speed=speed, owner=owner, stays=stays, step=step)
        if step is not None:
            self.catch_up(self.find(run_id), step)
        return run_id

    def _open(
        self, config: RunConfig, *, private: bool, speed: float, owner: str | None, step: int | None, **rest: Any
    ) -> str:
        key = config.key
        shared = self._shared.get(key)
        private_ones = [run for run in self.runs.values() if run.private and run.config.key == key]
        # Who says no name is everybody: what one of them has opened as their own is not another's.
        mine = [run for run in private_ones if run.owner == owner and not (private and owner is None)]
        known = (None if private else shared) or max(mine, key=lambda run: run.used, default=None)
        if known is not None and (step is None or known.comes_to(step)):
            known.used = self.clock.now()
            return known.id
        private = private or known is not None
        run = self.add(Run(new_id(), config, private, speed=speed, owner=owner, **rest))
        self.share(run)
        if private and shared is not None and shared.described is not None:
            run.described, run.static, run.timeline = shared.described, shared.static, shared.timeline.fork(0)
        else:
            self.scheduler.need(run)
        return run.id

    def share(self, run: Run) -> None:
        """Whoever opens the run's configuration gets this very run, unless it is private."""
        if not run.private:
            self._shared[run.config.key] = run

    def add(self, run: Run) -> Run:
        """Take a run in; the one that was left alone for longest goes where there are too many.

        Raises:
            NoRoom: all runs are watched.
        """
        family = [other for other in self.runs.values() if other.family == run.family and not other.viewers]
        for other in sorted(family, key=lambda other: other.used)[: max(0, len(family) - self.limits.max_family + 1)]:
            self.drop(other.id)
        while len(self.runs) >= self.limits.max_runs:
            if not self._drop_one():
                raise NoRoom(f"this server takes {self.limits.max_runs} runs, and all of them are watched")
        run.used = self.clock.now()
        run.mistake = self.mistake_in(run.config)
        self.runs[run.id] = run
        return run

    def mistake_in(self, config: RunConfig) -> str:
        """What is wrong with the newest text of the own files that a run's algorithms come from; often nothing."""
        files = dict.fromkeys(lane.kind.file for lane in config.lanes)
        return " ".join(self.mistakes[file] for file in files if file in self.mistakes)

    def find(self, run_id: str) -> Run:
        """The run of this id.

        Raises:
            UnknownRun: there is none.
        """
        try:
            return self.runs[run_id]
        except KeyError:
            raise UnknownRun("there is no such run here") from None

    def drop(self, run_id: str) -> None:
        """Forget a run, all but its configuration, and free its worker; viewers are told that it stopped."""
        run = self.find(run_id)
        self.scheduler.give_back(run)
        self._unshare(run)
        del self.runs[run_id]
        self._forgotten[run_id] = run.config
        while len(self._forgotten) > REMEMBERED:
            self._forgotten.popitem(last=False)
        run.state, run.reason = "stopped", "the server dropped this run"
        self.scheduler.state_changed(run)

    def _drop_one(self) -> bool:
        """Forget the run that was left alone for longest; False when every run is watched."""
        alone = self._alone
        if alone:
            self.drop(min(alone, key=lambda run: (run.wanted, run.used)).id)
        return bool(alone)

    @property
    def _alone(self) -> list[Run]:
        return [run for run in self.runs.values() if not (run.viewers or run.stays)]

    def _remember(self, run_id: str) -> None:
        """Make a forgotten run again from its configuration."""
        config = self._forgotten.pop(run_id)
        try:
            self.add(Run(run_id, RunConfig.from_json(config.to_json()), private=True))
        except ConfigError as error:
            raise UnknownRun(str(error)) from error

    def _unshare(self, run: Run) -> None:
        """From here on the run is no longer what its configuration says to others."""
        self._shared = {key: other for key, other in self._shared.items() if other is not run}

    def info(self, run_id: str) -> dict[str, Any]:
        """What is known of a run now: see `Run.info`.

        Raises:
            UnknownRun: there is no such run.
        """
        run = self.find(run_id)
        return run.info(self.scheduler.place(run))

    def export(self, run_id: str) -> RunExport:
        """Everything that is remembered of a run.

        Raises:
            UnknownRun: there is no such run.
        """
        return self.find(run_id).export()

    # training

    def play(self, run_id: str) -> None:
        """Train, as if every viewer had pressed play."""
        run = self.find(run_id)
        for viewer in run.viewers:
            viewer.play()
        self.train(run)

    def train(self, run: Run) -> None:
        """Train; past a spent budget for as much again, past convergence regardless, from a failure's checkpoint."""
        converged = run.state == "finished" and not (run.limit and run.step >= run.limit)
        run.keep_on = run.keep_on or converged
        if run.until:  # it shall go on from there
            run.until = 0
            self.scheduler.rest(run)
        run.lengthen()
        run.revive()
        self.scheduler.train(run)
        self.scheduler.state_changed(run)

    def catch_up(self, run: Run, step: int) -> None:
        """Compute a run again up to a step where it was before, as fast as it goes, and let it stand there."""
        if run.wanted or step <= run.step or (run.limit and step > run.limit):
            return
        self.scheduler.come_back(run)
        run.until = step
        run.revive()
        self.scheduler.train(run)
        self.scheduler.state_changed(run)

    def pause(self, run_id: str) -> None:
        """Stop training, as if every viewer had pressed pause."""
        run = self.find(run_id)
        for viewer in run.viewers:
            viewer.playing = False
        self.playing_changed(run)

    def playing_changed(self, run: Run) -> None:
        """A viewer paused or left: the run trains while one plays."""
        if any(viewer.playing for viewer in run.viewers):
            self.speed_changed(run)
        else:
            self.scheduler.rest(run)
            self.scheduler.state_changed(run)

    def speed(self, run_id: str, updates_per_second: float) -> None:
        """How fast a run trains while it has no viewers, which choose for themselves; 0 for as fast as it goes."""
        run = self.find(run_id)
        run.usual_speed = float(updates_per_second)
        self.speed_changed(run)

    def speed_changed(self, run: Run) -> None:
        """The run goes as fast as its fastest playing viewer wants; 0 is as fast as it can.

        Where none of them has said, it goes as fast as one that pauses has said, else as without viewers.
        """
        wanted = [v.speed for v in run.viewers if v.playing and v.speed is not None]
        wanted = wanted or [v.speed for v in run.viewers if v.speed is not None]
        speed = 0.0 if 0.0 in wanted else max(wanted, default=run.usual_speed)
        if speed != run.speed:
            run.speed = speed
            self.scheduler.come_back(run)
            if run.worker is not None:
                self.scheduler.tell(run, {"do": "speed", "value": speed})
        self.scheduler.state_changed(run)

    def set(self, run: Run, lane: int, values: Mapping[str, Value], **answer_to: Any) -> None:
        """Change hyperparameters, checked ones, in place; the worker says at which step it happened."""
        self._unshare(run)
        run.private = True
        run.revive()
        self.scheduler.come_back(run)
        self.scheduler.tell(run, {"do": "set", "lane": lane, "values": dict(values), **answer_to})

    def branch(self, run: Run, step: int, lane: int, values: Mapping[str, Value]) -> Run:
        """A run that shares this one's past up to `step` and stands there, with `values`, checked ones, in `lane`.

        Raises:
            ConfigError: the step lies in the future.
        """
        if step > run.step:
            raise ConfigError(f"step = {step} is not allowed: this run has come to step {run.step}")
        config = run.config.with_change(Change(step, lane, values)) if values else run.config.until(step)
        parent = {"id": run.id, "step": step, "what": dict(values), "lane": lane}
        past = run.timeline.fork(step)
        branch = Run(
            new_id(), config, True, run.title, parent, past, speed=run.speed, limit=run.limit, family=run.family
        )
        return self.add(branch)

    # viewers

    def join(
        self,
        run_id: str,
        notify: Callable[[], None],
        *,
        after: int = -1,
        new_runs: Allowance | None = None,
        owner: str | None = None,
    ) -> Viewer:
        """Watch a run.

        Args:
            run_id: a run; one that was forgotten because nobody watched is made anew from its configuration.
            notify: called when the viewer has messages; see `messages`.
            after: number of the last frame that the viewer already has.
            new_runs: how fast it may begin runs of its own; None where that is not bounded.
            owner: whose runs these are then; see `open`.

        Raises:
            UnknownRun: there never was such a run, or it is too long ago.
            NoRoom: there are as many viewers as are taken.
        """
        if run_id not in self.runs and run_id in self._forgotten:
            self._remember(run_id)
        run = self.find(run_id)
        if sum(len(r.viewers) for r in self.runs.values()) >= self.limits.max_viewers:
            raise NoRoom(f"this server takes {self.limits.max_viewers} viewers")
        viewer = Viewer(run, after, notify, self.clock, new_runs, owner)
        run.viewers.add(viewer)
        run.used = self.clock.now()
        if run.described is None and run.state != "failed":
            self.scheduler.need(run)
        self.view_changed(run)
        self.scheduler.state_changed(run)
        return viewer

    def leave(self, viewer: Viewer) -> None:
        """The viewer is gone. When the last one leaves while it plays, the run trains on for a while."""
        run = viewer.run
        run.viewers.discard(viewer)
        run.used = self.clock.now()
        self._reads_changed(run)
        if run.viewers or not viewer.playing:
            self.playing_changed(run)

    def messages(self, viewer: Viewer) -> Iterator[Message]:
        """What there is to send to a viewer now, in order; ends when nothing is left."""
        while (batch := self.next_messages(viewer)) is not None:
            yield from batch

    def next_messages(self, viewer: Viewer) -> Iterator[Message] | None:
        """The first of them."""
        return next_messages(viewer)

    def view_changed(self, run: Run) -> None:
        """A viewer looks at other members, or at other things: a large run sends the tables of those that are looked
        at, and any run what targets read as long as somebody is shown it."""
        newest = run.timeline.frames.last
        if run.built and run.viewers and newest is not None and len(newest.members) < run.config.members:
            self.scheduler.tell(run, {"do": "focus", "members": run.focus})
        self._reads_changed(run)

    def _reads_changed(self, run: Run) -> None:
        if run.worker is not None and run.reads != run.told_reads:
            run.told_reads = run.reads
            self.scheduler.tell(run, {"do": "reads", "wanted": run.reads})

    # time

    def tick(self) -> None:
        """What time brings: turns, pauses, memory. To be called a few times a second."""
        now = self.clock.now()
        a_second_passed = now - self._second >= 1.0
        for run in list(self.runs.values()):
            if run.viewers:
                if a_second_passed:
                    self.scheduler.state_changed(run)
            elif now - run.used > self.limits.drop_after and not run.stays:
                self.drop(run.id)
            elif run.wanted and now - run.used > self.limits.pause_after:
                self.scheduler.rest(run)
        self.scheduler.tick()
        if a_second_passed:
            self._second = now
            self._keep_within_memory()

    @property
    def nbytes(self) -> int:
        """The memory that timelines take, and the uploaded data that runs hold."""
        held = {id(run.dataset): run.dataset.nbytes for run in self.runs.values() if run.dataset is not None}
        return sum(run.nbytes for run in self.runs.values()) + sum(held.values())

    def _keep_within_memory(self) -> None:
        # Not at once: a line that breaks for a moment, or a page that is loaded again, leaves runs alone, too.
        latest = self.clock.now() - self.limits.pause_after
        left = sorted((run for run in self._alone if run.used < latest), key=lambda run: run.used)
        while sum(run.nbytes for run in left) > self.limits.alone * self.limits.memory:
            self.drop(left.pop(0).id)
        while self.nbytes > self.limits.memory:
            if self._drop_one():
                continue
            largest = max(self.runs.values(), key=lambda run: run.timeline.frames.nbytes)
            if len(largest.timeline.frames) < 4:
                return
            largest.timeline.frames.thin()


def new_id() -> str:
    """An unguessable id."""
    return secrets.token_urlsafe(16)
