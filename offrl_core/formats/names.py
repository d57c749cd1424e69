"""What programs call the columns of a log: one list for the headers of tables and the arrays of archives."""

from __future__ import annotations

NAMES: dict[str, tuple[str, ...]] = {
    "state": ("observations", "observation", "obs", "states", "state", "s", "s_t", "state_id", "state_index"),
    "action": (
        *("action", "actions", "acts", "a", "act", "a_t", "action_id", "action_index", "action_taken", "treatment"),
    ),
    "reward": ("reward", "rewards", "r", "rew", "r_t", "next_reward", "reward_t"),
    "episode": (
        *("episode", "episode_id", "episode_ids", "episode_index", "episode_number", "ep", "ep_id", "trajectory"),
        *("trajectory_id", "trajectory_index", "traj", "traj_id", "rollout", "rollout_id", "run", "run_id", "session"),
        *("session_id", "stay_id", "icustay_id", "icustayid", "patient_id", "patient", "subject_id", "user_id"),
        *("game_id", "episodes", "id"),
    ),
    "time": (
        *("step", "t", "time", "timestep", "time_step", "step_id", "step_index", "steps", "frame_index", "frame"),
        *("timestamp", "bloc", "tick"),
    ),
    "done": (
        *("terminated", "terminations", "termination", "terminal", "terminals", "is_terminal", "done", "dones"),
        *("next_done", "episode_end", "end", "ended", "is_last", "d"),
    ),
    "timeout": ("truncated", "truncations", "truncation", "timeout", "timeouts", "time_limit", "is_truncated"),
    "behavior": (
        *("behavior", "behaviour", "behavior_policy", "behaviour_policy", "behaviors", "policy", "logging_policy"),
    ),
}
"""Best first: where several are there, the first counts."""

_OF_ARRAYS = {
    *("observations", "observation", "obs", "states", "state", "actions", "action", "acts", "rewards", "reward"),
    *("terminations", "terminals", "terminated", "dones", "done", "truncations", "timeouts", "truncated"),
    *("episodes", "episode_ids", "episode_id", "episode", "behaviors"),
}
"""An archive holds all kinds of arrays, so the shorter and vaguer names of headers say nothing there."""


def array_names(role: str) -> tuple[str, ...]:
    """The names of `role` that count in an archive of arrays."""
    return tuple(name for name in NAMES[role] if name in _OF_ARRAYS)
