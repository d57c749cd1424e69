"""The app on a real server, started as the README says."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

# As `python -m`, but the server ends with its input, and so with the process that holds the other end: a test run that
# is killed leaves no server behind.
LAUNCH = """
import os, runpy, sys, threading
def end_with_input():
    while os.read(0, 1):
        pass
    os._exit(1)
threading.Thread(target=end_with_input, daemon=True).start()
module = sys.argv.pop(1)
runpy.run_module(module, run_name="__main__", alter_sys=True)
"""


@dataclass
class Server:
    """A running app: where it is, its process, and the file that its output goes to."""

    url: str
    process: subprocess.Popen[bytes]
    log: Path

    @property
    def websocket(self) -> str:
        """The address with the WebSocket scheme."""
        return self.url.replace("http://", "ws://")

    def output(self) -> str:
        """Everything the server has printed so far."""
        return self.log.read_text(errors="replace")


def free_port() -> int:
    """A TCP port of 127.0.0.1 that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def start_server(
    log: Path, *arguments: str, base: str = "", environment: dict[str, str] | None = None, port: int | None = None
) -> Server:
    """Start the app with the README's command on a free port and wait until it answers.

    Args:
        log: where its output goes.
        arguments: more of the command.
        base: the path below which it serves, such as `/rl`.
        environment: variables beside those of this process.
        port: where it listens; a free one by default.

    Raises:
        RuntimeError: it ended or did not answer within 60 s; the message holds its output.
    """
    command = re.search(r"streamlit run app\.py", (ROOT / "README.md").read_text())
    if command is None:
        raise RuntimeError("README.md no longer tells how to start the app")
    port = port or free_port()
    with log.open("wb") as output:
        process = subprocess.Popen(
            [
                *(sys.executable, "-c", LAUNCH, *command[0].split(), "--server.headless=true"),
                *(f"--server.port={port}", "--server.address=127.0.0.1", f"--server.baseUrlPath={base}", *arguments),
            ],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**os.environ, **(environment or {})},
            start_new_session=True,
        )
    server = Server(f"http://127.0.0.1:{port}{base}", process, log)
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urllib.request.urlopen(f"{server.url}/_stcore/health", timeout=1) as answer:
                if answer.status == 200:
                    return server
        except OSError:
            time.sleep(0.1)
    stop_server(server)
    raise RuntimeError(f"the app did not start:\n{server.output()}")


def stop_server(server: Server) -> None:
    """Ask the server to end as Ctrl-C does; take it down if it has not ended within 15 s."""
    if server.process.poll() is None:
        server.process.send_signal(signal.SIGINT)
        try:
            server.process.wait(15)
        except subprocess.TimeoutExpired:
            os.killpg(server.process.pid, signal.SIGKILL)
            server.process.wait(5)
