"""Data files that other packages ship: only the files are read, the packages are not imported."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

carried: dict[str, Callable[[], Path]] = {}
"""Top-level module → gives a folder with its data files, where the package itself is not installed."""


def package_folder(module: str, dataset: str, package: str) -> Path:
    """The folder of an installed package's module, or the one that is `carried` in its place.

    Args:
        module: the top-level module.
        dataset, package: for the message: what needs it, and its name for an installer.

    Raises:
        FileNotFoundError: it is not installed.
    """
    if module in carried:
        return carried[module]()
    spec = find_spec(module)
    if spec is None or not spec.submodule_search_locations:
        raise FileNotFoundError(f"the dataset {dataset} needs the package {package}")
    return Path(next(iter(spec.submodule_search_locations)))
