"""d3rlpy HDF5: dumps of a `ReplayBuffer` (version 2.1) and of an `MDPDataset` (versions before 2)."""

from __future__ import annotations

import h5py
import numpy as np

from offrl_core.columns import Array
from offrl_core.formats.base import Columns, Context, FileError
from offrl_core.formats.episodes import stack
from offrl_core.formats.hdf5 import array, names, numbered, open_hdf5
from offrl_core.formats.source import Source


def read(source: Source, context: Context) -> Columns:
    """Read either layout.

    Source: `d3rlpy.dataset.io` of d3rlpy 2.8 and `MDPDataset.dump` of d3rlpy 1.
    """
    with open_hdf5(source) as root:
        present = set(names(root, context))
        if "total_size" in present:
            raise FileError("this dump is of version 2.0, which d3rlpy itself no longer reads; write it again with 2.1")
        return _episodes(root, context) if "num_episodes" in present else _flat(root, present, context)


def _episodes(root: h5py.h5g.GroupID, context: Context) -> Columns:
    """Version 2.1: `observations_3`, `actions_3`, `rewards_3` and `terminated_3` hold episode 3.

    An episode that did not terminate has as many observations as actions: the state after its last row is not kept.
    Tuples of observations lie in `observations_3_0`, `observations_3_1`, …
    """
    episodes = numbered(root, r"actions_(\d+)", context)
    if not episodes:
        raise FileError("there is no episode")
    claimed = array(root, "num_episodes", context, single=True).ravel()
    if claimed.tolist() != [len(episodes)]:
        context.note(
            "episode-count",
            f"the file says {', '.join(str(c) for c in claimed[:3])} episodes and holds {len(episodes)}",
            "Those that are there were read.",
            severity="warning",
        )
    parts: dict[str, list[Array]] = {"observations": [], "actions": [], "rewards": [], "terminated": []}
    tuples = not root.links.exists(f"observations_{episodes[0][0]}".encode())
    for done, (number, name) in enumerate(episodes):
        actions = array(root, name, context)
        rewards = array(root, f"rewards_{number}", context)
        observations = _observations(root, number, tuples, context)
        for what, values in (("rewards", rewards), ("observations", observations)):
            if values.shape[:1] != actions.shape[:1]:
                raise FileError(
                    f"it has shape {values.shape}, the actions have {actions.shape}", column=f"{what}_{number}"
                )
        terminated = np.zeros(len(actions), dtype=bool)
        if len(actions):
            terminated[-1] = bool(array(root, f"terminated_{number}", context, single=True).any())
        for role, values in zip(parts, (observations, actions, rewards, terminated), strict=True):
            parts[role].append(values)
        if done % 256 == 0:
            context.progress(0.8 * done / len(episodes), "read episodes")
    lengths = [len(actions) for actions in parts["actions"]]
    stacked = {role: stack(role, parts.pop(role)) for role in tuple(parts)}
    return Columns(
        stacked["observations"],
        stacked["actions"],
        stacked["rewards"],
        stacked["terminated"],
        episodes=np.repeat([number for number, _ in episodes], lengths),
        names={"terminations": "terminated"},
    )


def _observations(root: h5py.h5g.GroupID, number: int, tuples: bool, context: Context) -> Array:
    if not tuples:
        return array(root, f"observations_{number}", context)
    parts = _numbered_parts(root, f"observations_{number}", context)
    flat = [part.reshape(len(part), -1) for part in parts]
    if len({len(part) for part in flat}) > 1:
        raise FileError("its parts differ in length", column=f"observations_{number}")
    return np.concatenate(flat, axis=1)


def _numbered_parts(root: h5py.h5g.GroupID, name: str, context: Context) -> list[Array]:
    """`name_0`, `name_1`, … up to the first that is missing."""
    parts: list[Array] = []
    while root.links.exists(f"{name}_{len(parts)}".encode()):
        parts.append(array(root, f"{name}_{len(parts)}", context))
        context.limits.check("columns", len(parts), column=name)
    if not parts:
        raise FileError("it is not in the file", column=name)
    return parts


def _flat(root: h5py.h5g.GroupID, present: set[str], context: Context) -> Columns:
    """Versions before 2: flat arrays; `terminals` ended in the MDP, `episode_terminals` ended for any reason."""
    observations, actions, rewards = (array(root, name, context) for name in ("observations", "actions", "rewards"))
    terminals = array(root, "terminals", context).ravel() != 0
    ends = array(root, "episode_terminals", context).ravel() != 0 if "episode_terminals" in present else terminals
    rows = len(terminals)
    for name, column in (("observations", observations), ("actions", actions), ("rewards", rewards)):
        if column.shape[:1] != (rows,):
            raise FileError(f"it has shape {column.shape}, 'terminals' has {rows} rows", column=name)
    if len(ends) != rows:
        raise FileError(f"it has {len(ends)} rows, 'terminals' has {rows}", column="episode_terminals")
    truncated = ends & ~terminals
    if "version" in present:
        return Columns(observations, actions, rewards, terminals, truncated, names={"terminations": "terminals"})
    return _shifted(observations, actions, rewards, terminals, terminals | truncated, context)


def _shifted(
    observations: Array, actions: Array, rewards: Array, terminals: Array, last: Array, context: Context
) -> Columns:
    """Files from before version 1 hold, in each row, the reward received on arriving in that row's state.

    The last row of an episode is then only its final state: its action was never taken.
    """
    if not len(last):
        raise FileError("there is no row of data")
    last = last.copy()
    last[-1] = True
    keep = np.flatnonzero(~last)
    context.note(
        "shifted-rewards",
        "the file has no version: it is from before d3rlpy 1.0, when a row held the reward of arriving in its state",
        f"Rewards were moved to the action before; {int(last.sum())} final rows became next states.",
        severity="warning",
    )
    if not len(keep):
        raise FileError("every episode has a single row, so there is no transition")
    return Columns(
        observations[keep],
        actions[keep],
        rewards[keep + 1],
        terminals[keep + 1],
        last[keep + 1] & ~terminals[keep + 1],
        next_observations=observations[keep + 1],
        episodes=np.cumsum(np.append(0, last[:-1]))[keep],
        rows=keep + 1,
        names={"terminations": "terminals"},
    )
