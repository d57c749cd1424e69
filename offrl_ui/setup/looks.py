"""How a run is looked at, as parts of its link.

`order=value` of a table's rows and `axes=2,0` of a plane say how the picture is arranged. `step=120`, `view=policy`,
`model=3`, `state=17` and in a grid `arrows=1` are the moment that a shared link shows, and `hide=gamma,x.seed` and
`fix=rho` the controls that it puts away and holds still, by the names of their parts in a link; `data` and `algo` are
the cards.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from offrl_core.data.picture import layout_of
from offrl_core.dataset import dataset_probes
from offrl_core.interfaces import Layout
from offrl_core.worlds.layout import GridLayout, PlaneLayout, TableLayout
from offrl_live.runs.config import MAX_BUDGET, RunConfig
from offrl_ui.setup.controls import parts_of
from offrl_ui.setup.links import Note, few
from offrl_ui.setup.links import parse as parse_run
from offrl_ui.shared.modes import MODES

ORDERS = ("visits", "value")
MOMENT = ("step", "view", "model", "state", "arrows")
RULES = ("hide", "fix")
PARTS = ("order", "axes", *MOMENT, *RULES)
CARDS = ("data", "algo")
"""The pickers, as `hide` names them."""


@dataclass(frozen=True, slots=True)
class Looks:
    """What may be chosen of how a run is looked at.

    Attributes:
        order: of a table's rows, one of `ORDERS`.
        axes: the two axes of a plane, counted from 0; None for those that it begins with.
        step, view, model, state, arrows: the moment that a link shows, with `view` one of `modes.MODES`, the model
            counted from 1, and `arrows` 1 where what targets read is shown; None where it names none.
        hide, fix: controls that are put away or held still, by the names of their parts.
    """

    order: str = ORDERS[0]
    axes: tuple[int, int] | None = None
    step: int | None = None
    view: str | None = None
    model: int | None = None
    state: int | None = None
    arrows: int | None = None
    hide: tuple[str, ...] = ()
    fix: tuple[str, ...] = ()

    def moved_on(self) -> Looks:
        """The same for a viewer that has moved on from the link's moment."""
        return replace(self, step=None, view=None, model=None, state=None, arrows=None)

    def elsewhere(self) -> Looks:
        """What stays of it for another dataset."""
        return Looks(hide=self.hide, fix=self.fix)

    def on_stage(self) -> dict[str, Any]:
        """What the stage is told of it."""
        told: dict[str, Any] = {"order": self.order, "axes": self.axes, "step": self.step, "mode": self.view}
        told |= {"member": None if self.model is None else self.model - 1, "state": self.state}
        told["reads"] = None if self.arrows is None else True
        told["share"] = {name: list(named) for name in RULES if (named := getattr(self, name))}
        return {name: value for name, value in told.items() if value is not None}

    def rule(self, part: str) -> str:
        """What is done to the control of a part: `hide`, `fix` or nothing."""
        return "hide" if part in self.hide else "fix" if part in self.fix else ""


def link(looks: Looks) -> dict[str, str]:
    """The link's parts; what a picture begins with is left out."""
    parts = {} if looks.order == ORDERS[0] else {"order": looks.order}
    if looks.axes is not None:
        parts["axes"] = ",".join(map(str, looks.axes))
    parts |= {name: str(value) for name in MOMENT if (value := getattr(looks, name)) is not None}
    return parts | {name: ",".join(named) for name in RULES if (named := getattr(looks, name))}


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
    arrangement, refused = parse(first, layout_of(config.data))
    looks, unshared = _shared(first, config, arrangement)
    return config, looks, few(notes + refused + unshared)


def _shared(parts: Mapping[str, str], config: RunConfig, looks: Looks) -> tuple[Looks, list[Note]]:
    """The moment that a link shows, and what it does to controls."""
    notes: list[Note] = []
    last = config.budget or MAX_BUDGET
    numbers = {
        "step": (0, last, f"this run has the steps 0 to {last}; it is shown as it stands."),
        "model": (1, config.members, f"this run has the models 1 to {config.members}; the first is shown."),
    }
    if "arrows" in parts:
        grid = isinstance(layout_of(config.data), GridLayout)
        numbers["arrows"] = (1, int(grid), "it must be 1, in a grid; there are no arrows.")
    if "state" in parts:
        states = config.data.n_states or len(dataset_probes(config.data))
        numbers["state"] = (0, states - 1, f"this run has the states 0 to {states - 1}; the start is selected.")
    found: dict[str, Any] = {}
    for name, (low, high, message) in numbers.items():
        if (text := parts.get(name)) is None:
            continue
        if re.fullmatch(r"[0-9]{1,9}", text) and low <= int(text) <= high:
            found[name] = int(text)
        else:
            notes.append(Note(name, text, message))
    if (view := parts.get("view")) is not None:
        if view in MODES:
            found["view"] = view
        else:
            notes.append(Note("view", view, f"it must be one of {', '.join(MODES)}; the usual one is shown."))
    known = {*parts_of(config), *CARDS}
    for name in RULES:
        named = [part for part in parts.get(name, "").split(",") if part]
        found[name] = tuple(dict.fromkeys(part for part in named if part in known))
        wrong = ", ".join(part[:40] for part in named if part not in known)
        if wrong:
            notes.append(Note(name, wrong, "this page has no such control; it was left out."))
    return replace(looks, **found), notes


def arranged(before: Looks, told: Mapping[str, object], layout: Layout) -> Looks:
    """How a picture was arranged by hand: what the stage has `told` of `order` and `axes`, and what stays of before."""
    parts = {}
    if isinstance(order := told.get("order"), str):
        parts["order"] = order
    if isinstance(axes := told.get("axes"), list):
        parts["axes"] = ",".join(map(str, axes))
    looks, _ = parse(parts, layout)
    return replace(before.moved_on(), order=looks.order, axes=looks.axes)


def _axes(text: str, there: int) -> tuple[int, int] | None:
    found = re.fullmatch(r"(\d{1,6}),(\d{1,6})", text)
    if found is None:
        return None
    x, y = int(found[1]), int(found[2])
    return (x, y) if max(x, y) < there else None
