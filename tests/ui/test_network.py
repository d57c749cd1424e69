"""Connections of the server."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from offrl_ui.shared.network import send_without_delay
from tests.serving import Server


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


def test_a_huge_message_is_refused_before_it_is_read(server: Server) -> None:
    heard = []

    def send() -> None:
        with connect(f"{server.websocket}/scene") as connection:
            connection.send("x" * 17_000_000)
            while True:
                heard.append(connection.recv(timeout=10))

    with pytest.raises(ConnectionClosed):
        send()
    assert [text for text in heard if "refused" in str(text)] == [], "whoever can say why has read all of it"
