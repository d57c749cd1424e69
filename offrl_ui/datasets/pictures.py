"""Which pictures show a dataset: drawings in its own world where that can be drawn, else charts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from offrl_core.dataset import Dataset
from offrl_core.worlds.layout import GridLayout, MatrixLayout, PlaneLayout
from offrl_ui.datasets import charts, facts
from offrl_ui.shared.chart_look import Figure, Look
from offrl_ui.shared.svg import marked


@dataclass(frozen=True)
class Drawing:
    """An SVG with its title, and what each of its colours stands for."""

    svg: str
    title: str
    legend: Sequence[tuple[str, str]]


def rows_of_pictures(dataset: Dataset, axes: tuple[int, int], look: Look) -> Iterator[Mapping[str, Drawing | Figure]]:
    """Rows of pictures by their names: first episodes and counts, then histograms.

    Args:
        dataset: what is shown.
        axes: the two dimensions of a continuous world.
        look: of charts.
    """
    yield _episodes_and_counts(dataset, axes, look)
    yield {
        "returns": charts.returns_figure(dataset, dataset.gamma, facts.return_marks(dataset), look),
        "actions": charts.actions_figure(dataset, look),
        "lengths": charts.lengths_figure(dataset, look),
    }


def _episodes_and_counts(dataset: Dataset, axes: tuple[int, int], look: Look) -> Mapping[str, Drawing | Figure]:
    layout = dataset.layout
    if isinstance(layout, GridLayout) and dataset.tabular:
        kinds = [(marked(number), name) for number, name, _ in facts.groups(dataset)]
        return {
            "walks": Drawing(facts.walks_grid(dataset, layout), facts.recorded(dataset)[1], kinds),
            "counts": Drawing(facts.counts_grid(dataset, layout), facts.COUNTS, facts.counts_legend(dataset)),
        }
    if dataset.tabular:
        known = layout if isinstance(layout, MatrixLayout) else None
        counts = charts.counts_figure(dataset, known, look)
        if known is None or len(known.order) < 2:
            return {"counts": counts}
        return {"walks": charts.episodes_figure(dataset, known, look), "counts": counts}
    visits = charts.visits_figure(dataset, *axes, look)
    if isinstance(layout, PlaneLayout) and layout.image is not None:
        kinds = [(marked(facts.REWARDED), "rewarded"), (marked(facts.UNREWARDED), "not")]
        return {
            "walks": Drawing(facts.decisions(dataset, layout), facts.decisions_title(dataset), kinds),
            "visits": visits,
        }
    return {"walks": charts.walks_figure(dataset, *axes, look), "visits": visits}
