"""What may be imported where: the core knows no screen, and nothing here knows a tensor library."""

from __future__ import annotations

import ast
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
OURS = ("offrl_core", "offrl_live", "offrl_lecture", "offrl_ui")

LOAD_THE_CORE = """
import importlib, pkgutil, sys
import offrl_core
for module in pkgutil.walk_packages(offrl_core.__path__, "offrl_core."):
    importlib.import_module(module.name)
import offrl_core as orl
for name in orl.datasets():
    assert orl.datasets()[name].options
for name in orl.algorithms():
    assert orl.hyperparameters(name)
print(*sorted({name.partition(".")[0] for name in sys.modules}))
"""

LOAD_THE_APP = """
import sys
class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("torch", "jax", "tensorflow"):
            raise AssertionError(f"{name} is imported")
sys.meta_path.insert(0, Refuse())
import app
from offrl_ui import cards
from streamlit.testing.v1 import AppTest
cards.dataset_cards(), cards.algorithm_cards()
page = AppTest.from_file("ROOT/main.py", default_timeout=60).run()
assert not page.exception, page.exception
for name in ("datasets", "reweighting", "deadly_triad", "constraining_q"):
    page.query_params.clear()
    page.switch_page(f"pages/{name}.py").run()
    assert not page.exception, page.exception
from offrl_live.serving.hub import close_hub
close_hub()
print("every page ran")
"""


def run(code: str) -> str:
    """Run code in a fresh interpreter at the root and return what it printed."""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=180)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_core_loads_without_a_screen_or_a_tensor_library():
    loaded = set(run(LOAD_THE_CORE).split())
    assert "numpy" in loaded
    assert not loaded & {"streamlit", "plotly", "torch", "jax", "tensorflow"}


def test_the_server_runs_every_page_without_a_tensor_library():
    assert "every page ran" in run(LOAD_THE_APP.replace("ROOT", str(ROOT)))


def _imports(path: Path) -> set[str]:
    """Top-level names of everything a file imports, wherever in it."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            names.add(node.module.partition(".")[0])
    return names


def _files(*folders: str) -> list[Path]:
    return [path for folder in folders for path in sorted((ROOT / folder).rglob("*.py"))]


def test_every_third_party_import_is_declared():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    declared = {_name(entry) for entry in project["dependencies"]}
    homes = packages_distributions()
    used = set().union(*map(_imports, [ROOT / "app.py", ROOT / "main.py", *_files(*OURS, "pages")]))
    third_party = {name for name in used if name not in sys.stdlib_module_names and name not in OURS}
    for name in sorted(third_party):
        assert {_name(home) for home in homes[name]} & declared, f"{name} is imported but not declared"


def _name(entry: str) -> str:
    for mark in "<>=!~[; ":
        entry = entry.partition(mark)[0]
    return entry.lower().replace("_", "-")


@pytest.mark.parametrize("package", OURS)
def test_the_wheel_has_every_package_and_file(package: str):
    tools = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
    assert f"{package}*" in tools["packages"]["find"]["include"]
    folders = {path.parent for path in _files(package)}
    assert all((folder / "__init__.py").exists() for folder in folders)
    patterns = tools["package-data"].get(package, [])
    data = [path for path in (ROOT / package).rglob("*") if path.is_file() and path.suffix not in (".py", ".pyc")]
    for path in data:
        assert any(path.relative_to(ROOT / package).match(pattern) for pattern in patterns), path
