"""The runs of one server and what can be done with them. Nothing here locks: the hub does."""

from __future__ import annotations

import secrets
import time
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

from offrl_live.runs.checks import ConfigError
from offrl_live.runs.config import RunConfig
from offrl_live.serving.run import Run
from offrl_live.serving.scheduler import Scheduler

REMEMBERED = 2000


class UnknownRun(LookupError):
    """A run id that this server does not know: it never did, or it forgot."""


class HubFull(RuntimeError):
    """As many runs or viewers as this server takes."""


class Registry:
    """Every run by its id, and the operations on runs that viewers and pages share.

    Args:
        scheduler: gives workers to runs.
        max_runs: how many runs there may be.
    """

    def __init__(self, scheduler: Scheduler, max_runs: int) -> None:
        self.scheduler = scheduler
        self.max_runs = max_runs
        self.runs: dict[str, Run] = {}
        self._shared: dict[str, Run] = {}
        self._forgotten: OrderedDict[str, RunConfig] = OrderedDict()

    # coming and going

    def find(self, run_id: str) -> Run:
        """The run of this id.

        Raises:
            UnknownRun: there is none.
        """
        try:
            return self.runs[run_id]
        except KeyError:
            raise UnknownRun("there is no such run here") from None

    def open(self, config: RunConfig, private: bool, title: str) -> Run:
        """A run of this configuration, shared unless `private`."""
        key = config.key
        if not private:
            # A run that somebody changed or branched is found again by what it has become.
            run = self._shared.get(key) or next((r for r in self.runs.values() if r.config.key == key), None)
            if run is not None:
                run.used = time.monotonic()
                return run
        run = self.add(Run(new_id(), config, private, title))
        if not private:
            self._shared[key] = run
        self.scheduler.need(run)
        return run

    def add(self, run: Run) -> Run:
        """Take a run in; the one that was left alone for longest goes where there are too many.

        Raises:
            HubFull: all runs are watched.
        """
        while len(self.runs) >= self.max_runs:
            if not self.drop_one():
                raise HubFull(f"this server takes {self.max_runs} runs, and all of them are watched")
        self.runs[run.id] = run
        return run

    def remember(self, run_id: str) -> None:
        """Make a run anew that was forgotten because nobody watched.

        Raises:
            UnknownRun: its data is gone.
        """
        if run_id in self.runs or run_id not in self._forgotten:
            return
        config = self._forgotten.pop(run_id)
        try:
            self.add(Run(run_id, RunConfig.from_json(config.to_json()), private=True))
        except ConfigError as error:
            raise UnknownRun(str(error)) from error

    def unshare(self, run: Run) -> None:
        """From here on the run is no longer what its configuration says to others."""
        if self._shared.get(run.config.key) is run:
            del self._shared[run.config.key]

    def drop(self, run: Run) -> None:
        """Forget a run, all but its configuration."""
        self.scheduler.give_back(run)
        self.unshare(run)
        del self.runs[run.id]
        self._forgotten[run.id] = run.config
        while len(self._forgotten) > REMEMBERED:
            self._forgotten.popitem(last=False)
        run.state, run.reason = "stopped", "the server let this run go"
        self.state_changed(run)

    def drop_one(self) -> bool:
        """Forget the run that was left alone for longest; False when every run is watched."""
        alone = [run for run in self.runs.values() if not run.viewers]
        if alone:
            self.drop(min(alone, key=lambda run: (run.wants, run.used)))
        return bool(alone)

    def clear(self) -> None:
        """Forget everything."""
        self.runs.clear()
        self._shared.clear()

    # training

    def play(self, run: Run) -> None:
        """Train; past a spent budget for as much again, past convergence regardless, from a failure's checkpoint."""
        converged = run.state == "finished" and not (run.limit and run.step >= run.limit)
        run.keep_on = run.keep_on or converged
        run.lengthen()
        self._revive(run)
        self.scheduler.train(run)
        self.state_changed(run)

    def step(self, run: Run, unit: str) -> None:
        """One update, one epoch, or to the next snapshot; then stand still."""
        self.scheduler.rest(run)
        run.lengthen()
        self._revive(run)
        self.scheduler.order(run, {"do": "step", "unit": unit, "limit": run.limit})

    def set(self, run: Run, lane: int, values: Mapping[str, Any], viewer: int = 0, request: Any = None) -> None:
        """Change hyperparameters in place; the worker says at which step it happened."""
        self.unshare(run)
        run.private = True
        self._revive(run)
        self.scheduler.order(run, {"do": "set", "lane": lane, "values": dict(values), "viewer": viewer, "id": request})

    def stop(self, run: Run) -> None:
        """Give the run's worker back, once everything of the run is known here."""
        run.state, run.reason = "stopped", "you stopped it; play goes on from here"
        self.scheduler.rest(run)
        if run.resting or run.process is None:
            self.scheduler.give_back(run)
        self.state_changed(run)

    def _revive(self, run: Run) -> None:
        if run.state in ("failed", "stopped"):
            run.state, run.reason = "paused", ""

    # copies

    def copy(self, run: Run, step: int) -> Run:
        """A run that shares this one's past up to `step` and stands there.

        Raises:
            ConfigError: the step lies in the future.
        """
        if step > run.step:
            raise ConfigError(f"step = {step} is not allowed: this run has come to step {run.step}")
        parent = {"id": run.id, "step": step, "what": {}}
        copy = Run(new_id(), run.config.until(step), True, run.title, parent, run.timeline.fork(step))
        copy.limit, copy.speed = run.limit, run.speed
        return self.add(copy)

    def branch(
        self, run: Run, step: int, lane: int, values: Mapping[str, Any], *, playing: bool, title: str = ""
    ) -> Run:
        """A copy from `step` that goes on with `values` in `lane`, or unchanged where there are none.

        Raises:
            ConfigError: the step lies in the future, or the lane, a name or a value is not allowed.
        """
        config = run.config.changed(step, lane, values) if values else run.config.until(step)
        copy = self.copy(run, step)
        copy.config, copy.title = config, title or run.title
        copy.parent = {"id": run.id, "step": step, "what": dict(values), "lane": lane}
        if playing:
            copy.lengthen()
            self.scheduler.train(copy)
        else:
            self.scheduler.need(copy)
        return copy

    def fresh(self, run: Run) -> Run:
        """The run from the beginning, with its values as they are now."""
        parent = {"id": run.id, "step": 0, "what": {}}
        fresh = self.add(Run(new_id(), run.config.restarted(), True, run.title, parent))
        fresh.speed = run.speed
        self.scheduler.need(fresh)
        return fresh

    # what viewers make of it

    def will_changed(self, run: Run) -> None:
        """A viewer paused or left: the run trains while one plays."""
        if any(viewer.playing for viewer in run.viewers):
            self.speed_changed(run)
        else:
            self.scheduler.rest(run)
            self.state_changed(run)

    def speed_changed(self, run: Run) -> None:
        """The run goes as fast as its fastest playing viewer wants; 0 is as fast as it can."""
        wanted = [v.speed for v in run.viewers if v.playing and v.speed is not None]
        wanted = wanted or [v.speed for v in run.viewers if v.speed is not None]
        if wanted:
            speed = 0.0 if 0.0 in wanted else max(wanted)
            if speed != run.speed:
                run.speed = speed
                if run.built:
                    self.scheduler.tell(run, {"do": "speed", "value": speed})
        self.state_changed(run)

    def look_changed(self, run: Run) -> None:
        """Somebody looks at another member; large runs send what is looked at."""
        newest = run.timeline.frames.last
        if run.built and run.viewers and newest is not None and len(newest.members) < run.config.members:
            self.scheduler.tell(run, {"do": "focus", "members": run.focus})

    def state_changed(self, run: Run) -> None:
        """Every viewer is to be told."""
        place = self.scheduler.place(run)
        for viewer in run.viewers:
            viewer.state_changed(place)


def new_id() -> str:
    """An unguessable id."""
    return secrets.token_urlsafe(16)
