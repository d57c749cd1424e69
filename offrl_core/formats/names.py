"""What programs call the columns of a log: one list for all formats, from the headers of tables to arrays and keys.

Names are compared as `plain_name` gives them: `Episode ID`, `episodeId` and `episode.id` are one.
"""

from __future__ import annotations

import re

NAMES: dict[str, tuple[str, ...]] = {
    "state": (
        *("observations", "observation", "obs", "states", "state", "s", "s_t", "state_id", "state_index"),
        *("obses", "ob", "zustand"),
    ),
    "action": (
        *("action", "actions", "acts", "a", "act", "a_t", "action_id", "action_index", "action_taken", "treatment"),
        *("action_name", "action_label", "chosen_action", "selected_action", "arm", "arm_id", "choice", "decision"),
        *(
            "action_type",
            "action_code",
            "action_idx",
            "move",
            "intervention",
            "control",
            "controls",
            "command",
            "acs",
            "ac",
            "aktion",
        ),
    ),
    "reward": ("reward", "rewards", "r", "rew", "rews", "r_t", "next_reward", "reward_t", "belohnung"),
    "episode": (
        *("episode", "episode_id", "episode_ids", "episode_index", "episode_number", "ep", "ep_id", "eps_id"),
        *("trajectory", "trajectory_id", "trajectory_index", "traj", "traj_id", "rollout", "rollout_id", "run"),
        *("run_id", "session", "session_id", "stay_id", "icustay_id", "icustayid", "patient_id", "patient"),
        *("subject_id", "user_id", "game_id", "visit_id", "visitor_id", "admission_id", "hadm_id", "encounter_id"),
        *("customer_id", "client_id", "player_id", "student_id", "driver_id", "device_id", "conversation_id"),
        *("dialog_id", "dialogue_id", "trip_id", "match_id", "episodes", "id", "lauf", "sitzung"),
    ),
    "time": (
        *("step", "t", "time", "timestep", "timesteps", "time_step", "step_id", "step_index", "steps", "frame_index"),
        *("frame", "timestamp", "time_stamp", "bloc", "tick", "ts", "datetime", "date", "event_time", "visit"),
        *("zeit", "zeitpunkt", "zeitstempel", "datum", "schritt"),
    ),
    # The MDP ended in this row.
    "done": (
        *("terminated", "terminateds", "terminations", "termination", "terminal", "terminals", "is_terminal"),
        *("died", "death"),
    ),
    # A time limit or the end of the recording cut the episode.
    "timeout": (
        *("truncated", "truncateds", "truncations", "truncation", "timeout", "timeouts", "time_limit", "is_truncated"),
    ),
    # The episode's last row, whatever ended it; where nothing else speaks of the MDP's end, that is what it means.
    "end": (
        *("done", "dones", "next_done", "is_done", "episode_end", "episode_ends", "episode_terminals", "end", "ended"),
        *("is_last", "last", "last_step", "d"),
    ),
    "start": ("is_first", "first", "first_step", "episode_start", "episode_starts", "is_start"),
    "behavior": (
        *("behavior", "behaviour", "behavior_policy", "behaviour_policy", "behaviors", "policy", "logging_policy"),
    ),
    # How likely the behaviour was to take the action, or the logarithm of that.
    "propensity": (
        *("propensity", "propensities", "pscore", "pscores", "p_score", "propensity_score", "action_propensity"),
        *("action_prob", "action_probs", "action_probability", "behavior_prob", "behaviour_prob"),
        *("behavior_probability", "behaviour_probability", "logging_prob", "logging_probability", "label_probability"),
        *("logprob", "logprobs", "log_prob", "log_probs", "logp", "log_p", "action_logp", "action_log_prob"),
        *("action_logprob", "log_propensity", "log_pscore", "behavior_logprob", "behavior_log_prob"),
        *("pi_b", "pi_beta", "pi_0"),
    ),
}
"""Best first: where several are there, the first counts."""


_UNIT = re.compile(r"\s+(?!\(next\)|\[next\])(\[[^\]\d][^\]]*\]|\([^)\d][^)]*\))\s*$")


def plain_name(name: str) -> str:
    """`Episode ID`, `episodeId` and `episode.id` are one name: `episode_id`; a unit behind it is left out."""
    name = _UNIT.sub("", name)
    split = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name)
    return re.sub(r"[^a-z0-9']+", "_", split.lower()).strip("_").replace("'", "_prime")


def speaks_of(name: str, role: str) -> bool:
    """Whether this is a name of `role`."""
    return plain_name(name) in NAMES[role]
