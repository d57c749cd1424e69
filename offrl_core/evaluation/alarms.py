"""Alarms: a `Watch` sees the metrics of every frame of a run and says which alarms rise and which calm down."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from offrl_core.evaluation.alarm_rules import RULES, WINDOW, Facts, MetricHistory, Rule

Array = npt.NDArray[Any]


@dataclass(frozen=True, slots=True)
class Alarm:
    """One alarm of one member, as it rises or calms down.

    Attributes:
        kind: which rule.
        active: True when it rises, False when what it warned of is over.
        member, step: where and when.
        title: a few words.
        cause: one sentence: what was seen, with its numbers, and why it happens.
        panel: the panel of curves that shows it (see `orl.metrics()`).
        mode: the view of the world that shows it.
    """

    kind: str
    active: bool
    member: int
    step: int
    title: str
    cause: str
    panel: str
    mode: str

    def to_json(self) -> dict[str, Any]:
        """Plain data for the screen."""
        return asdict(self)


class Watch:
    """Sees every frame of a run and reports changes of alarm.

    An alarm must hold, or be gone, for three frames in a row before it is reported, so that it does not flicker.
    """

    PATIENCE = 3

    def __init__(self, facts: list[Facts]) -> None:
        self.facts = facts
        self._values: list[dict[str, deque[float]]] = [{} for _ in facts]
        self._steps: deque[int] = deque(maxlen=WINDOW)
        self._first: list[dict[str, tuple[int, float]]] = [{} for _ in facts]
        self._active: dict[tuple[int, str], Alarm] = {}
        self._streak: dict[tuple[int, str], int] = {}

    @property
    def active(self) -> list[Alarm]:
        """The alarms that stand now, oldest first."""
        return sorted(self._active.values(), key=lambda alarm: alarm.step)

    def see(self, step: int, metrics: Mapping[str, Array]) -> list[Alarm]:
        """Take in one frame's metrics, name → `(M,)`; return what rose or calmed down."""
        changes: list[Alarm] = []
        self._steps.append(step)
        for member, facts in enumerate(self.facts):
            values, first = self._values[member], self._first[member]
            for name, column in metrics.items():
                value = float(column[member])
                values.setdefault(name, deque(maxlen=WINDOW)).append(value)
                first.setdefault(name, (step, value))
            arrays = {name: np.array(column) for name, column in values.items()}
            history = MetricHistory(arrays, np.array(self._steps), first)
            for rule in RULES:
                changes += self._judge(rule, member, step, rule.fires(history, facts))
        return changes

    def _judge(self, rule: Rule, member: int, step: int, cause: str | None) -> list[Alarm]:
        key = (member, rule.kind)
        standing = self._active.get(key)
        if (cause is not None) == (standing is not None):
            self._streak[key] = 0
            return []
        self._streak[key] = self._streak.get(key, 0) + 1
        if self._streak[key] < self.PATIENCE:
            return []
        self._streak[key] = 0
        if cause is not None:
            alarm = Alarm(rule.kind, True, member, step, rule.title, cause, rule.panel, rule.mode)
            self._active[key] = alarm
            return [alarm]
        assert standing is not None
        del self._active[key]
        return [Alarm(rule.kind, False, member, step, rule.title, standing.cause, rule.panel, rule.mode)]
