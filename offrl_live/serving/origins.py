"""Which pages may open a connection: by default those that come from the very address they ask."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network
from urllib.parse import urlsplit

from starlette.websockets import WebSocket

log = logging.getLogger(__name__)

FOREIGN = 4403
"""The code that a page from elsewhere is turned away with; the reason says what was compared."""

_PORTS = {"http": 80, "https": 443}
_SHOWN = 38

Address = tuple[str, int]


def trusted_proxies() -> str:
    """`FORWARDED_ALLOW_IPS`: the addresses and networks of proxies whose `X-Forwarded-…` headers are believed.

    It is the setting of uvicorn, which takes the visitor's address from them; by default 127.0.0.1, `*` for all.
    """
    return os.environ.get("FORWARDED_ALLOW_IPS", "127.0.0.1")


@dataclass(frozen=True)
class Origins:
    """The origins that are taken.

    Attributes:
        more: origins beside the server's own address, such as `https://rl.example.edu`.
        all: take every origin.
        proxies: as `trusted_proxies`.
    """

    more: Iterable[str] = ()
    all: bool = False
    proxies: str = field(default_factory=trusted_proxies)

    def refusal(self, websocket: WebSocket) -> str | None:
        """Why a page may not connect; None where it may. A client without `Origin` is no browser's page.

        What the page's origin is compared with is the host that the page was asked under: `X-Forwarded-Host` where a
        trusted proxy sends it (with `X-Forwarded-Port`, where that has no port of its own), else `Host`.
        """
        origin = websocket.headers.get("origin")
        if origin is None or self.all:
            return None
        asked = self._asked(websocket)
        scheme, _, netloc = origin.partition("://")
        page = _address(netloc, _PORTS.get(scheme))
        if page is not None and page == _address(asked, _PORTS.get(scheme)):
            return None
        if origin in self.more or (page is not None and netloc in self.more):
            return None
        return f"its origin is {_short(origin)}, but the server was asked as {_short(asked)}"

    def _asked(self, websocket: WebSocket) -> str:
        headers = websocket.headers
        forwarded = headers.get("x-forwarded-host", "").partition(",")[0].strip()
        host = headers.get("host", "")
        if not forwarded or not self._from_proxy(websocket):
            return host
        port = headers.get("x-forwarded-port", "").partition(",")[0].strip()
        return f"{forwarded}:{port}" if port.isdecimal() and _address(forwarded, None) is None else forwarded

    def _from_proxy(self, websocket: WebSocket) -> bool:
        """Whether the connection comes from a trusted proxy."""
        client = websocket.client
        if client is None or self.proxies == "*":
            return self.proxies == "*"
        # Uvicorn has put the visitor's address in the place of a trusted proxy's, with a port that no connection has.
        return client.port == 0 or any(_within(client.host, place.strip()) for place in self.proxies.split(","))

    async def turned_away(self, websocket: WebSocket) -> bool:
        """Close the connection of a page from elsewhere with the reason, and tell the log what would allow it."""
        why = self.refusal(websocket)
        if why is None:
            return False
        log.warning(
            "refused a connection to %s: %s. If this page is yours, let the proxy send X-Forwarded-Host (which is "
            "believed from FORWARDED_ALLOW_IPS = %s), or name the origin in server.corsAllowedOrigins",
            websocket.url.path.rpartition("/")[0] or websocket.url.path,
            why,
            self.proxies,
        )
        # A browser shows its page nothing of a refused handshake: only a connection that stood has a reason.
        await websocket.accept()
        await websocket.close(FOREIGN, why)
        return True


def _address(netloc: str, port: int | None) -> Address | None:
    """Host and port, `port` where none is given; None where it is no address."""
    try:
        parts = urlsplit(f"//{netloc}")
        found = parts.port or port
    except ValueError:
        return None
    plain = parts.netloc == netloc and "@" not in netloc
    return (parts.hostname, found) if plain and parts.hostname and found else None


def _within(host: str, place: str) -> bool:
    try:
        return ip_address(host) in ip_network(place, strict=False)
    except ValueError:
        return host == place


def _short(text: str) -> str:
    """Within what the reason of a close may have: 123 bytes."""
    plain = text.encode("ascii", "replace").decode()
    return plain if len(plain) <= _SHOWN else plain[: _SHOWN - 3] + "..."
