"""Packages that a tab loads when something imports them: the first `import scipy` fetches it and unpacks it."""

from __future__ import annotations

import importlib
import io
import sys
import zipfile
from collections.abc import Callable, Mapping, Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from types import ModuleType

Fetch = Callable[[str], bytes]
"""Gives a file of the site, and waits for it; raises OSError where it cannot be had."""


class OnRequest(MetaPathFinder):
    """Finds modules in archives that are not here yet.

    Args:
        archives: top-level module → the archives that hold it and what it needs, as paths of the site.
        fetch: gets one.
        folder: where they are unpacked, on `sys.path`.
    """

    def __init__(self, archives: Mapping[str, Sequence[str]], fetch: Fetch, folder: Path) -> None:
        self._archives = archives
        self._fetch = fetch
        self._folder = folder
        self._there: set[str] = set()

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """The module's place, once its archives are unpacked; None for a module that is in none of them."""
        if fullname not in self._archives:
            return None
        for archive in self._archives[fullname]:
            if archive not in self._there:
                with zipfile.ZipFile(io.BytesIO(self._fetch(archive))) as packed:
                    packed.extractall(self._folder)
                self._there.add(archive)
        importlib.invalidate_caches()
        return PathFinder.find_spec(fullname)

    def install(self) -> None:
        """Be asked for whatever is nowhere else."""
        sys.meta_path.append(self)
