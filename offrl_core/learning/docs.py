"""Writes `docs/algorithms.md` from the declarations: `python -m offrl_core.learning.docs`."""

from __future__ import annotations

import inspect
from collections.abc import Iterable
from pathlib import Path

from offrl_core.algorithms import APPROXIMATORS, Algorithm, algorithms, hyperparameters
from offrl_core.hyperparameters import Hyperparameter
from offrl_core.learning.metrics import METRICS

PLACE = Path(__file__).resolve().parents[2] / "docs" / "algorithms.md"

HEAD = """# Systems, hyperparameters and metrics

Written by `python -m offrl_core.learning.docs` from the declarations in the code; a test keeps it current. Defaults
are those of the table, then of the linear function and the MLP where they differ; a dataset may recommend others.
Values marked `live` act on the next update of a running learner, those marked `restarts` need a new run.
"""


def write() -> str:
    """The whole page."""
    parts = [HEAD]
    for group, title in (("cloning", "Weighted cloning"), ("q-learning", "Q-learning without exploration")):
        parts.append(f"## {title}\n")
        parts += [_system(kind) for kind in algorithms().values() if kind.group == group]
    parts.append("## Approximators\n")
    parts += [_approximator(name, title) for name, title in APPROXIMATORS.items()]
    parts.append("## Metrics\n\nEvery number of a snapshot, one per member.\n")
    rows: list[tuple[str, ...]] = [(f"`{m.name}`", m.title, m.unit, f"${m.formula}$", m.help, m.bad) for m in METRICS]
    parts.append(_table(("name", "title", "unit", "formula", "what it says", "a bad curve"), rows))
    return "\n".join(parts)


def _system(kind: type[Algorithm]) -> str:
    body = inspect.cleandoc(kind.__doc__ or "")
    equations = dict.fromkeys(_equations(kind))
    lines = [f"### {kind.number}. {kind.title} (`{kind.name}`)\n", f"{kind.summary}\n"]
    lines += [f"$$\n{equation}\n$$\n" for equation in equations]
    lines.append(f"{body}\n")
    lines.append(f"Source: {kind.source or 'the lecture'}.\n")
    own = {h.name for h in kind.hyperparameters}
    declared = [[h for h in hyperparameters(kind, a) if h.name in own] for a in APPROXIMATORS]
    if own:
        lines.append(_table(COLUMNS, [_row(*same) for same in zip(*declared, strict=True)]))
    return "\n".join(lines)


def _equations(kind: type[Algorithm]) -> Iterable[str]:
    """The equation as it stands by default and under each other choice."""
    choices = {h.name: h.default for h in kind.hyperparameters}
    yield kind().equation_for(choices)
    for h in kind.hyperparameters:
        for choice in h.choices:
            yield kind().equation_for({**choices, h.name: choice})


def _approximator(name: str, title: str) -> str:
    own = {h.name for kind in algorithms().values() for h in kind.hyperparameters}
    declared = {h.name: h for kind in algorithms().values() for h in hyperparameters(kind, name) if h.name not in own}
    return f"### {title} (`{name}`)\n\n" + _table(COLUMNS, [_row(h) for h in declared.values()])


COLUMNS = ("name", "symbol", "default", "allowed", "acts", "what it does", "greedier", "the paper")


def _row(*same: Hyperparameter) -> tuple[str, ...]:
    h = same[0]
    defaults = [_text(x.default) for x in same]
    shown = defaults[0] if len(set(defaults)) == 1 else " / ".join(defaults)
    towards = {"up": "up; down is closer to cloning", "down": "down; up is closer to cloning", "": ""}[h.greedier]
    symbol = f"${h.symbol}$" if h.symbol else ""
    return (f"`{h.name}`", symbol, shown, h.allowed, "live" if h.live else "restarts", h.help, towards, h.paper)


def _text(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    for row in rows:
        # A bar ends a cell, also inside a formula, where \\vert prints the same.
        cells = [x.replace("|", r"\vert ") if x.startswith("$") else x.replace("|", r"\|") for x in row]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    PLACE.write_text(write(), encoding="utf-8")
    print(f"wrote {PLACE}")
