"""Pyodide, which the static edition runs on: found, verified, and kept in the user's cache.

One version is pinned: the hashes of its own files stand here, and its lock names every wheel with a SHA-256. Wherever a
file comes from, its bytes are these or it is not used. `python -m offrl_web.supply` fetches what is not there yet, and
says where it lies.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import urllib.request
import zipfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

VERSION = "314.0.3"
LOCK = "pyodide-lock.json"
RUNTIME = {
    "pyodide.mjs": "5cfc46f5dcbaf2a16f26e2363f441873eb424762609cc03db00d6a2ace4d00e5",
    "pyodide.asm.mjs": "1a9775427ef6e8abaa7db88ece0515422d1886915ae5c9093776410c865dfd8d",
    "pyodide.asm.wasm": "e7f8fac36f8bf11085309cbc5c829b3ec3057c18bf1d73b05a6741612d63cdbf",
    "python_stdlib.zip": "444c770dfd75a32097fc0a7d5c1413fd3140601f49c3a1f2e9af0376fcd124b4",
    LOCK: "c963d22858f6bcb8f41586a2142f03905ab370c88ea22a86a2736e95fac2a8f3",
}
"""The files of npm's package, and their SHA-256."""

NEEDED = ("numpy",)
ON_REQUEST = ("scipy", "scikit-learn", "pandas", "pyarrow", "h5py")
"""Packages that the tab loads only when somebody asks for what needs them."""

RELEASE = f"https://cdn.jsdelivr.net/pyodide/v{VERSION}/full/"
CARRIER = "open-webui==0.12.4"
"""A package on the Python index whose wheel holds most of the release's wheels, with the same bytes."""
NOT_CARRIED = ("pyarrow", "h5py", "pkgconfig", "pyodide_unix_timezones")

FOLDER = "OFFRL_PYODIDE"
SECONDS = 20

Say = Callable[[str], None]


class SupplyError(RuntimeError):
    """Pyodide, or a wheel that is needed, could not be found; the message says what to do."""


@dataclass(frozen=True)
class Supply:
    """What was found.

    Attributes:
        folder: all files lie here, side by side, as Pyodide looks for them (`indexURL`).
        lock: the contents of its lock.
        missing: packages for use on request that were not found.
    """

    folder: Path
    lock: dict[str, Any] = field(repr=False)
    missing: tuple[str, ...] = ()

    def runtime(self) -> list[Path]:
        """Pyodide's own files."""
        return [self.folder / name for name in RUNTIME]

    def wheel(self, package: str) -> Path:
        """The wheel of a package."""
        name: str = self.lock["packages"][package]["file_name"]
        return self.folder / name

    def wheels(self, packages: Iterable[str]) -> list[Path]:
        """The wheels of packages and of all that they need."""
        return [self.wheel(name) for name in _with_needs(self.lock, packages)]


def cache_folder() -> Path:
    """Where this user's caches lie, as the system has it."""
    if sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Caches"
    else:
        base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return base / "offrl-explorer" / f"pyodide-{VERSION}"


def find(given: Path | None = None, *, fetch: bool = True, again: bool = False, say: Say = lambda _: None) -> Supply:
    """Pyodide and its wheels, taken from the first place that has them.

    Looked at in turn: `given`, or the folder in the environment variable OFFRL_PYODIDE; the cache; npm for the runtime;
    for wheels Pyodide's release, then the wheel `open-webui` on the Python index, which holds the same bytes.

    Args:
        given: a folder with the files, or with the archives that hold them (`pyodide-….tgz`, `open_webui-….whl`).
        fetch: ask npm, the release and the index, too.
        again: also where only packages for use on request are missing, which were looked for when the rest came.
        say: told what takes a moment.

    Raises:
        SupplyError: the runtime or numpy is nowhere.
    """
    folder = cache_folder()
    folder.mkdir(parents=True, exist_ok=True)
    named = given or (Path(os.environ[FOLDER]) if os.environ.get(FOLDER) else None)
    if named is not None and not named.is_dir():
        raise SupplyError(f"{named} is not a folder: it must hold Pyodide {VERSION}, see docs/static-edition.md")
    local = [named] if named is not None else []
    _gather(folder, RUNTIME, [_from_folders(local), *([_from_npm(say)] if fetch else [])])
    if absent := [name for name in RUNTIME if not (folder / name).exists()]:
        raise SupplyError(
            f"Pyodide {VERSION} was not found ({', '.join(absent)}). Where npm's registry cannot be reached, put the "
            f"package there yourself: `npm pack pyodide@{VERSION}` elsewhere, and name the folder that holds the file "
            f"in {FOLDER}."
        )
    lock: dict[str, Any] = json.loads((folder / LOCK).read_text())
    wanted = {
        entry["file_name"]: entry["sha256"]
        for name in _with_needs(lock, (*NEEDED, *ON_REQUEST))
        for entry in [lock["packages"][name]]
    }
    supply = Supply(folder, lock)
    first = not all(path.exists() for path in supply.wheels(NEEDED))
    sources = [_from_release(say), _from_carrier(say)] if fetch and (first or again) else []
    _gather(folder, wanted, [_from_folders(local), *sources])
    if absent := [path.name for path in supply.wheels(NEEDED) if not path.exists()]:
        raise SupplyError(
            f"{', '.join(absent)} was not found. Download it from {RELEASE} where that can be reached, or run "
            f"`pip download --no-deps {CARRIER}` (its wheel holds the same file), and name the folder in {FOLDER}."
        )
    missing = tuple(name for name in ON_REQUEST if not all(path.exists() for path in supply.wheels([name])))
    return Supply(folder, lock, missing)


