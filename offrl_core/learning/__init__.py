"""Learning: the Learner with its approximators, optimisers, snapshots and metrics."""

from offrl_core.learning.divergence import Divergence
from offrl_core.learning.gradient_check import GradientDifference, GradientReport, check_gradients
from offrl_core.learning.history import History, train
from offrl_core.learning.learner import Learner
from offrl_core.learning.members import Member
from offrl_core.learning.metric import Metric
from offrl_core.learning.metric_catalogue import metrics
from offrl_core.learning.policies import LearnedPolicy, PolicyError
from offrl_core.learning.policy_files import load_policy
from offrl_core.learning.snapshot import Snapshot

__all__ = [
    "Divergence",
    "GradientDifference",
    "GradientReport",
    "History",
    "LearnedPolicy",
    "Learner",
    "Member",
    "Metric",
    "PolicyError",
    "Snapshot",
    "check_gradients",
    "load_policy",
    "metrics",
    "train",
]
