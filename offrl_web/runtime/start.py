"""Begins in the tab: `start` is called once, when Python is there."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from offrl_ui.shared.formula import formula
from offrl_web.products.in_tab import Multiply, use_kernel
from offrl_web.runtime.lecture import Lecture
from offrl_web.runtime.packages import OnRequest
from offrl_web.runtime.playground import Playground
from offrl_web.runtime.tab import OWNER, Tab


def start(load: Callable[[str], Any], link: Callable[[bytes], Multiply], archives: str, stage: str) -> Tab:
    """The tab, with all its routes.

    Args:
        load: gives a file of the site, as JavaScript has it.
        link: makes the function of a WebAssembly module that works on this interpreter's memory.
        archives: JSON of the packages to be loaded on request; see `OnRequest`.
        stage: the folder of the site with the files of the stage.
    """

    def fetch(path: str) -> bytes:
        data: bytes = load(path).to_bytes()
        return data

    OnRequest(json.loads(archives), fetch, Path(__file__).parents[2]).install()
    use_kernel(link)
    tab = Tab()
    playground = Playground(tab.runs, OWNER, lambda name: fetch(stage + name))
    tab.answers |= {"math": formulas, "playground": playground.answer, "take": playground.take}
    lecture = Lecture()
    tab.lines["scene"] = lecture.open
    tab.answers["lecture"] = lecture.answer
    tab.work.append(lecture.turn)
    return tab


def formulas(texts: Any) -> list[str]:
    """MathML of LaTeX texts."""
    return [formula(str(text)) for text in texts]
