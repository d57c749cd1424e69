"""Divergence: members whose numbers stop being finite are found, traced to the update and quantity, and stopped."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from offrl_core.learning.program import Program
from offrl_core.learning.sampling import Drawn

Array = npt.NDArray[Any]

BLOCK = 32  # updates between two checks; a finding is traced back to its very update


_SYMBOLS = {"q": "Q", "q2": "the second Q", "value": "V"}
_BECAME = {"inf": "overflowed to infinity", "-inf": "overflowed to minus infinity", "nan": "became NaN"}


@dataclass(frozen=True, slots=True)
class Divergence:
    """A member stopped because its next update would have left the finite numbers.

    Attributes:
        step: the update that could not be made; the member keeps the state before it.
        index, member: its place and label.
        what: the quantity that left first: an output (`q`, `value`, `policy`, `target_q_next`, …), `weight`, `gradient
            of td` (or another loss; `of the loss` where autograd has only that of their sum), `parameter of q` (or
            another network), `squared gradient of q` (Adam's running mean), or a number of the system's own, such
            as `square`.
        value: what it became, as text: `inf`, `-inf` or `nan`.
        state, action, row: where, as far as that quantity has such a place; −1 otherwise.
        line: where in a system's own text the number arose (`my_cql.py, line 31`); empty where that is not known.
    """

    step: int
    index: int
    member: str
    what: str
    value: str
    state: int = -1
    action: int = -1
    row: int = -1
    line: str = ""

    def named(self, index: int, member: str) -> Divergence:
        """The same for the learner's numbering."""
        return replace(self, index=index, member=member)

    def __str__(self) -> str:
        return self.told()

    def told(self, actions: Sequence[str] = ()) -> str:
        """In words; `actions` are their names, without which they have numbers."""
        places = [("state", self.state), ("action", self.action), ("row", self.row)]
        known = [(name, actions[n] if name == "action" and actions else n) for name, n in places if n >= 0]
        where = " at " + ", ".join(f"{name} {which}" for name, which in known) if known else ""
        label = f" ({self.member})" if self.member else ""
        line = f" (first in {self.line})" if self.line else ""
        what = f"{_SYMBOLS.get(self.what, self.what)} {_BECAME[self.value]}"
        return f"stopped before update {self.step}{label}: {what}{where}{line}"


Advanced = list[tuple[list[int], Program, list[Divergence]]]
"""`(members, program, records)` of each part of a program; a frozen part holds one member and its record."""


def advance_program(program: Program, steps: int) -> Advanced:
    """Make `steps` updates; members that diverge are split off into programs of their own, frozen."""
    with np.errstate(all="ignore"):
        return _advanced(program, steps)


def _advanced(program: Program, steps: int) -> Advanced:
    parts: Advanced = []
    members = list(range(program.members))
    left = steps
    while left:
        count = min(BLOCK, left)
        before, updates = program.kept(), program.updates
        for _ in range(count):
            program.update()
        if program.finite():
            left -= count
            continue
        program.restore(before, updates)
        for done in range(count):
            before, updates = program.kept(), program.updates
            program.update()
            bad = _broken(program)
            if not bad:
                continue
            program.restore(before, updates)
            for i in bad:
                alone = program.subset([i])
                record = trace(alone)
                alone.frozen = True
                parts.append(([members[i]], alone, [record]))
            good = [i for i in range(program.members) if i not in bad]
            if not good:
                return parts
            program = program.subset(good)
            members = [members[i] for i in good]
            left -= done
            break
        else:
            left -= count
    return [(members, program, []), *parts]


def trace(program: Program) -> Divergence:
    """Which quantity of the next update leaves the finite numbers first, and where (one member)."""
    found = _trace(program)
    if found.what in program.pending().drawn.batch.outputs:
        return found
    return replace(found, line=program.algorithm.first_bad_line(program.pending().drawn.batch, program.hp))


def _trace(program: Program) -> Divergence:
    step = program.updates + 1
    drawn, losses, _ = program.pending()
    batch = drawn.batch
    for name, out in batch.outputs.items():
        bad = np.argwhere(~np.isfinite(out[0]))
        if len(bad):
            action, column = bad[0].tolist()
            return Divergence(
                step, 0, "", name, _text(out[0][action, column]), _state_of(program, drawn, name, column), action
            )
    weighting = program.algorithm.weighting(batch, program.hp)
    if weighting is not None:
        bad_rows = np.flatnonzero(~np.isfinite(np.broadcast_to(weighting.weight, (1, batch.rows))[0]))
        if len(bad_rows):
            column = int(bad_rows[0])
            row = int(drawn.numbers[0][column])
            return Divergence(
                step,
                0,
                "",
                "weight",
                _text(weighting.weight[0, column]),
                _state_of_row(program, row),
                int(program.rows.actions[row]),
                row,
            )
    for name, loss in losses.items():
        for out_name, gradient in loss.gradients.items():
            bad = np.argwhere(~np.isfinite(gradient[0]))
            if len(bad):
                action, column = bad[0].tolist()
                state = _state_of(program, drawn, out_name, column)
                of = "the loss" if loss.of_sum else name
                return Divergence(step, 0, "", f"gradient of {of}", _text(gradient[0][action, column]), state, action)
    after = program.subset([0])
    after.update()
    return _first_left(after, step)


def _first_left(program: Program, step: int) -> Divergence:
    """What an update left that is not finite: the optimiser's or the system's own numbers, then the parameters."""
    arrays = program.arrays()
    for key in sorted(arrays, key=lambda key: not key.startswith(("optimizer_", "memory_"))):
        bad = np.argwhere(~np.isfinite(arrays[key][0]))
        if not len(bad):
            continue
        value = _text(arrays[key][0][tuple(bad[0])])
        kind = {"optimizer_m": "mean gradient", "optimizer_v": "squared gradient", "parameters": "parameter"}.get(key)
        if kind is None:
            return Divergence(step, 0, "", key.removeprefix("memory_"), value)
        heads = (
            name
            for name, network in program.networks.by_name.items()
            if network.place.start <= bad[0][0] < network.place.stop
        )
        return Divergence(step, 0, "", f"{kind} of {next(heads)}", value)
    raise AssertionError("every number is finite")  # pragma: no cover - a member is traced only after it broke


def _state_of_row(program: Program, row: int) -> int:
    """The state of a row; −1 for continuous observations."""
    return int(program.rows.states[row]) if program.dataset.tabular else -1


def _state_of(program: Program, drawn: Drawn, name: str, column: int) -> int:
    """The state behind column `column` of an output; −1 for continuous observations."""
    if not program.dataset.tabular:
        return -1
    if drawn.merged:
        return column
    row = int(drawn.numbers[0][column])
    return int(program.rows.next_states[row] if name.endswith("_next") else program.rows.states[row])


def _broken(program: Program) -> list[int]:
    bad = np.zeros(program.members, dtype=bool)
    for array in program.arrays().values():
        bad |= ~np.isfinite(array).all(axis=tuple(range(1, array.ndim)))
    return np.flatnonzero(bad).tolist()


def _text(number: Any) -> str:
    return "nan" if np.isnan(number) else ("inf" if number > 0 else "-inf")
