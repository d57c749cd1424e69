"""The files that the browser runs, as they lie in the packages."""

from __future__ import annotations

import hashlib
import posixpath
import re
from functools import cache
from importlib.resources import files

PLOTLY = "plotly.min.js"
SUFFIXES = (".js", ".css")
_IMPORT = re.compile(r"""^(?:import|export|\})[^"'();]*?\bfrom\s*["'](\.{1,2}/[a-z_./]+\.js)["']""", re.M)


def asset(name: str) -> bytes:
    """The file `folder/name`, or the library that draws curves, as it comes with Plotly."""
    if name == PLOTLY:
        return files("plotly").joinpath("package_data", PLOTLY).read_bytes()
    return files("offrl_ui").joinpath("assets", name).read_bytes()


def asset_text(name: str) -> str:
    """The source of `folder/name`."""
    return asset(name).decode()


@cache
def asset_files() -> dict[str, bytes]:
    """`folder/name` → content of everything that a page may ask for, read once."""
    found = {}
    for folder in files("offrl_ui").joinpath("assets").iterdir():
        for entry in folder.iterdir() if folder.is_dir() else ():
            if entry.name.endswith(SUFFIXES):
                found[f"{folder.name}/{entry.name}"] = entry.read_bytes()
    return {**found, PLOTLY: asset(PLOTLY)}


@cache
def asset_version() -> str:
    """Hash of all of them: it stands in their addresses, so browsers may keep them for ever."""
    digest = hashlib.sha256()
    for name, data in sorted(asset_files().items()):
        digest.update(name.encode() + b"\0" + data)
    return digest.hexdigest()[:12]


def asset_root() -> str:
    """The folder that holds the modules, below the place where the app is served: `stage/0a1b2c3d4e5f/`."""
    return f"stage/{asset_version()}/"


@cache
def needed_modules(*entries: str) -> tuple[str, ...]:
    """These modules (`folder/name.js`) and all that they import at once, in the order in which they are found."""
    found: dict[str, None] = {}
    wanted = list(entries)
    while wanted:
        name = wanted.pop(0)
        if name not in found:
            found[name] = None
            folder = posixpath.dirname(name)
            wanted += [posixpath.normpath(f"{folder}/{other}") for other in _IMPORT.findall(asset_text(name))]
    return tuple(found)
