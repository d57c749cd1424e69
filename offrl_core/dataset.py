"""The offline dataset `X`: episodes of transitions, frozen and validated on construction."""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import MISSING, dataclass, field, fields, replace
from functools import cached_property, wraps
from itertools import accumulate
from pathlib import Path
from types import MappingProxyType
from typing import Any, BinaryIO, Concatenate, Literal, ParamSpec, TypeVar

import numpy as np
import numpy.typing as npt

from offrl_core import columns
from offrl_core.columns import Array, DatasetError
from offrl_core.episodes import EpisodeRule
from offrl_core.formats import ColumnMapping, FileError, Log, Reading, read_file, read_frame, write_file
from offrl_core.html_table import facts_table
from offrl_core.interfaces import MDP, Layout, World
from offrl_core.rewards import AS_LOGGED, RewardRule
from offrl_core.writing import number

P = ParamSpec("P")
T = TypeVar("T")

__all__ = ["Array", "Dataset", "DatasetError", "dataset_probes", "probe_rows"]


@dataclass(frozen=True, eq=False, repr=False)
class Dataset:
    """Episodes `(s_t, a_t, r_{t+1}, s_{t+1}, d_{t+1})` in time order, episode after episode.

    Make one with `Dataset.from_columns`, which validates. A dataset is *tabular* when `n_states` is set:
    observations are then state numbers, otherwise float vectors.

    Attributes:
        observations: `(N,)` intp states, or `(N, D)` float32 vectors; `s_t`.
        actions: `(N,)` intp in `[0, n_actions)`; `a_t`.
        rewards: `(N,)` float64; received on arriving in `next_observations`; what learners are given.
        next_observations: like `observations`; `s_{t+1}`.
        terminations: `(N,)` bool; the MDP ended on arriving: the bootstrap is cut.
        truncations: `(N,)` bool; the recording ended without the MDP ending: the bootstrap is kept.
        next_known: `(N,)` bool; false where nobody wrote down the state after an episode's last row. A stand-in, the
            row's own observation, stands in `next_observations` there; see `has_target`.
        episode_starts: `(E,)` intp, the first row of each episode.
        n_actions: `A`.
        n_states: `S` for tabular data, None for continuous observations.
        action_names, observation_names: labels for screens.
        features: tabular data only: encodings of a state for function approximators, name → `(S, F)` float32;
            the first is the default. `one-hot` is always available and never stored here.
        action_features: `(S, A, F)` float32 or None: state-action features `φ(s,a)` of a linear Q.
        gamma: the discount this dataset's lesson is told at.
        mdp: the exact MDP where it is known.
        world: the simulator where one exists (an MDP is one too).
        layout: how to draw the states.
        name, options: where the data came from.
        opened: how it was read, as plain data: of a file its name (`file`) and `format`, and of tables the `mapping`
            with every choice made in it. With these and `gamma`, `Dataset.from_file` reads the same again, and
            `Dataset.from_frame` takes the same table in memory for the same.
        behaviors: `(E,)` intp or None: which behaviour policy collected each episode.
        behavior_names: names for those numbers.
        behavior_policies: the very policies that collected the episodes from the world's own initial states, `(K, S,
            A)` or a tuple of functions `act(observations, rng)`; None where unknown, or where the data was altered
            afterwards.
        propensities: `(N,)` float64 or None: `π_β(a_t|s_t)`, how likely the behaviour was to take each recorded action,
            in (0, 1], where the log says so. Importance sampling uses it by default.
        reward_rule: how `rewards` follow from the log's own, see `with_rewards`.
        log_rewards: `(N,)` the log's own rewards where the rule changes them, else None.
    """

    observations: Array
    actions: Array
    rewards: Array
    next_observations: Array
    terminations: Array
    truncations: Array
    next_known: Array
    episode_starts: Array
    n_actions: int
    n_states: int | None = None
    action_names: tuple[str, ...] = ()
    observation_names: tuple[str, ...] = ()
    features: Mapping[str, Array] = field(default_factory=dict)
    action_features: Array | None = None
    gamma: float = 0.99
    mdp: MDP | None = None
    world: World | None = None
    layout: Layout | None = None
    name: str = "custom"
    options: Mapping[str, Any] = field(default_factory=dict)
    opened: Mapping[str, Any] = field(default_factory=dict)
    behaviors: Array | None = None
    behavior_names: tuple[str, ...] = ()
    behavior_policies: Any = None
    propensities: Array | None = None
    reward_rule: RewardRule = AS_LOGGED
    log_rewards: Array | None = None

    def __len__(self) -> int:
        return len(self.actions)

    def __repr__(self) -> str:
        states = f"{self.n_states} states" if self.tabular else f"vectors of {self.observations.shape[1]}"
        sizes = f"{len(self):,} rows, {self.n_episodes:,} episodes, {states}, {self.n_actions} actions"
        return f"<Dataset {self.name!r}: {sizes}, γ = {self.gamma:g}>"

    def _repr_html_(self) -> str:
        lengths = self.episode_ends - self.episode_starts + 1
        returns = self.episode_returns(self.gamma)
        terminated = float(self.terminations[self.episode_ends].mean())
        taken = np.bincount(self.actions, minlength=self.n_actions) / len(self)
        names = self.action_labels
        often = np.argsort(-taken, kind="stable")[:_SHOWN]
        more = f" and {self.n_actions - len(often)} more" if self.n_actions > len(often) else ""
        if self.tabular:
            states = f"{self.n_states:,}, of which {len(np.unique(self.observations)):,} are visited"
        else:
            labels = ", ".join(self.component_labels[:_SHOWN]) + (" …" if len(self.component_labels) > _SHOWN else "")
            states = f"vectors of {len(self.component_labels)}: {labels}"
        world = "exact MDP" if self.mdp is not None else "simulator" if self.world is not None else "not known"
        return facts_table(
            f"Dataset {self.name}",
            (
                ("rows", f"{len(self):,}"),
                ("episodes", f"{self.n_episodes:,} of {lengths.min():,} to {lengths.max():,} rows"),
                ("they end", f"{terminated:.0%} in a terminal state, {1 - terminated:.0%} cut off"),
                ("states", states),
                ("actions", ", ".join(f"{names[a]} {_share(taken[a])}" for a in often) + more),
                ("rewards", _range(self.rewards) + (f" ({self.reward_rule})" if self.reward_rule else "")),
                (
                    f"returns at γ = {self.gamma:g}",
                    _range(returns),
                ),
                ("collected by", ", ".join(self.behavior_names)),
                ("world", world),
                ("options", ", ".join(f"{name}={value}" for name, value in self.options.items() if value != "")),
            ),
        )

    def __getstate__(self) -> dict[str, Any]:
        # What follows from the columns is computed again, and a read-only view of options cannot be pickled.
        return {f.name: getattr(self, f.name) for f in fields(self)} | {"options": dict(self.options)}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state, options=MappingProxyType(state["options"]))
        self._freeze()

    def _freeze(self) -> None:
        for name in COLUMNS:
            getattr(self, name).setflags(write=False)
        for given in (self.log_rewards, self.propensities):
            if given is not None:
                given.setflags(write=False)

    @cached_property
    def nbytes(self) -> int:
        """Bytes of its columns and features; what two of them share counts once."""
        held = (*(getattr(self, f.name) for f in fields(self)), *self.features.values())
        arrays = {id(array): array.nbytes for array in held if isinstance(array, np.ndarray)}
        return sum(arrays.values())

    @property
    def tabular(self) -> bool:
        """Whether observations are state numbers."""
        return self.n_states is not None

    @property
    def n_episodes(self) -> int:
        """Number of episodes `E`."""
        return len(self.episode_starts)

    @cached_property
    def action_labels(self) -> tuple[str, ...]:
        """`A` labels of the actions, each another one: their names, or their numbers where they have none."""
        return _labels(self.action_names, self.n_actions)

    @cached_property
    def state_labels(self) -> tuple[str, ...]:
        """`S` labels of the states, each another one. Tabular data only."""
        names = self.mdp.state_names if self.mdp is not None else self.observation_names
        return _labels(names, self._states("labels of states"))

    @cached_property
    def component_labels(self) -> tuple[str, ...]:
        """`D` names of an observation's numbers, each another one, where observations are vectors."""
        return _labels(self.observation_names, 0 if self.tabular else self.observations.shape[1], "dimension ")

    @cached_property
    def episode_ends(self) -> Array:
        """`(E,)` the last row of each episode."""
        return np.append(self.episode_starts[1:], len(self)) - 1

    @cached_property
    def episode_of_row(self) -> Array:
        """`(N,)` the episode that each row belongs to."""
        return np.repeat(np.arange(self.n_episodes), self.episode_ends - self.episode_starts + 1)

    @cached_property
    def next_actions(self) -> Array:
        """`(N,)` the action taken next in the same episode, −1 in an episode's last row."""
        following = np.append(self.actions[1:], -1)
        following[self.episode_ends] = -1
        return following

    @cached_property
    def initial_observations(self) -> Array:
        """`(E,)` or `(E, D)`: where each episode began."""
        return self.observations[self.episode_starts]

    @cached_property
    def has_target(self) -> Array:
        """`(N,)` bool: rows with a bootstrap target, because their next state is known or they terminated.

        Nothing that bootstraps learns from the other rows; what only looks at states and actions does.
        """
        return self.next_known | self.terminations

    @cached_property
    def goes_on(self) -> Array:
        """`(N,)` bool: rows whose target asks for the next state, which is known and where the MDP has not ended."""
        return self.next_known & ~self.terminations

    @cached_property
    def returns_cut(self) -> Array:
        """`(N,)` bool: rows of episodes that did not end in the MDP, so that their recorded return stops too early."""
        return ~self.terminations[self.episode_ends][self.episode_of_row]

    @cached_property
    def counts(self) -> Array:
        """`(S, A)` intp: how often each pair stands in the data, `n(s,a)`. Tabular data only."""
        return self._count(np.ones(len(self), dtype=bool))

    @cached_property
    def target_counts(self) -> Array:
        """`(S, A)` intp: as `counts`, of the rows that have a bootstrap target."""
        return self.counts if self.has_target.all() else self._count(self.has_target)

    def _count(self, rows: Array) -> Array:
        states = self._states("counts")
        pairs = (self.observations * self.n_actions + self.actions)[rows]
        return np.bincount(pairs, minlength=states * self.n_actions).reshape(states, self.n_actions)

    @cached_property
    def behavior_policy(self) -> Array:
        """`(S, A)`: the empirical `π_β(a|s) = n(s,a)/n(s)`; uniform in states that the data never visits."""
        counts = self.counts
        totals = counts.sum(axis=1, keepdims=True)
        return np.where(totals > 0, counts / np.maximum(totals, 1), 1.0 / self.n_actions)

    @cached_property
    def fingerprint(self) -> str:
        """A hash of all that learners learn from: rows, episodes, sizes and features. Equal data has equal ones."""
        digest = hashlib.blake2b(f"{self.n_actions} {self.n_states}".encode(), digest_size=16)
        held = [(name, getattr(self, name)) for name in (*COLUMNS, "action_features")]
        for name, array in (*held, *self.features.items()):
            if array is not None:
                known = array.astype(np.int64, copy=False) if array.dtype == np.intp else array  # equal on 32 bits
                digest.update(f"{name} {known.dtype} {known.shape}".encode())
                digest.update(np.ascontiguousarray(known).data)
        return digest.hexdigest()

    def returns_to_go(self, gamma: float) -> Array:
        """`(N,)` float64: `G_t = r_{t+1} + γ G_{t+1}` to the end of the recorded episode.

        A truncated episode's return stops where the recording stops: nothing is bootstrapped.

        Raises:
            DatasetError: gamma is out of range.
        """
        gamma = columns.discount(gamma)
        returns = np.empty(len(self))
        lengths = self.episode_ends - self.episode_starts + 1
        if lengths.max() > 4 * self.n_episodes:  # few and long: episode by episode (measured)
            for start, end in zip(self.episode_starts, self.episode_ends + 1, strict=True):
                backwards = accumulate(self.rewards[start:end][::-1].tolist(), lambda after, now: now + gamma * after)
                returns[start:end][::-1] = list(backwards)
            return returns
        # One pass over the time from the end, every episode at once; longest first, so that a slice holds the live
        # ones.
        order = np.argsort(-lengths, kind="stable")
        ends, lengths = self.episode_ends[order], lengths[order]
        carry = np.zeros(len(ends))
        alive = len(ends)
        for back in range(int(lengths[0])):
            while lengths[alive - 1] <= back:
                alive -= 1
            rows = ends[:alive] - back
            carry[:alive] = self.rewards[rows] + gamma * carry[:alive]
            returns[rows] = carry[:alive]
        return returns

    def episode_returns(self, gamma: float) -> Array:
        """`(E,)` float64: the discounted return of each recorded episode."""
        return self.returns_to_go(gamma)[self.episode_starts]

    def with_rewards(
        self,
        *,
        scale: float = 1.0,
        shift: float = 0.0,
        clip: float = math.inf,
        unit: Literal["log", "return-range"] = "log",
    ) -> Dataset:
        """The same log with other rewards for learners: `scale · min(max(r, −clip), clip) / u + shift`.

        `r` are the log's own rewards, whatever rule held before. True returns stay in the log's own unit: the world is
        what it was.

        Args:
            scale, shift, clip: see `RewardRule`.
            unit: `u`: 1, or the range of the recorded returns at the dataset's γ, so that they differ by 1 at most.

        Raises:
            DatasetError: a value is not allowed, or the unit is the range of returns that are all equal.
        """
        own = self.as_logged
        if unit not in ("log", "return-range"):
            raise DatasetError(f"unit = {unit!r} is not allowed: it must be one of log, return-range")
        rule = RewardRule(scale, shift, clip)
        if unit == "return-range":
            clipped = replace(own, rewards=RewardRule(clip=clip)(own.rewards))
            range_ = float(np.ptp(clipped.episode_returns(self.gamma)))
            if range_ == 0.0:
                raise DatasetError("unit = 'return-range' is not allowed: all recorded returns are equal")
            rule = replace(rule, scale=scale / range_)
        if not rule:
            return own
        made = replace(own, rewards=rule(own.rewards), reward_rule=rule, log_rewards=own.rewards)
        columns.finite("rewards", made.rewards, len(made))
        made._freeze()
        return made

    def without_episodes(self, listed: str | Iterable[int] | EpisodeRule = "", **bounds: float) -> Dataset:
        """The log without some of its episodes; those that stay are as they were, and numbered anew.

        Returns are the recorded ones at the dataset's γ, in the log's own unit. Who collected what is left can no
        longer be said exactly, for a choice has picked the episodes: `behavior_policies` becomes None.

        Args:
            listed: numbers of episodes, counted from 0; a text may hold ranges, `3, 7-12`. Or a whole rule.
            bounds: `shorter_than`, `longer_than` (rows), `return_below`, `return_above`: see `EpisodeRule`.

        Raises:
            DatasetError: there is no such episode, the list is not one, or no episode would stay.
        """
        out = self.left_out(listed if isinstance(listed, EpisodeRule) else EpisodeRule.of(listed, **bounds))
        return replace(self.subset(~out[self.episode_of_row]), behavior_policies=None) if out.any() else self

    def left_out(self, rule: EpisodeRule) -> Array:
        """`(E,)` bool: the episodes that a rule leaves out. Raises as `without_episodes`."""
        lengths = self.episode_ends - self.episode_starts + 1
        return rule.leaves_out(lengths, self.as_logged.episode_returns(self.gamma))

    def subset(self, keep: Array) -> Dataset:
        """The rows of `keep (N,)`; where a row is missing inside an episode, the piece before it ends truncated."""
        following = np.append(keep[1:], True)
        following[self.episode_ends] = True
        cut = keep & ~following & ~self.terminations
        begins = np.append(True, ~keep[:-1])
        begins[self.episode_starts] = True
        begins = np.flatnonzero(keep & begins)
        names = ("observations", "actions", "rewards", "next_observations", "next_known")
        kept = {name: getattr(self, name)[keep] for name in names}
        for name in ("log_rewards", "propensities"):
            if getattr(self, name) is not None:
                kept[name] = getattr(self, name)[keep]
        cut_to_size = (*COLUMNS, "behaviors", "log_rewards", "propensities")
        details = {f.name: getattr(self, f.name) for f in fields(self) if f.name not in cut_to_size}
        if self.behaviors is not None:
            details["behaviors"] = self.behaviors[self.episode_of_row[begins]]
        return Dataset.from_columns(
            **kept,
            terminations=self.terminations[keep],
            truncations=(self.truncations | cut)[keep],
            **details,
        )

    @property
    def as_logged(self) -> Dataset:
        """The same log with its own rewards."""
        # Itself is not cached: what refers to itself outlives whoever has used it.
        return self if self.log_rewards is None else self._with_own_rewards

    @cached_property
    def _with_own_rewards(self) -> Dataset:
        assert self.log_rewards is not None
        return replace(self, rewards=self.log_rewards, reward_rule=AS_LOGGED, log_rewards=None)

    def _states(self, what: str) -> int:
        if self.n_states is None:
            raise DatasetError(f"{what} need tabular data: these observations are {self.observations.shape[1]}-vectors")
        return self.n_states

    @classmethod
    def from_columns(
        cls,
        observations: npt.ArrayLike,
        actions: npt.ArrayLike,
        rewards: npt.ArrayLike,
        terminations: npt.ArrayLike,
        truncations: npt.ArrayLike | None = None,
        *,
        episode_ids: npt.ArrayLike | None = None,
        next_observations: npt.ArrayLike | None = None,
        next_known: npt.ArrayLike | None = None,
        n_actions: int | None = None,
        n_states: int | None = None,
        mdp: MDP | None = None,
        **details: Any,
    ) -> Dataset:
        """Build a validated dataset from columns in time order; 1-D integer observations mean tabular data.

        Args:
            observations: `(N,)` integers or `(N, D)` floats.
            actions: `(N,)` integers.
            rewards: `(N,)` numbers, finite as 32-bit floats.
            terminations: `(N,)` booleans.
            truncations: `(N,)` booleans; by default the last row of an episode that does not terminate.
            episode_ids: `(N,)` labels; rows of one episode must be adjacent. By default an episode ends at each
                termination or truncation.
            next_observations: like `observations`. By default the following row's observation, which an episode's last
                row does not have: its next state is not known.
            next_known: `(N,)` booleans: which of the `next_observations` are known, all of them by default. Within an
                episode the following row's observation stands in where one is not.
            n_actions, n_states: sizes, where the data alone does not show them.
            mdp: the exact MDP that the data came from.
            details: any other field of `Dataset`.

        Raises:
            DatasetError: lengths differ, a value is missing or out of range, or episodes are inconsistent;
                the message names the column and the first bad row.
        """
        obs = columns.observations("observations", observations)
        rows = len(obs)
        if rows == 0:
            raise DatasetError("a dataset needs at least one row")
        acts = columns.integers("actions", actions, rows)
        rews = columns.finite("rewards", rewards, rows)
        term = columns.booleans("terminations", terminations, rows)
        given = np.zeros(rows, dtype=bool) if truncations is None else truncations
        trunc = columns.booleans("truncations", given, rows)
        columns.refuse("truncations", term & trunc, trunc, "false where the row is terminated")
        last = columns.last_rows(term, trunc, episode_ids)
        trunc |= last & ~term
        starts = np.flatnonzero(np.append(True, last[:-1])).astype(np.intp)
        if next_observations is None:
            if next_known is not None:
                raise DatasetError("next_known says which next_observations are known: give those, too")
            nxt, known = np.append(obs[1:], obs[-1:], axis=0), ~last
            nxt[last] = obs[last]
        else:
            nxt = columns.observations("next_observations", next_observations)
            columns.same_length("next_observations", nxt, rows)
            if nxt.shape != obs.shape or nxt.dtype != obs.dtype:
                raise DatasetError(
                    f"next_observations have shape {nxt.shape} {nxt.dtype}, observations {obs.shape} {obs.dtype}"
                )
            told = columns.booleans("next_known", np.ones(rows, bool) if next_known is None else next_known, rows)
            gaps, known = np.flatnonzero(~told), told | ~last
            nxt[gaps] = obs[gaps + ~last[gaps]]
        if mdp is not None:
            n_actions, n_states = _sizes_of(mdp, n_actions, n_states)
            details.setdefault("world", mdp)
        n_actions = int(acts.max()) + 1 if n_actions is None else columns.size("n_actions", n_actions)
        columns.refuse("actions", acts >= n_actions, acts, f"below n_actions = {n_actions}")
        if obs.ndim == 1:
            n_states = int(max(obs.max(), nxt.max())) + 1 if n_states is None else columns.size("n_states", n_states)
            columns.refuse("observations", obs >= n_states, obs, f"below n_states = {n_states}")
            columns.refuse("next_observations", nxt >= n_states, nxt, f"below n_states = {n_states}")
        elif n_states is not None:
            raise DatasetError("n_states and mdp are for 1-D integer observations only")
        columns.check_table(n_states or 1, n_actions)
        details = columns.check_details(details, _DETAILS, rows, len(starts), n_actions, n_states, obs.shape[-1])
        made = cls(obs, acts, rews, nxt, term, trunc, known, starts, n_actions, n_states, mdp=mdp, **details)
        made._freeze()
        return made

    @classmethod
    def from_file(
        cls,
        source: str | Path | bytes | BinaryIO,
        *,
        gamma: float | None = None,
        isolated: bool = True,
        **how: Any,
    ) -> Dataset:
        """Read a log of decisions: CSV, Excel, JSON, Parquet, Arrow, NPZ, D4RL, d3rlpy or Minari, packed or not.

        Args:
            source: a path, or an uploaded file as bytes or an open binary file.
            gamma: the dataset's discount; by default what the file says, else .99.
            how: `format`, `mapping` (which column is what, such as `{"state": ["x", "y"], "action": "drug"}`),
                `limits`, `progress`: see `read_file` in `offrl_core.formats`, which also tells what was found and done.
            isolated: read in another process, bounded in memory and time and unable to write files: parsers of binary
                formats crash or hang on some damaged files, and this process goes on all the same. False is a little
                faster, for files that are surely sound.

        Raises:
            DatasetError: the file cannot be read as a dataset; the message names the file, the row and the column.
        """
        if not isolated:
            return cls.from_reading(read_file(source, **how), gamma)
        from offrl_core.processes.file_reader import read_isolated

        return cls.from_reading(read_isolated(source, **how), gamma)

    @classmethod
    def from_frame(
        cls,
        frame: Any,
        mapping: ColumnMapping | Mapping[str, Any] | None = None,
        *,
        gamma: float = 0.99,
        **how: Any,
    ) -> Dataset:
        """Take a table that is in memory for a log of decisions, exactly as if it stood in a file.

        Args:
            frame: a pandas `DataFrame`, a table of pyarrow or Polars, or a dict of columns: arrays `(N,)` or `(N, …)`,
                pandas `Series` or lists of numbers, labels, booleans, dates or lists.
            mapping: which column is what, such as `{"state": ["x", "y"], "action": "drug", "reward": "reward"}`; by
                default it is guessed from the names and the first rows.
            gamma: the dataset's discount.
            how: `limits`, `progress` and `name`: see `read_frame` in `offrl_core.formats`, which also tells what was
                found and done.

        Raises:
            DatasetError: the columns cannot be a dataset; the message names the row (from 1) and the column.
        """
        made = cls.from_reading(read_frame(frame, mapping=mapping, **how), gamma)
        return replace(made, opened={"mapping": made.opened["mapping"]})

    @classmethod
    def from_reading(cls, reading: Reading, gamma: float | None = None) -> Dataset:
        """The dataset of what `read_file` in `offrl_core.formats` read, with a discount where one is given.

        Raises:
            DatasetError: it cannot be a dataset; the message names the file.
        """
        opened: dict[str, Any] = {"file": reading.file, "format": reading.format}
        if reading.mapping is not None:
            opened["mapping"] = reading.mapping.to_json()
        details = {"opened": opened} if gamma is None else {"opened": opened, "gamma": gamma}
        try:
            return cls.from_columns(**{**vars(reading.log), **details})
        except DatasetError as error:
            raise FileError(str(error), file=reading.file) from error

    def to_file(self, target: str | Path | BinaryIO, *, format: str | None = None) -> None:
        """Write the data as CSV, Parquet, NPZ or Minari HDF5, told by the ending of the path or by `format`.

        It reads back equal; the MDP, the simulator, the layout and the features are not part of a file.

        Raises:
            DatasetError: the format is not one of those, or cannot hold this dataset.
        """
        held = {f.name: getattr(self, f.name) for f in fields(Log) if f.name != "episode_ids"}
        write_file(Log(episode_ids=self.episode_of_row, **held), target, format=format)


