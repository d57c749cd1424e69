"""Cards for the stored runs: each picture is drawn from the recording itself."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from offrl_live.runs import wire
from offrl_live.runs.export import messages_of
from offrl_ui.gallery.presets import Preset, presets
from offrl_ui.shared import svg
from offrl_ui.shared.colours import ACTIONS_LIGHT

WIDTH, HEIGHT = 15.0, 10.0
Array = npt.NDArray[Any]


@cache
def preset_cards() -> list[dict[str, Any]]:
    """A group of cards for every part of the lecture."""
    groups: dict[str, list[dict[str, Any]]] = {}
    for preset in presets().values():
        card = {"id": preset.id, "title": preset.title, "text": preset.sentence, "picture": miniature(preset)}
        groups.setdefault(preset.part, []).append(card)
    return [{"title": part, "cards": group} for part, group in groups.items()]


def miniature(preset: Preset) -> str:
    """The recording's main curve for every model: true return and value at the start, or Q where it runs away.

    Time runs by snapshots; values are drawn on a symmetric logarithmic scale where they span more than three decades.
    """
    hello, steps, metrics = _curves(preset.stored)
    names = [metric["name"] for metric in hello["metrics"]]
    shown = [n for n in ("return", "value_start") if n in names and np.isfinite(metrics[:, :, names.index(n)]).any()]
    values = {n: metrics[:, :, names.index(n)] for n in shown}
    truth = hello["truth"].get("optimal")
    values = {n: np.where(np.isfinite(v), v, np.nan) for n, v in values.items()}
    every = np.concatenate([v[np.isfinite(v)] for v in values.values()] + [np.array([] if truth is None else [truth])])
    if all(np.nanmax(v) == np.nanmin(v) for v in values.values()):
        # Neither moves: what the lesson is about is inside the policy.
        values, every, truth = {"policy": _first_action(preset.stored, len(steps))}, np.array([0.0, 1.0]), None
    bent = np.ptp(every) > 1e3

    def bend(x: Array) -> Array:
        return np.sign(x) * np.log10(1.0 + np.abs(x)) if bent else x

    low, high = bend(every.min()), bend(every.max())
    span = max(float(high - low), 1e-9)

    def height(x: Array) -> Array:
        return HEIGHT - 0.8 - (HEIGHT - 1.6) * (bend(x) - low) / span

    x = np.linspace(0.6, WIDTH - 0.6, len(steps))
    body = [svg.rectangles([(0, 0, WIDTH, HEIGHT)], svg.FLOOR)]
    if truth is not None:
        y = float(height(np.asarray(truth)))
        body.append(svg.line([(0.6, y), (WIDTH - 0.6, y)], svg.TEXT, 0.08, 0.5))
    for name, curve in values.items():
        colour = ACTIONS_LIGHT[1 if name == "value_start" else 0]
        for member in range(min(curve.shape[1], 12)):
            fine = np.isfinite(curve[:, member])
            points = list(zip(x[fine].tolist(), height(curve[fine, member]).tolist(), strict=True))
            if len(points) > 1:
                body.append(svg.line(points, colour, 0.22, 0.75))
    what = (
        "true return (blue) and the learner's own estimate (orange)"
        if "return" in values
        else "probability of an action"
    )
    return svg.drawing(WIDTH, HEIGHT, body, description=f"{preset.title}: {what} over the run")


def _curves(recording: bytes) -> tuple[dict[str, Any], list[int], Array]:
    """The hello message, the steps, and the metrics `(T, M, K)`."""
    hello: dict[str, Any] = {}
    frames = []
    for message in messages_of(recording):
        if isinstance(message, str):
            data = json.loads(message)
            hello = data if data["type"] == "hello" else hello
        else:
            frames += _frames(message, "metrics")
    return hello, [step for step, _ in frames], np.stack([values for _, values in frames]).astype(np.float64)


def _first_action(recording: bytes, count: int) -> Array:
    """`(T, M)`: each model's probability of the first action in the first state."""
    found = []
    for message in messages_of(recording):
        if isinstance(message, bytes):
            found += [values[..., 0, 0] for _, values in _frames(message, "policy")]
    return np.stack(found[:count]).astype(np.float64)


def _frames(message: bytes, field: str) -> list[tuple[int, Array]]:
    """`(step, field)` of every frame in a binary message."""
    header, payload = wire.split(message)
    if header["kind"] not in ("frame", "backlog"):
        return []
    heads = header.get("frames", [header])
    return [(head["step"], wire.unpack(head["fields"], payload)[field]) for head in heads]
