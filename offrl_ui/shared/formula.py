"""LaTeX that may come from anybody, as MathML for a page."""

from __future__ import annotations

import re

from offrl_lecture.base.text import mathml


def formula(latex: str) -> str:
    """MathML of a formula; what cannot be typeset is shown as the text it is."""
    # The converter copies text as it is: nothing that could open a tag may reach it.
    safe = re.sub(r"[<>&\"]", lambda found: {"<": r"\lt ", ">": r"\gt "}.get(found[0], " "), latex)
    try:
        made = mathml(safe)
        # A formula is no link: whatever page shows it, a click must lead nowhere.
        return made if "href" not in made.lower() else f"<math><mtext>{safe}</mtext></math>"
    except Exception:  # the converter raises many kinds; a formula that it does not know must not take the others along
        return f"<math><mtext>{safe}</mtext></math>"
