"""Which column of a table is what."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal

from offrl_core.formats.base import FileError


@dataclass(frozen=True, slots=True)
class ColumnMapping:
    """Which columns of a table hold states, actions and rewards, and how to take them.

    Attributes:
        state: the state's columns. One column of whole numbers or of text is a state number (tabular data);
            anything else becomes a vector.
        action: the action's column: whole numbers or labels.
        reward: the reward's column.
        episode: tells episodes apart; without it an episode ends at its flag.
        time: order within an episode; without it the file's order.
        done: flag of a row that ended in a terminal state.
        timeout: flag of a row where a time limit or the recording cut the episode.
        end: flag of an episode's last row, whatever ended it: without `done` the episode was cut there (truncated).
        start: flag of an episode's first row.
        next_state: columns of the next state, as many as `state`; without them the following row tells.
        behavior: which policy collected the row.
        states: `table` (each distinct state, or combination of columns, is a state of its own), `vector`, or `auto`.
        reward_row: `same`: a row holds the reward of its own action; `next`: a row holds the reward received on
            arriving in its state, so that the reward of an action stands one row later.
        both: what a row is whose `done` and `timeout` are both true: `terminated` or `truncated`.
        unflagged: how an episode ended whose last row has no flag: the recording was cut (`truncated`), or it came to a
            terminal state (`terminated`).
        each_row: `step`: rows follow each other in episodes; `episode`: each row is an episode of its own, which its
            reward ends (a bandit).
        last_row: `decision`: the last row of an episode is one like the others; `state`: it holds no more than the
            final state, its action and reward mean nothing (as in RLDS).
        missing: what to do with episodes that have a missing state, action or reward: `refuse` the file or `drop` them.
        n_actions, n_states: sizes, where the data alone does not show them; values are then numbers from 0.
    """

    state: tuple[str, ...] = ()
    action: str = ""
    reward: str = ""
    episode: str | None = None
    time: str | None = None
    done: str | None = None
    timeout: str | None = None
    end: str | None = None
    start: str | None = None
    next_state: tuple[str, ...] = ()
    behavior: str | None = None
    states: Literal["auto", "table", "vector"] = "auto"
    reward_row: Literal["same", "next"] = "same"
    both: Literal["terminated", "truncated"] = "terminated"
    unflagged: Literal["truncated", "terminated"] = "truncated"
    each_row: Literal["step", "episode"] = "step"
    last_row: Literal["decision", "state"] = "decision"
    missing: Literal["refuse", "drop"] = "refuse"
    n_actions: int | None = None
    n_states: int | None = None

    def __post_init__(self) -> None:
        for name, allowed in _CHOICES.items():
            if (value := getattr(self, name)) not in allowed:
                raise FileError(f"mapping: {name} = {value!r} is not allowed: it must be one of {', '.join(allowed)}")
        for name in ("state", "next_state"):
            value = getattr(self, name)
            object.__setattr__(self, name, (value,) if isinstance(value, str) else tuple(value))

    @property
    def roles(self) -> tuple[str, ...]:
        """The column of every role that is filled; a column stands here as often as it is used."""
        single = (self.action, self.reward, self.behavior)
        several = (self.episode, self.time, self.done, self.timeout, self.end, self.start, *self.next_state)
        needed = single if self.each_row == "episode" else (*single, *several)
        return (*self.state, *(name for name in needed if name))

    @property
    def columns(self) -> tuple[str, ...]:
        """Every column that is read, each once."""
        return tuple(dict.fromkeys(self.roles))

    def problems(self, columns: Sequence[str]) -> list[str]:
        """What keeps this mapping from being used on a table with these columns; empty when it can be."""
        found = [
            f"no column is mapped to the {role}" for role in ("state", "action", "reward") if not getattr(self, role)
        ]
        found += [f"there is no column {name!r}" for name in self.columns if name not in columns]
        found += [f"two columns are called {name!r}" for name in self.columns if columns.count(name) > 1]
        if self.next_state and len(self.next_state) != len(self.state):
            found.append(f"{len(self.state)} columns of state and {len(self.next_state)} of next state; as many needed")
        twice = [name for name in self.state if name in (self.action, self.reward)]
        found += [f"{name!r} is mapped to the state and to something else" for name in twice]
        return found

    def to_json(self) -> dict[str, Any]:
        """Plain data, without what is left at its default."""
        chosen = {name: value for name, value in asdict(self).items() if value != _DEFAULTS[name]}
        return {name: list(value) if isinstance(value, tuple) else value for name, value in chosen.items()}

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> ColumnMapping:
        """The mapping of `to_json`.

        Raises:
            FileError: a name is unknown or a value has the wrong type.
        """
        for name, value in plain.items():
            if name not in _DEFAULTS:
                raise FileError(f"mapping: there is no {name!r}; known are {', '.join(_DEFAULTS)}")
            if name in ("state", "next_state"):
                good = isinstance(value, (list, tuple)) and all(isinstance(item, str) for item in value)
                needed = "a list of columns' names"
            elif name in ("n_actions", "n_states"):
                good = value is None or (isinstance(value, int) and not isinstance(value, bool) and value > 0)
                needed = "a whole number, 1 or above"
            else:
                good = isinstance(value, str) or (value is None and _DEFAULTS[name] is None)
                needed = "a text"
            if not good:
                raise FileError(f"mapping: {name} = {value!r} is not allowed: it must be {needed}")
        return cls(**plain)


_CHOICES = {
    "states": ("auto", "table", "vector"),
    "reward_row": ("same", "next"),
    "both": ("terminated", "truncated"),
    "unflagged": ("truncated", "terminated"),
    "each_row": ("step", "episode"),
    "last_row": ("decision", "state"),
    "missing": ("refuse", "drop"),
}
_DEFAULTS = {f.name: f.default for f in fields(ColumnMapping)}

Kind = Literal["integer", "number", "boolean", "text", "time", "list", "other"]


@dataclass(frozen=True, slots=True)
class ColumnInfo:
    """A column as the preview shows it.

    Attributes:
        name: its header.
        kind: what it holds.
        examples: its first values as text.
        distinct: number of distinct values in the preview.
        missing: number of missing values in the preview.
    """

    name: str
    kind: Kind
    examples: tuple[str, ...] = ()
    distinct: int = 0
    missing: int = 0
