"""Stories: guided runs on the real stage, as data. A teacher writes one as TOML and passes it on in a link or a file.

A story has a `title`, a `sentence` about it, and `[[steps]]`. A step has

- `text`: what is told while it happens;
- `link`: the run that begins there, as the part of a playground's link behind the `?` (the first step needs one);
- `set`: live hyperparameters to change as the step begins, in the algorithm number `algorithm` (1 where none is said);
- `speed`: updates per second, 0 for as fast as it goes;
- `look`: what the world shows, one of `MODES`;
- `until`: what is measured: a list of conditions `{what = "return", above = 0.5}`, on the median over an algorithm's
  models of one of the core's metrics, or on the `step`;
- `done`: what is told once they all hold.

It is text throughout: nothing of it is taken for markup or run as code.
"""

from __future__ import annotations

import base64
import binascii
import math
import re
import tomllib
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

from offrl_core.declarations import Value
from offrl_core.learning.metric_catalogue import metrics
from offrl_core.names import did_you_mean
from offrl_live.runs.checks import ConfigError
from offrl_live.runs.commands import MAX_SPEED
from offrl_live.runs.config import RunConfig
from offrl_ui.setup import links
from offrl_ui.shared.modes import MODES

MOST_BYTES = 16_000
MOST_STEPS = 12
MOST_CONDITIONS = 6
LONGEST_LINK = 6_000
STEP = "step"
TOLD = Path(__file__).parent / "told"


class StoryError(ValueError):
    """A story that cannot be told; the message says where, what, and what is allowed."""


@dataclass(frozen=True)
class Condition:
    """A number that is measured while a run trains.

    Attributes:
        what: a metric's name, or `step`.
        algorithm: whose, from 0.
        above, below: where it must lie, both excluded; infinite where that end is open.
    """

    what: str
    algorithm: int = 0
    above: float = -math.inf
    below: float = math.inf

    def holds(self, value: float) -> bool:
        """Whether a measured value fulfils it; one that is not known does not."""
        return self.above < value < self.below


@dataclass(frozen=True)
class Step:
    """One step of a story; see the module."""

    text: str
    run: RunConfig | None = None
    set: Mapping[str, Value] | None = None
    algorithm: int = 0
    speed: float | None = None
    look: str | None = None
    until: tuple[Condition, ...] = ()
    done: str = ""

    def to_json(self) -> dict[str, Any]:
        """What the page's script is told of it."""
        ends = [
            {
                "what": c.what,
                "algorithm": c.algorithm,
                "above": c.above if math.isfinite(c.above) else None,
                "below": c.below if math.isfinite(c.below) else None,
            }
            for c in self.until
        ]
        what = {"text": self.text, "begins": self.run is not None, "algorithm": self.algorithm, "until": ends}
        return {**what, "set": dict(self.set or {}), "speed": self.speed, "look": self.look, "done": self.done}


@dataclass(frozen=True)
class Story:
    """A story that was checked."""

    title: str
    sentence: str
    steps: tuple[Step, ...]


def parse(text: str) -> Story:
    """The story in a TOML text.

    Raises:
        StoryError: it is too long, no TOML, or a part of it is missing, unknown or not allowed.
    """
    size = len(text.encode("utf-8", "replace"))
    if size > MOST_BYTES:
        raise StoryError(f"a story of {size:,} bytes is too long: at most {MOST_BYTES:,} are allowed")
    try:
        data = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise StoryError(f"it is not TOML: {error}") from None
    _only("the story", data, ("title", "sentence", "steps"))
    steps = data.get("steps")
    if not isinstance(steps, list) or not 1 <= len(steps) <= MOST_STEPS:
        raise StoryError(f"a story needs 1 to {MOST_STEPS} [[steps]]")
    told: list[Step] = []
    run: RunConfig | None = None
    for number, given in enumerate(steps, 1):
        step = _step(f"step {number}", given, run)
        run = step.run or run
        told.append(step)
    return Story(_text("title", data, "title", 80), _text("sentence", data, "sentence", 240), tuple(told))


def _step(where: str, given: object, run: RunConfig | None) -> Step:
    if not isinstance(given, dict):
        raise StoryError(f"{where} must be a table: [[steps]]")
    _only(where, given, ("text", "link", "set", "algorithm", "speed", "look", "until", "done"))
    begun = _run(where, given["link"]) if "link" in given else None
    run = begun or run
    if run is None:
        raise StoryError(f"{where} needs a link: the run that the story begins with")
    algorithm = _algorithm(where, given, run)
    values = None
    if "set" in given:
        try:
            values = run.checked(algorithm, given["set"])
        except ConfigError as error:
            raise StoryError(f"{where}, set: {error}") from None
    until = given.get("until", [])
    if not isinstance(until, list) or len(until) > MOST_CONDITIONS:
        raise StoryError(f"{where}: until must be a list of at most {MOST_CONDITIONS} conditions")
    return Step(
        text=_text(where, given, "text", 600),
        run=begun,
        set=values,
        algorithm=algorithm,
        speed=_number(where, given, "speed", 0, MAX_SPEED) if "speed" in given else None,
        look=_one_of(where, given, "look", MODES) if "look" in given else None,
        until=tuple(_condition(f"{where}, condition {n}", one, run) for n, one in enumerate(until, 1)),
        done=_text(where, given, "done", 600) if "done" in given else "",
    )


