"""Begins in the tab: `start` is called once, when Python is there."""

from __future__ import annotations

import io
import json
import tempfile
import zipfile
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from typing import Any

from offrl_core.worlds import package_files
from offrl_ui.shared.formula import formula
from offrl_web.products.in_tab import Multiply, use_kernel
from offrl_web.runtime.datasets import Datasets
from offrl_web.runtime.lecture import Lecture
from offrl_web.runtime.own_file import OwnFile, Told
from offrl_web.runtime.packages import OnRequest
from offrl_web.runtime.playground import Playground
from offrl_web.runtime.tab import OWNER, Tab


def start(load: Callable[[str], Any], link: Callable[[bytes], Multiply], told: Told, facts: str) -> Tab:
    """The tab, with all its routes.

    Args:
        load: gives a file of the site, as JavaScript has it.
        link: makes the function of a WebAssembly module that works on this interpreter's memory.
        told: told how far the reading of a file is.
        facts: JSON of what the build knows: `archives` of packages to be loaded on request, see `OnRequest`; `files`,
            archives with the data files of packages; and `stage`, the folder with the files of the stage.
    """
    known = json.loads(facts)

    def fetch(path: str) -> bytes:
        data: bytes = load(path).to_bytes()
        return data

    OnRequest(known["archives"], fetch, Path(__file__).parents[2]).install()
    package_files.carried |= {name: cache(partial(_unpacked, fetch, path)) for name, path in known["files"].items()}
    use_kernel(link)
    tab = Tab()
    pages = Datasets(OWNER)
    playground = Playground(tab.runs, OWNER, lambda name: fetch(known["stage"] + name), pages.brought)
    own_file = OwnFile(told)
    lecture = Lecture()
    tab.answers |= {"math": formulas, "playground": playground.answer, "take": playground.take}
    tab.answers |= {"datasets": pages.answer, "lecture": lecture.answer, "own-file": own_file.check}
    tab.with_file |= {"datasets": pages.with_file, "own-file": own_file.with_file}
    tab.lines["scene"] = lecture.open
    tab.work.append(lecture.turn)
    return tab


def _unpacked(fetch: Callable[[str], bytes], path: str) -> Path:
    """A folder with what is in an archive of the site."""
    folder = Path(tempfile.mkdtemp())
    with zipfile.ZipFile(io.BytesIO(fetch(path))) as packed:
        packed.extractall(folder)
    return folder


def formulas(texts: Any) -> list[str]:
    """MathML of LaTeX texts."""
    return [formula(str(text)) for text in texts]
