"""The live route: one WebSocket per viewer, `/live/{run_id}`, for pages of allowed origins only."""

from __future__ import annotations

import asyncio
import logging

from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from offrl_live.runs.commands import MAX_TEXT, CommandError, parse
from offrl_live.runs.live_runs import NoRoom, UnknownRun
from offrl_live.runs.run import Viewer
from offrl_live.runs.wire import dumps
from offrl_live.serving.counted import FRAME_DELAY, REFUSALS
from offrl_live.serving.entrance import TRY_LATER, Entrance
from offrl_live.serving.hub import Hub, get_hub
from offrl_live.serving.origins import Origins
from offrl_live.serving.socket_limits import MessageLimit, Visitor
from offrl_live.serving.visits import visit_of

log = logging.getLogger(__name__)

UNKNOWN_RUN, TOO_MANY_REFUSED, TOO_LARGE = 4404, 4429, 1009

RATE = 30.0
BURST = 60.0
# Frames come at most twelve a second, and each is acknowledged once.
ACKNOWLEDGED_RATE = 40.0
MOST_REFUSED = 100


def live_route(hub: Hub | None = None, origins: Origins | None = None) -> WebSocketRoute:
    """The route, to be put beside the app's own.

    Args:
        hub: this process's hub by default.
        origins: the pages that may connect, by default those of the server's own address.
    """
    entrance = Entrance("runs", origins)

    async def endpoint(websocket: WebSocket) -> None:
        visit, cookie = visit_of(websocket)  # a page that is loaded again is to find the runs that are its own
        async with entrance.admitted(websocket, [cookie]) as visitor:
            if visitor is not None:
                await _serve(websocket, hub or get_hub(), visitor, visit)

    return WebSocketRoute("/live/{run_id}", endpoint)


async def _serve(websocket: WebSocket, hub: Hub, visitor: Visitor, visit: str) -> None:
    run_id = websocket.path_params["run_id"]
    loop, awake = asyncio.get_running_loop(), asyncio.Event()
    pending = False

    def wake() -> None:
        nonlocal pending
        pending = False
        awake.set()

    def notify() -> None:
        # Called from other threads, up to once per frame and viewer: the loop is woken once for many calls.
        nonlocal pending
        if not pending:
            pending = True
            try:
                loop.call_soon_threadsafe(wake)
            except RuntimeError:
                log.debug("a viewer was notified after the loop had closed")

    try:
        # Off the loop: a run that was forgotten is made anew, and the lock may be waited for.
        viewer = await asyncio.to_thread(
            hub.join, run_id, notify, after=_after(websocket), new_runs=visitor.new_runs, owner=visit
        )
    except UnknownRun as error:
        REFUSALS.labels("run that is not known").inc()
        await websocket.close(UNKNOWN_RUN, str(error))
        return
    except NoRoom as error:
        REFUSALS.labels("run: no room").inc()
        await websocket.close(TRY_LATER, str(error))
        return
    notify()
    sides = {
        asyncio.create_task(_send(websocket, hub, viewer, awake)),
        asyncio.create_task(_receive(websocket, hub, viewer)),
    }
    try:
        await asyncio.wait(sides, return_when=asyncio.FIRST_COMPLETED)
    finally:
        hub.leave(viewer)
        for side in sides:
            side.cancel()
        for ended in await asyncio.gather(*sides, return_exceptions=True):
            if isinstance(ended, WebSocketDisconnect | RuntimeError | asyncio.CancelledError):
                log.debug("a viewer left")  # RuntimeError is what sending after the close raises
            elif isinstance(ended, BaseException):
                log.error("a viewer's connection broke", exc_info=ended)


def _after(websocket: WebSocket) -> int:
    text = websocket.query_params.get("after", "")
    return int(text) if text.isdecimal() and len(text) < 16 else -1


async def _send(websocket: WebSocket, hub: Hub, viewer: Viewer, awake: asyncio.Event) -> None:
    """Whatever there is, newest frames only, at the connection's own pace."""
    while True:
        await awake.wait()
        awake.clear()
        for message in hub.messages(viewer):
            if isinstance(message, str):
                await websocket.send_text(message)
            else:
                await websocket.send_bytes(message)


async def _receive(websocket: WebSocket, hub: Hub, viewer: Viewer) -> None:
    """Take commands until the connection ends, or until too many had to be refused."""
    limit, acknowledged, refused = MessageLimit(RATE, BURST), MessageLimit(ACKNOWLEDGED_RATE, BURST), 0
    while True:
        message = await websocket.receive()
        if message["type"] == "websocket.disconnect":
            return
        text = message.get("text")
        try:
            if text is None:
                raise CommandError("a message must be text")
            request = parse(text)
            if not (acknowledged if request.cmd == "ack" else limit).take():
                raise CommandError(f"too many messages: at most {RATE:.0f} a second are taken", request.id)
        except CommandError as error:
            refused += 1
            REFUSALS.labels("message to a run").inc()
            log.warning("run %s…: refused a message: %s", viewer.run.id[:6], error)
            await websocket.send_text(dumps({"type": "refused", "id": error.id, "message": str(error)}))
            if len(text or "") > MAX_TEXT:
                await websocket.close(TOO_LARGE, f"a message may have at most {MAX_TEXT} characters")
                return
            if refused > MOST_REFUSED:
                await websocket.close(TOO_MANY_REFUSED, "too many messages had to be refused")
                return
            continue
        if request.cmd == "ack":
            hub.command(viewer, request)
            if viewer.delay is not None:
                FRAME_DELAY.observe(viewer.delay)
        else:
            # Off the loop: the lock may be waited for.
            await asyncio.to_thread(hub.command, viewer, request)
