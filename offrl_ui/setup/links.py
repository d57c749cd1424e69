"""Links: a `RunConfig` as the parts of an address, and back. `offrl_core/links.py` says how they are written.

`at` holds the live changes, each with its step: `at=120:rho=0.3;500:2.alpha=2`. `file` names the file that an algorithm
of somebody's own is in: never more than a name, no link has code run. Whatever a link holds, it gives a run: what is
not allowed is replaced by its default and noted. How the run's picture is arranged stands beside, see `looks.py`.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from offrl_core.algos import algorithms
from offrl_core.data.catalogue import datasets
from offrl_core.dataset import Dataset
from offrl_core.declarations import Hyperparameter, HyperparameterError, Value
from offrl_core.learning.devices import likely_device
from offrl_core.links import DEFAULT_BUDGET, VERSION, budget_parts, data_parts, lane_parts, written
from offrl_core.names import did_you_mean
from offrl_live.runs.checks import ConfigError
from offrl_live.runs.config import MAX_LANES, MAX_MEMBERS, MAX_WEIGHTS, Change, Lane, RunConfig, setting
from offrl_live.runs.datasets import UPLOAD
from offrl_live.runs.datasets import find as find_dataset
from offrl_ui.setup.selection import (
    DEVICE,
    FIRST_ALGORITHM,
    FIRST_DATASET,
    FIRST_SEED,
    FIRST_SEEDS,
    SEEDS,
    Setting,
    approximators,
    declared,
    options_of,
    start,
)

MOST_KEYS = 200
LONGEST = 10_000
MOST_NOTES = 8


@dataclass(frozen=True, slots=True)
class Note:
    """A part of a link or a message that was refused: which one, and what happened instead."""

    key: str
    value: str
    message: str

    def __str__(self) -> str:
        shown = self.value if len(self.value) <= 60 else self.value[:57] + "…"
        return f"{self.key} = {shown!r} was refused: {self.message}"


class More(Note):
    """How many more there are."""

    def __str__(self) -> str:
        return self.message


def data_link(config: RunConfig) -> dict[str, str]:
    """The link's parts for the dataset of `config` alone."""
    return data_parts(config.dataset, config.options, options_of(config.dataset))


def link(config: RunConfig) -> dict[str, str]:
    """The link's parts for `config`; what equals the default is left out."""
    parts = data_link(config)
    for index, lane in enumerate(config.lanes):
        parts |= lane_parts(
            lane.algorithm,
            lane.approximator,
            lane.seeds,
            lane.hyperparameters,
            first_seed=lane.first_seed,
            file=lane.kind.file,
            device=lane.device,
            lane=index,
        )
    parts |= budget_parts(config.budget)
    if config.changes:
        parts["at"] = ";".join(map(_write_change, config.changes))
    return parts


def parse(query: Mapping[str, Sequence[str]]) -> tuple[RunConfig, list[Note]]:
    """The configuration that a link's parts ask for, and a note for each part that was refused.

    Args:
        query: name → every value given for it. An empty one gives the first visit's run.
    """
    if not query:
        return start(), []
    reader = _Reader(query)
    config = reader.config()
    return config, reader.notes


def few(notes: list[Note]) -> list[Note]:
    """The first of many notes, and how many more there are: a link of five hundred parts says what is wrong once."""
    left = len(notes) - MOST_NOTES
    if left <= 1:
        return notes
    return [*notes[:MOST_NOTES], More("", "", f"{left} more parts of this link were refused as well.")]


