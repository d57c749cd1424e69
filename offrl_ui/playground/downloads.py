"""Take a run home: its metrics, the script that reproduces it, its recording, and a page that replays it offline."""

from __future__ import annotations

from functools import cache

import streamlit as st
from anyio import CapacityLimiter, to_thread
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from offrl_live.runs.export import SUFFIX
from offrl_live.runs.live_runs import UnknownRun
from offrl_live.serving.hub import get_hub
from offrl_live.serving.torch_model import torch_model_file
from offrl_ui.gallery.presets import presets
from offrl_ui.playground.files import FILES, Asked, Maker, of_one_model, offered, saved_as, which_model

MADE_AT_ONCE = 2
"""A file may take tens of megabytes while it is made, and a second: more of them wait."""


def routes() -> list[Route]:
    """`GET /take/{run_id}/{file}` for each of `files.FILES`, `GET /preset/{name}` for a stored recording."""
    return [
        Route("/take/{run_id}/{file}", _take, methods=["GET"]),
        Route("/preset/{name}", _preset, methods=["GET"]),
    ]


def preset_address(preset_id: str) -> str:
    """Where the stage finds a preset's recording, below the place where the app is served."""
    return f"preset/{preset_id}{SUFFIX}"


def offer(run_id: str, algorithm: str) -> None:
    """A menu with a link for each file of the run; `algorithm` is its first model's, which may not be there yet."""
    with st.popover("Take it home", icon=":material/download:", help="Files of this run, as it stands now"):
        members = get_hub().info(run_id)["members"]
        member = 0
        if len(members) > 1:
            member = st.selectbox(
                which_model({each["algorithm"] for each in members}),
                range(len(members)),
                format_func=lambda index: f"{members[index]['algorithm']} {members[index]['label']}".strip(),
            )
            algorithm = members[member]["algorithm"]
        for name in offered(algorithm):
            query = f"?member={member}" if member and of_one_model(name) else ""
            st.markdown(f"[{name}](take/{run_id}/{name}{query}) — {FILES[name].what}")
        st.caption("The link in the address bar reopens this configuration; pictures are saved from the stage itself.")


async def _take(request: Request) -> Response:
    name = request.path_params["file"]
    if name not in FILES:
        return PlainTextResponse(f"there is no such file; a run has {', '.join(FILES)}", status_code=404)
    try:
        asked = Asked(get_hub().export(request.path_params["run_id"]), request.query_params)
    except UnknownRun:
        return PlainTextResponse("there is no such run: it was dropped, or never existed", status_code=404)
    try:
        async with _made_at_once():
            data = await to_thread.run_sync(FILES[name].make or _torch_model(name), asked)
    except ValueError as error:
        return PlainTextResponse(str(error), status_code=400)
    headers = {
        "Content-Disposition": f'attachment; filename="{saved_as(name, asked.title)}"',
        "Cache-Control": "no-store",
        "X-Content-Type-Options": "nosniff",
    }
    return Response(data, media_type=FILES[name].media, headers=headers)


@cache
def _made_at_once() -> CapacityLimiter:
    """The places of those that are made; made in the server's loop, which they belong to."""
    return CapacityLimiter(MADE_AT_ONCE)


def _torch_model(name: str) -> Maker:
    format = name.partition(".")[2]
    return lambda asked: torch_model_file(asked.export, format, asked.whole("member"))


async def _preset(request: Request) -> Response:
    preset = presets().get(request.path_params["name"].removesuffix(SUFFIX))
    if preset is None:
        return PlainTextResponse("there is no such preset", status_code=404)
    headers = {"Cache-Control": "public, max-age=600", "X-Content-Type-Options": "nosniff"}
    return Response(preset.stored, media_type="application/gzip", headers=headers)
