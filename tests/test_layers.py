"""Every import points to an earlier room of the list, and no files import each other in a circle."""

from __future__ import annotations

import ast
import re
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("offrl_core", "offrl_live", "offrl_lecture", "offrl_ui", "offrl_web", "pages")
PATHS = [
    path.relative_to(ROOT)
    for path in (*(p for package in PACKAGES for p in sorted((ROOT / package).rglob("*.py"))), *ROOT.glob("*.py"))
]


@cache
def rooms() -> list[str]:
    """The rooms of `docs/map.md`, the lowest first."""
    (block,) = re.findall(r"^```text\n(offrl_core/.*?)```", (ROOT / "docs" / "map.md").read_text(), re.M | re.S)
    return block.split()


@cache
def room_of(path: Path) -> str | None:
    """The room that a file lies in: the longest one of the list that holds it."""
    holding = [room for room in rooms() if path == Path(room) or Path(room) in path.parents]
    return max(holding, key=len, default=None)


def module_of(path: Path) -> str:
    """The dotted name of a file."""
    parts = path.with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_of(path): path for path in PATHS}


def imports_of(path: Path, tree: ast.Module | None = None) -> set[Path]:
    """The project's files that a file imports: anywhere in it, inside functions and under `TYPE_CHECKING` too."""
    found = set()
    for node in ast.walk(tree or ast.parse((ROOT / path).read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}, line {node.lineno}: imports name their module in full"
            assert node.module is not None
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                found.add(inner if inner in MODULES else node.module)
    return {MODULES[name] for name in found if name in MODULES} - {path}


@cache
def imports() -> dict[Path, set[Path]]:
    """What each of the project's files imports of them."""
    return {path: imports_of(path) for path in PATHS}


def circle(graph: dict[Path, set[Path]]) -> list[Path]:
    """Files that import each other, each the one before it; empty where there are none."""
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


def against_the_order(graph: dict[Path, set[Path]], order: list[str]) -> list[str]:
    """Imports that point from a lower room to a higher one."""
    height = {room: number for number, room in enumerate(order)}
    return [
        f"{path} imports {other}"
        for path, others in graph.items()
        for other in sorted(others)
        if height[room_of(other) or ""] > height[room_of(path) or ""]
    ]


def test_every_file_lies_in_a_room_of_the_map():
    assert [str(path) for path in PATHS if path.name != "__init__.py" and room_of(path) is None] == []


def test_every_room_of_the_map_exists():
    for room in rooms():
        assert (ROOT / room).exists(), room


def test_imports_point_one_way():
    assert against_the_order({p: o for p, o in imports().items() if room_of(p)}, rooms()) == []


def test_no_files_import_each_other():
    assert circle(imports()) == []


def test_a_circle_and_a_wrong_direction_would_be_seen():
    low, high = Path("offrl_core/worlds/grids.py"), Path("offrl_live/runs/engine.py")
    inside = ast.parse("def f():\n    from offrl_live.runs.engine import Engine\n")
    assert imports_of(low, inside) == {high}
    typed = ast.parse("if TYPE_CHECKING:\n    from offrl_live.runs import engine\n")
    assert imports_of(low, typed) == {high}
    assert circle({low: {high}, high: {low}})
    assert against_the_order({low: {high}}, rooms()) == [f"{low} imports {high}"]
