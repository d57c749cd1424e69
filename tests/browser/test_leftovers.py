"""A test run that is killed leaves no server, worker or browser behind."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.processes import descendants, left_behind
from tests.serving import ROOT

NGINX = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
INNER = """
import os
import time
from pathlib import Path

from tests.nginx import Nginx

def test_that_never_ends(server, page, tmp_path):
    if "NGINX" in os.environ:
        Nginx(tmp_path, {"": "location / { return 204; }"})
    Path(__file__).with_name("begun").touch()
    time.sleep(300)
"""


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="looks at Linux's list of processes")
@pytest.mark.parametrize("processes", [0, 1], ids=["alone", "under xdist"])
@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGKILL], ids=["terminated", "killed"])
def test_a_killed_test_run_leaves_nothing_behind(tmp_path: Path, end: signal.Signals, processes: int) -> None:
    inner = tmp_path / "test_inner.py"
    inner.write_text(INNER)
    command = [sys.executable, "-m", "pytest", str(inner), "-p", "tests.conftest", f"-n{processes}"]
    own = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    environment = {**own, "PYTHONPATH": str(ROOT), **({"NGINX": "1"} if NGINX else {})}
    with (tmp_path / "output").open("wb") as output:
        run = subprocess.Popen(command, cwd=ROOT, stdout=output, stderr=output, env=environment)
    try:
        deadline = time.monotonic() + 120
        while not (tmp_path / "begun").exists():
            assert run.poll() is None, (tmp_path / "output").read_text()
            assert time.monotonic() < deadline, (tmp_path / "output").read_text()
            time.sleep(0.05)
        started = descendants(run.pid)
        commands = [Path(f"/proc/{pid}/cmdline").read_bytes() for pid in started]
        for what in (b"app.py", b"offrl_live.serving.worker_process", b"chrom", *([b"nginx"] if NGINX else [])):
            assert any(what in command for command in commands), what
        run.send_signal(end)
        run.wait(20)
        assert left_behind(started, 20) == []
    finally:
        run.kill()
        run.wait(20)
