"""A real Caddy in front of servers, on a free port and without root."""

from __future__ import annotations

import os
import ssl
import time
import urllib.request
from pathlib import Path

from tests.nginx import unverified
from tests.programs import find_program, start_program
from tests.serving import free_port

# It is to touch nothing of this machine: neither port 80 nor the certificates that its programs trust.
_APART = "{\n\tskip_install_trust\n\tauto_https disable_redirects\n\tadmin off\n}\n"


class Caddy:
    """A running Caddy that has signed its certificate itself.

    Args:
        folder: for its files.
        configuration: of one site, `{$SITE:…}`.
        environment: what else stands in braces there.
    """

    def __init__(self, folder: Path, configuration: str, **environment: str) -> None:
        caddy, log = find_program("caddy"), folder / "log"
        self.url = f"https://localhost:{free_port()}"
        (folder / "Caddyfile").write_text(_APART + configuration)
        places = {name: str(folder) for name in ("XDG_DATA_HOME", "XDG_CONFIG_HOME", "HOME")}
        command = [caddy, "run", "--config", str(folder / "Caddyfile"), "--adapter", "caddyfile"]
        with log.open("wb") as output:
            self._process = start_program(
                command, env={**os.environ, **places, "SITE": self.url, **environment}, stdout=output, stderr=output
            )
        deadline = time.monotonic() + 30
        while True:
            try:
                get(f"{self.url}/healthz")
                return
            except (OSError, ssl.SSLError):
                assert self._process.poll() is None, log.read_text()
                assert time.monotonic() < deadline, log.read_text()
                time.sleep(0.1)

    def close(self) -> None:
        """End it."""
        self._process.terminate()
        self._process.wait(10)


def get(address: str, **headers: str) -> bytes:
    """What is there."""
    request = urllib.request.Request(address, headers=headers)
    with urllib.request.urlopen(request, timeout=20, context=unverified()) as answer:
        return bytes(answer.read())
