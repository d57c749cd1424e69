"""Writes `docs/algorithms.md` from the declarations: `python -m offrl_core.learning.docs`."""

from __future__ import annotations

import inspect
from collections.abc import Iterable
from pathlib import Path

from offrl_core.algos import APPROXIMATORS, Algorithm, algorithms, hyperparameters
from offrl_core.algos.base import GROUPS
from offrl_core.declarations import Hyperparameter, Value
from offrl_core.learning.metric_catalogue import metrics

PLACE = Path(__file__).resolve().parents[2] / "docs" / "algorithms.md"

HEAD = """# Systems, hyperparameters and metrics

Written by `python -m offrl_core.learning.docs` from the declarations in the code; a test keeps it current.

The numbers are the lecture's. Its 3, the weight function, is a choice of EMRL; 5, returns in place of rewards, one of
RWR; 13, the deadly triad, is a world: train `q-learning` with the linear function on the dataset `deadly-triad`.

Each system shows its equation under the defaults, then what other choices change in it. Symbols are those of the
hyperparameters below it; `X` is the data, `π_β` the behaviour that collected it, `Ā` the allowed actions, `y` a target
through which no gradient flows. Defaults are those of the table, then of the linear function and the MLP where they
differ; a dataset may recommend others. Values marked `live` act on the next update of a running learner, those marked
`restarts` need a new run.

*Measured* is what moves the same way on two worlds, the double crossing and the bridge, while a number goes up through
its range and all others keep their defaults: the divergence of the policy from the data's, its entropy, the value at
the start, `Q` on missing pairs. A test trains tables for a few hundred updates and holds every entry. *Greedier* is the
direction in which the divergence grows and the entropy falls on both; a system's own number that is not called greedier
either way has no such direction.
"""

METRICS_HEAD = """## Metrics

Every number of a snapshot, one per member. Losses and the TD error are means over the rows of the update that comes
next. Weights, values and policies are looked at in all rows and states of tabular data, and in the probe rows of
continuous data, at most 256: {probed}.
"""


def write() -> str:
    """The whole page."""
    parts = [HEAD]
    for group, title in GROUPS.items():
        parts.append(f"## {title}\n")
        parts += [_system(kind) for kind in algorithms().values() if kind.group == group]
    parts.append("## Approximators\n")
    parts += [_approximator(name, title) for name, title in APPROXIMATORS.items()]
    parts.append(METRICS_HEAD.format(probed=", ".join(f"`{m.name}`" for m in metrics().values() if m.probed)))
    rows: list[tuple[str, ...]] = [
        (f"`{m.name}`", m.title, m.unit, f"${_math(m.formula)}$", m.help, m.bad) for m in metrics().values()
    ]
    parts.append(_table(("name", "title", "unit", "formula", "what it says", "a bad curve"), rows))
    return "\n".join(parts)


def _system(kind: type[Algorithm]) -> str:
    body = inspect.cleandoc(kind.__doc__ or "")
    number = "" if kind.number is None else f"{kind.number}. "
    lines = [f"### {number}{kind.title} (`{kind.name}`)\n", f"{kind.summary}\n", *_equations(kind)]
    lines.append(f"{body}\n")
    lines.append(f"Source: {kind.source or 'the lecture'}.\n")
    own = {h.name for h in kind.hyperparameters}
    declared = [[h for h in hyperparameters(kind, a) if h.name in own] for a in APPROXIMATORS]
    if own:
        lines.append(_table(COLUMNS, [_row(*same) for same in zip(*declared, strict=True)]))
    return "\n".join(lines)


def _equations(kind: type[Algorithm]) -> Iterable[str]:
    """The equation as it stands by default, and the pieces that each other choice puts in."""
    default = _pieces(kind.equation)
    yield "$$\n\\begin{gathered}\n" + " \\cr\n".join(map(_math, default)) + "\n\\end{gathered}\n$$\n"
    changed = []
    for h in kind.hyperparameters:
        named: list[tuple[Value, str]] = [(choice, f"= {choice}") for choice in h.choices]
        if h.special and h.low is not None:
            named += [(value, f"= {value:g} ({words})") for value, words in h.special.items()]
            named.append((h.low, f"from {h.low:g}"))
        for value, words in named:
            pieces = _pieces(kind().equation_for({**kind.default_choices(), h.name: value}))
            new = [f"${_math(piece)}$" for piece in pieces if piece not in default]
            if new:
                changed.append(f"- `{h.name}` {words}: " + ", ".join(new))
    if changed:
        yield "\n".join(changed) + "\n"


def _math(formula: str) -> str:
    """The formula in commands that Markdown leaves alone: it takes a backslash before punctuation for its own, a bar
    for the end of a cell and a star for emphasis."""
    for plain, safe in SAFE.items():
        formula = formula.replace(plain, f"{safe} ")
    return formula.strip()  # a dollar after a space would not end a formula


def _pieces(equation: str) -> list[str]:
    return [piece.strip() for piece in equation.split(r"\qquad")]


def _approximator(name: str, title: str) -> str:
    own = {h.name for kind in algorithms().values() for h in kind.hyperparameters}
    declared = {h.name: h for kind in algorithms().values() for h in hyperparameters(kind, name) if h.name not in own}
    return f"### {title} (`{name}`)\n\n" + _table(COLUMNS, [_row(h) for h in declared.values()])


SAFE = {
    r"\{": r"\lbrace",
    r"\}": r"\rbrace",
    r"\|": r"\Vert",
    r"\,": r"\thinspace",
    "|": r"\vert",
    "*": r"\ast",
}
COLUMNS = ("name", "symbol", "default", "allowed", "acts", "what it does", "measured", "the paper")


def _row(*same: Hyperparameter) -> tuple[str, ...]:
    h = same[0]
    defaults = [_text(x.default) for x in same]
    shown = defaults[0] if len(set(defaults)) == 1 else " / ".join(defaults)
    towards = f"; greedier {h.greedier}, cloning the other way" if h.greedier else ""
    symbol = f"${_math(h.symbol)}$" if h.symbol else ""
    acts = "live" if h.live else "restarts"
    return (f"`{h.name}`", symbol, shown, h.allowed, acts, h.help, h.effect.text + towards, h.paper)


def _text(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    for row in rows:
        lines.append("| " + " | ".join(x.replace("|", r"\|") for x in row) + " |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    PLACE.write_text(write(), encoding="utf-8")
    print(f"wrote {PLACE}")
