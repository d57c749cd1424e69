"""Python as it is in a tab: Pyodide, under Node."""

from __future__ import annotations

import os
import subprocess
from functools import cache
from pathlib import Path

import pytest

from offrl_web import supply

ROOT = Path(__file__).resolve().parent.parent


@cache
def pyodide() -> Path | str:
    """Where Pyodide lies, or why it cannot be had."""
    try:
        return supply.find().folder
    except supply.SupplyError as error:
        return str(error)


def run_in_pyodide(script: Path, *arguments: str) -> str:
    """What a script printed; `given` are the arguments, and those that begin with a slash are folders of this machine.

    The test is left out where there is no Pyodide, but never in the full check of a checkout.
    """
    found = pyodide()
    if isinstance(found, str):
        assert "OFFRL_TEST_PYODIDE" not in os.environ, found
        pytest.skip(f"{found} .ci/run always has it")
    command = ["node", str(ROOT / "tests" / "pyodide.mjs"), str(found), str(ROOT), str(script), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    return done.stdout
