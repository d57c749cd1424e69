"""How a run's picture is arranged, as parts of its link: `order=value` of a table's rows, `axes=2,0` of a plane."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from offrl_core.data.picture import layout_of
from offrl_core.interfaces import Layout
from offrl_core.worlds.layout import PlaneLayout, TableLayout
from offrl_live.runs.config import RunConfig
from offrl_ui.setup.links import Note, few
from offrl_ui.setup.links import parse as parse_run

PARTS = ("order", "axes")
ORDERS = ("visits", "value")


@dataclass(frozen=True, slots=True)
class Looks:
    """What may be chosen of a picture.

    Attributes:
        order: of a table's rows, one of `ORDERS`.
        axes: the two axes of a plane, counted from 0; None for those that it begins with.
    """

    order: str = ORDERS[0]
    axes: tuple[int, int] | None = None


def link(looks: Looks) -> dict[str, str]:
    """The link's parts; what a picture begins with is left out."""
    parts = {} if looks.order == ORDERS[0] else {"order": looks.order}
    return parts if looks.axes is None else {**parts, "axes": ",".join(map(str, looks.axes))}


def parse(parts: Mapping[str, str], layout: Layout) -> tuple[Looks, list[Note]]:
    """What a link asks for, and a note for each part that the picture does not have."""
    notes: list[Note] = []
    order, axes = parts.get("order", ORDERS[0]), None
    if not isinstance(layout, TableLayout) and "order" in parts:
        notes.append(Note("order", order, "only the table of a log has an order of its rows; it was left out."))
        order = ORDERS[0]
    elif order not in ORDERS:
        notes.append(Note("order", order, f"it must be one of {', '.join(ORDERS)}; {ORDERS[0]} is used."))
        order = ORDERS[0]
    if "axes" in parts:
        text = parts["axes"]
        if not isinstance(layout, PlaneLayout):
            notes.append(Note("axes", text, "only a plane has axes to choose; it was left out."))
        elif found := _axes(text, len(layout.names)):
            axes = found if found != (layout.x, layout.y) else None
        else:
            last = len(layout.names) - 1
            first = f"{layout.x},{layout.y}"
            notes.append(Note("axes", text, f"it must be two numbers from 0 to {last}, as in 0,1; {first} is used."))
    return Looks(order, axes), notes


def parse_all(query: Mapping[str, Sequence[str]]) -> tuple[RunConfig, Looks, list[Note]]:
    """What a whole link asks for: the run, how its picture is arranged, and a note for each part that was refused."""
    config, notes = parse_run({name: given for name, given in query.items() if name not in PARTS})
    first = {name: given[0] for name, given in query.items() if given}
    looks, refused = parse(first, layout_of(config.data))
    return config, looks, few(notes + refused)


def arranged(told: Mapping[str, object], layout: Layout) -> Looks:
    """How a picture was arranged by hand: what the stage has `told` of `order` and `axes`."""
    parts = {}
    if isinstance(order := told.get("order"), str):
        parts["order"] = order
    if isinstance(axes := told.get("axes"), list):
        parts["axes"] = ",".join(map(str, axes))
    looks, _ = parse(parts, layout)
    return looks


def _axes(text: str, there: int) -> tuple[int, int] | None:
    found = re.fullmatch(r"(\d{1,6}),(\d{1,6})", text)
    if found is None:
        return None
    x, y = int(found[1]), int(found[2])
    return (x, y) if max(x, y) < there else None
