"""Text alternatives: what a picture shows, in words, from the same numbers that are drawn."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from offrl_lecture.base import pictures as p
from offrl_lecture.base.text import number, plain


def describe(picture: p.Picture) -> str:
    """One or a few sentences: the title, the warning if any, and the picture's numbers."""
    warning = f"Warning: {plain(picture.alarm)} " if picture.alarm else ""
    title = plain(picture.title)
    stop = "" if title.endswith("?") else "."
    return f"{title}{stop} {warning}{picture.alt or _BY_KIND[picture.kind](picture)}".strip()


def _amount(value: float | str, unit: str = "") -> str:
    text = plain(value) if isinstance(value, str) else number(value)
    return f"{text} {unit}".strip()


def _curve(line: p.Line, x: p.Axis, y: p.Axis) -> str:
    xs, ys = np.asarray(line.x, float), np.asarray(line.y, float)
    if not len(ys) or np.isnan(ys).all():
        return f"{plain(line.name)}: no values"
    keep = ~np.isnan(ys)
    xs, ys = xs[keep], ys[keep]
    if len(ys) == 1 or (ys == ys[0]).all():
        return f"{plain(line.name)}: {_amount(ys[0], y.unit)}"
    text = f"{plain(line.name)}: {_amount(ys[0])} at {_amount(xs[0], x.unit)}"
    text += f", {_amount(ys[-1])} at {_amount(xs[-1], x.unit)}"
    low, high = ys.min(), ys.max()
    if low < min(ys[0], ys[-1]):
        text += f", lowest {_amount(low)}"
    if high > max(ys[0], ys[-1]):
        text += f", highest {_amount(high)}"
    return text


def _extras(picture: Any) -> list[str]:
    said = [f"{plain(m.label)} at {number(m.at)}" for m in getattr(picture, "marks", ()) if m.label]
    for point in getattr(picture, "points", ()):
        if not point.label:
            continue
        where = number(point.x) if isinstance(picture, p.NumberLine) else f"{number(point.x)}, {number(point.y)}"
        said.append(f"{plain(point.label)} at {where}")
    return said


def _lines(picture: p.Lines) -> str:
    told = [line for line in picture.lines if line.name and not line.faint]
    said = [_curve(line, picture.x, picture.y) for line in told] + _extras(picture)
    return f"{plain(picture.y.label)} against {plain(picture.x.label)}. " + "; ".join(said) + "."


def _bars(picture: p.Bars) -> str:
    said = []
    for bar in picture.bars:
        each = []
        for i, category in enumerate(picture.categories):
            exact = f" ({plain(bar.target_name) or 'exact'} {number(bar.targets[i])})" if len(bar.targets) else ""
            each.append(f"{plain(category)} {_amount(bar.values[i], picture.y.unit)}{exact}")
        said.append((f"{plain(bar.name)}: " if bar.name else "") + ", ".join(each))
    return "; ".join(said + _extras(picture)) + "."


def _number_line(picture: p.NumberLine) -> str:
    return f"{plain(picture.axis.label)}: " + "; ".join(_extras(picture)) + "."


def _heat(picture: p.Heat) -> str:
    z = np.asarray(picture.z, float)
    if not z.size or np.isnan(z).all():
        return "no values."
    said = [
        f"{plain(picture.z_label)} from {_amount(np.nanmin(z), picture.z_unit)} to "
        f"{_amount(np.nanmax(z), picture.z_unit)}"
    ]
    if picture.missing:
        said.append(f"{int(np.sum(picture.missing))} of {z.size} cells are not in the data")
    said += _extras(picture)
    return f"{plain(picture.y.label)} against {plain(picture.x.label)}. " + "; ".join(said) + "."


def _paths(paths: Sequence[p.Path]) -> list[str]:
    return [f"{plain(w.name)}: {plain(w.label)}" if w.label else plain(w.name) for w in paths if w.name or w.label]


