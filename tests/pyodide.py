"""Python as it is in a tab: Pyodide, under Node."""

from __future__ import annotations

import subprocess
from functools import cache
from pathlib import Path

from offrl_web import supply
from tests.programs import leave_out

ROOT = Path(__file__).resolve().parent.parent


@cache
def _found() -> supply.Supply | str:
    """Pyodide, or why it cannot be had: it is looked for once."""
    try:
        return supply.find()
    except supply.SupplyError as error:
        return str(error)


def pyodide() -> supply.Supply:
    """Pyodide; the test is left out where there is none."""
    found = _found()
    if isinstance(found, str):
        leave_out(found)
    return found


def run_in_pyodide(script: Path, *arguments: str) -> str:
    """What a script printed; `given` are the arguments, those with a slash before them folders of this machine."""
    folder = pyodide().folder
    command = ["node", str(ROOT / "tests" / "pyodide.mjs"), str(folder), str(ROOT), str(script), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    return done.stdout
