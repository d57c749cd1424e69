"""The glossary for pages, browsers and readers; `python -m offrl_ui.shared.glossary` writes the files made from it."""

from __future__ import annotations

import json
import textwrap
from pathlib import Path

from offrl_core.glossary import marked, terms

ROOT = Path(__file__).resolve().parents[2]
MODULE = ROOT / "offrl_ui" / "assets" / "shared" / "terms.js"
PAGE = ROOT / "docs" / "glossary.md"

_MODULE = """// Written by `python -m offrl_ui.shared.glossary` from offrl_core/glossary.py; a test keeps it current.
// biome-ignore-all format: as it was written

/** By key: the name, what it means, and how it stands in running text. */
/** @type {Readonly<Record<string, readonly [name: string, text: string, forms: readonly string[]]>>} */
export const TERMS = {
%s
};
"""
_PAGE = """# Glossary

Written by `python -m offrl_ui.shared.glossary` from `offrl_core/glossary.py`; a test keeps it current. On screen, a
term with a dotted line under it says the same: point at it, tap it, or reach it with the Tab key. “Glossary” at the
foot of a page and in the list of keys (`?`) shows all of them.

| term | what it means |
|---|---|
%s
"""


def with_terms(text: str) -> str:
    """A page's Markdown without links or code: each term's first occurrence leads to what it means."""
    return marked(text, lambda key, words: f"[{words}](#term-{key})")


def module() -> str:
    """The terms as the browser has them."""
    rows = []
    for term in terms().values():
        text = " +\n      ".join(_written(part) for part in _folded(term.text))
        forms = ", ".join(map(_written, term.forms))
        rows.append(f'  "{term.key}": [\n    {_written(term.name)},\n    {text},\n    [{forms}],\n  ],')
    return _MODULE % "\n".join(rows)


def _written(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _folded(text: str) -> list[str]:
    """Lines of a text, each with the space that follows it."""
    lines = textwrap.wrap(text, 105, break_on_hyphens=False, break_long_words=False)
    return [f"{line} " for line in lines[:-1]] + lines[-1:]


def page() -> str:
    """The terms as a page of the documentation."""

    def cell(text: str) -> str:
        return text.replace("|", "\\|").replace("*", "\\*").replace("_", "\\_")

    return _PAGE % "\n".join(f"| **{cell(term.name)}** | {cell(term.text)} |" for term in terms().values())


if __name__ == "__main__":
    MODULE.write_text(module(), encoding="utf-8")
    PAGE.write_text(page(), encoding="utf-8")
