"""The scheduler: which run has a worker, and which ones train; more wait in a queue and take turns."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable
from typing import Any

from offrl_core.own_files import OwnFile
from offrl_live.runs.ahead import SHOWN_LATER, Ahead
from offrl_live.runs.clock import Clock
from offrl_live.runs.run import Run, WorkerHandle
from offrl_live.runs.timeline import Frame
from offrl_live.runs.worker_messages import take

log = logging.getLogger(__name__)

RESTART_SECONDS = 5.0
FIRST_TURN = 0.25
LONGEST_TURN = 20.0
AHEAD_BYTES = 8_000_000
AHEAD_LEFT = 10.0
AHEAD_FRAME_SECONDS = 0.2
AHEAD_RUNS = 20
STATE_CHANGING = ("play", "pause", "step", "set")
OF_A_TURN = ("play", "pause")
TOLD_AT_THE_START = ("speed", "focus", "reads")

Received = Callable[[WorkerHandle, dict[str, Any], memoryview], None]
Ended = Callable[[WorkerHandle, str], None]
MakeWorker = Callable[[Received, Ended], WorkerHandle]


class Scheduler:
    """Gives workers to runs, and takes in what they report.

    At most `places` runs train at once; more wait in a queue. There is one worker more than that, so that a run can be
    built and looked at while all the others train. A run that does not train may lose its worker to another one: it
    rests in its checkpoint and comes back from there to the bit.

    While others wait, runs take turns. One that has never had a turn goes first, and its first turn is short, so that
    everybody sees something move; then that one goes first which was served least, in seconds of training divided by
    the root of its number of viewers. A lecturer's run so moves more than a student's, and nobody waits for long. A
    later turn is `turn` seconds of processor time, at most twice that on the clock, and never so short that most of the
    time went into building runs. Runs that are watched go before those that nobody watches.

    A table that is watched slowly, at some updates a second, would only wait in its place most of the time. While
    others want places, it is trained in one turn for the next `ahead` seconds of watching, gives its place back, and
    what was computed is shown at its pace. What nobody has seen yet has not happened: a change acts at the step that is
    shown, and training goes on from there.

    Args:
        places: runs that train at once.
        turn: seconds.
        make_worker: a new worker that calls its first argument with the header and payload of each of its messages,
            and its second one with the reason when it has ended unasked.
        clock: the times to go by.
        ahead: seconds, 0 for never.

    Attributes:
        workers: every worker, with the run that it holds.
        queue: runs that wait to train.
        files: own files that runs may need. Where one takes long to import, one worker that waits has done so before.
    """

    def __init__(self, places: int, turn: float, make_worker: MakeWorker, clock: Clock, *, ahead: float = 0.0) -> None:
        self.places = places
        self.turn = turn
        self.ahead = ahead
        self._make_worker = make_worker
        self._clock = clock
        self.workers: dict[WorkerHandle, Run | None] = {}
        self.queue: list[Run] = []
        self.files: tuple[OwnFile, ...] = ()
        self._prepared: set[WorkerHandle] = set()
        self._waiting: list[Run] = []  # runs that need a worker although they do not train
        self._shown: list[Run] = []  # runs of which something that was trained ahead is to be shown
        self._shown_at = clock.now()
        self._start_again_at = -math.inf
        self._closed = False

    def start(self) -> None:
        """Start the workers, so that they are warm when the first run comes."""
        while not self._closed and len(self.workers) < self.places + 1:
            worker = self._make_worker(self._received, self._ended)
            self.workers[worker] = None
            worker.start()

    def close(self) -> list[WorkerHandle]:
        """Start nothing any more; returns the workers to be closed."""
        self._closed = True
        workers, self.workers = list(self.workers), {}
        return workers

    # what runs ask for

    def need(self, run: Run) -> None:
        """The run must be built in some worker (to be described, or to carry out a command)."""
        if run.worker is None and run not in self._waiting:
            self._waiting.append(run)
        self.schedule()

    def train(self, run: Run) -> None:
        """The run wants to train."""
        run.wanted = True
        if run.ahead is not None and not run.training and not self._runs_low(run):
            return
        if (not run.training or run.pausing) and run not in self.queue:
            # Whoever did not want to train has saved nothing up meanwhile.
            others = [other.served for other in (*self.queue, *self._training()) if other is not run]
            run.served = max(run.served, min(others, default=0.0))
            self._queue(run)
        self.schedule()
        self._make_room()

    def rest(self, run: Run) -> None:
        """The run shall not train (any more); it keeps its worker while nobody else needs it."""
        run.wanted = False
        if run in self.queue:
            self.queue.remove(run)
        if run.training:
            self._end_turn(run)
            run.pausing = True
            self.tell(run, {"do": "pause"})
        self.schedule()

    def come_back(self, run: Run) -> None:
        """What was trained ahead and not shown yet has not happened: the run goes on from the step that is shown."""
        if run.ahead is None:
            return
        self._end_turn(run)
        self._all_shown(run)
        run.training = run.pausing = False
        run.state, run.reason = "paused", ""
        # The turn that it waited for while it was built is over; what viewers have asked for is not.
        run.pending = [command for command in run.pending if command["do"] not in (*OF_A_TURN, *TOLD_AT_THE_START)]
        if run.worker is not None:
            self._take_out(run.worker)
        if run.wanted and run not in self.queue:
            self._queue(run)
        if run.pending:
            self.need(run)
        else:
            self.schedule()

    def give_back(self, run: Run) -> None:
        """Take the run out of its worker and out of the queue."""
        self._all_shown(run)
        run.wanted = run.training = run.pausing = run.built = run.resting = False
        run.pending.clear()
        for line in (self.queue, self._waiting):
            if run in line:
                line.remove(run)
        if run.worker is not None:
            self._take_out(run.worker)
        self.schedule()

    def tell(self, run: Run, command: dict[str, Any]) -> None:
        """A command for the run, now or as soon as it is built."""
        changes_state = command["do"] in STATE_CHANGING
        if changes_state:
            run.resting = False
        if run.built and run.worker is not None:
            if changes_state:  # until its answer, reports of earlier states do not count
                run.order += 1
                command = {**command, "order": run.order}
            run.worker.send({**command, "run": run.session})
        else:
            run.pending.append(command)
            self.need(run)

    def place(self, run: Run) -> int | None:
        """The run's place in the queue, from 1; None when it does not wait."""
        waits = run in self.queue and (run.ahead is None or run.ahead.empty)
        return self.queue.index(run) + 1 if waits else None

    def state_changed(self, run: Run) -> None:
        """Every viewer of the run is to be told its state."""
        place = self.place(run)
        for viewer in run.viewers:
            viewer.state_changed(place)

    # what workers report

    def _received(self, worker: WorkerHandle, header: dict[str, Any], payload: memoryview) -> None:
        if self._closed:
            return
        if header["kind"] == "ready":
            worker.ready = True
            self.schedule()
            return
        run = self.workers.get(worker)
        if run is None or run.session != header["run"]:
            return  # a run that was dropped, or was given to a worker anew meanwhile
        if header["kind"] == "arrived":
            run.timeline.aim = 0
            self._built(run)
        elif header["kind"] == "state":
            self._reported(run, header)
        elif header["kind"] == "error" and header.get("ends"):
            run.resting = False
            self._ended(worker, header["reason"])
        elif header["kind"] == "error":
            self.give_back(run)
            self._fail(run, header["reason"])
        elif run.ahead is not None and header["kind"] in SHOWN_LATER:
            run.ahead.keep(header, payload)
        else:
            take(run, header, payload)

    def _built(self, run: Run) -> None:
        """The engine stands at the run's newest step; commands that waited go out."""
        run.built = True
        run.building = self._clock.now() - run.asked_at
        pending, run.pending = run.pending, []
        for command in pending:
            self.tell(run, command)
        self.state_changed(run)

    def _reported(self, run: Run, header: dict[str, Any]) -> None:
        if header["order"] != run.order:
            return  # the answer to a later command is on its way
        state, reason, ended = header["state"], header["reason"], header["state"] in ("finished", "diverged")
        if run.ahead is not None and (ended or state == "ahead"):
            run.ahead.end = (state, reason) if ended else None
            state, reason, ended = "running", "", False  # as it is seen, for a while
        if run.state != "stopped":
            run.state, run.reason = state, reason
        run.rate = header["rate"]
        if header["state"] != "running":
            if ended:
                self._has_ended(run)
            # It does not train at the moment, and everything of it is known here.
            self._end_turn(run)
            run.training, run.pausing, run.resting = False, False, True
            self.schedule()
            if run.state == "stopped" and not run.wanted:
                self.give_back(run)
        self.state_changed(run)

    def _has_ended(self, run: Run) -> None:
        """There is nothing left to train, and everybody has seen it."""
        run.wanted = False
        if run.until and run.state == "finished":
            run.state, run.reason = "paused", "computed up to this step"
        run.until = 0
        for viewer in run.viewers:
            viewer.playing = False

    def _ended(self, worker: WorkerHandle, reason: str) -> None:
        """A worker is gone. The run in it has failed, unless it was at rest and lost nothing."""
        if self._closed or worker not in self.workers:
            return  # it has said itself why it ends
        log.error("worker %s: %s", worker.pid, reason)
        run = self.workers.pop(worker)
        self._prepared.discard(worker)
        if not worker.ready:
            # A worker that cannot even start must not be started over and over again.
            self._start_again_at = self._clock.now() + RESTART_SECONDS
        if run is not None:
            run.worker = None
            run.training = run.pausing = run.built = False
            if not run.resting:
                self.give_back(run)
                self._fail(run, reason)
        self.schedule()

    def _fail(self, run: Run, reason: str) -> None:
        run.state = "failed"
        run.reason = f"{reason}; restart continues from step {run.step}"
        run.rate = 0.0
        for viewer in run.viewers:
            viewer.playing = False
        self.state_changed(run)

    # the plan

    def tick(self) -> None:
        """Turns, and workers that must be started again."""
        now = self._clock.now()
        if now >= self._start_again_at:
            self.start()
        self._show_ahead()
        self._make_room()
        self.schedule()

    # training ahead

    @property
    def shows_ahead(self) -> bool:
        """Whether some run is shown from what was trained ahead, so that time should pass in small steps."""
        return any(run.wanted for run in self._shown)

    def _show_ahead(self) -> None:
        """Show what is due of what was trained ahead; what runs low is to have another turn."""
        passed, self._shown_at = self._clock.now() - self._shown_at, self._clock.now()
        for run in [run for run in self._shown if run.wanted and run.ahead is not None]:
            assert run.ahead is not None
            for header, payload in run.ahead.watch(passed):
                take(run, {**header, "time": self._clock.date()} if "time" in header else header, payload)
            if run.ahead.empty and not run.training:
                end = run.ahead.end
                self._all_shown(run)
                run.state, run.reason = end or ("paused", "")
                if end is not None:
                    self._has_ended(run)
                self.state_changed(run)
            if run.wanted and not run.training and run not in self.queue and self._runs_low(run):
                self._queue(run)

    def _runs_low(self, run: Run) -> bool:
        """Whether the run is to have another turn: where others wait, before all is shown."""
        if run.ahead is None:
            return True
        return run.ahead.end is None and run.ahead.left < AHEAD_LEFT and self._busy()

    def _all_shown(self, run: Run) -> None:
        """Nothing is left of what was trained ahead; the run is as it is shown."""
        if run.ahead is not None:
            run.ahead = None
            self._shown.remove(run)

    def _wanting(self) -> int:
        """How many runs want to train, or are shown as if they did."""
        return len({id(run) for run in (*self.queue, *self._training(), *self._shown) if run.wanted})

    def _busy(self) -> bool:
        """Whether more runs want to train than there are places."""
        return self._wanting() > self.places

    def _ahead(self, run: Run) -> dict[str, float]:
        """How a turn of the run that begins now trains: nothing where it is watched live, else for how many seconds
        `ahead` of its viewers, with a frame `every` so many. The more runs are shown so, the rarer their frames."""
        newest = run.timeline.frames.last
        if newest is None or (run.ahead is None and not (_is_light(run, newest) and self._busy())):
            return {}
        if run.ahead is None:
            run.ahead = Ahead(run.step)
            self._shown.append(run)
        run.ahead.begin()
        every = AHEAD_FRAME_SECONDS * max(1.0, self._wanting() / (AHEAD_RUNS * self.places))
        return {"ahead": min(self.ahead, every * AHEAD_BYTES / newest.nbytes), "every": every}

    # turns

    def _make_room(self) -> None:
        """While others wait, a run that had its turn goes to the queue's end; one that nobody watches does at once."""
        self.queue.sort(key=_goes_first)  # stable: of equals, the one that came first
        training = self._training()
        free = sum(run.pausing for run in training)
        for run in sorted(training, key=_goes_first, reverse=True):
            waiting = [other for other in self.queue if not other.training][free:]
            if not waiting:
                return
            if not run.pausing and self._had_its_turn(run, waiting[0]):
                self._end_turn(run)
                run.pausing = True
                self.tell(run, {"do": "pause"})
                self._queue(run)
                free += 1

    def _had_its_turn(self, run: Run, next_one: Run) -> bool:
        """Whether a run that trains makes room for the one that waits."""
        if bool(run.viewers) != bool(next_one.viewers):
            return not run.viewers
        if not run.built or run.ahead is not None:  # where it is trained ahead, a turn ends by itself
            return False
        held = self._clock.now() - run.turn_began
        turn = min(LONGEST_TURN, max(self.turn, 4 * run.building)) if run.turns > 1 else FIRST_TURN * self.turn
        if max(run.spent, held / 2) <= turn:
            return False
        return not next_one.turns or next_one.served <= run.served + held / _weight(run)

    def _end_turn(self, run: Run) -> None:
        """What it had counts from here on."""
        if run.training and not run.pausing:
            run.served += (self._clock.now() - run.turn_began) / _weight(run)

    def _training(self) -> list[Run]:
        return [run for run in self.workers.values() if run is not None and run.training]

    def _queue(self, run: Run) -> None:
        self.queue.append(run)
        self.queue.sort(key=_goes_first)

    def schedule(self) -> None:
        """Give free places to the queue, and workers to runs that need one: whoever sees nothing yet goes first."""
        self._build([run for run in self._waiting if run.described is None])
        for run in list(self.queue):
            if len(self._training()) >= self.places:
                break
            if run.training:
                continue  # it is about to give its place back
            if run.worker is None and not self._give_worker(run):
                break
            self.queue.remove(run)
            run.training = True
            run.turn_began, run.spent = self._clock.now(), 0.0
            run.turns += 1
            keep_on, run.keep_on = run.keep_on, False
            play = {"do": "play", "limit": run.until or run.limit, "keep_on": keep_on or bool(run.until)}
            self.tell(run, {**play, **self._ahead(run)})
            self.state_changed(run)
        self._build(self._waiting)
        self._prepare_one()

    def _build(self, runs: list[Run]) -> None:
        """Give workers to runs that need one although they do not train."""
        for run in list(runs):
            if run.worker is not None or self._give_worker(run):
                self._waiting.remove(run)

    def _prepare_one(self) -> None:
        """See to it that one worker that can be given away has imported what takes long and own files need."""
        if not any(file.imports_torch for file in self.files):
            return
        can_go = [w for w, run in self.workers.items() if run is None or (_rests(run) and not run.viewers)]
        if can_go and self._prepared.isdisjoint(can_go):
            worker = next((w for w in can_go if self.workers[w] is None), can_go[0])
            self._take_out(worker)
            worker.send({"do": "prepare", "files": self.files})
            self._prepared.add(worker)

    def _give_worker(self, run: Run) -> bool:
        files = run.config.files
        worker = self._free_worker(slow=any(file.imports_torch for file in files))
        if worker is None:
            return False
        if files:
            self._prepared.add(worker)
        self.workers[worker] = run
        run.worker, run.built, run.resting, run.asked_at = worker, False, False, self._clock.now()
        # A worker that died may have left a checkpoint beyond the last frame that it sent.
        run.timeline.checkpoints = run.timeline.checkpoints.fork(run.step)
        checkpoint = (run.ahead and run.ahead.checkpoint) or run.timeline.checkpoints.last
        run.starts += 1
        run.told_reads = run.reads
        worker.send(
            {
                "do": "start",
                "run": run.session,
                "order": run.order,
                "config": run.config.to_json(),
                "dataset": run.dataset,
                "checkpoint": checkpoint.data if checkpoint else None,
                "step": run.ahead.step if run.ahead else run.step,
                "speed": run.speed,
                "limit": run.limit,
                "focus": run.focus,
                "reads": run.reads,
                "files": files,
            }
        )
        self.state_changed(run)
        return True

    def _free_worker(self, *, slow: bool) -> WorkerHandle | None:
        """A worker to be given away; for a run that is `slow` to import, one that is prepared before others."""

        def fits(worker: WorkerHandle) -> bool:
            return (worker in self._prepared) == slow

        free = [worker for worker, run in self.workers.items() if run is None]
        if free:
            return max(free, key=lambda worker: (worker.ready, fits(worker)))
        # A run that rests: one that nobody watches before others, and the one that was used longest ago.
        resting = [(worker, run) for worker, run in self.workers.items() if run is not None and _rests(run)]
        if not resting:
            return None
        worker, _ = min(resting, key=lambda held: (bool(held[1].viewers), not fits(held[0]), held[1].used))
        self._take_out(worker)
        return worker

    def _take_out(self, worker: WorkerHandle) -> None:
        """The run in this worker goes on resting in its checkpoint alone."""
        out = self.workers[worker]
        if out is not None:
            worker.send({"do": "drop", "run": out.session})
            out.worker, out.built, out.resting = None, False, False
            self.workers[worker] = None


def _goes_first(run: Run) -> tuple[bool, bool, float]:
    """The order in which runs that wait get a place."""
    return (not run.viewers, run.turns > 0, run.served)


def _is_light(run: Run, newest: Frame) -> bool:
    """Whether its workers would mostly wait: tables that are watched slowly, all of them sent whole."""
    whole = not run.large and len(newest.members) == run.config.members
    tables = all(lane.approximator == "table" for lane in run.config.lanes) and not run.config.files
    return whole and tables and run.speed > 0 and bool(run.viewers) and not run.until


def _weight(run: Run) -> float:
    """How much longer than a single viewer's run it may train."""
    return math.sqrt(max(1, len(run.viewers)))


def _rests(run: Run) -> bool:
    """Whether a run's worker may be given to another one."""
    return run.resting and not run.training
