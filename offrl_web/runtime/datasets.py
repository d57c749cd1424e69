"""The datasets page without a server: what is chosen, and all there is to see of it as plain data."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from offrl_core.data.catalogue import datasets
from offrl_core.data.episodes import EPISODES, rule_of
from offrl_core.data.report import Report, validate
from offrl_core.dataset import Dataset
from offrl_core.episodes import as_list, numbers_in
from offrl_core.formats import FORMATS
from offrl_lecture.base.text import html
from offrl_live.runs.config import RunConfig
from offrl_live.runs.datasets import UPLOAD, is_kept, keep, recorded
from offrl_live.runs.wire import json_data
from offrl_ui.datasets import assuming, facts, judging, looking, reporting
from offrl_ui.datasets.pictures import Drawing, rows_of_pictures
from offrl_ui.setup import links, selection
from offrl_ui.setup.controls import apply, data_sections
from offrl_ui.setup.dataset_cards import dataset_cards
from offrl_ui.setup.notes import reward_note
from offrl_ui.shared.chart_look import Figure, Look
from offrl_web.runtime import own_file

Query = Mapping[str, Sequence[str]]
WRITTEN_HERE = tuple(name for name, record in FORMATS.items() if record.writes)


@dataclass(frozen=True)
class Own:
    """A log that was opened in this tab: its file's name, the data, and what is to be said about it."""

    title: str
    dataset: Dataset
    report: Report


