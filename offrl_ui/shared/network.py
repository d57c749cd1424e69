"""Where this server is reached, and how its connections behave."""

from __future__ import annotations

import os
import socket
import stat
from pathlib import Path

import streamlit as st
from starlette.routing import BaseRoute, Route, WebSocketRoute

from offrl_live.serving.origins import Origins

_OWN_FILES = (Path("/proc/self/fd"), Path("/dev/fd"))


def allowed_origins() -> Origins:
    """The pages that may connect, as Streamlit's `server.corsAllowedOrigins` and `server.enableCORS` say."""
    more = tuple(origin.strip().rstrip("/") for origin in st.get_option("server.corsAllowedOrigins"))
    return Origins(more, all=not st.get_option("server.enableCORS"))


def base_path() -> str:
    """Streamlit's `server.baseUrlPath` with a slash before it; empty where the app is at the root."""
    base = str(st.get_option("server.baseUrlPath")).strip("/")
    return f"/{base}" if base else ""


def below_base_path(*routes: Route | WebSocketRoute) -> list[BaseRoute]:
    """The routes below Streamlit's `server.baseUrlPath`, where its own are, too."""
    base = base_path()
    if not base:
        return list(routes)
    return [
        Route(f"{base}{route.path}", route.endpoint, methods=list(route.methods or ()))
        if isinstance(route, Route)
        else WebSocketRoute(f"{base}{route.path}", route.endpoint)
        for route in routes
    ]


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
