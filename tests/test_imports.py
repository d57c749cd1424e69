"""What may be imported where: the core knows no screen, and a tensor library is loaded only by what needs it."""

from __future__ import annotations

import ast
import subprocess
import sys
import tomllib
from functools import cache
from importlib import import_module
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

import offrl_core as orl

ROOT = Path(__file__).resolve().parent.parent
OURS = ("offrl_core", "offrl_live", "offrl_lecture", "offrl_ui", "offrl_web")

LOAD_THE_CORE = """
import importlib, sys, types
from pathlib import Path
import offrl_core as orl
for path in sorted(path for path in Path("offrl_core").rglob("*.py") if "in_torch" not in path.parts)ORDER:
    importlib.import_module(".".join(path.with_suffix("").parts).removesuffix(".__init__"))
for name in orl.datasets():
    assert orl.datasets()[name].options
for name in orl.algorithms():
    assert orl.hyperparameters(name)
print(*sorted({name.partition(".")[0] for name in sys.modules}))
assert not [name for name in orl.__all__ if isinstance(getattr(orl, name), types.ModuleType)]
assert "bc" in orl.algorithms() and "maze" in orl.datasets() and "return" in orl.metrics()
print(*(h.name for h in orl.hyperparameters("bc")))
"""

LIGHT = {"offrl_core", "numpy", "scipy"}
USE_THE_CORE = """
import sys
before = set(sys.modules)
import offrl_core as orl
def loaded(what):
    names = {name.partition(".")[0] for name in set(sys.modules) - before} - sys.stdlib_module_names
    print(what, *sorted(name for name in names if not name.startswith("_sysconfigdata")))
loaded("import")
# What numpy and scipy bring along themselves is theirs.
import numpy, scipy.signal, scipy.sparse.linalg, scipy.special
before |= set(sys.modules)
for name in orl.datasets():
    orl.load_dataset(name)
    loaded(name)
for name in orl.algorithms():
    for dataset in ("double-crossing", "cartpole"):
        data = orl.load_dataset(dataset)
        for approximator in ("table", "linear", "mlp") if data.tabular else ("linear", "mlp"):
            history = orl.train(data, name, steps=2, approximator=approximator, batch_size=8)
            assert history.final.step == 2
    loaded(name)
"""

LOAD_THE_APP = """
import sys
import app
from offrl_ui.setup.algorithm_cards import algorithm_cards
from offrl_ui.setup.dataset_cards import dataset_cards
from streamlit.testing.v1 import AppTest
dataset_cards(), algorithm_cards()
page = AppTest.from_file("ROOT/main.py", default_timeout=60).run()
assert not page.exception, page.exception
for name in ("datasets", "reweighting", "deadly_triad", "constraining_q"):
    page.query_params.clear()
    page.switch_page(f"pages/{name}.py").run()
    assert not page.exception, page.exception
from offrl_live.serving.hub import close_hub
close_hub()
# Whether it is installed may be asked; that it was imported may not be found.
loaded = {name.partition(".")[0] for name in sys.modules} & {"torch", "jax", "tensorflow"}
assert not loaded, f"{loaded} is imported"
print("every page ran")
"""


def run(code: str) -> str:
    """Run code in a fresh interpreter at the root and return what it printed."""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=180)
    assert done.returncode == 0, done.stderr
    return done.stdout


@cache
def load_the_core(order: str) -> tuple[set[str], list[str]]:
    """All of it but `in_torch`, in an order: what is loaded then, and the names of a system's hyperparameters."""
    loaded, hyperparameters = run(LOAD_THE_CORE.replace("ORDER", order)).splitlines()
    return set(loaded.split()), hyperparameters.split()


def test_the_core_loads_without_a_screen_or_a_tensor_library():
    """`in_torch` is what needs one."""
    loaded, _ = load_the_core("")
    assert "numpy" in loaded
    assert not loaded & {"streamlit", "plotly", "torch", "jax", "tensorflow"}


def test_every_dataset_and_every_algorithm_needs_numpy_and_scipy_only():
    """Besides them, `threadpoolctl` keeps training on one thread where it is installed."""
    lines = [line.split() for line in run(USE_THE_CORE).splitlines()]
    seen = {what: set(names) for what, *names in lines}
    assert list(seen) == ["import", *orl.datasets(), *orl.algorithms()]
    assert seen.pop("import") == {"offrl_core"}
    for name in orl.datasets():
        assert seen.pop(name) <= LIGHT, name
    for name, names in seen.items():
        assert names <= {*LIGHT, "threadpoolctl"}, name


def test_training_runs_where_nothing_else_is_installed():
    missing = (
        "import sys\nfor name in ('threadpoolctl', 'tqdm', 'pandas', 'pyarrow', 'h5py'): sys.modules[name] = None\n"
    )
    assert run(missing + USE_THE_CORE).splitlines()[-1].split()[0] == list(orl.algorithms())[-1]


@pytest.mark.parametrize(
    ("dataset", "module", "package"),
    [("digits-bandit", "sklearn", "scikit-learn"), ("icu-sepsis", "icu_sepsis", "icu-sepsis")],
)
def test_a_dataset_whose_files_are_missing_says_which_package_has_them(dataset: str, module: str, package: str):
    load = f"import sys; sys.modules[{module!r}] = None; import offrl_core as orl; orl.load_dataset({dataset!r})"
    with pytest.raises(AssertionError, match=f"the dataset {dataset} needs the package {package}"):
        run(load)


@pytest.mark.parametrize("order", ["", "[::-1]"])
def test_every_public_name_works_whatever_was_imported_before(order: str):
    _, hyperparameters = load_the_core(order)
    assert "learning_rate" in hyperparameters


def test_no_module_hides_behind_a_name_of_its_package():
    for package in sorted(path.parent for path in _files(*OURS) if path.name == "__init__.py"):
        exported = getattr(import_module(".".join(package.relative_to(ROOT).parts)), "__all__", ())
        assert not {path.stem for path in package.iterdir()} & set(exported), package


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
    extras = [entry for name, some in project["optional-dependencies"].items() if name != "test" for entry in some]
    declared = {_name(entry) for entry in (*project["dependencies"], *extras)}
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