class Datasets:
    """One visit of the page.

    Args:
        owner: whose the logs are that are opened.
    """

    def __init__(self, owner: str) -> None:
        self._owner = owner
        self._config = selection.start()
        self._notes: list[links.Note] = []
        self._own: dict[str, Own] = {}
        self._axes: tuple[int, int] | None = None
        self._episode: int | None = None

    def answer(self, question: Mapping[str, Any]) -> Any:
        """Do what the page asks, `do` with its particulars, and give the page as it is then, see `view`; `assumption`,
        `estimate` and `save` give what they make.

        Raises:
            ValueError: nothing of that name can be done, or it is refused.
        """
        todo = dict(question)
        name, dark = todo.pop("do", ""), bool(todo.pop("dark", False))
        if name in _MAKES:
            return _MAKES[name](self, **todo)
        if name not in _DO:
            raise ValueError(f"do = {name!r} is not allowed: it must be one of {', '.join((*_DO, *_MAKES))}")
        _DO[name](self, **todo)
        return self.view(Look(dark))

    def with_file(self, question: Mapping[str, Any], data: bytes) -> Any:
        """Take in a log that was read, see `own_file.pack`, with the discount `gamma`; gives the page.

        Raises:
            FileError: it cannot be a dataset.
            ConfigError: it is too large.
        """
        reading = own_file.unpack(data)
        dataset = Dataset.from_reading(reading, float(question["gamma"]))
        report = validate(dataset, reading.findings)
        name = keep(dataset, self._owner, own_file.ROOM)
        self._own[name] = Own(reading.file, dataset, report)
        self._choose(selection.other_dataset(self._config, name))
        return self.view(Look(bool(question.get("dark"))))

    def brought(self) -> list[dict[str, Any]]:
        """Cards of the logs that were opened here and are still kept."""
        there = {name: entry for name, entry in self._own.items() if is_kept(name)}
        return dataset_cards(there)[: len(there)] if there else []

    # what the page asks

    def open(self, query: Query) -> None:
        """Choose what a link says."""
        self._choose(*links.parse(query))

    def pick_dataset(self, id: str) -> None:
        """Another dataset."""
        if id not in datasets() and not id.startswith(UPLOAD):
            raise ValueError(f"there is no dataset {id!r}")
        self._choose(selection.other_dataset(self._config, id))

    def change(self, values: Mapping[str, Any], scope: str) -> None:
        """What the panel says; an answer that belongs to another dataset comes too late."""
        if scope == self._config.dataset:
            self._choose(*apply(self._config, 0, values))

    def turn(self, axes: Sequence[int]) -> None:
        """Two other dimensions of a continuous world."""
        names = facts.dimension_names(self._config.data)
        across, up = (int(axis) for axis in axes)
        if not (0 <= across < len(names) and 0 <= up < len(names)):
            raise ValueError(f"axes = {list(axes)!r} are not allowed: they must be numbers below {len(names)}")
        self._axes = across, up

    def look_at(self, episode: int) -> None:
        """One episode, row by row."""
        self._episode = int(episode)

    def leave_out(self, episodes: Sequence[int]) -> None:
        """Leave episodes out, by their numbers in the recording."""
        self._list(numbers_in(str(self._config.options["leave_out"])) | {int(number) for number in episodes})

    def take_back(self, episodes: Sequence[int]) -> None:
        """Take episodes back that are listed."""
        self._list(numbers_in(str(self._config.options["leave_out"])) - {int(number) for number in episodes})

    def take_all_back(self) -> None:
        """Use all episodes."""
        self._choose(replace(self._config, options={**self._config.options, **{h.name: h.default for h in EPISODES}}))

    def _list(self, numbers: set[int]) -> None:
        listed = as_list(numbers)
        if len(listed) > looking.LONGEST:
            raise ValueError(looking.TOO_MANY)
        self._choose(replace(self._config, options={**self._config.options, "leave_out": listed}))

    def _choose(self, config: RunConfig, notes: Sequence[links.Note] = ()) -> None:
        if config.dataset != self._config.dataset:
            self._axes = self._episode = None
        self._config, self._notes = config, list(notes)

    # what is made when it is asked for

    def assumption(self, query: Query) -> dict[str, Any] | None:
        """The table of what a world assumes, of the dataset that a link names; None where it assumes nothing."""
        config, _ = links.parse(query)
        return asdict(assuming.assumed(config)) if assuming.assumes(config) else None

    def estimate(self, system: str) -> dict[str, Any]:
        """Estimates of what a policy would earn that `system` learns."""
        data = self._config.data
        if system not in judging.choices():
            raise ValueError(f"there is no algorithm {system!r}")
        rows = judging.table(data, system)
        doubts = [f"**{row['estimate']}.** {row['remark']}" for row in rows if row.get("remark")]
        return {
            "made": html(judging.made_from(data, system, "usual")),
            "rows": table([{name: value for name, value in row.items() if name != "remark"} for row in rows]),
            "doubts": [html(doubt) for doubt in doubts],
            "meaning": judging.meaning(data),
        }

    def save(self, format: str) -> bytes:
        """The data as a file."""
        if format not in WRITTEN_HERE:
            raise ValueError(f"format = {format!r} is not allowed: it must be one of {', '.join(WRITTEN_HERE)}")
        written = io.BytesIO()
        self._config.data.to_file(written, format=format)
        return written.getvalue()

    # the page

    def view(self, look: Look) -> dict[str, Any]:
        """The page as plain data."""
        config = self._config
        data, own = config.data, self._own.get(config.dataset)
        spec = datasets().get(config.dataset)
        whole = recorded(config.dataset, config.options)
        report = None
        if own is not None:
            report = own.report if data.n_episodes == own.dataset.n_episodes else reporting.part_of(own.report, data)
        described = f"{spec.description} **{spec.lesson}**" if spec is not None else reporting.ABOUT_OWN
        refused = {note.key: note.message for note in self._notes}
        playground = replace(selection.other_dataset(selection.start(), config.dataset), options=config.options)
        left_out = whole.n_episodes - data.n_episodes
        seen: dict[str, Any] = {
            "link": links.data_link(config),
            "playground": links.link(playground),
            "notes": [str(note) for note in self._notes],
            "brought": self.brought(),
            "dataset": config.dataset,
            "title": spec.title if spec is not None else own.title if own is not None else reporting.OWN_TITLE,
            "about": html(described),
            "ready": report is None or report.ok,
            "options": {"scope": config.dataset, "sections": data_sections(config, every=True), "refused": refused},
            "options_note": "" if spec is not None else reporting.ABOUT_OPTIONS,
            "reward": reward_note(data),
            "numbers": facts.key_numbers(data),
            "pictures": [
                [_plain(picture) for picture in row.values()]
                for row in rows_of_pictures(data, self._axes or facts.first_axes(data), look)
            ],
            "axes": self._shown_axes(),
            "asking": assuming.ASKING if assuming.assumes(config) else "",
            "report": None if report is None else _told(report, left_out),
            "estimates": None if report is None else _offered(data),
            "episodes": self._episodes(whole),
            "formats": [
                {"name": name, "title": FORMATS[name].title, "as": f"{spec.name if spec else 'log'}{suffix}"}
                for name in WRITTEN_HERE
                for suffix in FORMATS[name].suffixes[:1]
            ],
        }
        plain: dict[str, Any] = json_data(seen)
        return plain

    def _shown_axes(self) -> dict[str, Any] | None:
        """Two dimensions to be chosen from more; None where there is nothing to choose."""
        data = self._config.data
        names = facts.dimension_names(data)
        if data.tabular or len(names) < 3:
            return None
        return {"names": names, "shown": self._axes or facts.first_axes(data)}

    def _episodes(self, whole: Dataset) -> dict[str, Any]:
        out = whole.left_out(rule_of(self._config.options))
        flagged = {one.episode for one in looking.found_in(whole)}
        listed = numbers_in(str(self._config.options["leave_out"]))
        asked = min(flagged, default=0) if self._episode is None else self._episode
        episode = min(max(0, asked), whole.n_episodes - 1)
        return {
            "heading": looking.heading(whole, out),
            "what": looking.WHAT_STANDS_OUT if flagged else "",
            "standing_out": table(looking.standing_out(whole, out)),
            "to_leave_out": sorted(flagged - set(np.flatnonzero(out).tolist())),
            "to_take_back": sorted(flagged & listed),
            "any_out": bool(out.any()),
            "count": whole.n_episodes,
            "episode": episode,
            "is_out": bool(out[episode]),
            "listed": episode in listed,
            "about": looking.about(whole, episode, out=bool(out[episode]), by_number=episode in listed),
            "rows": _rows(looking.rows_of(whole, episode)),
        }


