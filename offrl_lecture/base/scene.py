"""A scene of the lecture: one question, data and one pure function that draw its answer (docs/add-a-scene.md)."""

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import parse_qsl

from offrl_core.declarations import Hyperparameter, HyperparameterError, Value
from offrl_lecture.base.pictures import Picture
from offrl_lecture.base.run import Run

State = Mapping[str, Value]
Pictures = Mapping[str, Picture]
Compute = Callable[[State], "dict[str, Picture] | Generator[dict[str, Picture] | None, None, None]"]

LINK_VERSION = 1
_LONGEST = 40  # characters of a link's value that a note repeats
_MOST_NOTES = 6
RESERVED = frozenset({"scene", "v", "reveal", "present", "hide", "fix", "follow", "embed", "embed_options"})


@dataclass(frozen=True, slots=True)
class Control:
    """A value the viewer may move: the declaration of a hyperparameter, and how it is shown.

    Args:
        spec: name, symbol, default, range, scale and the sentence of help. `live` and `paper` are not used by scenes.
        step: smallest change of a number (sliders and dragged points snap to it); None divides the range into 200.
        label: name on screen (rich text); the spec's name with spaces when empty.
        labels: for a choice: value → what is written on its button; for a whole number that counts settings: the
            number → what is written beside the slider.
        unit: shown behind the number.
        widget: `auto` (slider, buttons for choices, switch for bool), `select` for long lists, or `none` for a control
            that is only moved in a picture (a dragged point, a clicked panel), by pointer and by keyboard.
        shown_if: the control is shown only while another control has one of these values: `("f", ("own",))`.
    """

    spec: Hyperparameter
    step: float | None = None
    label: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    unit: str = ""
    widget: Literal["auto", "select", "none"] = "auto"
    shown_if: tuple[str, tuple[Value, ...]] | None = None

    @property
    def name(self) -> str:
        """The control's name in the state, in links and in messages."""
        return self.spec.name


def training_control(last: int, every: int, help: str = "How far all have trained.") -> Control:
    """The control `frame` of a training that is looked at: 0 to `last`, a frame for every so many updates."""
    spec = Hyperparameter("frame", "", 0, help, 0, last, integer=True)
    return Control(spec, label="training", unit=f"× {every} updates")


@dataclass(frozen=True, slots=True)
class Prediction:
    """What the viewer commits to before the reveal.

    `right` is the index of the right choice, or a function of the state that gives it (None where none is right).
    `at` are the values the question is about; committing (or revealing) sets them, so that the picture shows what was
    asked.
    """

    ask: str
    choices: tuple[str, ...]
    right: int | Callable[[State], int | None]
    at: Mapping[str, Value] = field(default_factory=dict)

    def answer(self, state: State) -> int | None:
        """The index of the right choice in this state."""
        return self.right(state) if callable(self.right) else self.right


@dataclass(frozen=True, slots=True)
class Preset:
    """A named setting worth seeing: a button that sets some controls (others return to their defaults)."""

    label: str
    values: Mapping[str, Value]


@dataclass(frozen=True, slots=True)
class Play:
    """Sweep an integer control: play, pause, one step, back to the start. `per_second` steps of size `stride`."""

    control: str
    per_second: float = 4.0
    stride: int = 1
    label: str = "Play"


