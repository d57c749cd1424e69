"""Tables in HTML: how datasets, learners and runs show themselves in a notebook."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape


def facts_table(title: str, rows: Iterable[tuple[str, str]]) -> str:
    """A table of names and what is to be said of each; empty sayings are left out."""
    body = "".join(
        f'<tr><th style="text-align:left">{escape(name)}</th><td style="text-align:left">{escape(said)}</td></tr>'
        for name, said in rows
        if said
    )
    return f"<table>{_caption(title)}<tbody>{body}</tbody></table>"


def columns_table(title: str, names: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table with a head."""
    head = "".join(f"<th>{escape(name)}</th>" for name in names)
    body = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table>{_caption(title)}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _caption(title: str) -> str:
    return f'<caption style="text-align:left"><b>{escape(title)}</b></caption>'
