"""What a run computes, without a process: lanes in lock-step, live changes, snapshots beside the truth, checkpoints."""

from __future__ import annotations

import struct
from collections.abc import Generator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from offrl_core.data.picture import layout_of
from offrl_core.data.successors import successors
from offrl_core.dataset import Dataset, dataset_probes, probe_rows
from offrl_core.declarations import Hyperparameter
from offrl_core.evaluation import film, member_returns
from offrl_core.evaluation.alarm_rules import Facts
from offrl_core.evaluation.alarms import Alarm
from offrl_core.learning import Learner
from offrl_core.learning.snapshot import Snapshot, merge_members
from offrl_core.worlds.layout import GridLayout
from offrl_live.runs import datasets, truths
from offrl_live.runs.config import Lane, RunConfig
from offrl_live.runs.snapshot import RunSnapshot
from offrl_live.runs.timeline import Mark

Array = npt.NDArray[Any]

_HEAD, _LENGTH = struct.Struct("<QQ"), struct.Struct("<Q")

# What `hello` says of a hyperparameter, beside its value.
_DECLARED = (
    *("name", "symbol", "default", "help", "low", "high", "choices"),
    *("scale", "integer", "live", "paper", "greedier", "special", "max_length"),
)


class Engine:
    """The learners of a run and the truth beside them.

    The same configuration gives the same numbers to the bit, however the updates are cut into calls, and also when it
    is continued from a checkpoint: live changes are part of the configuration and act at their step.

    Attributes:
        config: with every live change so far.
        step: updates done.
        marks: the live changes that have acted, in order.
        reads: whether snapshots tell what targets read also where values are networks', which costs an evaluation.
    """

    def __init__(self, config: RunConfig, dataset: Dataset | None = None) -> None:
        self.config = config
        self.dataset = config.data if dataset is None else dataset
        self.step = 0
        self.marks: list[Mark] = []
        self.reads = False
        self.lanes = [self._learner(lane, lane.hyperparameters) for lane in config.lanes]
        self._seen_divergences = 0
        self._apply(after=-1)

    def _learner(self, lane: Lane, values: Mapping[str, Any]) -> Learner:
        opened = {name: list(value) if isinstance(value, tuple) else value for name, value in values.items()}
        return Learner(
            self.dataset,
            lane.kind,
            approximator=lane.approximator,
            seeds=lane.seed_numbers,
            device=lane.device,
            **opened,
        )

    # members

    @property
    def members(self) -> list[dict[str, Any]]:
        """Every member of every lane, in order: `index, lane, label, algorithm, values (as they are now), seed`."""
        records: list[dict[str, Any]] = []
        for number, (lane, learner) in enumerate(zip(self.config.lanes, self.lanes, strict=True)):
            now = learner.hyperparameters
            for member in learner.members:
                own = {name: value if name in learner.axes else now[name] for name, value in member.values.items()}
                records.append(
                    {
                        "index": len(records),
                        "lane": number,
                        "label": member.label,
                        "algorithm": lane.algorithm,
                        "values": own,
                        "seed": member.seed,
                    }
                )
        return records

    @property
    def gammas(self) -> list[float]:
        """Each member's discount: its own `gamma`, the data's for systems that have none."""
        return [float(member["values"].get("gamma", self.dataset.gamma)) for member in self.members]

    @property
    def steps_per_epoch(self) -> int:
        """Updates that see every row once (the largest number among the lanes)."""
        return max(learner.steps_per_epoch for learner in self.lanes)

    @property
    def settling_window(self) -> int:
        """Updates over which nothing may move before the run counts as converged."""
        periods = [
            m["values"].get("target_period", 0) for m in self.members if m["values"].get("target_update") == "hard"
        ]
        return max(self.steps_per_epoch, 2 * max(periods, default=0))

    def facts(self) -> list[Facts]:
        """What the alarms know of each member."""
        return truths.facts(self.dataset, self.members, self.gammas)

    # training

    def advance(self, updates: int) -> None:
        """Train every lane for `updates` updates; a member that diverges keeps its last finite state, others go on."""
        target = self.step + updates
        while self.step < target and not self.stopped:
            before = self.step
            until = min([target, *(change.step for change in self.config.changes if change.step > before)])
            for learner in self.lanes:
                # A lane whose members have all diverged makes no more updates; asked again, it makes none.
                learner.advance(until - before)
            # Where the last member diverged, the run ends at the last update that was made.
            self.step = max(learner.step for learner in self.lanes) if self.stopped else until
            self._apply(after=before)

    @property
    def stopped(self) -> bool:
        """Whether no member is left that trains."""
        return not any(learner.active for learner in self.lanes)

    def divergences(self) -> list[Alarm]:
        """What left the numbers since this was asked last, as alarms of now: which member, at which update, what first,
        and where."""
        found, base = [], 0
        for learner in self.lanes:
            found += [(d, base + d.index) for d in learner.divergences]
            base += len(learner.members)
        found.sort(key=lambda pair: (pair[0].step, pair[1]))
        new, self._seen_divergences = found[self._seen_divergences :], len(found)
        title, mode = "Diverged", "q"
        names = self.dataset.action_names
        return [Alarm("diverged", True, member, self.step, title, d.told(names), "q", mode) for d, member in new]

    @property
    def why_stopped(self) -> str:
        """The first divergence, in words."""
        found = sorted((d for learner in self.lanes for d in learner.divergences), key=lambda d: d.step)
        return found[0].told(self.dataset.action_names) if found else ""

    def set(self, lane: int, values: Mapping[str, object]) -> None:
        """Change hyperparameters of one lane from the next update on; written into the configuration.

        Raises:
            ConfigError: the lane, a name or a value is not allowed. Nothing is changed then.
        """
        self.config = self.config.changed(self.step, lane, values)
        self._apply(after=self.step - 1)

    def _apply(self, *, after: int) -> None:
        """Let the changes act that were made after step `after`, up to now."""
        due = [change for change in self.config.changes if after < change.step <= self.step]
        for change in due:
            self._assign(change.lane, change.values)
        if due:
            self._mark()

    def _assign(self, lane: int, values: Mapping[str, Any]) -> None:
        learner = self.lanes[lane]
        learner.assign({name: [value] * len(learner.members) for name, value in values.items()})

    def _mark(self) -> None:
        now = [self.config.current(lane, -1) for lane in range(len(self.lanes))]
        self.marks = []
        for change in self.config.changes:
            if change.step <= self.step:
                what = {name: [now[change.lane][name], value] for name, value in change.values.items()}
                now[change.lane] |= change.values
                self.marks.append(Mark(change.step, change.lane, what))

    # looking

    def snapshot(self, *, truth: bool = True) -> RunSnapshot:
        """All members now; `truth` adds the true value of their policies, where there is a world to tell.

        The parameters of a diverged member are the last finite ones; what they lead to may be infinite already.
        """
        parts: list[tuple[range, Snapshot]] = []
        first = 0
        for learner in self.lanes:
            parts.append((range(first, first + len(learner.members)), learner.snapshot(reads=self.reads)))
            first += len(learner.members)
        snapshot = RunSnapshot(**vars(merge_members(parts, self.step)))
        for evaluated in self.evaluating(snapshot) if truth else ():
            snapshot = evaluated or snapshot
        return snapshot

    def evaluating(self, snapshot: RunSnapshot) -> Generator[RunSnapshot | None, None, None]:
        """Add the true `return` of every policy: exact, with `q_pi`, or measured by playing.

        Yields:
            None while there is more to do, and at the end the snapshot with its truth; nothing where no world is known.
        """
        if self.dataset.mdp is not None:
            returns, q_pi = member_returns.evaluate(self.dataset, snapshot.policy, self.gammas)
            yield snapshot.with_truth(returns, q_pi)
        elif member_returns.played(self.dataset):
            returns = yield from member_returns.measuring_returns(self.dataset, self.lanes, self.gammas)
            yield snapshot.with_truth(returns)

    def describe(self) -> dict[str, Any]:
        """What a viewer must know before the first frame: the parts of `hello` that come from data and learners."""
        data, names = self.dataset, list(self.snapshot(truth=self.dataset.mdp is not None).metrics)
        if member_returns.played(data):
            names += [*member_returns.measured_names(data), *(["gap"] if "value_start" in names else [])]
        lanes = []
        for lane, learner in zip(self.config.lanes, self.lanes, strict=True):
            now, kind = learner.hyperparameters, learner.algorithm
            declared = [{**_declaration(h), "value": now[h.name]} for h in learner.declared.values()]
            lanes.append(
                {
                    "algorithm": lane.algorithm,
                    "title": kind.title,
                    "group": kind.group,
                    "approximator": lane.approximator,
                    "seeds": lane.seeds,
                    "axes": list(lane.axes),
                    "reads": learner.algorithm.reads_actions,
                    "equation": learner.equation,
                    "formulas": learner.formulas,
                    "hyperparameters": declared,
                }
            )
        starts = data.initial_observations
        return {
            "layout": layout_of(data).to_json(),
            "states": self._states,
            "actions": list(data.action_names) or [f"action {a}" for a in range(data.n_actions)],
            "members": self.members,
            "lanes": lanes,
            "metrics": [truths.declared(name, data).to_json() for name in names],
            "truth": self.truth(),
            "initial_states": np.unique(starts).tolist() if data.tabular else [0],
            "rows": len(data),
            "episodes": data.n_episodes,
            "steps_per_epoch": self.steps_per_epoch,
            "film": film.about(data),
            **({"opened": opened} if (opened := datasets.how_opened(data)) else {}),
        }

    @property
    def _states(self) -> int:
        return self.dataset.n_states if self.dataset.n_states is not None else len(dataset_probes(self.dataset))

    def truth(self) -> dict[str, Any]:
        """The reference returns, at the first member's discount."""
        return truths.describe(self.dataset, self.gammas[0])

    def static(self) -> dict[str, Array]:
        """Tables that do not change while training (but with the discount)."""
        data = self.dataset
        fields = {"counts": data.counts, "behavior_policy": data.behavior_policy} if data.tabular else {}
        if not data.tabular:
            fields["probes"] = dataset_probes(data)
            fields["probe_actions"] = data.actions[probe_rows(data)].astype(np.int32)
        if data.tabular and isinstance(layout_of(data), GridLayout):
            fields["next_states"], fields["next_share"] = successors(data)
        known = member_returns.truth(data, self.gammas[0])
        if known.q_star is not None and known.v_star is not None:
            fields |= {"q_star": known.q_star, "v_star": known.v_star}
        if data.mdp is not None:
            fields["terminal"] = data.mdp.terminal
        return fields

    def explain(self, member: int, what: Mapping[str, int]) -> dict[str, Any]:
        """One transition's numbers through the update of a member: a `row` of the data, or a `state` and an `action`.

        Raises:
            ValueError: there is no such member, row, state or action.
        """
        place = what["row"] if "row" in what else (what["state"], what["action"])
        for learner in self.lanes:
            if member < len(learner.members):
                return learner.explain(place, member)
            member -= len(learner.members)
        raise ValueError("there is no such member")

    # continuing

    def checkpoint(self) -> bytes:
        """Everything needed to continue from here to the bit, together with the configuration."""
        lanes = [learner.to_bytes() for learner in self.lanes]
        head = _HEAD.pack(self.step, len(lanes))
        return b"".join([head, *(_LENGTH.pack(len(lane)) + lane for lane in lanes)])

    def restore(self, data: bytes) -> None:
        """Continue from a checkpoint of this configuration, or of one that shares its past up to there."""
        step, lanes = _HEAD.unpack_from(data)
        if lanes != len(self.lanes):
            raise ValueError(f"this checkpoint has {lanes} lanes, the run has {len(self.lanes)}")
        place = _HEAD.size
        for learner in self.lanes:
            (length,) = _LENGTH.unpack_from(data, place)
            place += _LENGTH.size + length
            learner.from_bytes(data[place - length : place])
        self.step = step
        # At its own step the past may have gone on with other values than this configuration does.
        for lane, learner in enumerate(self.lanes):
            now, axes = self.config.current(lane, step), self.config.lane(lane).axes
            self._assign(lane, {name: now[name] for name, h in learner.declared.items() if h.live and name not in axes})
        self._mark()


def _declaration(h: Hyperparameter) -> dict[str, Any]:
    return {**{name: getattr(h, name) for name in _DECLARED}, "numeric": h.numeric, "allowed": h.allowed}
