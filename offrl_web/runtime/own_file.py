"""A log of one's own, read in a worker of its own: the page ends that worker where a file ends or stops it.

What is read goes on to the worker that trains as bytes, see `pack`; nothing of it leaves the tab.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any, cast

from offrl_core.formats import FORMATS, ColumnMapping, Limits, Preview, Reading, preview_file, read_file
from offrl_core.formats.actions import Binning, suitable_bins
from offrl_core.formats.elsewhere import reading_of, sent_reading
from offrl_core.formats.source import Source
from offrl_lecture.base.text import html
from offrl_live.runs.datasets import UploadRoom
from offrl_ui.datasets import column_roles as roles

ROOM = UploadRoom()
LIMITS = Limits(unpacked=ROOM.one)

Told = Callable[[float, str], object]
"""Takes how much has been read, in [0, 1], and what is being done."""


class OwnFile:
    """Answers questions about a file: those of `with_file` come with its bytes.

    Args:
        told: told how far a reading is.
    """

    def __init__(self, told: Told) -> None:
        self._told = told
        self._preview: Preview | None = None

    def with_file(self, question: Mapping[str, Any], data: bytes) -> Any:
        """`do` is `look`, which gives what is to be chosen, or `read`, which gives the file packed; both with the
        file's `name`, and the latter with what was `chosen`.

        Raises:
            FileError: the file cannot be a dataset; the message says what is wrong and where.
        """
        source = Source.of(data, LIMITS, str(question["name"]))
        if question["do"] == "look":
            self._preview = preview_file(source, limits=LIMITS)
            return form(self._preview)
        said = -1.0

        def progress(share: float, doing: str) -> None:
            nonlocal said
            if share - said >= 0.01:
                said = share
                self._told(share, doing)

        preview = self._preview or preview_file(source, limits=LIMITS)
        mapping = mapping_of(question["chosen"], preview)
        return pack(read_file(source, format=preview.format, mapping=mapping, limits=LIMITS, progress=progress))

    def check(self, question: Mapping[str, Any]) -> dict[str, Any]:
        """What keeps `chosen` from being used on the file that was looked at, and what becomes of its actions.

        Raises:
            FileError: a value is not allowed.
        """
        preview = self._preview
        if preview is None:
            return {"problems": [], "actions": ""}
        mapping = mapping_of(question["chosen"], preview) or ColumnMapping()
        taken = [column for column in preview.columns if column.name in mapping.action_columns]
        problems = mapping.problems([column.name for column in preview.columns]) if preview.mapping else []
        return {
            "problems": [roles.sentence(problem) for problem in problems],
            "actions": roles.about_actions(mapping.actions, taken),
        }


def mapping_of(chosen: Mapping[str, Any], preview: Preview) -> ColumnMapping | None:
    """The mapping that a page chose, None for whatever fits.

    Args:
        chosen: role → value.
        preview: the file that it is of.

    Raises:
        FileError: a value is not allowed.
    """
    if preview.mapping is not None:
        return ColumnMapping.from_json({**asdict(preview.mapping), **chosen})
    mapping = ColumnMapping.from_json(chosen)
    return mapping if mapping.to_json() else None


def pack(reading: Reading) -> bytes:
    """A reading as bytes: a line of JSON, then the log."""
    sent, log = sent_reading(reading)
    return json.dumps({**sent, "file": reading.file}).encode() + b"\n" + log


def unpack(data: bytes) -> Reading:
    """The reading that `pack` wrote.

    Raises:
        FileError: it is none.
    """
    line, _, log = data.partition(b"\n")
    sent = json.loads(line)
    return reading_of(sent, log, sent["file"], LIMITS)


def form(preview: Preview) -> dict[str, Any]:
    """What a page asks about a file, as plain data: the first rows, and what can be chosen, with the guess."""
    record, guess = FORMATS[preview.format], preview.mapping or ColumnMapping()
    names = [column.name for column in preview.columns]
    options = list(dict.fromkeys(names))
    taken = {"state": guess.state, "action": guess.action_columns, "next_state": guess.next_state}
    several = [
        {"role": role, "label": label, "value": [name for name in taken[role] if name in options]}
        for role, label in roles.SEVERAL.items()
    ]
    one = [
        {"role": role, "label": label, "help": meaning, "needed": role == roles.NEEDED, "value": getattr(guess, role)}
        for role, (label, meaning) in roles.ONE_COLUMN.items()
    ]
    words = {"actions": (roles.ACTION_TYPE, roles.ACTIONS), **roles.ONE_MEANING}
    meanings = [
        {"role": role, "label": label, "choices": list(choices.items()), "value": getattr(guess, role)}
        for role, (label, choices) in words.items()
        if preview.mapping is not None or role == "actions"
    ]
    width = max(1, len(guess.action_columns))
    bins = {
        how: {"label": label, "most": roles.MOST_BINS, "value": guess.bins or suitable_bins(width, cast(Binning, how))}
        for how, (label, _) in roles.BINNED.items()
    }
    shrink = {"label": roles.SHRINK, "help": roles.WHAT_SHRINKS, "unset": roles.AS_NEEDED, "most": roles.MOST_SHRUNK}
    return {
        "format": record.name,
        "mapped": preview.mapping is not None,
        "question": html(roles.question(preview) if preview.mapping else roles.fixed_question(preview.format)),
        "names": roles.distinct(names),
        "columns": options,
        "sample": [list(row) for row in preview.sample],
        "several": several if preview.mapping else [],
        "one": one if preview.mapping else [],
        "meanings": meanings,
        "bins": bins,
        "shrink": {**shrink, "value": guess.shrink},
        "more": roles.MORE,
        "gamma": roles.GAMMA,
    }