def _run(where: str, link: object) -> RunConfig:
    if not isinstance(link, str) or len(link) > links.LONGEST:
        raise StoryError(f"{where}: a link must be text, what stands behind the ? of a playground's address")
    query = parse_qs(link.partition("?")[2] or link, keep_blank_values=True, max_num_fields=links.MOST_KEYS)
    if not query:
        raise StoryError(f"{where}: the link {link[:60]!r} names no run; write for instance algo=bcq&seeds=2")
    config, notes = links.parse(query)
    if notes:
        raise StoryError(f"{where}, link: {notes[0]}")
    return config


def _condition(where: str, given: object, run: RunConfig) -> Condition:
    if not isinstance(given, dict):
        raise StoryError(f'{where} must be a table such as {{what = "return", above = 0.5}}')
    _only(where, given, ("what", "algorithm", "above", "below"))
    what = _one_of(where, given, "what", (STEP, *metrics()))
    ends = {end: _number(where, given, end) for end in ("above", "below") if end in given}
    if not ends:
        raise StoryError(f"{where} needs above or below, a number each")
    return Condition(what, _algorithm(where, given, run), **ends)


def _algorithm(where: str, given: Mapping[str, object], run: RunConfig) -> int:
    return int(_number(where, given, "algorithm", 1, len(run.lanes), whole=True)) - 1 if "algorithm" in given else 0


def _only(where: str, given: Mapping[str, object], allowed: tuple[str, ...]) -> None:
    for name in given:
        if name not in allowed:
            near = did_you_mean(name, allowed)
            raise StoryError(f"{where} has no {name[:40]!r}{near}; allowed are {', '.join(allowed)}")


def _text(where: str, given: Mapping[str, object], name: str, longest: int) -> str:
    value = given.get(name)
    if not isinstance(value, str) or not value.strip():
        raise StoryError(f"{where}: {name} is missing or is not text")
    words = " ".join(value.split())
    if len(words) > longest:
        raise StoryError(f"{where}: {name} has {len(words)} characters; at most {longest} are allowed")
    if not words.isprintable():
        raise StoryError(f"{where}: {name} has characters that cannot be shown")
    return words


def _one_of(where: str, given: Mapping[str, object], name: str, allowed: tuple[str, ...]) -> str:
    value = given.get(name)
    if not isinstance(value, str) or value not in allowed:
        near = did_you_mean(str(value), allowed)
        raise StoryError(f"{where}: {name} = {str(value)[:40]!r} must be one of {', '.join(allowed)}{near}")
    return value


def _number(
    where: str,
    given: Mapping[str, object],
    name: str,
    low: float = -math.inf,
    high: float = math.inf,
    *,
    whole: bool = False,
) -> float:
    value = given[name]
    kinds = int if whole else (int, float)
    if isinstance(value, bool) or not isinstance(value, kinds) or not low <= value <= high or not math.isfinite(value):
        allowed = "a number" if math.isinf(high) else f"a {'whole ' if whole else ''}number from {low:g} to {high:,g}"
        raise StoryError(f"{where}: {name} = {str(value)[:40]} must be {allowed}")
    return float(value)


def in_link(text: str) -> str:
    """A story's text as a part of a link, a third or so as long.

    Raises:
        StoryError: it is too long for a link.
    """
    packed = base64.urlsafe_b64encode(zlib.compress(text.encode(), 9)).decode().rstrip("=")
    if len(packed) > LONGEST_LINK:
        raise StoryError(f"the story is too long for a link ({len(packed):,} characters); pass it on as a file")
    return packed


def from_link(part: str) -> str:
    """A story's text from a link: the name of one that is known here, or what `in_link` made.

    Raises:
        StoryError: it is neither.
    """
    if part in names():
        return (TOLD / f"{part}.toml").read_text(encoding="utf-8")
    near = f"it must be {', '.join(names())}, or a story that was packed into the link{did_you_mean(part, names())}"
    if len(part) > LONGEST_LINK or not re.fullmatch(r"[\w-]+", part, re.ASCII):
        raise StoryError(f"the story {part[:40]!r} is not known; {near}")
    try:
        unpacker = zlib.decompressobj()
        packed = base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
        text = unpacker.decompress(packed, MOST_BYTES + 1)
        if not unpacker.eof and len(text) <= MOST_BYTES:
            raise StoryError("the link to this story was cut short; ask for it again")
        return text.decode()
    except (binascii.Error, zlib.error, UnicodeDecodeError):
        raise StoryError(f"the story {part[:40]!r} is not known; {near}") from None


@cache
def template() -> str:
    """The text that a new story begins with, a story itself."""
    return (TOLD.parent / "template.toml").read_text(encoding="utf-8")


@cache
def names() -> tuple[str, ...]:
    """The stories that come with the program, in their order."""
    order = ("rho", "naive-q", "advantage-weight", "stitching", "network")
    return (*order, *sorted(path.stem for path in TOLD.glob("*.toml") if path.stem not in order))


@cache
def known(name: str) -> Story:
    """A story that comes with the program."""
    return parse(from_link(name))
