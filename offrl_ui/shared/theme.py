"""The look of pages and of standing charts."""

from __future__ import annotations

import html
from typing import Any, Literal

import streamlit as st

from offrl_core.glossary import linked
from offrl_ui.shared.asset_files import asset_text
from offrl_ui.shared.chart_look import Look
from offrl_ui.shared.colours import Ramp

# A chart's tools come with the mouse, below its title; a finger has no use for them.
_CHARTS = (
    "[data-testid=stPlotlyChart] .modebar { top: 34px !important; }"
    "@media (hover: none) { [data-testid=stPlotlyChart] .modebar { display: none !important; } }"
)
# Beside the button that opens the menu there is room for the page's heading.
_PHONE = (
    "@media (max-width: 640px) { [data-testid=stMainBlockContainer] { padding-top: 3.4rem; }"
    " [data-testid=stHeader] { background: transparent; } :root { --heading: absolute; }"
    " [data-testid=stExpandSidebarButton] { backdrop-filter: blur(8px); border-radius: 0.5rem; } }"
)


# Streamlit's own colours of code have 2.6 on white; these are the text's own with some of a colour in it.
_CODE = "[data-testid=stCode] code span { color: inherit !important; }" + "".join(
    f"[data-testid=stCode] code .{kind} {{ color: color-mix(in srgb, currentColor 60%, {colour}) !important; }}"
    for kind, colour in (("keyword", "#0072b2"), ("string", "#009e73"), ("number", "#d55e00"), ("comment", "#808080"))
)


def readable() -> None:
    """Terms of the glossary as everywhere, and for small type the contrast of 4.5 : 1 that it needs.

    Streamlit's captions have 4.2 on white, its axes 3.7, its chosen tab 4.0 on black.
    """
    caption = "[data-testid=stCaptionContainer][data-testid]"  # twice, to stand above Streamlit's own class
    axes = "[data-testid=stPlotlyChart] :is([class$=tick] text, [class$=title], .annotation-text, .legendtext)"
    links = "[data-testid=stMarkdownContainer] :is(p, li) > a:not([href^='#term-'])"  # not by their colour alone
    selected = ":is([data-testid=stButtonGroup] button[data-selected=true], [data-testid=stTabs] [aria-selected=true])"
    st.html(
        f"<style>{caption} {{ opacity: 0.7; }} {axes} {{ fill: currentColor !important; }} "
        f"{links} {{ text-decoration: underline; }} "
        f"{selected}, {selected} * {{ color: inherit !important; }}"
        f"{_CODE}{_CHARTS}{_PHONE}{asset_text('shared/terms.css')}</style>"
    )


def page_heading(title: str, sentence: str = "") -> None:
    """The heading of a page whose first picture should stand high: in one line with a sentence about what is below."""
    words = f"<p>{linked(html.escape(sentence, quote=False))}</p>" if sentence else ""
    st.html(
        "<style>.page-heading { display: flex; flex-wrap: wrap; align-items: baseline; gap: 0 0.7rem; }"
        ".page-heading h1 { margin: 0; padding: 0; font-size: 1.05rem; font-weight: 650; line-height: 1.4; }"
        ".page-heading p { margin: 0; font-size: 0.9rem; flex: 1 1 20rem; }"
        # On a phone the heading stands beside the button that opens the menu, whatever else comes before it.
        "@media (max-width: 640px) { [data-testid=stMainBlockContainer] { position: relative; }"
        " [data-testid=stMainBlockContainer] :has(.page-heading) { position: static; }"
        " .page-heading h1 { position: absolute; top: 0.85rem; left: 3.9rem; right: 1rem; overflow: hidden;"
        " text-overflow: ellipsis; white-space: nowrap; } }</style>"
        f'<div class="page-heading"><h1>{html.escape(title)}</h1>{words}</div>'
    )


def full_width() -> None:
    """Give this page the room that Streamlit leaves empty beside its content: a stage has use for all of it."""
    st.html("<style>[data-testid=stMainBlockContainer] { padding-inline: clamp(1rem, 2.2vw, 2.5rem); }</style>")


def dark() -> bool:
    """Whether the viewer's page is dark; light where the browser has not said."""
    return st.context.theme.type == "dark"


def look() -> Look:
    """The look of charts on this viewer's page."""
    return Look(dark())


def colour(number: int) -> str:
    """The fixed colour of an action or a behaviour policy on this viewer's page."""
    return look().colour(number)


def ink() -> str:
    """The colour of text."""
    return look().ink


def colorscale(kind: Ramp | Literal["diverging"]) -> list[list[Any]]:
    """A scale in Plotly's form; the diverging one has its middle in the colour of the page."""
    return look().colorscale(kind)
