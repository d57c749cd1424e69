"""Links that open a run of an experiment in the playground: its numbers there are these, to the bit."""

from __future__ import annotations

from collections.abc import Mapping

from offrl_core.algos import algorithm as find_algorithm
from offrl_core.experiments.design import Design, data_options
from offrl_core.links import budget_parts, data_parts, lane_parts


def link_parts(design: Design, key: str, own: Mapping[str, str] | None = None, *, step: int = 0) -> dict[str, str]:
    """The parts of the link that opens a run in the playground, trained to a step; none where no link can hold it.

    Args:
        design: what the run is of.
        key: the run's.
        own: by which names the playground has own datasets, by their hashes; a run on any other one has no link.
        step: where training stops there; after the last update by default.
    """
    run = design.run_of[key]
    name = (own or {}).get(run.data.own, "") if run.data.own else run.data.name
    if not name:
        return {}
    kind = find_algorithm(run.algorithm, run.version)
    usual = design.defaults(run)
    changed = {name: value for name, value in run.hyperparameters.items() if value != usual[name]}
    return {
        **data_parts(name, run.data.options, data_options(run.data)),
        **lane_parts(run.algorithm, run.approximator, 1, changed, first_seed=run.seed, file=kind.file),
        **budget_parts(step or design.steps),
    }
