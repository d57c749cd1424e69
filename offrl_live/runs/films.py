"""Films that viewers ask for: the policy that walks, and the message that shows it."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from typing import Any

import numpy as np

from offrl_core.dataset import Dataset
from offrl_core.evaluation.film import Film, about, filming, world_of
from offrl_core.worlds.tabular import TabularMDP
from offrl_live.runs.engine import Engine
from offrl_live.runs.wire import encode

MOST_MOVES = 50_000
"""Possible transitions of a world that a recording carries, 600 kB."""


def film_of(dataset: Dataset, policy: Any, seed: int) -> Generator[None, None, Film]:
    """A policy (see `policy_of`) walks the dataset's world, with a rest after every time step.

    Raises:
        ValueError: there is nothing to film.
    """
    world, known = world_of(dataset), about(dataset)
    if world is None or known["why_not"]:
        raise ValueError(known["why_not"])
    return (yield from filming(world, policy, known["horizon"], seed))


def film_message(header: Mapping[str, Any], film: Film) -> bytes:
    """A film in the wire format: episodes first, `observations (E, T+1, …)`, `actions (E, T)`, `rewards (E, T)`."""
    shown = {
        "seed": film.seed,
        "horizon": film.horizon,
        "lengths": film.lengths.tolist(),
        "terminated": film.terminated.tolist(),
        "endings": film.endings,
    }
    fields = {name: getattr(film, name).swapaxes(0, 1) for name in ("observations", "actions", "rewards")}
    return encode({**header, **shown}, fields)


def world_message(dataset: Dataset) -> bytes | None:
    """The world of the data for whoever has no run to ask: binary `world` of a recording (docs/protocol.md).

    None where films are made of something else than numbered states, there is nothing to film, or the world has more
    than `MOST_MOVES` possible transitions.
    """
    mdp = world_of(dataset)
    if not isinstance(mdp, TabularMDP) or about(dataset)["why_not"] or mdp.transitions.nnz > MOST_MOVES:
        return None
    endings = {str(state): mdp.ending(np.asarray(state)) for state in np.flatnonzero(mdp.terminal)}
    moves = {name: array if array.dtype == float else array.astype(np.int32) for name, array in mdp.moves().items()}
    return encode({"kind": "world", "endings": endings}, {"initial": mdp.initial, **moves})


def policy_of(engine: Engine, member: int) -> Any:
    """What a film needs of a member's policy: `(S, A)` probabilities, or a function of observations."""
    for learner in engine.lanes:
        if member < len(learner.members):
            policy, states = learner.policy_of(member), engine.dataset.n_states
            return policy if states is None else policy(np.arange(states))
        member -= len(learner.members)
    raise ValueError("there is no such member")
