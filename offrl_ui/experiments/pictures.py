"""The pictures of an experiment: which ones there are, what each needs, and which are drawn."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import plotly.graph_objects as go

from offrl_ui.experiments import choosing, comparing, curves, hyperparameters
from offrl_ui.experiments.prepared import ESTIMATORS, LABELS, Prepared


@dataclass(frozen=True)
class Picture:
    """One kind of picture.

    Attributes:
        id: its name in links.
        title: on its tab.
        help: the question that it answers.
        draw: makes the figure.
        lacks: why it cannot be drawn of these results; empty where it can.
        plane: whether it is drawn over two columns that can be chosen.
    """

    id: str
    title: str
    help: str
    draw: Callable[..., go.Figure]
    lacks: Callable[[Prepared], str] = lambda prepared: ""
    plane: bool = False


def _two(prepared: Prepared) -> str:
    return "" if len(prepared.order) > 1 else "it compares two things or more: choose a second algorithm, or an axis"


def _settings(prepared: Prepared) -> str:
    return "" if prepared.settings else "it is about settings that take several values: open an axis"


def _two_axes(prepared: Prepared) -> str:
    if lacking := _two(prepared):
        return lacking
    enough = len(plane_of(prepared)) > 1
    return "" if enough else "it is drawn over two things that take several values, such as two axes"


def _estimates(prepared: Prepared) -> str:
    there = [name for name in ESTIMATORS if name in prepared.scored and prepared.scored[name].notna().any()]
    return "" if there else "no estimates were asked for, and none of these algorithms has a value of its own"


def _several(prepared: Prepared) -> str:
    return "" if len(prepared.scored) > 1 else "there is nothing to choose from: it needs two runs or more"


def _steps(prepared: Prepared) -> str:
    return "" if prepared.frame["step"].nunique() > 1 else "the models were evaluated only once, at the end"


def plane_of(prepared: Prepared) -> list[str]:
    """The columns that a phase diagram can be drawn over, the settings first."""
    return sorted((name for name in prepared.axes if name != prepared.by), key=lambda name: name in LABELS)


PICTURES = {
    picture.id: picture
    for picture in (
        Picture("scores", "Scores", "Which one is best, and how sure is that?", comparing.aggregates_figure),
        Picture("profile", "Profile", "How many runs reach how much?", comparing.profile_figure),
        Picture("pairs", "Pairs", "How often is one better than another?", comparing.pairs_figure, _two),
        Picture(
            "phases", "Best where", "Which one is best where?", hyperparameters.phase_figure, _two_axes, plane=True
        ),
        Picture("settings", "Settings", "Which settings matter?", hyperparameters.sensitivity_figure, _settings),
        Picture("curves", "Curves", "The best step, or the last?", curves.curves_figure, _steps),
        Picture("budget", "Trying", "How far can one get without an environment?", choosing.budget_figure, _several),
        Picture("estimates", "Estimates", "What is an estimate worth?", choosing.estimates_figure, _estimates),
    )
}
