"""What whoever runs the server may ask it: `/healthz`, `/metrics` and the page `/operator`.

`/healthz` answers everybody. The other two need the operator's token (`OFFRL_OPERATOR_TOKEN`) and are not there without
one: `/metrics` takes it as `Authorization: Bearer …`, the page asks for it in a form, so that it never stands in an
address.
"""

from __future__ import annotations

import asyncio
import hmac
import secrets
import time
from collections.abc import Callable
from html import escape
from urllib.parse import parse_qs

from prometheus_client import CONTENT_TYPE_LATEST
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from offrl_core.html_table import columns_table, facts_table
from offrl_live.serving.environment import described, operator_token
from offrl_live.serving.figures import exposition, samples
from offrl_live.serving.hub import Hub, get_hub

STANDS_STILL = 10.0
"""Seconds without a tick of the hub's clock after which the server is not well."""

VISIT_SECONDS = 12 * 3600.0
COOKIE = "offrl_operator"
LONGEST_FORM = 1000
WRONG_SECONDS = 1.0
_HEADERS = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer"}
_PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
{refresh}<title>Offline RL Explorer: operator</title>
<style>
:root {{ color-scheme: light dark; }}
body {{ margin: 0 auto; padding: 16px; max-width: 60rem; font: 15px/1.5 system-ui, sans-serif;
  background: light-dark(#ffffff, #0f1318); color: light-dark(#1b1f24, #e6e9ee); }}
h1 {{ font-size: 1.2rem; }}
main {{ display: flex; flex-wrap: wrap; gap: 0 2.5rem; align-items: flex-start; }}
.scroll {{ overflow-x: auto; max-width: 100%; }}
table {{ border-collapse: collapse; margin: 0 0 1.5rem; font-variant-numeric: tabular-nums; }}
caption {{ padding: 0.4rem 0; }}
th, td {{ padding: 0.15rem 1rem 0.15rem 0; border-bottom: 1px solid light-dark(#dde1e6, #2c333c); text-align: left; }}
th {{ font-weight: 500; }}
input, button {{ font: inherit; padding: 0.3rem 0.6rem; }}
</style>
<h1>{title}</h1>
{body}
</html>
"""


class Operator:
    """The three routes of one server.

    Args:
        hub: gives the hub; this process's by default.
        token: the operator's; None for that of the environment.
        now: seconds of a clock.
    """

    def __init__(
        self,
        hub: Callable[[], Hub] = get_hub,
        token: str | None = None,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._hub = hub
        self._token = operator_token() if token is None else token
        self._now = now
        self._since = now()
        self._visits: dict[str, float] = {}

    def routes(self) -> list[Route]:
        """`/healthz` for everybody; where there is a token, `/metrics` and `/operator` as well."""
        found = [Route("/healthz", self._health, methods=["GET"])]
        if self._token:
            found += [
                Route("/metrics", self._metrics, methods=["GET"]),
                Route("/operator", self._page, methods=["GET", "POST"]),
            ]
        return found

    async def _health(self, _request: Request) -> Response:
        """Without a lock and without a thread: a server that is busy is well, one whose clock stands still is not."""
        still = self._hub().seconds_since_tick
        well = still < STANDS_STILL
        said = "ok" if well else f"the clock of the runs has stood still for {still:.0f} s"
        return JSONResponse({"status": said}, status_code=200 if well else 503, headers=_HEADERS)

    async def _metrics(self, request: Request) -> Response:
        scheme, _, given = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not self._is_token(given.strip()):
            headers = {**_HEADERS, "WWW-Authenticate": "Bearer"}
            return PlainTextResponse("the operator's token is needed: Authorization: Bearer …", 401, headers)
        text = await run_in_threadpool(exposition, self._hub())
        return Response(text, headers={**_HEADERS, "Content-Type": CONTENT_TYPE_LATEST})

    async def _page(self, request: Request) -> Response:
        if request.method == "POST":
            return await self._enter(request)
        visit = request.cookies.get(COOKIE, "")
        if self._visits.get(visit, -1.0) < self._now():
            return _form("")
        return HTMLResponse(await run_in_threadpool(self._shown), headers=_HEADERS)

    async def _enter(self, request: Request) -> Response:
        body = b""
        async for part in request.stream():
            body += part
            if len(body) > LONGEST_FORM:
                return _form("That is too long.", 413)
        given = parse_qs(body.decode("ascii", "replace")).get("token", [""])[0]
        if not self._is_token(given):
            await asyncio.sleep(WRONG_SECONDS)  # a token is long; this keeps a guesser from costing much
            return _form("That is not the operator's token.", 403)
        now = self._now()
        self._visits = {visit: until for visit, until in self._visits.items() if until > now}
        visit = secrets.token_urlsafe(24)
        self._visits[visit] = now + VISIT_SECONDS
        # The address below which a proxy shows this page is the browser's to know: it asks again for the page itself.
        answer = Response(status_code=303, headers={**_HEADERS, "Location": "operator"})
        secure = request.url.scheme == "https"
        answer.headers["Set-Cookie"] = f"{COOKIE}={visit}; HttpOnly; SameSite=Strict{'; Secure' if secure else ''}"
        return answer

    def _is_token(self, given: str) -> bool:
        return hmac.compare_digest(given.encode(), self._token.encode())

    def _shown(self) -> str:
        """The page: figures, runs, refusals and settings."""
        hub = self._hub()
        figures = samples(hub)
        value = {(name, *labels.values()): number for name, labels, number in figures}
        with hub.lock:
            infos = [hub.info(run_id) for run_id in hub.runs]
        hours, minutes = divmod(int(self._now() - self._since) // 60, 60)
        delays = value[("offrl_frame_delay_seconds_count",)]
        soon = value[("offrl_frame_delay_seconds_bucket", "0.3")]
        now = [
            ("running for", f"{hours} h {minutes:02d} min"),
            ("viewers", f"{value[('offrl_viewers',)]:.0f}"),
            ("queue", f"{value[('offrl_queue',)]:.0f}"),
            ("workers", f"{value[('offrl_workers',)]:.0f}"),
            ("workers that ended unasked", f"{value[('offrl_ended_workers_total',)]:.0f}"),
            ("updates a second", f"{value[('offrl_updates_per_second',)]:,.0f}"),
            ("frames drawn within 0.3 s", f"{soon / delays:.1%} of {delays:,.0f}" if delays else "none yet"),
            *((f"memory of {of}", f"{n / 1e6:,.0f} MB") for of, n in _labelled(figures, "offrl_memory_bytes", "of")),
            *((f"connections, {route}", f"{n:.0f}") for route, n in _labelled(figures, "offrl_connections", "route")),
        ]
        states = [(state, f"{number:.0f}") for state, number in _labelled(figures, "offrl_runs", "state")]
        refused = [(what, f"{number:.0f}") for what, number in _labelled(figures, "offrl_refusals_total", "what")]
        rows = [
            (
                *(info["title"] or "untitled", info["state"], f"{info['step']:,}", f"{info['rate']:,.0f}"),
                *(str(info["viewers"]), f"{info['nbytes'] / 1e6:,.1f}", str(info["pid"] or "")),
            )
            for info in sorted(infos, key=lambda info: (-info["viewers"], info["title"]))[:50]
        ]
        names = ("run", "state", "step", "updates a second", "viewers", "MB", "process")
        tables = [
            facts_table("Now", now),
            facts_table("Runs", states),
            facts_table("Refused since the start", refused or [("nothing", "0")]),
            facts_table("Settings in force", described()),
            columns_table("Runs that are watched most", names, rows),
        ]
        body = "".join(f'<div class="scroll">{table}</div>' for table in tables)
        refresh = '<meta http-equiv="refresh" content="5">\n'
        return _PAGE.format(refresh=refresh, title="The server now", body=f"<main>{body}</main>")


def _form(why: str, status: int = 200) -> Response:
    body = (
        f'<p role="alert">{escape(why)}</p>'
        '<form method="post" action="operator"><label>Token <input type="password" name="token" required autofocus '
        'autocomplete="current-password"></label> <button>Show</button></form>'
    )
    return HTMLResponse(_PAGE.format(refresh="", title="For the operator", body=body), status, headers=_HEADERS)


def _labelled(figures: list[tuple[str, dict[str, str], float]], name: str, label: str) -> list[tuple[str, float]]:
    return [(labels[label], number) for found, labels, number in figures if found == name]
