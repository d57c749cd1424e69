"""How connections of this server behave."""

from __future__ import annotations

import os
import socket
import stat
from pathlib import Path

_OWN_FILES = (Path("/proc/self/fd"), Path("/dev/fd"))


def send_without_delay() -> None:
    """Switch Nagle's algorithm off for every connection that this process will accept.

    asyncio does so only for sockets that were made with TCP's protocol number, and Streamlit's listening socket is not:
    the body of each answer would wait until the browser has acknowledged its head, which it delays by up to 40 ms.
    Connections inherit the setting from the socket that listens; where a system does not show a process its own files,
    nothing happens.
    """
    place = next((place for place in _OWN_FILES if place.is_dir()), None)
    for number in () if place is None else [int(name) for name in os.listdir(place)]:
        try:
            if not stat.S_ISSOCK(os.fstat(number).st_mode):
                continue
            with socket.socket(fileno=os.dup(number)) as found:
                if found.type == socket.SOCK_STREAM and found.family in (socket.AF_INET, socket.AF_INET6):
                    found.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except OSError:
            continue  # closed meanwhile
