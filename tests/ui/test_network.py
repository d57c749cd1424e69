"""Connections of the server."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from offrl_ui.shared.network import send_without_delay


@pytest.mark.skipif(
    not any(Path(place).is_dir() for place in ("/proc/self/fd", "/dev/fd")),
    reason="this system does not show a process its own files",
)
def test_accepted_connections_send_at_once() -> None:
    with socket.socket(socket.AF_INET) as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        send_without_delay()
        with socket.create_connection(listening.getsockname()), listening.accept()[0] as accepted:
            assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        # What is no listening socket of TCP is left alone.
        with socket.socket(socket.AF_UNIX) as other:
            send_without_delay()
            assert other.fileno() >= 0