_KEPT = "_kept"


def kept(function: Callable[Concatenate[Dataset, P], T]) -> Callable[Concatenate[Dataset, P], T]:
    """A function of a dataset that is computed once for each, and whose answer lives as long as the dataset does."""

    @wraps(function)
    def answer(dataset: Dataset, /, *args: P.args, **kwargs: P.kwargs) -> T:
        answers = vars(dataset).setdefault(_KEPT, {})
        asked = function, args, tuple(kwargs.items())
        if asked not in answers:
            answers[asked] = function(dataset, *args, **kwargs)
        found: T = answers[asked]
        return found

    return answer


def forget_kept(dataset: Dataset) -> None:
    """Forget what was `kept` for a dataset. An answer may hold it, and the two would outlive whoever has used it."""
    vars(dataset).pop(_KEPT, None)


def _labels(names: tuple[str, ...], size: int, before: str = "") -> tuple[str, ...]:
    """As many labels as there are things; of those that are called alike each has its number behind it."""
    if not names:
        return tuple(f"{before}{number}" for number in range(size))
    often = Counter(names)
    return tuple(f"{name} ({number})" if often[name] > 1 else name for number, name in enumerate(names))


def _range(values: Array) -> str:
    return f"{number(values.min())} to {number(values.max())}, mean {number(values.mean())}"


