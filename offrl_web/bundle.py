"""The Python that a tab needs, in one file: the modules that its start imports, and what they read."""

from __future__ import annotations

import ast
import gzip
import io
import tarfile
from collections.abc import Iterator
from importlib.metadata import distribution
from importlib.util import find_spec
from pathlib import Path

PACKAGES = ("offrl_core", "offrl_live", "offrl_lecture", "offrl_ui", "offrl_web", "latex2mathml", "qrcode")
ENTRY = "offrl_web.runtime.start"
METADATA = ("latex2mathml",)
"""Packages that ask for their own version."""
BY_NAME = (
    *("offrl_core.algos", "offrl_core.in_torch.restated", "offrl_core.formats"),
    *(f"offrl_lecture.{page}" for page in ("reweighting", "deadly_triad", "constraining_q")),
)
"""Packages whose modules are imported by name: they come whole."""


def modules(entry: str = ENTRY) -> dict[str, Path]:
    """Every module of these packages that `entry` may import, inside functions too, and the packages they lie in."""
    found: dict[str, Path] = {}
    waiting = [entry]
    for name in BY_NAME:
        package = _place(name)
        assert package is not None
        waiting += [f"{name}.{path.stem}" for path in package.parent.glob("*.py") if path != package]
    while waiting:
        name = waiting.pop()
        if name in found or name.partition(".")[0] not in PACKAGES:
            continue
        path = _place(name)
        if path is None:
            continue  # a name that is imported from a module, not a module
        found[name] = path
        waiting += [name.rpartition(".")[0], *_imports(path, name)]
    return found


def _place(name: str) -> Path | None:
    """The file of a module, found without importing anything."""
    top, *inner = name.split(".")
    spec = find_spec(top)
    assert spec is not None, f"{top} is not installed"
    assert spec.submodule_search_locations
    path = Path(spec.submodule_search_locations[0], *inner)
    places = (path / "__init__.py", path.with_name(f"{path.name}.py"))
    return next((place for place in places if place.is_file()), None)


def _imports(path: Path, name: str) -> Iterator[str]:
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    for node in statements(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            start = package.rsplit(".", node.level - 1)[0] if node.level else ""
            module = ".".join(part for part in (start, node.module or "") if part)
            yield module
            yield from (f"{module}.{alias.name}" for alias in node.names)


def statements(module: ast.Module) -> Iterator[ast.AST]:
    """A module and the statements in it, at every depth, but for notes for a type checker."""
    waiting: list[ast.AST] = [module]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            continue
        yield node
        for block in ("body", "orelse", "finalbody", "handlers", "cases"):
            waiting += getattr(node, block, ())


def files(entry: str = ENTRY) -> dict[str, bytes]:
    """Path below `site-packages` → content of the modules, and of the data that lies beside those of other packages."""
    found = {}
    for name, path in modules(entry).items():
        inside = name.replace(".", "/") + ("/__init__.py" if path.name == "__init__.py" else ".py")
        found[inside] = path.read_bytes()
        if path.name == "__init__.py" and not name.startswith("offrl"):
            for data in path.parent.glob("*.txt"):
                found[f"{name.replace('.', '/')}/{data.name}"] = data.read_bytes()
    for name in METADATA:
        about = distribution(name)
        found[f"{name}-{about.version}.dist-info/METADATA"] = (about.read_text("METADATA") or "").encode()
    return found


def pack(contents: dict[str, bytes]) -> bytes:
    """A tar archive, gzipped; the same contents give the same bytes."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name, data in sorted(contents.items()):
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
    return gzip.compress(file.getvalue(), 9, mtime=0)
