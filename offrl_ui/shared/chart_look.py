"""The house style of standing charts, as plain data of Plotly's: on a light page and on a dark one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from offrl_ui.shared.colours import ACTIONS_DARK, ACTIONS_LIGHT, DIVERGING_DARK, DIVERGING_LIGHT, RAMPS, Ramp

Figure = dict[str, Any]
"""A chart as Plotly has it: `data`, a list of traces, and `layout`."""


@dataclass(frozen=True)
class Look:
    """The colours of a chart.

    Attributes:
        dark: whether the page is.
    """

    dark: bool = False

    @property
    def ink(self) -> str:
        """The colour of text."""
        return "#e6ebf0" if self.dark else "#1c2530"

    @property
    def line(self) -> str:
        """The colour of grids and axes."""
        return "#323d49" if self.dark else "#d5dce4"

    def colour(self, number: int) -> str:
        """The fixed colour of an action or a behaviour policy."""
        colours = ACTIONS_DARK if self.dark else ACTIONS_LIGHT
        return colours[number % len(colours)]

    def colorscale(self, kind: Ramp | Literal["diverging"]) -> list[list[Any]]:
        """A scale in Plotly's form; the diverging one has its middle in the colour of the page."""
        stops = (DIVERGING_DARK if self.dark else DIVERGING_LIGHT) if kind == "diverging" else RAMPS[kind]
        return [[i / (len(stops) - 1), stop] for i, stop in enumerate(stops)]

    def layout(self, height: int = 280, legend: int = 0) -> dict[str, Any]:
        """The page's background and text, readable type, fixed margins.

        `legend` is the number of its entries, each a line of its own under the chart; 0 for none.
        """
        return {
            "height": height + 22 * legend,
            "margin": {"l": 58, "r": 14, "t": 34, "b": 50 + 22 * legend},
            "paper_bgcolor": "rgba(0,0,0,0)",
            "plot_bgcolor": "rgba(0,0,0,0)",
            "font": {"family": "Source Sans, sans-serif", "size": 14, "color": self.ink},
            "title": {"font": {"size": 15}, "x": 0, "xanchor": "left", "y": 0.98, "yanchor": "top"},
            "hoverlabel": {"font": {"size": 14}},
            "showlegend": legend > 0,
            "legend": {
                "yref": "container",
                "yanchor": "bottom",
                "y": 0,
                "xanchor": "left",
                "x": 0,
                "bgcolor": "rgba(0,0,0,0)",
            },
            "bargap": 0.08,
        }

    def axis(self, title: str = "", **more: Any) -> dict[str, Any]:
        """An axis with thin lines."""
        lines = {"gridcolor": self.line, "linecolor": self.line, "zerolinecolor": self.line, "automargin": False}
        return {**lines, "title": {"text": title, "standoff": 8}, **more}

    def figure(
        self,
        traces: Sequence[Mapping[str, Any]],
        title: str,
        x: Mapping[str, Any],
        y: Mapping[str, Any],
        *,
        height: int = 280,
        legend: int = 0,
        **layout: Any,
    ) -> Figure:
        """A chart under its title.

        Args:
            traces: what is drawn.
            title: the heading.
            x, y: the axes, as `axis` takes them.
            height: of what is drawn, in pixels.
            legend: see `layout`.
            layout: more of Plotly's layout.
        """
        look = self.layout(height, legend)
        look["title"] |= {"text": title}
        axes = {"xaxis": self.axis(**x), "yaxis": self.axis(**y)}
        return {"data": [dict(trace) for trace in traces], "layout": {**look, **axes, **layout}}


LIGHT = Look()