@dataclass(frozen=True)
class Scene:
    """One question of the lecture with its live picture. `docs/add-a-scene.md` writes one.

    Args:
        id: name in the link, unique over all pages: lower-case letters, digits, hyphens.
        title: a few words.
        question: the lecture's question (rich text).
        controls: what can be moved, in the order shown.
        compute: state → named pictures.
        answer: state, pictures → what the viewer just saw (rich text), shown after the reveal.
        run: state → what the scene opens in the playground: its own run, else the nearest one with what differs.
        prediction: what to commit to before the reveal, or None.
        layout: rows of picture names; on a phone the first row stands above the controls. Names missing here follow
            below in the order of `compute`. `"name:2"` takes twice the width of its neighbours.
        covered: pictures hidden until the reveal.
        stand_in: covered picture → picture shown in its place until the reveal: the question without its answer.
        aside: pictures that lecture mode leaves out, so that the others stay readable on a projector.
        presets: named settings.
        play: the control that can be played.
        setup: one short paragraph under the question: what is on the screen (rich text).
        source: where the claim comes from ("Fujimoto et al. 2019, eq. 7").
    """

    id: str
    title: str
    question: str
    controls: tuple[Control, ...]
    compute: Compute
    answer: Callable[[State, Pictures], str]
    run: Callable[[State], Run]
    prediction: Prediction | None = None
    layout: tuple[tuple[str, ...], ...] = ()
    covered: tuple[str, ...] = ()
    stand_in: Mapping[str, str] = field(default_factory=dict)
    aside: tuple[str, ...] = ()
    presets: tuple[Preset, ...] = ()
    play: Play | None = None
    setup: str = ""
    source: str = ""

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[a-z][a-z0-9-]{1,40}", self.id):
            raise ValueError(f"scene id {self.id!r} must be lower-case letters, digits and hyphens")
        names = [c.name for c in self.controls]
        if len(set(names)) != len(names) or RESERVED & set(names):
            raise ValueError(f"scene {self.id}: control names must be unique and none of {sorted(RESERVED)}: {names}")
        for control in self.controls:
            control.spec.validate(control.spec.default)
            if control.shown_if and control.shown_if[0] not in names:
                raise ValueError(f"scene {self.id}: {control.name} depends on unknown control {control.shown_if[0]!r}")
        if not set(self.stand_in) <= set(self.covered):
            raise ValueError(f"scene {self.id}: stand_in names pictures that are not covered: {dict(self.stand_in)}")
        if self.play and self.play.control not in names:
            raise ValueError(f"scene {self.id}: play names unknown control {self.play.control!r}")
        for values in (*(preset.values for preset in self.presets), self.prediction.at if self.prediction else {}):
            self.resolve(values)

    @property
    def defaults(self) -> dict[str, Value]:
        """The state the scene opens with."""
        return {c.name: c.spec.default for c in self.controls}

    def resolve(self, given: Mapping[str, object]) -> dict[str, Value]:
        """A complete state from some values, the others at their defaults.

        Raises:
            HyperparameterError: a name is unknown or a value not allowed.
        """
        known = {c.name: c.spec for c in self.controls}
        for name in given:
            if name not in known:
                raise HyperparameterError(
                    f"scene {self.id} has no control {name!r}; it has {', '.join(known) or 'none'}"
                )
        return {name: spec.validate(given[name]) if name in given else spec.default for name, spec in known.items()}

    def query(self, state: State) -> dict[str, str]:
        """The link's parameters for a state: scene, version, and every value that differs from its default."""
        changed = {name: _to_text(state[name]) for name, default in self.defaults.items() if state[name] != default}
        return {"scene": self.id, "v": str(LINK_VERSION), **changed}

    def from_query(self, query: str | Mapping[str, str]) -> tuple[dict[str, Value], list[str]]:
        """The state in a link, and a note for each value that was refused (its default is used).

        Names that are no control of this scene are noted too, except the reserved ones.
        """
        pairs = dict(parse_qsl(query, keep_blank_values=True)) if isinstance(query, str) else dict(query)
        notes = []
        if pairs.get("v", str(LINK_VERSION)) != str(LINK_VERSION):
            notes.append(f"this link has version {pairs['v'][:_LONGEST]!r}; this program reads version {LINK_VERSION}")
        state = self.defaults
        known = {c.name: c.spec for c in self.controls}
        for name, text in pairs.items():
            if name in RESERVED:
                continue
            if name not in known:
                notes.append(f"{name[:_LONGEST]!r} is not a control of this scene")
                continue
            try:
                state[name] = known[name].validate(_from_text(text[:_LONGEST], known[name]))
            except HyperparameterError as error:
                notes.append(f"{error}; {known[name].default} is used")
        more = len(notes) - _MOST_NOTES
        return state, [*notes[:_MOST_NOTES], f"and {more} more"] if more > 1 else notes


def _to_text(value: Value) -> str:
    return str(int(value)) if isinstance(value, bool) else repr(value) if isinstance(value, float) else str(value)


def _from_text(text: str, spec: Hyperparameter) -> object:
    if isinstance(spec.default, bool):
        return {"1": True, "0": False}.get(text, text)
    if spec.choices:
        return text
    try:
        return float(text)
    except ValueError:
        return text
