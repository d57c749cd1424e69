"""What this visit looks at on the experiments' page, kept in step with the page's link."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import streamlit as st

from offrl_core.experiments import Design, ExperimentError
from offrl_ui.experiments import links, running
from offrl_ui.experiments.building import FIRST, of_text
from offrl_ui.experiments.studies import STUDIES
from offrl_ui.setup.links import Note

MEMORY = "experiment"
_BLANK: dict[str, Any] = {"study": "", "plain": None, "link": {}, "number": 0, "seen": -1, "remark": ""}


@dataclass(frozen=True)
class Shown:
    """What is looked at.

    Attributes:
        study: the id of a stored experiment, or empty.
        plain: otherwise a design as plain data, which may not be allowed.
        number: counts designs from elsewhere: the controls begin anew with each.
        notes: parts of the link that were refused.
    """

    study: str
    plain: dict[str, Any]
    number: int
    notes: tuple[Note, ...] = ()


def recall() -> Shown:
    """What the link says if it is new, else what this visit looked at last; at first the first stored experiment."""
    memory = st.session_state.setdefault(MEMORY, dict(_BLANK))
    parts = st.query_params.to_dict()
    notes: list[Note] = []
    if parts and parts != memory["link"]:
        memory |= {**_read(parts, notes), "link": parts, "number": memory["number"] + 1}
    elif not memory["study"] and memory["plain"] is None:
        memory["study"] = next(iter(STUDIES))
    return Shown(memory["study"], memory["plain"] or dict(FIRST), memory["number"], tuple(notes))


def _read(parts: dict[str, str], notes: list[Note]) -> dict[str, Any]:
    """What a link asks for, and a note for each part that is refused."""
    first = next(iter(STUDIES.values()))
    text, study = parts.get("design"), parts.get("study", first.id)
    if text is not None:
        try:
            if len(text) > links.LONGEST:
                raise ExperimentError(f"it has {len(text):,} characters, at most {links.LONGEST:,} are read")
            given = of_text(text)
        except ExperimentError as error:
            notes.append(Note("design", text, f"{error}; {first.title} is shown."))
        else:
            for name in filter(None, parts.get(links.UPLOADED, "").split(",")):
                try:
                    running.remember_own(name)
                except ValueError as error:
                    notes.append(Note(links.UPLOADED, name, f"{error}."))
            return {"study": "", "plain": given}
    elif study not in STUDIES:
        notes.append(Note("study", study, f"there is no such experiment; {first.title} is shown."))
    for name in parts.keys() - {"design", "study", links.UPLOADED}:
        notes.append(Note(name, parts[name], "this part is not known; it was left out."))
    return {"study": study if study in STUDIES else first.id, "plain": None}


def look_at_study(study: str) -> None:
    """Look at a stored experiment."""
    memory = st.session_state[MEMORY]
    memory |= {"study": study, "plain": None, "number": memory["number"] + 1}


def look_at(plain: dict[str, Any]) -> None:
    """Look at a design from elsewhere: the controls begin anew."""
    memory = st.session_state.setdefault(MEMORY, dict(_BLANK))
    memory |= {"study": "", "plain": plain, "number": memory["number"] + 1}


def change(plain: dict[str, Any], *, by_hand: bool) -> None:
    """The controls have made another design; `by_hand`: somebody moved one, so that what was wrong before is past."""
    memory = st.session_state[MEMORY]
    memory["plain"] = plain
    if by_hand:
        memory["remark"] = ""


def first_look(mistake: str) -> bool:
    """Whether a design from elsewhere is drawn for the first time.

    What is wrong with it is kept then: the controls may put something else in its place.
    """
    memory = st.session_state[MEMORY]
    first = bool(memory["seen"] != memory["number"])
    if first:
        memory |= {"seen": memory["number"], "remark": mistake}
    return first


def remark() -> str:
    """What was wrong with the design as it came."""
    return str(st.session_state[MEMORY]["remark"])


def write_link(shown: Shown, design: Design | None) -> None:
    """Put what is looked at into the address bar; a design that is not allowed as its plain data."""
    parts = {"study": shown.study}
    if not shown.study:
        text = links.written(design) if design is not None else json.dumps(shown.plain, separators=(",", ":"))
        parts = {"design": text} if len(text) <= links.LONGEST else {}
        named = running.names_of_own()
        if parts and (names := [named[key] for key in design.own if key in named] if design else []):
            parts[links.UPLOADED] = ",".join(names)
    st.session_state[MEMORY]["link"] = parts
    if st.query_params.to_dict() != parts:
        st.query_params.from_dict(parts)
