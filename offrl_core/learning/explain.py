"""One transition's numbers through the update of one member, step by step."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from offrl_core.algos.explaining import Step, Transition, assemble
from offrl_core.dataset import probe_rows
from offrl_core.learning.program import Program
from offrl_core.writing import tex

Place = int | tuple[int, int]


def explain(program: Program, place: Place) -> dict[str, Any]:
    """The numbers of one row, or of the most frequent row of one pair, in a program of one member.

    Weights that are normalised over a batch, and a row's share of all weights, are shown over all rows (of continuous
    data: over this row and the probe rows). The values *after* are those of the member's very next update.

    Returns:
        Plain data: `row, state, action, reward, next_known, next_state, terminated, truncated, next_action, in_data,
        count, behavior`; where the row stands: `rows` (how many the data has), `episode` `{number, step, length,
        first, cut}` and `pair` `{at, of, previous, following}`, its neighbours among the rows of the same pair (None at
        the ends); of continuous data `observation` and `next_observation`; the `steps` as `{name, title, value,
        latex}`, and all of them as one LaTeX block, `equation`. A pair that the data never shows has no row and no more
        than its numbers.

    Raises:
        ValueError: there is no such row, state or action.
    """
    row, state, action = _find(program, place)
    if row is None:
        return _unseen(program, state, action)
    rows = program.rows
    with np.errstate(all="ignore"):
        batch, column = program.batch_around(row)
        transition = Transition(batch, column, whole=program.dataset.tabular)
        steps = program.algorithm.steps(transition, program.hp) + _after(program, row, transition)
    if not transition.has_target:  # what is computed from the target is not known either
        steps = [step for step in steps if step.name == "target" or not _unknown(step.value)]
    plain = [step.to_json() for step in steps]
    data = program.dataset
    following, known = int(data.next_actions[row]), bool(data.next_known[row])
    return {
        **_place(program, row),
        "row": row,
        "state": state,
        "action": transition.action,
        "reward": transition.reward,
        "next_known": known,
        "next_state": int(rows.next_states[row]) if data.tabular and known else -1,
        "terminated": not transition.continues,
        "truncated": bool(data.truncations[row]),
        "next_action": following if following >= 0 else None,
        "in_data": True,
        "behavior": float(data.behavior_policy[state, action]) if data.tabular else None,
        "steps": plain,
        "equation": assemble(plain),
    }


def _place(program: Program, row: int) -> dict[str, Any]:
    """Where a row stands: in its episode, and among the rows of the same state and action."""
    data, rows = program.dataset, program.rows
    episode = int(data.episode_of_row[row])
    first, last = int(data.episode_starts[episode]), int(data.episode_ends[episode])
    same = np.array([row])
    if data.tabular:
        same = np.flatnonzero((rows.states == rows.states[row]) & (rows.actions == rows.actions[row]))
    at = int(np.searchsorted(same, row))
    return {
        "rows": len(data),
        "episode": {
            "number": episode,
            "step": row - first,
            "length": last - first + 1,
            "first": first,
            "cut": bool(data.returns_cut[row]),
        },
        "pair": {
            "at": at,
            "of": len(same),
            "previous": int(same[at - 1]) if at > 0 else None,
            "following": int(same[at + 1]) if at + 1 < len(same) else None,
        },
        "count": len(same),
        "observation": None if data.tabular else data.observations[row].tolist(),
        "next_observation": data.next_observations[row].tolist() if not data.tabular and data.next_known[row] else None,
    }


def _unknown(value: Any) -> bool:
    return isinstance(value, float) and math.isnan(value)


def _find(program: Program, place: Place) -> tuple[int | None, int, int]:
    data, rows = program.dataset, program.rows
    if isinstance(place, (int, np.integer)) and not isinstance(place, bool):
        row = int(place)
        if not 0 <= row < len(data):
            raise ValueError(f"row = {row} is not allowed: the data has rows 0 to {len(data) - 1}")
        return row, int(rows.states[row]) if data.tabular else -1, int(rows.actions[row])
    pair = np.asarray(place)
    if pair.shape != (2,) or pair.dtype.kind not in "iu":
        raise ValueError(f"{place!r} is not allowed: it must be a row, or a state and an action, in whole numbers")
    state, action = pair.tolist()
    states = rows.n_states if data.tabular else len(probe_rows(data))
    if not (0 <= state < states and 0 <= action < data.n_actions):
        raise ValueError(
            f"state {state}, action {action} is not allowed: there are {states} states and {data.n_actions} actions"
        )
    if not data.tabular:
        row = int(probe_rows(data)[state])
        return (row, state, action) if rows.actions[row] == action else (None, state, action)
    found = np.flatnonzero((rows.states == state) & (rows.actions == action))
    if not len(found):
        return None, state, action
    arrivals = rows.next_states[found]
    return int(found[arrivals == np.bincount(arrivals).argmax()][0]), state, action


def _unseen(program: Program, state: int, action: int) -> dict[str, Any]:
    data = program.dataset
    observation = np.array([state]) if data.tabular else data.observations[probe_rows(data)[[state]]]
    with np.errstate(all="ignore"):
        batch = program.outputs_at(observation)
        policy = program.algorithm.policy(batch, program.hp)[0, :, 0]
    steps = [Step("probability", "probability now", float(policy[action]))]
    if "q" in batch.outputs:
        title = "Q now: no row of the data ever corrects it" if data.tabular else "Q now"
        steps.insert(0, Step("q", title, float(batch["q"][0, action, 0])))
    return {
        "row": None,
        "rows": len(data),
        "state": state,
        "action": action,
        "in_data": False,
        "count": 0,
        "behavior": 0.0 if data.tabular else None,
        "steps": [step.to_json() for step in steps],
        "equation": "",
    }


def _after(program: Program, row: int, before: Transition) -> list[Step]:
    """What the member's next update does to this pair."""
    policy = float(before.s(program.algorithm.policy(before.batch, program.hp))[before.action])
    q = float(before.s(before.batch["q"])[before.action]) if "q" in program.networks.by_name else None
    changed = program.subset(range(program.members))
    changed.update()
    batch, column = changed.batch_around(row)
    transition = Transition(batch, column)
    new_policy = float(transition.s(changed.algorithm.policy(batch, changed.hp))[transition.action])
    steps = [
        Step(
            "probability_after",
            "probability before and after the next update",
            [policy, new_policy],
            rf"\pi_\theta(a\mid s) = {tex(policy)} \to {tex(new_policy)}",
        )
    ]
    if q is not None:
        new_q = float(transition.s(batch["q"])[transition.action])
        latex = rf"Q(s,a) = {tex(q)} \to {tex(new_q)}"
        steps.append(Step("q_after", "Q before and after the next update", [q, new_q], latex))
    return steps
