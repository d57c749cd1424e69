"""A real Redis, on a free port."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

import pytest

from tests.programs import find_program, start_program
from tests.serving import free_port

redis = pytest.importorskip("redis", reason='Python\'s package for Redis is not here: pip install -e ".[redis]"')


class Redis:
    """A running redis-server that keeps nothing."""

    def __init__(self, folder: Path) -> None:
        program = find_program("redis-server")
        self.port = free_port()
        self._command = [program, "--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--dir", str(folder)]
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self.start()

    def start(self) -> None:
        self._process = start_program(self._command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        client, deadline = redis.Redis.from_url(self.url), time.monotonic() + 20
        while True:
            try:
                client.ping()
                break
            except redis.RedisError:
                assert time.monotonic() < deadline, "Redis did not start"
                time.sleep(0.02)
        client.close()

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(10)