Source = Callable[[set[str]], Iterator[tuple[str, bytes]]]
"""Gives what it has of the files asked for by name."""


def _gather(folder: Path, wanted: dict[str, str], sources: Iterable[Source]) -> None:
    """Put files with these SHA-256 into the folder; what another source gives in their place is not taken."""
    for source in sources:
        absent = {name for name in wanted if not _is(folder / name, wanted[name])}
        if not absent:
            return
        for name, data in source(absent):
            if hashlib.sha256(data).hexdigest() == wanted[name]:
                # Whole or not at all: two builds may run at once.
                part = folder / f"{name}.{os.getpid()}"
                part.write_bytes(data)
                part.replace(folder / name)


def _is(path: Path, sha256: str) -> bool:
    """Whether a file is there with these bytes; one that is damaged is taken away."""
    if not path.exists():
        return False
    if _digest(path, path.stat().st_mtime_ns) == sha256:
        return True
    path.unlink()
    return False


@cache
def _digest(path: Path, changed: int) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _with_needs(lock: dict[str, Any], packages: Iterable[str]) -> list[str]:
    """Packages and all that they need, each once."""
    found: dict[str, None] = {}
    waiting = list(packages)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found[name] = None
            waiting += lock["packages"][name]["depends"]
    return list(found)


def _from_folders(folders: Iterable[Path]) -> Source:
    def give(names: set[str]) -> Iterator[tuple[str, bytes]]:
        for folder in folders:
            for path in sorted(folder.iterdir()):
                if path.name in names:
                    yield path.name, path.read_bytes()
                elif path.suffix == ".tgz":
                    yield from _in_tar(path, names)
                elif path.suffix in (".whl", ".zip") and path.stem.partition("-")[0] == "open_webui":
                    yield from _in_zip(path, names)

    return give


def _from_npm(say: Say) -> Source:
    def give(names: set[str]) -> Iterator[tuple[str, bytes]]:
        npm = shutil.which("npm")
        if npm is None:
            return
        say(f"fetching pyodide {VERSION} from npm (6 MB)")
        with tempfile.TemporaryDirectory() as place:
            if _ran([npm, "pack", f"pyodide@{VERSION}", "--silent"], place):
                for path in Path(place).glob("*.tgz"):
                    yield from _in_tar(path, names)

    return give


def _from_release(say: Say) -> Source:
    def give(names: set[str]) -> Iterator[tuple[str, bytes]]:
        for name in sorted(names):
            say(f"fetching {name} from Pyodide's release")
            try:
                with urllib.request.urlopen(RELEASE + name, timeout=SECONDS) as answer:
                    yield name, answer.read()
            except OSError as error:
                say(f"the release cannot be reached: {error}")
                return

    return give


def _from_carrier(say: Say) -> Source:
    def give(names: set[str]) -> Iterator[tuple[str, bytes]]:
        if all(name.startswith(NOT_CARRIED) for name in names):
            return
        say(f"fetching {CARRIER} from the Python index (106 MB), for the wheels in it")
        with tempfile.TemporaryDirectory() as place:
            pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:", "-d", place]
            if _ran([*pip, CARRIER], place):
                for path in Path(place).glob("*.whl"):
                    yield from _in_zip(path, names)

    return give


def _ran(command: list[str], place: str) -> bool:
    return subprocess.run(command, cwd=place, stdout=subprocess.DEVNULL, check=False).returncode == 0


def _in_tar(path: Path, names: set[str]) -> Iterator[tuple[str, bytes]]:
    with tarfile.open(path) as archive:
        for entry in archive:
            name = entry.name.rpartition("/")[2]
            if name in names and (file := archive.extractfile(entry)) is not None:
                yield name, file.read()


def _in_zip(path: Path, names: set[str]) -> Iterator[tuple[str, bytes]]:
    with zipfile.ZipFile(path) as archive:
        for inner in archive.namelist():
            name = inner.rpartition("/")[2]
            if name in names:
                yield name, archive.read(inner)


def main() -> None:
    """Fetch everything and say where it lies."""
    try:
        supply = find(again=True, say=lambda sentence: print(sentence, file=sys.stderr))
    except SupplyError as error:
        raise SystemExit(str(error)) from error
    print(supply.folder)
    if supply.missing:
        print(f"not found: {', '.join(supply.missing)}", file=sys.stderr)


if __name__ == "__main__":
    main()
