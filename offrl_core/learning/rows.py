"""The dataset's rows as arrays ready for training: float32 columns, state numbers, merged equal rows."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from offrl_core.algos.batch import Batch, Index
from offrl_core.dataset import Dataset, kept, probe_rows
from offrl_core.learning.encodings import Encoding
from offrl_core.learning.nearest import nearest_counts

Array = npt.NDArray[Any]

KEPT_RETURNS = 20_000_000  # numbers in the returns that are kept for discounts seen before


class Rows:
    """Columns of a dataset, shared by all programs of a learner.

    Attributes:
        n: number of rows `N`; n_states: `S` (of continuous data: the number of distinct observations, found on demand).
        rewards: `(N,)` float32; continues: `(N,)` bool; actions: `(N,)` intp.
        has_target: `(N,)` bool, which rows have a bootstrap target; None where all have.
        next_actions: `(N,)` intp, the next row's action where that row has a target, else −1.
        on_devices: `placed_features` by encoding and device, once for all programs there.
    """

    def __init__(self, dataset: Dataset) -> None:
        self.dataset = dataset
        self.n = len(dataset)
        self.n_actions = dataset.n_actions
        self.rewards = dataset.rewards.astype(np.float32)
        self.continues = ~dataset.terminations
        self.has_target = None if dataset.has_target.all() else dataset.has_target
        self.actions = np.ascontiguousarray(dataset.actions)
        self.next_actions = np.where(np.append(dataset.has_target[1:], False), dataset.next_actions, -1)
        self.on_devices: dict[tuple[str, str], Any] = {}
        self._encodings: dict[str, Encoding] = {}
        self._encoded: dict[str, tuple[Array, Array]] = {}
        self._returns: dict[float, Array] = {}
        self._lowest_return: dict[float, float] = {}
        self._merged: dict[tuple[Any, ...], Merged] = {}

    @cached_property
    def _numbered(self) -> tuple[Array, Array, int, dict[bytes, int]]:
        """State numbers of `s` and `s′`; of continuous data equal observations share a number."""
        data = self.dataset
        if data.n_states is not None:
            return data.observations, data.next_observations, data.n_states, {}
        every = np.concatenate([data.observations, data.next_observations])
        keys = np.ascontiguousarray(every + 0.0).view(np.dtype((np.void, every.shape[1] * every.itemsize)))[:, 0]
        distinct, numbers = np.unique(keys, return_inverse=True)
        lookup = {key.tobytes(): i for i, key in enumerate(distinct)}
        return numbers[: self.n], numbers[self.n :], len(distinct), lookup

    @property
    def states(self) -> Array:
        """`(N,)` state numbers of `s`."""
        return self._numbered[0]

    @property
    def next_states(self) -> Array:
        """`(N,)` state numbers of `s′`."""
        return self._numbered[1]

    @property
    def n_states(self) -> int:
        """`S`."""
        return self._numbered[2]

    @cached_property
    def places(self) -> tuple[Array, Array]:
        """`(N,)` each: where the features of `s` and of `s′` stand in `placed_features`: the states' numbers, or of
        continuous data first all observations, then all next observations."""
        if self.dataset.tabular:
            return self.states, self.next_states
        return np.arange(self.n), np.arange(self.n, 2 * self.n)

    def placed_features(self, encoding: Encoding) -> Array:
        """`(S, F)` or `(2N, F)` float32: what training sees, in the order of `places`; not for one-hot."""
        return np.concatenate(self.encoded(encoding)) if encoding.by_state is None else encoding.by_state

    @cached_property
    def counts(self) -> Array:
        """`(1, A, S)` float32: `n(s, a)`."""
        return self._count(slice(None))

    @cached_property
    def target_counts(self) -> Array:
        """`(1, A, S)` float32: `n(s, a)` among the rows that have a target."""
        return self.counts if self.has_target is None else self._count(self.has_target)

    @cached_property
    def known_counts(self) -> Array:
        """`(1, A, S)` float32: `target_counts`, and `counts` in states where no row has a target."""
        if self.has_target is None:
            return self.counts
        return np.where(self.target_counts.any(axis=1, keepdims=True), self.target_counts, self.counts)

    def _count(self, rows: Any) -> Array:
        pairs = (self.actions * self.n_states + self.states)[rows]
        flat = np.bincount(pairs, minlength=self.n_actions * self.n_states)
        return flat.reshape(1, self.n_actions, self.n_states).astype(np.float32)

    @cached_property
    def probe_counts(self) -> Array:
        """`(1, A, U)` float32: `n(s, a)` of continuous data at its probes, among the rows nearest to them."""
        return _probe_counts(self.dataset)

    def counts_of(self, observations: Array) -> Array:
        """`(1, A, U)`: `known_counts` at any observations; 0 where an observation is not in the data."""
        if self.dataset.n_states is not None:
            return self.known_counts[:, :, np.asarray(observations)]
        numbers = numbers_of(self._numbered[3], observations)
        return np.where(numbers >= 0, self.known_counts[:, :, numbers], np.float32(0))

    @cached_property
    def seen(self) -> tuple[Array, Array]:
        """Of continuous data: its distinct observations `(K, D)` float32, and `known_counts` there, `(K, A)`."""
        numbers, first = np.unique(self.states, return_index=True)
        return self.dataset.observations[first] + np.float32(0), self.known_counts[0].T[numbers].copy()

    @cached_property
    def pair_features(self) -> Array:
        """`(F, A, S)` float32: the dataset's `φ(s, a)`."""
        assert self.dataset.action_features is not None
        return np.ascontiguousarray(np.moveaxis(self.dataset.action_features, 2, 0).swapaxes(1, 2), dtype=np.float32)

    def encoding(self, name: str) -> Encoding:
        """The dataset's encoding of that name."""
        if name not in self._encodings:
            self._encodings[name] = Encoding(self.dataset, name)
        return self._encodings[name]

    def encoded(self, encoding: Encoding) -> tuple[Array, Array]:
        """`(N, F)` encodings of `s` and of `s′`."""
        if encoding.name not in self._encoded:
            data = self.dataset
            self._encoded[encoding.name] = (encoding.rows(data.observations), encoding.rows(data.next_observations))
        return self._encoded[encoding.name]

    def returns(self, gamma: float) -> Array:
        """`(N,)` float32 Monte Carlo returns-to-go."""
        if gamma not in self._returns:
            returns = self._returns[gamma] = self.dataset.returns_to_go(gamma).astype(np.float32)
            self._lowest_return[gamma] = float(returns.min())
            _forget(self._returns, max(16, KEPT_RETURNS // self.n))
        return self._returns[gamma]

    def lambda_returns(self, next_values: Array, gamma: Array, trace_decay: Array) -> Array:
        """`G^λ_t = r + γ[(1−λ) V(s') + λ G^λ_{t+1}]`, `(M, N)`; an episode's last row has `r + γ V(s')`, or `r` where
        it terminated. Where that row has no target, the row before is the last that counts, and its own is meaningless.

        Args:
            next_values: `V(s')` of every row, `(M, N)`.
            gamma, trace_decay: `(M, 1)`.
        """
        data = self.dataset
        lengths = data.episode_ends - data.episode_starts + 1
        order = np.argsort(-lengths, kind="stable")
        ends, lengths = data.episode_ends[order], lengths[order]
        bootstrap = np.where(self.continues, next_values, np.float32(0))
        returns = np.empty_like(bootstrap)
        carry = bootstrap[:, ends]
        for back in range(int(lengths[0])):
            alive = int(np.searchsorted(-lengths, -back))  # longest first: those with more than `back` rows
            rows = ends[:alive] - back
            if back:
                carry = (1 - trace_decay) * bootstrap[:, rows] + trace_decay * carry[:, :alive]
            if back == 1 and self.has_target is not None:
                carry = np.where(self.has_target[ends[:alive]], carry, bootstrap[:, rows])
            carry = self.rewards[rows] + gamma * carry
            returns[:, rows] = carry
        return returns

    def columns(self, names: tuple[str, ...], numbers: Array, gammas: Array) -> dict[str, Array]:
        """Further columns of the rows `numbers (M, B)`; `gammas (M,)` is each member's discount."""
        found: dict[str, Array] = {"reward_min": self._lowest}
        if "return" in names:
            found["return_min"] = self._lowest_returns(gammas)
            if len(set(gammas.tolist())) == 1:
                found["return"] = self.returns(float(gammas[0]))[numbers]
            else:
                wide = np.broadcast_to(numbers, (len(gammas), numbers.shape[1]))
                found["return"] = np.stack([self.returns(float(g))[n] for g, n in zip(gammas, wide, strict=True)])
        return found

    @cached_property
    def _lowest(self) -> Array:
        result: Array = self.rewards.min().reshape(1, 1)
        return result

    def _lowest_returns(self, gammas: Array) -> Array:
        """`(M, 1)` the smallest return in the data at each member's discount."""
        for gamma in gammas.tolist():
            if gamma not in self._lowest_return:
                self.returns(gamma)
        return np.array([[self._lowest_return[gamma]] for gamma in gammas.tolist()], dtype=np.float32)

    def fill(self, batch: Batch, numbers: Array, names: tuple[str, ...], gammas: Array) -> None:
        """Put the columns of the rows `numbers (M, B)` into a batch."""
        batch.reward, batch.continues = self.rewards[numbers], self.continues[numbers]
        batch.has_target = None if self.has_target is None else self.has_target[numbers]
        batch.action = self.actions[numbers]
        batch.columns = self.columns(names, numbers, gammas)

    def merged(self, names: tuple[str, ...], gammas: Array) -> Merged:
        """All rows, equal ones merged: equal in `s, a, r, s′`, in how they end, and in the further columns named."""
        key = (names, tuple(gammas.tolist()) if "return" in names else ())
        if key not in self._merged:
            self._merged[key] = Merged(self, names, gammas)
            _forget(self._merged, 8)
        return self._merged[key]


def _forget(cache: dict[Any, Any], keep: int) -> None:
    """Drop what came first."""
    while len(cache) > keep:
        del cache[next(iter(cache))]


@kept
def _probe_counts(dataset: Dataset) -> Array:
    here = Encoding(dataset, "observation").rows(dataset.observations)
    found = nearest_counts(here, np.ascontiguousarray(dataset.actions), dataset.n_actions, probe_rows(dataset))
    return np.ascontiguousarray(found.T[None], dtype=np.float32)


def numbers_of(lookup: Mapping[bytes, int], observations: npt.ArrayLike) -> Array:
    """`(N,)`: the number of each of the vectors `(N, D)` by the bytes of its 32-bit numbers; −1 where it has none."""
    keys = (np.asarray(observations, dtype=np.float32) + 0.0).astype(np.float32)
    return np.array([lookup.get(row.tobytes(), -1) for row in keys], dtype=np.intp)


class Merged:
    """Distinct rows with their counts, sorted by `(s, a)`, and the indices that a full batch needs."""

    def __init__(self, rows: Rows, names: tuple[str, ...], gammas: Array) -> None:
        self.rows = rows
        pair = rows.states * rows.n_actions + rows.actions
        arrival = rows.next_states * 2 + ~rows.continues
        if rows.has_target is not None:
            arrival[~rows.has_target] = -1  # wherever that is
        keys = [pair, arrival, np.unique(rows.rewards, return_inverse=True)[1]]
        if "next_action" in names:
            keys.append(rows.next_actions)
        distinct_gammas = np.unique(gammas)
        if "return" in names:
            keys += [np.unique(rows.returns(float(g)), return_inverse=True)[1] for g in distinct_gammas]
        if "lambda_return" in names:
            keys.append(np.arange(rows.n))  # they change with V: no two rows stay equal
        order = np.lexsort(keys[::-1])
        change = np.zeros(len(order), dtype=bool)
        change[0] = True
        for column in keys:
            ordered = column[order]
            change[1:] |= ordered[1:] != ordered[:-1]
        starts = np.flatnonzero(change)
        self.first = order[starts]
        self.of_row = np.empty(rows.n, dtype=np.intp)
        self.of_row[order] = np.cumsum(change) - 1
        self.count = np.diff(np.append(starts, rows.n))
        self.share = (self.count / rows.n).astype(np.float32)
        first = self.first
        states, following, actions = rows.states[first], rows.next_states[first], rows.actions[first]
        table = rows.n_states * rows.n_actions
        self.reward, self.continues = rows.rewards[first][None], rows.continues[first][None]
        self.has_target = None if rows.has_target is None else rows.has_target[first][None]
        self.action = actions[None]
        self.columns: dict[str, Array] = {"reward_min": rows._lowest}
        if "return" in names:
            self.columns["return_min"] = rows._lowest_returns(gammas)
            per_gamma = np.stack([rows.returns(float(g))[first] for g in distinct_gammas])
            place = np.searchsorted(distinct_gammas, gammas)
            self.columns["return"] = per_gamma if len(distinct_gammas) == 1 else per_gamma[place]
        self.at = Index(states, rows.n_states, static=True)
        self.at_next = Index(following, rows.n_states, static=True)
        self.take = Index(actions * rows.n_states + states, table, static=True)
        self.take_next: Index | None = None
        if "next_action" in names:
            next_actions = rows.next_actions[first]
            self.columns["next_action"] = next_actions[None]
            self.take_next = Index(np.maximum(next_actions, 0) * rows.n_states + following, table, static=True)
        probe = self.batch(1)
        self._pair_share, self._state_share = probe.pair_share(), probe.state_share()
        self._next_share = probe.state_share("next")

    def __len__(self) -> int:
        return len(self.first)

    def batch(self, members: int) -> Batch:
        """A batch of all merged rows, without outputs."""
        rows = self.rows
        batch = Batch(members, rows.n_actions, rows.n_states, len(self.first))
        batch.share, batch.total = self.share, rows.n
        batch.know_row_shares(self.share[None])
        batch.reward, batch.continues, batch.action = self.reward, self.continues, self.action
        batch.has_target = self.has_target
        batch.columns = self.columns
        batch.at_index, batch.at_next_index = self.at, self.at_next
        batch.take_index, batch.take_next_index = self.take, self.take_next
        batch.counts, batch.counts_next = rows.known_counts, rows.target_counts
        if hasattr(self, "_next_share"):
            batch.know_shares(self._pair_share, self._state_share, self._next_share)
        return batch
