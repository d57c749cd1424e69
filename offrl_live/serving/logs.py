"""The server's log: a line for each event, without what would tell who somebody is.

No address of a visitor and no code of a room is written. `OFFRL_LOG=json` makes each line a JSON object, for programs
that collect logs.
"""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime

from offrl_live.serving.environment import logs_as_json


class JsonLines(logging.Formatter):
    """A record as one line: `time` (UTC), `level`, `logger`, `message`, and `error`, the traceback if there is one."""

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        told = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            told["error"] = self.formatException(record.exc_info)
        return json.dumps(told)


def set_up() -> None:
    """Write the log as the operator wants it; to be called when the server has set up its own."""
    logging.getLogger("uvicorn.access").disabled = True  # its lines begin with the visitor's address
    logging.getLogger("uvicorn.error").addFilter(_names_nobody)
    root = logging.getLogger()
    if not root.handlers:
        handler = logging.StreamHandler()
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)-7s %(name)s: %(message)s"))
        root.addHandler(handler)
    if logs_as_json():
        # Streamlit gives each of its loggers a handler of its own.
        for logger in (root, *logging.Logger.manager.loggerDict.values()):
            for each in logger.handlers if isinstance(logger, logging.Logger) else ():
                each.setFormatter(JsonLines())


def _names_nobody(record: logging.LogRecord) -> bool:
    """Whether a line of the web server is without an address: those about connections that came and went are not."""
    return record.levelno >= logging.WARNING or not any(word in record.msg for word in ("WebSocket", "connection"))
