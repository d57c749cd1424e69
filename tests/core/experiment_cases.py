"""Small experiments, done in this process, that several tests look at."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from offrl_core.experiments import Design, InThisProcess, Results, Store, run

SMALL: dict[str, Any] = {
    "datasets": ["double-crossing"],
    "algorithms": ["bcq", "bc"],
    "axes": {"rho": [0.1, 0.6]},
    "seeds": [0, 3],
    "steps": 12,
    "evaluate": [0, 5, 12],
}


def small(**changes: Any) -> Design:
    """The small design, changed."""
    return Design.from_json({**SMALL, **changes})


def done(design: Design, folder: Path) -> Results:
    """An experiment, done here."""
    return run(design, Store(folder), InThisProcess())


class Counting(InThisProcess):
    """Counts the jobs that it does, and may stop after some."""

    def __init__(self, most: int = 10**9) -> None:
        self.jobs: list[Any] = []
        self.most = most

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Any:
        if len(self.jobs) >= self.most:
            raise KeyboardInterrupt
        self.jobs.append(args[0])
        return super().submit(fn, *args, **kwargs)