def _grid(picture: p.Grid) -> str:
    values = picture.action_values if picture.action_values is not None else picture.state_values
    said = [f"grid of {picture.layout.rows} rows and {picture.layout.cols} columns"]
    if values is not None:
        flat = np.asarray(values, float)
        if not np.isnan(flat).all():
            said.append(f"{plain(picture.value_label)} from {number(np.nanmin(flat))} to {number(np.nanmax(flat))}")
    if picture.seen is not None:
        said.append(f"{int((~np.asarray(picture.seen, bool)).sum())} state–action pairs are not in the data")
    if picture.selected is not None:
        named = picture.state_names[picture.selected] if picture.state_names else str(picture.selected)
        said.append(f"selected state {plain(named)}")
        if picture.action_values is not None:
            row = picture.action_values[picture.selected]
            names = picture.action_names or [f"action {a}" for a in range(len(row))]
            said.append(", ".join(f"{plain(n)} {number(v)}" for n, v in zip(names, row, strict=True)))
    said += [plain(t.label) for t in picture.targets] + _paths(picture.paths)
    return "; ".join(said) + "."


def _plane(picture: p.Plane) -> str:
    said = [plain(name) for name, *_ in picture.regions] + _paths(picture.paths) + _extras(picture)
    if picture.dots:
        values = np.asarray([d[2] for d in picture.dots], float)
        known = values[np.isfinite(values)]
        valued = f", {plain(picture.dots_label)} {number(known.min())} to {number(known.max())}" if known.size else ""
        said.append(f"{len(values)} points{valued}")
    return "; ".join(said) + "."


def _code(picture: p.Code) -> str:
    left, right = set(picture.left.splitlines()), set(picture.right.splitlines())
    gone = [line.strip() for line in picture.left.splitlines() if line not in right and line.strip()]
    new = [line.strip() for line in picture.right.splitlines() if line not in left and line.strip()]
    said = [f"only in {plain(picture.left_title)}: {line}" for line in gone]
    said += [f"only in {plain(picture.right_title)}: {line}" for line in new]
    return "; ".join(said) + "."


def _panels(picture: p.Panels) -> str:
    said = []
    for i, panel in enumerate(picture.panels):
        mark = " (selected)" if i == picture.selected else ""
        ends = panel.verdict or "; ".join(_curve(c, panel.lines.x, panel.lines.y) for c in panel.lines.lines[:2])
        said.append(f"{plain(panel.label)}{mark}: {plain(ends)}")
    return "; ".join(said) + "."


def _equation(picture: p.Equation) -> str:
    return "; ".join(plain(f"${latex}$ {note}") for latex, note in picture.rows) + "."


def _numbers(picture: p.NumberTiles) -> str:
    said = []
    for n in picture.numbers:
        exact = f" ({n.target_name} {_amount(n.target, n.unit)})" if n.target is not None else ""
        said.append(f"{plain(n.label)} {_amount(n.value, n.unit)}{exact}")
    return "; ".join(said) + "."


def _checks(picture: p.Checks) -> str:
    verdict = {True: "yes", False: "no", None: "not applicable"}
    return "; ".join(f"{verdict[c.ok]}: {plain(c.text).rstrip('.')}" for c in picture.checks) + "."


def _table(picture: p.Table) -> str:
    rows = []
    for row in picture.rows:
        rows.append(", ".join(f"{plain(c)} {_amount(v)}" for c, v in zip(picture.columns, row, strict=True)))
    return "; ".join(rows) + "."


def _board(picture: p.Board) -> str:
    said = [
        f"{plain(c.label)}: {plain(picture.rows[c.row])}, {plain(picture.columns[c.column])}" for c in picture.cards
    ]
    return "; ".join(said) + "."


_BY_KIND: dict[str, Callable[[Any], str]] = {
    "lines": _lines,
    "bars": _bars,
    "number-line": _number_line,
    "heat": _heat,
    "grid": _grid,
    "plane": _plane,
    "code": _code,
    "panels": _panels,
    "equation": _equation,
    "numbers": _numbers,
    "checks": _checks,
    "table": _table,
    "board": _board,
    "words": lambda picture: plain(picture.text),
}
