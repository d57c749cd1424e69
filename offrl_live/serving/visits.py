"""The cookie that names a browser for as long as it is open: its runs are found again, and it predicts once."""

from __future__ import annotations

import re
import secrets

from starlette.websockets import WebSocket

VISIT = "offrl_visit"
_NAME = re.compile(r"[A-Za-z0-9_-]{16,64}")


def visit_of(websocket: WebSocket) -> tuple[str, tuple[bytes, bytes]]:
    """The name of the browser that connects, a new one where it has none, and the header that makes it keep it."""
    visit = websocket.cookies.get(VISIT, "")
    if not _NAME.fullmatch(visit):
        visit = secrets.token_urlsafe(16)
    cookie = f"{VISIT}={visit}; Path=/; HttpOnly; SameSite=Lax"
    return visit, (b"set-cookie", cookie.encode())