class _Reader:
    """Takes the parts of a link one by one; what is left over at the end was not understood."""

    def __init__(self, query: Mapping[str, Sequence[str]]) -> None:
        self.notes: list[Note] = []
        self.parts: dict[str, str] = {}
        self.known: list[str] = []
        for key, values in list(query.items())[:MOST_KEYS]:
            text = values[0] if values else ""
            if len(text) > LONGEST or len(key) > LONGEST:
                self.refuse(key[:60], text, f"it is longer than {LONGEST} characters; it was left out.")
                continue
            if len(values) > 1:
                self.refuse(key, values[1], f"it is given {len(values)} times; the first value, {text!r}, is used.")
            self.parts[key] = text
        if len(query) > MOST_KEYS:
            self.refuse("the link", f"{len(query)} parts", f"only the first {MOST_KEYS} are read.")

    def refuse(self, key: str, value: str, message: str) -> None:
        self.notes.append(Note(key, value, message))

    def take(self, key: str, default: str) -> str:
        self.known.append(key)
        return self.parts.pop(key, default)

    def choice(self, key: str, allowed: Sequence[str], default: str) -> str:
        text = self.take(key, default)
        if text in allowed:
            return text
        near = did_you_mean(text, allowed)
        self.refuse(key, text, f"it must be one of {', '.join(allowed)}{near}; {default} is used.")
        return default

    def algorithm(self, key: str, file: str, default: str) -> str:
        """The algorithm at `key`; one that is not known here says which `file` or package of somebody's own it is in.

        A link can say anything: only what is a plain name is repeated, and never a path.
        """
        text = self.parts.get(key, default)
        if text in algorithms() or not re.fullmatch(r"\w[\w .-]{,99}", file):
            return self.choice(key, tuple(algorithms()), default)
        self.take(key, default)
        where = (
            f"in the file {file!r}, which must be named when the server is started (--algorithm {shlex.quote(file)})"
            if file.endswith(".py")
            else f"in the package {file!r}, which must be installed where the server runs"
        )
        self.refuse(key, text, f"this server does not know it. It is {where}; {default} is used.")
        return default

    def device(self, key: str) -> str:
        """Where the networks are to be; one that is not here gives way to the processor."""
        text = self.take(key, str(DEVICE.default))
        try:
            return likely_device(text)
        except HyperparameterError as error:
            reason = str(error).partition(": ")[2]  # what comes before it names the value, as the note does
            self.refuse(key, text, f"{reason}; this run is on the processor (cpu).")
            return str(DEVICE.default)

    def setting(self, key: str, h: Hyperparameter, default: Setting, *, axis: bool = False) -> Setting:
        """The value of `h` at `key`, or `default` with a note."""
        self.known.append(key)
        text = self.parts.pop(key, None)
        if text is None:
            return default
        try:
            several = axis and "," in text
            return setting(h, [read(h, part) for part in text.split(",")] if several else read(h, text))
        except HyperparameterError:
            self.refuse(key, text, f"it must be {h.allowed}; {written(default)} is used.")
        except ConfigError as error:
            self.refuse(key, text, f"{error}; {written(default)} is used.")
        return default

    def config(self) -> RunConfig:
        version = self.take("v", VERSION)
        if version != VERSION:
            self.refuse(
                "v", version, f"this program reads links of version {VERSION}; what it knows of this one is used."
            )
        dataset = self.parts.get("data", FIRST_DATASET)
        if dataset.startswith(UPLOAD):
            try:
                find_dataset(self.take("data", dataset), {})
            except ConfigError as error:
                self.refuse("data", dataset, f"{error}; {FIRST_DATASET} is used.")
                dataset = FIRST_DATASET
        else:
            dataset = self.choice("data", tuple(datasets()), FIRST_DATASET)
        options: dict[str, Value] = {}
        for h in options_of(dataset):
            value = self.setting(f"x.{h.name}", h, h.default)
            assert not isinstance(value, tuple)
            options[h.name] = value
        try:
            data = find_dataset(dataset, options)
        except ConfigError as error:
            self.refuse("x", ", ".join(f"{k}={v}" for k, v in options.items()), f"{error}; the defaults are used.")
            options = {}
            data = find_dataset(dataset, options)
        lanes = [self.lane(0, data)]
        while len(lanes) < MAX_LANES and f"{len(lanes) + 1}.algo" in self.parts:
            lanes.append(self.lane(len(lanes), data))
        budget_text, changes = self.take("budget", str(DEFAULT_BUDGET)), self.take("at", "")
        for key, text in self.parts.items():
            near = did_you_mean(key, self.known)
            self.refuse(key, text, f"this part is not known{near}; it was left out.")
        config = self.assemble(dataset, options, tuple(lanes), budget_text)
        return self.with_changes(config, changes)

    def with_changes(self, config: RunConfig, text: str) -> RunConfig:
        """`config` with the live changes in a link's `at`; from the first one that is not allowed on, none is taken."""
        for part in text.split(";") if text else ():
            found = _CHANGE.fullmatch(part)
            try:
                if found is None:
                    raise ConfigError("a change is written step:name=value")
                step, lane = int(found[1]), int(found[2] or 1) - 1
                if config.changes and step < config.changes[-1].step:
                    raise ConfigError("changes stand in the order of their steps")
                known, values = config.declared(lane), dict(pair.split("=", 1) for pair in found[3].split(","))
                typed = {name: read(known[name], value) if name in known else value for name, value in values.items()}
                config = config.changed(step, lane, typed)
            except (ConfigError, HyperparameterError) as error:
                self.refuse("at", part, f"{error}; this change and those after it were left out.")
                break
        return config

    def assemble(self, dataset: str, options: Mapping[str, Value], lanes: tuple[Lane, ...], budget: str) -> RunConfig:
        number = int(budget) if re.fullmatch(r"\d{1,9}", budget) else -1
        try:
            return RunConfig(dataset, options, lanes, number)
        except ConfigError as error:
            if number != DEFAULT_BUDGET:
                self.refuse("budget", budget, f"{error}; {DEFAULT_BUDGET} is used.")
                return self.assemble(dataset, options, lanes, str(DEFAULT_BUDGET))
            # Each lane is allowed by itself, so only their members and weights together can be too much.
            self.refuse("algo", f"{len(lanes)} lanes", f"{error}; the first is used.")
            return RunConfig(dataset, options, lanes[:1], DEFAULT_BUDGET)

    def lane(self, index: int, data: Dataset) -> Lane:
        before = "" if index == 0 else f"{index + 1}."
        spec = datasets().get(data.name)
        usual = spec.about[0] if spec is not None and spec.about else FIRST_ALGORITHM
        algorithm = self.algorithm(f"{before}algo", self.take(f"{before}file", ""), usual)
        allowed = approximators(data)
        approximator = self.choice(f"{before}net", allowed, allowed[0])
        seeds = self.setting(f"{before}seeds", SEEDS, FIRST_SEEDS)
        first_seed = self.setting(f"{before}first_seed", FIRST_SEED, FIRST_SEED.default)
        assert isinstance(seeds, int)
        assert isinstance(first_seed, int)
        lane = Lane(algorithm, approximator, seeds, device=self.device(f"{before}device"), first_seed=first_seed)
        for name, h in declared(data, algorithm, approximator).items():
            text = self.parts.get(before + name, "")
            value = self.setting(before + name, h, h.default, axis=h.numeric)
            if value == h.default:
                continue
            try:
                changed = replace(lane, hyperparameters={**lane.hyperparameters, name: value})
                if changed.members > MAX_MEMBERS:
                    raise ConfigError(f"that makes {changed.members} members, at most {MAX_MEMBERS} train at once")
                if changed.weights > MAX_WEIGHTS:
                    raise ConfigError("that makes too many weights for one run: fewer models or smaller ones")
                lane = changed
            except ConfigError as error:
                self.refuse(before + name, text, f"{error}; {written(h.default)} is used.")
        return lane


_PAIR = r"[a-z_]{1,40}=[^;,=]{1,100}"
_CHANGE = re.compile(rf"(\d{{1,9}}):(?:([2-9])\.)?({_PAIR}(?:,{_PAIR}){{0,20}})")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?")


def read(h: Hyperparameter, text: str) -> object:
    """A link's text as the kind of value that `h` takes; other text is returned as it is, for `validate` to refuse."""
    if isinstance(h.default, bool):
        return {"true": True, "1": True, "false": False, "0": False}.get(text.lower(), text)
    if h.choices or h.text:
        return text
    return float(text) if _NUMBER.fullmatch(text) else text


def _write_change(change: Change) -> str:
    before = "" if change.lane == 0 else f"{change.lane + 1}."
    return f"{change.step}:{before}" + ",".join(f"{name}={written(value)}" for name, value in change.values.items())


def plain(text: object) -> str:
    """`text` with everything that Markdown would interpret made literal: links are written by strangers."""
    return re.sub(r"([\\`*_{}\[\]()#+\-.!|<>~$:&])", r"\\\1", str(text))
