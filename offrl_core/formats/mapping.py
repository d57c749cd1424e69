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
        action: the action's column, or several that make one action together.
        reward: the reward's column.
        episode: tells episodes apart; without it an episode ends at its flag.
        time: order within an episode; without it the file's order.
        done: flag of a row that ended in a terminal state.
        timeout: flag of a row where a time limit or the recording cut the episode.
        end: flag of an episode's last row, whatever ended it: without `done` the episode was cut there (truncated).
        start: flag of an episode's first row.
        next_state: columns of the next state, as many as `state`; without them the following row tells.
        behavior: which policy collected the row.
        propensity: how likely the behaviour was to take the row's action, in (0, 1], or the natural logarithm of that.
        states: `table` (each distinct state, or combination of columns, is a state of its own), `vector`, or `auto`.
        actions: `labels` (each distinct value, or combination of the values of several columns, is an action),
            `one-hot` (one of several columns is 1, which is the action), `quantiles` or `k-means` (bins of numbers, see
            `bins`), or `auto`: whatever fits.
        bins: of continuous actions: quantiles of each number, whose combinations are the actions, or clusters of all
            numbers together; None for as many as suit their number.
        reward_row: `same`: a row holds the reward of its own action; `next`: a row holds the reward received on
            arriving in its state, so that the reward of an action stands one row later.
        both: what a row is whose `done` and `timeout` are both true: `terminated` or `truncated`.
        unflagged: how an episode ended whose last row has no flag: the recording was cut (`truncated`), or it came to a
            terminal state (`terminated`).
        each_row: `step`: rows follow each other in episodes; `episode`: each row is an episode of its own, which its
            reward ends (a bandit); `trajectory`: a row holds a whole episode, a list in each column.
        last_row: `decision`: the last row of an episode is one like the others; `state`: it holds no more than the
            final state, its action and reward mean nothing (as in RLDS).
        shrink: by how much frames (observations of height × width) are shrunk in both directions; None for as little as
            the limit of an observation asks for.
        missing: what to do with episodes that have a missing state, action or reward: `refuse` the file or `drop` them.
        n_actions, n_states: sizes, where the data alone does not show them; values are then numbers from 0.
    """

    state: tuple[str, ...] = ()
    action: str | tuple[str, ...] = ""
    reward: str = ""
    episode: str | None = None
    time: str | None = None
    done: str | None = None
    timeout: str | None = None
    end: str | None = None
    start: str | None = None
    next_state: tuple[str, ...] = ()
    behavior: str | None = None
    propensity: str | None = None
    states: Literal["auto", "table", "vector"] = "auto"
    actions: Literal["auto", "labels", "one-hot", "quantiles", "k-means"] = "auto"
    bins: int | None = None
    reward_row: Literal["same", "next"] = "same"
    both: Literal["terminated", "truncated"] = "terminated"
    unflagged: Literal["truncated", "terminated"] = "truncated"
    each_row: Literal["step", "episode", "trajectory"] = "step"
    last_row: Literal["decision", "state"] = "decision"
    shrink: int | None = None
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
        if not isinstance(self.action, str):
            several = tuple(self.action)
            object.__setattr__(self, "action", several[0] if len(several) == 1 else several)
        if self.bins is not None and self.bins < 2:
            raise FileError(f"mapping: bins = {self.bins!r} is not allowed: it must be 2 or above")
        if self.shrink is not None and self.shrink < 1:
            raise FileError(f"mapping: shrink = {self.shrink!r} is not allowed: it must be 1 or above")

    @property
    def action_columns(self) -> tuple[str, ...]:
        """The columns of the action."""
        given = (self.action,) if isinstance(self.action, str) else self.action
        return tuple(name for name in given if name)

    @property
    def roles(self) -> tuple[str, ...]:
        """The column of every role that is filled; a column stands here as often as it is used."""
        single = (*self.action_columns, self.reward, self.behavior, self.propensity)
        several = (self.time, self.done, self.timeout, self.end, self.start, *self.next_state)
        more = {"step": (self.episode, *several), "episode": (), "trajectory": several}[self.each_row]
        return (*self.state, *(name for name in (*single, *more) if name))

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
        twice = [name for name in self.state if name in (*self.action_columns, self.reward)]
        found += [f"{name!r} is mapped to the state and to something else" for name in twice]
        if self.reward in self.action_columns:
            found.append(f"{self.reward!r} is mapped to the action and to the reward")
        if self.n_actions is not None and (len(self.action_columns) > 1 or self.actions not in ("auto", "labels")):
            found.append("n_actions is said of a single column of numbers from 0; elsewhere it follows from the data")
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
            named = isinstance(value, (list, tuple)) and all(isinstance(item, str) for item in value)
            if name in ("state", "next_state", "action"):
                good, needed = named or isinstance(value, str), "a column's name, or a list of columns' names"
            elif name in ("n_actions", "n_states", "bins", "shrink"):
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
    "actions": ("auto", "labels", "one-hot", "quantiles", "k-means"),
    "reward_row": ("same", "next"),
    "both": ("terminated", "truncated"),
    "unflagged": ("truncated", "terminated"),
    "each_row": ("step", "episode", "trajectory"),
    "last_row": ("decision", "state"),
    "missing": ("refuse", "drop"),
}
OF_ALL_FORMATS = ("actions", "bins", "shrink")
"""What may be chosen in formats that have names of their own, too."""

_DEFAULTS = {f.name: f.default for f in fields(ColumnMapping)}

Kind = Literal["integer", "number", "boolean", "text", "time", "list", "texts", "other"]


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
