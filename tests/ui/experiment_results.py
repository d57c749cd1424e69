"""Small experiments that are really computed, for the tests of the pictures and the page."""

from __future__ import annotations

from functools import cache
from tempfile import TemporaryDirectory

import pandas as pd

from offrl_core.experiments import Design, InThisProcess, Store, run

COMPARED = {
    "datasets": ["single-crossing", "double-crossing"],
    "algorithms": ["bc", "q-learning", "bcq"],
    "axes": {"bcq.rho": [0.1, 0.6], "x.epsilon": [0.0, 0.4]},
    "seeds": 6,
    "steps": 60,
    "evaluate": [20, 60],
}
ESTIMATED = {
    "datasets": ["single-crossing"],
    "algorithms": ["bc", "bcq"],
    "axes": {"bcq.rho": [0.1, 0.6]},
    "seeds": 2,
    "steps": 40,
    "evaluate": [40],
    "estimates": ["fqe", "wis", "dr"],
}
DIVERGING = {
    "datasets": ["deadly-triad"],
    "algorithms": [{"name": "q-learning", "hyperparameters": {"learning_rate": 1.0}}],
    "seeds": 2,
    "steps": 200,
    "evaluate": [200],
}


@cache
def computed(which: str) -> tuple[Design, pd.DataFrame]:
    """The design of that name, and its results."""
    design = Design.from_json({"compared": COMPARED, "estimated": ESTIMATED, "diverging": DIVERGING}[which])
    with TemporaryDirectory() as folder:
        return design, run(design, Store(folder), InThisProcess()).frame