def table(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Rows as `heads` and `cells`; what a row lacks is empty."""
    heads = list(dict.fromkeys(name for row in rows for name in row))
    return {"heads": heads, "cells": [[_written(row.get(name)) for name in heads] for row in rows]}


def _rows(columns: Mapping[str, Any]) -> dict[str, Any]:
    """Columns as `table` gives rows."""
    return {
        "heads": list(columns),
        "cells": [[_written(v) for v in row] for row in zip(*columns.values(), strict=True)],
    }


def _written(value: Any) -> str:
    if value is None:
        return ""
    return f"{value:.4g}" if isinstance(value, (float, np.floating)) else str(value)


def _told(report: Report, left_out: int) -> dict[str, Any]:
    return {
        "heading": reporting.heading(report, left_out),
        "summary": reporting.summary(report),
        "findings": [
            {
                "severity": finding.severity,
                "kind": reporting.SEVERITY[finding.severity],
                "text": " ".join(filter(None, (reporting.message(finding), finding.remedy, reporting.where(finding)))),
            }
            for finding in report.findings
        ],
        "actions_taken": reporting.ACTIONS_TAKEN,
        "actions": table(reporting.action_rows(report)),
    }


def _offered(data: Dataset) -> dict[str, Any]:
    return {
        "heading": judging.HEADING,
        "about": judging.NOBODY_KNOWS,
        "refusal": judging.too_many(data),
        "label": judging.LEARNED_BY,
        "choices": [[name, title, judging.doing(name)] for name, title in judging.choices().items()],
    }


def _plain(picture: Drawing | Figure) -> dict[str, Any]:
    """A drawing (`svg` with `title` and `legend`) or a chart (`figure`)."""
    return asdict(picture) if isinstance(picture, Drawing) else {"figure": picture}


_DO: dict[str, Callable[..., None]] = {
    name: getattr(Datasets, name)
    for name in ("open", "pick_dataset", "change", "turn", "look_at", "leave_out", "take_back", "take_all_back")
}
_MAKES: dict[str, Callable[..., Any]] = {name: getattr(Datasets, name) for name in ("assumption", "estimate", "save")}
