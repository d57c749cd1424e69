"""A test run that is killed leaves no server, worker or browser behind."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.processes import descendants, left_behind
from tests.serving import ROOT

NGINX = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
INNER = """
import os
import time
from dataclasses import dataclass, field
from pathlib import Path

from tests.nginx import Nginx

def test_that_never_ends(server, page, tmp_path):
    if "NGINX" in os.environ:
        Nginx(tmp_path, {"": "location / { return 204; }"})
    Path(__file__).with_name("begun").touch()
    time.sleep(300)
"""


@dataclass
class Run:
    """A test run of `INNER` in a folder of its own, in so many processes below it (0: in itself)."""

    folder: Path
    processes: int
    process: subprocess.Popen[bytes] = field(init=False)

    def __post_init__(self) -> None:
        self.folder.mkdir()
        inner = self.folder / "test_inner.py"
        inner.write_text(INNER)
        command = [sys.executable, "-m", "pytest", str(inner), "-p", "tests.conftest", f"-n{self.processes}"]
        own = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
        environment = {**own, "PYTHONPATH": str(ROOT), **({"NGINX": "1"} if NGINX else {})}
        with (self.folder / "output").open("wb") as output:
            self.process = subprocess.Popen(command, cwd=ROOT, stdout=output, stderr=output, env=environment)

    def started(self) -> list[int]:
        """Every process below it, when its test has begun."""
        deadline = time.monotonic() + 120
        while not (self.folder / "begun").exists():
            assert self.process.poll() is None, (self.folder / "output").read_text()
            assert time.monotonic() < deadline, (self.folder / "output").read_text()
            time.sleep(0.05)
        found = descendants(self.process.pid)
        commands = [Path(f"/proc/{pid}/cmdline").read_bytes() for pid in found]
        for what in (b"app.py", b"offrl_live.serving.worker_process", b"chrom", *([b"nginx"] if NGINX else [])):
            assert any(what in command for command in commands), what
        return found


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="looks at Linux's list of processes")
@pytest.mark.parametrize("processes", [0, 1], ids=["alone", "under xdist"])
def test_a_killed_test_run_leaves_nothing_behind(tmp_path: Path, processes: int) -> None:
    """Two at a time, one terminated and one killed: a process of pytest-xdist takes 15 s to see that it is alone."""
    runs: list[Run] = []
    try:
        for end in (signal.SIGTERM, signal.SIGKILL):
            runs.append(Run(tmp_path / end.name, processes))
        started = [run.started() for run in runs]
        for run, end in zip(runs, (signal.SIGTERM, signal.SIGKILL), strict=True):
            run.process.send_signal(end)
        for run, children in zip(runs, started, strict=True):
            run.process.wait(20)
            assert left_behind(children, 20) == []
    finally:
        for run in runs:
            run.process.kill()
            run.process.wait(20)
