"""From scene records to the JSON that the browser draws, and the sizes it is held to."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from offrl_core.worlds.layout import GridLayout
from offrl_lecture.base import pictures as p
from offrl_lecture.base.describe import describe
from offrl_lecture.base.scene import Control, Pictures, Scene, State
from offrl_lecture.base.text import html, mathml, plain, runs

# Texts set as HTML; every other text inside a picture is a label in a drawing.
_RICH: dict[type, frozenset[str]] = {
    p.Axis: frozenset({"label"}),
    p.Line: frozenset({"name", "band_name"}),
    p.Bar: frozenset({"name", "target_name"}),
    p.Path: frozenset({"name"}),
    p.Panel: frozenset({"label", "verdict"}),
    p.Number: frozenset({"label", "help"}),
    p.Check: frozenset({"text"}),
    p.Card: frozenset({"label", "text"}),
    p.Table: frozenset({"columns", "rows"}),
    p.Board: frozenset({"rows", "columns", "row_title", "column_title"}),
    p.Heat: frozenset({"z_label"}),
    p.Grid: frozenset({"value_label"}),
    p.Target: frozenset({"label"}),
    p.Plane: frozenset({"dots_label"}),
    p.Code: frozenset({"left_title", "right_title"}),
}
_PICTURE_RICH = frozenset({"title", "caption", "alarm"})
# Names that the program itself uses; they pass unchanged.
_VERBATIM = frozenset(
    {"color", "colors", "control", "controls", "control_x", "control_y", "height", "scale", "palette", "shape", "mode"}
    | {"axis", "tone", "tones", "value", "left", "right", "unit", "z_unit", "selected"}
)


def picture_json(picture: p.Picture) -> dict[str, Any]:
    """A picture as plain JSON data, with its kind and its text alternative.

    Non-finite numbers become `null` (missing), `"inf"` and `"-inf"`; others keep six significant digits.
    """
    made: dict[str, Any] = {"kind": picture.kind}
    for f in dataclasses.fields(picture):
        value = getattr(picture, f.name)
        if isinstance(picture, p.Equation) and f.name == "rows":
            made["rows"] = [[mathml(latex), html(note)] for latex, note in value]
        elif isinstance(picture, p.Words) and f.name == "text":
            made["text"] = html(value, block=True)
        elif f.name in _PICTURE_RICH:
            made[f.name] = html(value)
        else:
            made[f.name] = _plain_data(value, f.name, _RICH.get(type(picture), frozenset()))
    made["alt"] = describe(picture)
    return made


def _plain_data(value: Any, name: str, rich: frozenset[str]) -> Any:
    if isinstance(value, str):
        if name in _VERBATIM:
            return value
        return html(value) if name in rich else runs(value)
    if value is None or isinstance(value, (bool, int)):
        return value
    if isinstance(value, GridLayout):
        return value.to_json()
    if isinstance(value, p.Picture):
        return picture_json(value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        inner = _RICH.get(type(value), frozenset())
        return {f.name: _plain_data(getattr(value, f.name), f.name, inner) for f in dataclasses.fields(value)}
    if isinstance(value, np.ndarray):
        return _plain_data(value.tolist(), name, rich)
    if isinstance(value, np.generic):
        return _plain_data(value.item(), name, rich)
    if isinstance(value, float):
        return _number(value)
    if isinstance(value, range):
        return list(value)
    if isinstance(value, Sequence):
        return [_plain_data(item, name, rich) for item in value]
    raise TypeError(f"a picture's {name} holds {type(value).__name__}, which cannot be drawn")


def _number(value: float) -> float | str | None:
    if math.isfinite(value):
        return float(f"{value:.6g}")
    return None if math.isnan(value) else "inf" if value > 0 else "-inf"


def result_json(scene: Scene, state: State, pictures: Pictures, *, partial: bool = False) -> str:
    """What the browser needs to draw a state: the pictures, the answer (its point, and more), the right prediction, and
    the run that it opens in the playground."""
    answer, run = scene.answer(state, pictures), scene.run(state)
    point, _, more = answer.partition("\n\n")
    made = {
        "pictures": {name: picture_json(picture) for name, picture in pictures.items()},
        "answer": html(point, block=True),
        "more": html(more, block=True),
        "answer_text": plain(answer),
        "right": scene.prediction.answer(state) if scene.prediction else None,
        "run": {"title": run.title, "differs": html(run.differs), "differs_text": plain(run.differs)},
        "partial": partial,
    }
    return json.dumps(made, separators=(",", ":"), allow_nan=False, ensure_ascii=False)


def _control_json(control: Control) -> dict[str, Any]:
    spec = control.spec
    written = [(c, control.labels.get(c, c)) for c in spec.choices]
    return {
        "name": control.name,
        "symbol": mathml(spec.symbol) if spec.symbol else "",
        "label": html(control.label or control.name.replace("_", " ")),
        "text": plain(control.label or control.name.replace("_", " ")),
        "help": html(spec.help),
        "help_text": plain(spec.help),
        "default": spec.default,
        "low": spec.low,
        "high": spec.high,
        "choices": [[c, html(label), plain(label)] for c, label in written],
        "texts": [[int(k), plain(label)] for k, label in control.labels.items()] if spec.integer else [],
        "scale": spec.scale,
        "integer": spec.integer,
        "special": [[float(k), v] for k, v in (spec.special or {}).items()],
        "step": step_of(control),
        "unit": control.unit,
        "widget": control.widget,
        "shown_if": control.shown_if,
    }


def step_of(control: Control) -> float | None:
    """The smallest change of a numeric control; None for a choice or a switch, and for a log scale without one."""
    spec = control.spec
    if not spec.numeric or spec.low is None or spec.high is None:
        return None
    if control.step is not None:
        return control.step
    return 1 if spec.integer else None if spec.scale == "log" else (spec.high - spec.low) / 200


def scene_json(scene: Scene) -> dict[str, Any]:
    """The declaration of a scene: everything that does not change with its state."""
    prediction = scene.prediction
    return {
        "id": scene.id,
        "title": html(scene.title),
        "title_text": plain(scene.title),
        "question": html(scene.question),
        "setup": html(scene.setup, block=True),
        "source": html(scene.source),
        "controls": [_control_json(c) for c in scene.controls],
        "prediction": prediction
        and {
            "ask": html(prediction.ask),
            "choices": [html(c) for c in prediction.choices],
            "at": dict(prediction.at),
        },
        "layout": [[_cell(name) for name in row] for row in scene.layout],
        "covered": list(scene.covered),
        "stand_in": dict(scene.stand_in),
        "aside": list(scene.aside),
        "presets": [{"label": html(x.label), "values": {**scene.defaults, **x.values}} for x in scene.presets],
        "play": scene.play and dataclasses.asdict(scene.play),
    }


def _cell(name: str) -> Mapping[str, Any]:
    head, _, width = name.partition(":")
    return {"name": head, "width": float(width or 1)}
