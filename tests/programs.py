"""What some tests need of the system, each the real thing, and how they are left out where it is not there."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Sequence
from typing import Any, NoReturn

import pytest


def leave_out(why: str) -> NoReturn:
    """Leave a test out for want of something; never in the full check of a checkout, which has everything."""
    assert "OFFRL_TEST_EVERYTHING" not in os.environ, why
    pytest.skip(f"{why.rstrip('.')}; .ci/run always has it")


def find_program(name: str) -> str:
    """Where a program of the system is; the test is left out where it is not."""
    found = shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    return found or leave_out(f"{name} is not installed, and what is tested needs the real one")


def start_program(command: Sequence[str], **options: Any) -> subprocess.Popen[bytes]:
    """Start a program that Linux ends with the thread that starts it, however that ends; see `subprocess.Popen`."""
    with_us = ["setpriv", "--pdeathsig", "TERM"] if shutil.which("setpriv") else []
    return subprocess.Popen([*with_us, *command], **options)
