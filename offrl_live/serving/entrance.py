"""The way into a socket of this server: for pages of allowed origins, as many as there is room for."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

from starlette.websockets import WebSocket

from offrl_live.serving.counted import CONNECTIONS, REFUSALS
from offrl_live.serving.environment import limits
from offrl_live.serving.origins import Origins
from offrl_live.serving.socket_limits import Visitor, Visitors

TRY_LATER = 1013
"""The code that one too many is closed with."""


class Entrance:
    """The way into one route.

    Args:
        route: what its connections are counted as.
        origins: the pages that may connect, by default those of the server's own address.
    """

    def __init__(self, route: str, origins: Origins | None = None) -> None:
        self._origins = origins or Origins()
        most = limits()
        self._visitors = Visitors(most.max_viewers, most.max_viewers_of_one)
        CONNECTIONS.labels(route).set_function(lambda: self._visitors.connections)

    @asynccontextmanager
    async def admitted(
        self, websocket: WebSocket, headers: Iterable[tuple[bytes, bytes]] = ()
    ) -> AsyncIterator[Visitor | None]:
        """Accept a connection, with these headers, and count it while it is served.

        Gives:
            Who it is; None where it was turned away, which the other side has been told.
        """
        if await self._origins.turned_away(websocket):
            REFUSALS.labels("connection: page of another origin").inc()
            yield None
            return
        await websocket.accept(headers=headers)
        visitor = self._visitors.enter(websocket)
        if visitor is None:
            REFUSALS.labels("connection: no room").inc()
            await websocket.close(TRY_LATER, "this server has no room for another viewer")
            yield None
            return
        try:
            yield visitor
        finally:
            self._visitors.leave(visitor)
