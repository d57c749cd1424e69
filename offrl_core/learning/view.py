"""What a snapshot looks at: every state and row of tabular data, the probe rows of continuous data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from offrl_core.algos.batch import Batch
from offrl_core.dataset import Dataset, probe_rows
from offrl_core.learning.feed import Drawn, Feed, FullFeed

if TYPE_CHECKING:
    from offrl_core.learning.program import Program

Array = npt.NDArray[Any]

QUANTILE_ROWS = 1024


class View:
    """A fixed batch of a program as its next update sees it, with what the metrics need to know about its states.

    Attributes:
        counts: `(1, A, U)`: `n(s,a)`; of probes, which action their row shows (continuous states count as seen once).
        unseen: `(1, A, U)` bool: where that is 0.
        share: `(U,)` how often the data visits each state, summing to 1.
        pair_share: `(1, A, U)` each pair's share of the rows, NaN where it has none.
        seen, missing: positions in `(A, U)` flattened of the data's pairs, and of the others in visited states.
        starts, start_shares: states where an episode begins, and how often: in the world where it is known, else in
            the data.
        sample: rows that stand for all rows of the data, evenly spread, for quantiles.
    """

    def __init__(self, program: Program) -> None:
        self.program = program
        data = program.dataset
        self.feed: Feed
        if data.tabular:
            inputs = program.parts.inputs(np.arange(program.rows.n_states))
            self.feed = FullFeed(program.rows, program.columns, program.members, inputs, program.gammas)
            chosen = np.linspace(0, program.rows.n - 1, min(QUANTILE_ROWS, program.rows.n)).astype(int)
            self.counts = program.rows.counts
            self.sample = self.feed.merged.of_row[chosen]
        else:
            probes = probe_rows(data)
            self.feed = program.network_feed(0, probes)
            actions = program.rows.actions[probes]
            self.counts = np.ascontiguousarray(np.eye(data.n_actions, dtype=np.float32)[actions].T[None])
            self.sample = np.arange(len(probes))
        visits = self.counts[0].sum(axis=0)
        seen = self.counts[0] > 0
        self.unseen = ~(self.counts > 0)
        self.share = visits / visits.sum()
        self.seen, self.missing = np.flatnonzero(seen), np.flatnonzero(~seen & (visits > 0))
        self.starts, self.start_shares = _starts(data)
        self._drawn = self.feed.draw(0)  # the same rows at every step
        share = self._drawn.batch.pair_share()
        self.pair_share = np.where(share > 0, share, np.float32(np.nan))

    def batch(self) -> Batch:
        """The batch with outputs, each evaluated when it is asked for."""
        return self._looked_at(self._drawn)

    def around(self, row: int) -> tuple[Batch, int]:
        """A batch that holds row `row` of the data, and its place there: this view, or for continuous data the row
        before the probe rows."""
        if isinstance(self.feed, FullFeed):
            return self.batch(), int(self.feed.merged.of_row[row])
        numbers = np.concatenate([[row], probe_rows(self.program.dataset)])
        feed = self.program.network_feed(0, numbers, counts=True)
        return self._looked_at(feed.draw(0)), 0

    def _looked_at(self, drawn: Drawn) -> Batch:
        batch = drawn.batch.renewed(Outputs(self.program, drawn))
        self.program.prepare(batch, drawn.numbers)
        # What the next update computes with: a running norm or a dual temperature moves before it is used.
        batch.memory = self.program.pending().memory
        return batch


class Outputs(dict[str, Array]):
    """Outputs by name, evaluated when they are asked for."""

    def __init__(self, program: Program, drawn: Drawn) -> None:
        super().__init__()
        self.program, self.drawn = program, drawn

    def __missing__(self, name: str) -> Array:
        plain = name.removesuffix("_next")
        head = plain.removeprefix("target_")
        x = self.drawn.both if self.drawn.merged else self.drawn.s if plain == name else self.drawn.next
        part, copy = self.program.parts.by_name[head], plain != head
        work = self.program.passes.scratch(head, f"view of {name}", self.drawn.batch.states)
        self[name] = part.function.evaluate(part.target if copy else part.layers, x, work)
        return self[name]


def _starts(dataset: Dataset) -> tuple[Array, Array]:
    if not dataset.tabular:
        starts = np.flatnonzero(np.isin(probe_rows(dataset), dataset.episode_starts))
        return starts, np.full(len(starts), 1 / len(starts))
    initial = (
        dataset.mdp.initial
        if dataset.mdp is not None
        else np.bincount(dataset.initial_observations, minlength=dataset.n_states or 0) / dataset.n_episodes
    )
    states = np.flatnonzero(initial)
    return states, initial[states]
