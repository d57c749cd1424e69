"""Cards of the stored experiments: each picture is drawn from its own results."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from offrl_ui.experiments.studies import STUDIES, Study
from offrl_ui.shared import svg
from offrl_ui.shared.colours import ACTIONS_LIGHT

WIDTH, HEIGHT, DOT = 15.0, 10.0, 0.3
LOWEST, HIGHEST = -0.6, 1.15
MOST = 40
"""Dots in a column: more would only cover each other."""


@cache
def study_cards() -> list[dict[str, Any]]:
    """One group of cards, a card for each stored experiment."""
    cards = [
        {"id": study.id, "title": study.title, "text": study.question, "picture": miniature(study)}
        for study in STUDIES.values()
    ]
    return [{"title": "", "cards": cards}]


def miniature(study: Study) -> str:
    """A column of dots for each thing compared: runs by their score, those far below at the bottom."""
    runs = study.last[study.last[study.metric].notna()]
    scores = runs[study.metric].to_numpy(dtype=float)
    low, high = (LOWEST, HIGHEST) if study.metric == "normalised" else (float(scores.min()), float(scores.max()))
    values = list(dict.fromkeys(runs[study.by]))
    body = [svg.rectangles([(0, 0, WIDTH, HEIGHT)], svg.FLOOR)]
    for column, value in enumerate(values):
        mine = np.sort(runs.loc[runs[study.by] == value, study.metric].to_numpy(dtype=float).clip(low, high))
        shown = mine[np.linspace(0, len(mine) - 1, min(MOST, len(mine))).astype(int)]
        x = (column + 0.5) * WIDTH / len(values)
        y = 0.4 + (HEIGHT - 0.8) * (1 - (shown - low) / max(high - low, 1e-9))
        boxes = [(x - DOT, at - DOT / 2, 2 * DOT, DOT) for at in y.tolist()]
        body.append(svg.rectangles(boxes, ACTIONS_LIGHT[column % len(ACTIONS_LIGHT)]))
    return svg.drawing(WIDTH, HEIGHT, body, description=f"{study.title}: the score of each run")
