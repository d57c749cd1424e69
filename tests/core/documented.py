"""What the pages that show how to add something say, run as they say it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]


class Page:
    """A page with a file, the line that registers it, and a notebook.

    Args:
        name: of the page in `docs`.
        file: where it puts its file.
        list: the file that its line joins.
    """

    def __init__(self, name: str, file: str, list: str) -> None:
        text = (ROOT / "docs" / name).read_text(encoding="utf-8")
        self.code, self.notebook = re.findall(r"```python\n(.*?)```", text, re.S)
        (self.line,) = re.findall(r"```diff\n(.*?)```", text, re.S)
        self.file, self.list = file, list
        assert f"`{file}`" in text
        assert f"`{list}`" in text

    def module(self, folder: Path) -> Any:
        """The file as a module, imported from a folder."""
        place = folder / Path(self.file).name
        place.write_text(self.code, encoding="utf-8")
        spec = spec_from_file_location(place.stem, place)
        assert spec is not None
        assert spec.loader is not None
        module = sys.modules[place.stem] = module_from_spec(spec)
        spec.loader.exec_module(module)
        return module

    def installed(self, folder: Path) -> Path:
        """A copy of the core with the file and the line."""
        shutil.copytree(ROOT / "offrl_core", folder / "offrl_core", ignore=shutil.ignore_patterns("__pycache__"))
        (folder / self.file).write_text(self.code, encoding="utf-8")
        place = folder / self.list
        listed = place.read_text(encoding="utf-8")
        for gone, added in re.findall(r"((?:^-.*\n)+)((?:^\+.*\n)+)", self.line, re.M):
            before, after = (re.sub(r"^[-+]", "", lines, flags=re.M) for lines in (gone, added))
            assert listed.count(before) == 1, before
            listed = listed.replace(before, after)
        place.write_text(listed, encoding="utf-8")
        return folder

    def printed_by_the_notebook(self, folder: Path) -> str:
        """What the notebook prints where it finds the file."""
        (folder / Path(self.file).name).write_text(self.code, encoding="utf-8")
        return run(self.notebook, folder, ROOT)


def run(code: str, *folders: Path) -> str:
    """What code prints in a fresh interpreter that imports from these folders."""
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(map(str, folders))},
        cwd=folders[0],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
