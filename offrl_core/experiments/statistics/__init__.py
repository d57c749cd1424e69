"""What the results of an experiment say, and how sure that is. Each function takes the frame of `Results.frame`.

A *task* is a dataset with its options. Intervals are percentile bootstraps stratified by task: runs are drawn again
within each task (Agarwal et al. 2021). Below six seeds a task's runs say too little about others for an interval: there
is none then, and `why` says so. Runs whose numbers ran away count with their last finite model (`diverged` is how many
they are); those that have no number (`missing`) or could not be computed (`failed`) are counted, too.
"""

from offrl_core.experiments.statistics.base import (
    FEWEST_SEEDS,
    interquartile_mean,
    of_runs,
    optimality_gap,
    tasks_of,
)
from offrl_core.experiments.statistics.choosing import ESTIMATORS, best_of, estimate_quality, online_budget
from offrl_core.experiments.statistics.comparing import aggregate, performance_profile, probability_of_improvement
from offrl_core.experiments.statistics.pictures import learning_curves, phase_diagram
from offrl_core.experiments.statistics.sensitivities import (
    configurations_of,
    importance,
    load_libraries,
    sensitivity,
    sensitivity_plane,
)

__all__ = [
    "ESTIMATORS",
    "FEWEST_SEEDS",
    "aggregate",
    "best_of",
    "configurations_of",
    "estimate_quality",
    "importance",
    "interquartile_mean",
    "learning_curves",
    "load_libraries",
    "of_runs",
    "online_budget",
    "optimality_gap",
    "performance_profile",
    "phase_diagram",
    "probability_of_improvement",
    "sensitivity",
    "sensitivity_plane",
    "tasks_of",
]
