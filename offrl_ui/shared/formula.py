"""LaTeX that may come from anybody, as MathML for a page."""

from __future__ import annotations

import re

from offrl_lecture.base.text import mathml


def typeset(latex: str) -> str:
    """MathML of a formula of our own.

    Raises:
        ValueError: it holds a command that the converter does not know.
        Exception: of many kinds, where the converter cannot typeset it.
    """
    made = mathml(_safe(latex))
    if unknown := re.search(r"<m\w+>(\\\w+)", made):
        raise ValueError(f"{latex}: there is no {unknown[1]}")
    return made


def _safe(latex: str) -> str:
    # The converter copies text as it is: nothing that could open a tag may reach it.
    return re.sub(r"[<>&\"]", lambda found: {"<": r"\lt ", ">": r"\gt "}.get(found[0], " "), latex)


def formula(latex: str) -> str:
    """MathML of a formula; what cannot be typeset is shown as the text it is."""
    safe = _safe(latex)
    try:
        made = mathml(safe)
        # A formula is no link: whatever page shows it, a click must lead nowhere.
        return made if "href" not in made.lower() else f"<math><mtext>{safe}</mtext></math>"
    except Exception:  # the converter raises many kinds; a formula that it does not know must not take the others along
        return f"<math><mtext>{safe}</mtext></math>"
