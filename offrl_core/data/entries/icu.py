"""Sepsis treatment from the records of an intensive care unit."""

from __future__ import annotations

from typing import Any

from offrl_core.data.behaviors import Behavior, collect, noisy, uniform
from offrl_core.data.catalogue import DatasetSpec
from offrl_core.data.dataset import Dataset
from offrl_core.data.entries import options as opt
from offrl_core.hyperparameters import Hyperparameter


def _icu(seed: int, chosen: dict[str, Any]) -> Dataset:
    from offrl_core.worlds.icu import clinician, icu_sepsis

    world = icu_sepsis(chosen["inadmissible"])
    if chosen["behavior"] == "clinician":
        policy = noisy(clinician(), chosen["epsilon"])
    elif chosen["behavior"] == "random":
        policy = uniform(world)
    else:
        policy = noisy(world.greedy(world.optimal(1.0)[0]), chosen["epsilon"])
    return collect(
        world,
        [Behavior(chosen["behavior"], policy)],
        chosen["episodes"],
        1000,
        seed,
        gamma=chosen["gamma"],
        name=chosen["_name"],
        options=chosen["_options"],
    )


ICU = DatasetSpec(
    name="icu-sepsis",
    title="Intensive care: sepsis",
    description="Treatment of sepsis, a world built from the records of 17 000 hospital stays (MIMIC-III; Choudhary et al."
    " 2024): 716 states, 25 treatments (5 doses of fluids × 5 of vasopressor), reward 1 on survival.",
    lesson="Clinicians never tried most treatments in most states; a learner that trusts its guesses about those kills."
    " One that stays with treatments the records contain can do better than the clinicians.",
    options=(
        opt.episodes(10_000),
        opt.behavior("clinician", ("clinician", "random", "optimal")),
        opt.epsilon(0.0),
        Hyperparameter(
            "inadmissible",
            "",
            "terminate",
            "What a treatment does that clinicians hardly ever gave in that state: terminate is death, mean acts like the"
            " average of the treatments they gave.",
            choices=("terminate", "mean"),
            live=False,
            paper="mean (Choudhary et al. 2024)",
        ),
        opt.gamma(1.0),
    ),
    builder=_icu,
    recommended={"table": {}, "linear": {}, "mlp": {}},
    group="medicine",
)
