"""Experiments: many runs, from one design to an answer."""

from offrl_core.experiments.afresh import Choice
from offrl_core.experiments.axes import ExperimentError, Range
from offrl_core.experiments.choices import AlgorithmChoice, DatasetChoice
from offrl_core.experiments.design import Design
from offrl_core.experiments.experimenting import experiment, run
from offrl_core.experiments.job import Job, Run
from offrl_core.experiments.results import Results
from offrl_core.experiments.running import InThisProcess, Progress
from offrl_core.experiments.store import Store

__all__ = [
    "AlgorithmChoice",
    "Choice",
    "DatasetChoice",
    "Design",
    "ExperimentError",
    "InThisProcess",
    "Job",
    "Progress",
    "Range",
    "Results",
    "Run",
    "Store",
    "experiment",
    "run",
]