def _share(share: float) -> str:
    return "never" if share == 0 else "under 1%" if share < 0.005 else f"{share:.0%}"


@kept
def probe_rows(dataset: Dataset, n: int = 256) -> Array:
    """`(≤ n,)` the rows whose states are the probes of continuous data, see `dataset_probes`.

    Raises:
        DatasetError: the dataset is tabular, where every state is looked at.
    """
    if dataset.tabular:
        raise DatasetError("tabular data needs no probe states: every state is looked at")
    rng = np.random.default_rng(0)
    starts = rng.permutation(dataset.episode_starts)[: max(1, n // 16)]
    others = rng.permutation(np.setdiff1d(np.arange(len(dataset)), starts, assume_unique=True))[: n - len(starts)]
    rows = np.concatenate([starts, others])
    rows.flags.writeable = False
    return rows


def dataset_probes(dataset: Dataset, n: int = 256) -> Array:
    """`(≤ n, D)` float32: the states at which continuous data is looked at.

    The first sixteenth are starts of episodes, the others rows drawn without replacement: averages over the probes are
    averages over the data. The same dataset always has the same probes.

    Raises:
        DatasetError: the dataset is tabular, where every state is looked at.
    """
    return np.asarray(dataset.observations[probe_rows(dataset, n)])


def _sizes_of(mdp: MDP, n_actions: int | None, n_states: int | None) -> tuple[int, int]:
    """The sizes of the world that data came from, which those that are given must not contradict."""
    if not hasattr(type(mdp), "best_within"):  # a check of the whole protocol would build the dense `P`
        raise DatasetError(f"mdp = {mdp!r} is not allowed: it must be a TabularMDP")
    for name, given in (("n_actions", n_actions), ("n_states", n_states)):
        if given is not None and given != getattr(mdp, name):
            raise DatasetError(f"{name} = {given!r} is not allowed: the MDP has {getattr(mdp, name)}")
    return mdp.n_actions, mdp.n_states


_SHOWN = 8
"""Actions and components of a state that are named in a notebook."""

COLUMNS = (
    "observations",
    "actions",
    "rewards",
    "next_observations",
    "terminations",
    "truncations",
    "next_known",
    "episode_starts",
)
"""The arrays of rows and episodes, which nobody may write to."""

_DETAILS = tuple(f.name for f in fields(Dataset) if f.default is not MISSING or f.default_factory is not MISSING)[1:]
"""Every field beside the columns and the sizes."""
