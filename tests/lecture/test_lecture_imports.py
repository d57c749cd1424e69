"""The lecture runs where there is no server: none of its modules loads a web framework."""

from __future__ import annotations

import subprocess
import sys

EVERY_MODULE = """
import importlib, pkgutil, sys
import offrl_lecture
from offrl_lecture.registry import scenes

for module in pkgutil.walk_packages(offrl_lecture.__path__, "offrl_lecture."):
    importlib.import_module(module.name)
assert len(scenes()) > 10
print(*sorted({name.partition(".")[0] for name in sys.modules}))
"""


def test_the_lecture_loads_no_web_framework() -> None:
    loaded = subprocess.run([sys.executable, "-c", EVERY_MODULE], capture_output=True, text=True, check=True).stdout
    assert "offrl_lecture" in loaded.split()
    assert not {"streamlit", "starlette", "uvicorn", "websockets", "plotly", "offrl_ui", "offrl_live"} & set(
        loaded.split()
    )
