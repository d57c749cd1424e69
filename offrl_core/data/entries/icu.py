"""Sepsis treatment from the records of an intensive care unit."""

from __future__ import annotations

from typing import Any

from offrl_core.data import options as opt
from offrl_core.data.behaviors import Behavior, noisy, record, tabular_behaviors
from offrl_core.data.spec import DatasetSpec
from offrl_core.dataset import Dataset
from offrl_core.worlds.icu import clinician, icu_sepsis


def _icu(seed: int, chosen: dict[str, Any]) -> Dataset:
    world = icu_sepsis(chosen["inadmissible"])
    available = {
        "clinician": lambda: [Behavior("clinician", noisy(clinician(), chosen["epsilon"]))],
        **tabular_behaviors(world, chosen),
    }
    return record(world, available, chosen, seed)


ICU = DatasetSpec(
    name="icu-sepsis",
    title="Intensive care: sepsis",
    description="Treatment of sepsis. Not recorded stays: episodes sampled from an MDP that was built from the hospital"
    " records of MIMIC-III (Choudhary et al. 2024). 716 states, 25 treatments (5 doses of fluids × 5 of vasopressor),"
    " reward 1 on survival.",
    lesson="Clinicians hardly ever gave most treatments in most states, and no record says what those would do. By"
    " default they mean death, so the harm done by a learner that trusts its guesses is partly built in; where they act"
    " like the average treatment, it does little. Staying with recorded treatments beats the clinicians in both cases.",
    options=(
        *opt.collecting(
            ("clinician", "random", "optimal", "softmax"),
            "clinician",
            n_episodes=10_000,
            horizon=1000,
            mix={"clinician": 0.5, "random": 0.5},
        ),
        opt.DatasetOption(
            "inadmissible",
            "",
            "terminate",
            "What a treatment does that clinicians hardly ever gave in that state: terminate is death, mean acts like"
            " the average of the treatments they gave.",
            choices=("terminate", "mean"),
            label="treatments hardly ever given",
            paper="mean (Choudhary et al. 2024)",
        ),
        opt.gamma(1.0),
    ),
    builder=_icu,
    assumption="inadmissible",
)
