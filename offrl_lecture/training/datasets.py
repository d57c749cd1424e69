"""The two datasets that scenes of several parts train on, each with its truth."""

from __future__ import annotations

from functools import lru_cache

from offrl_core.data.catalogue import load_dataset
from offrl_core.dataset import Dataset
from offrl_core.evaluation.truth import Truth


@lru_cache(maxsize=1)
def roads() -> Dataset:
    """The stitching data: two roads that cross."""
    return load_dataset("double-crossing")


@lru_cache(maxsize=1)
def roads_truth() -> Truth:
    """Exact reference values of the stitching world."""
    return Truth(roads())


@lru_cache(maxsize=3)
def maze(epsilon: float = 0.1) -> Dataset:
    """The maze's walks, recorded with noise `epsilon`."""
    return load_dataset("maze", epsilon=epsilon)


@lru_cache(maxsize=1)
def maze_truth() -> Truth:
    """Measured reference returns of the maze."""
    return Truth(maze())
