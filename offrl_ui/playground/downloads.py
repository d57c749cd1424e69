"""Take a run home: its metrics, the script that reproduces it, its recording, and a page that replays it offline."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Collection, Mapping

import pandas as pd
import streamlit as st
from anyio import to_thread
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

import offrl_core as orl
from offrl_core.standalone.loss_text import is_restated
from offrl_live.runs.export import RunExport
from offrl_live.runs.live_runs import UnknownRun
from offrl_live.runs.script import script
from offrl_live.serving.hub import get_hub
from offrl_live.serving.torch_model import torch_model_file
from offrl_ui.gallery.presets import SUFFIX, presets
from offrl_ui.playground.replay_file import replay_html

Maker = Callable[[RunExport, Mapping[str, str]], bytes]


def _frame(export: RunExport) -> pd.DataFrame:
    return pd.DataFrame(export.columns())


def _csv(export: RunExport, query: Mapping[str, str]) -> bytes:
    return _frame(export).to_csv(index=False).encode()


def _parquet(export: RunExport, query: Mapping[str, str]) -> bytes:
    file = io.BytesIO()
    _frame(export).to_parquet(file, index=False)
    return file.getvalue()


def _script(export: RunExport, query: Mapping[str, str]) -> bytes:
    return script(export.config, _step(export, query), (export.hello or {}).get("opened")).encode()


def _torch_script(export: RunExport, query: Mapping[str, str]) -> bytes:
    return export.torch_script(_whole(query, "member", 0), _step(export, query))


def _step(export: RunExport, query: Mapping[str, str]) -> int:
    """How many updates a script makes: those that the run has made, or fewer where they are asked for."""
    last = export.frames[-1].step if export.frames else 0
    return min(_whole(query, "step", last), last)


def _recording(export: RunExport, query: Mapping[str, str]) -> bytes:
    return export.recording()


def _policies(format: str) -> Maker:
    return lambda export, query: export.policies(format)


def _torch_model(format: str) -> Maker:
    return lambda export, query: torch_model_file(export, format, _whole(query, "member", 0))


def _replay(export: RunExport, query: Mapping[str, str]) -> bytes:
    return _page(export, query, charts=True)


def _light_replay(export: RunExport, query: Mapping[str, str]) -> bytes:
    return _page(export, query, charts=False)


def _page(export: RunExport, query: Mapping[str, str], *, charts: bool) -> bytes:
    title = (export.hello or {}).get("run", {}).get("title") or "Offline RL run"
    view = {name: _whole(query, name, 0) for name in ("member", "state") if name in query}
    return replay_html(export.recording(), str(title), charts=charts, mode=query.get("mode"), **view)


PYTORCH = "pytorch.zip"
BINARY = "application/octet-stream"

FILES: dict[str, tuple[str, str, Maker]] = {
    "metrics.csv": ("Metrics as CSV, one row per snapshot and model", "text/csv", _csv),
    "metrics.parquet": ("Metrics as Parquet", "application/vnd.apache.parquet", _parquet),
    "policies.csv": (
        "What is learned, as CSV by label: policy, Q and V in every state, of vectors at every row of the log",
        "text/csv",
        _policies("csv"),
    ),
    "policies.parquet": ("What is learned, as Parquet", "application/vnd.apache.parquet", _policies("parquet")),
    "policies.npz": (
        "What is learned, for Python: `orl.load_policy(path)`, labels in and labels out",
        BINARY,
        _policies("npz"),
    ),
    PYTORCH: (
        "One model's training as a single script in PyTorch, and its data: readable, needs numpy and torch only",
        "application/zip",
        _torch_script,
    ),
    "model.pt2": ("One model for PyTorch: `torch.export.load(path).module()`", BINARY, _torch_model("pt2")),
    "model.onnx": ("The same for ONNX Runtime: `states` in, policy, Q and V out", BINARY, _torch_model("onnx")),
    "reproduce.py": ("Python script that computes the same numbers", "text/x-python; charset=utf-8", _script),
    "replay.html": ("The whole run as one page that plays offline", "text/html; charset=utf-8", _replay),
    "replay-small.html": ("The same without the curves (small)", "text/html; charset=utf-8", _light_replay),
    f"run{SUFFIX}": ("Recording, for this program's stage", "application/gzip", _recording),
}
"""File name → what it is, media type, maker."""


def routes() -> list[Route]:
    """`GET /take/{run_id}/{file}` for the files above, `GET /preset/{name}` for a stored recording."""
    return [
        Route("/take/{run_id}/{file}", _take, methods=["GET"]),
        Route("/preset/{name}", _preset, methods=["GET"]),
    ]


def preset_address(preset_id: str) -> str:
    """Where the stage finds a preset's recording, below the place where the app is served."""
    return f"preset/{preset_id}{SUFFIX}"


def offered(algorithm: str) -> list[str]:
    """The files of a run by name where a model of that system is chosen: one of one's own has no script in PyTorch."""
    kind = orl.algorithms().get(algorithm)
    return [name for name in FILES if name != PYTORCH or (kind is not None and is_restated(kind))]


def which_model(algorithms: Collection[str]) -> str:
    """What is asked where a run has several models, of these algorithms."""
    script = any(PYTORCH in offered(name) for name in algorithms)
    return f"Model in {PYTORCH}, model.pt2 and model.onnx" if script else "Model in model.pt2 and model.onnx"


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
            what, _, _ = FILES[name]
            query = f"?member={member}" if member and name.startswith(("model.", PYTORCH)) else ""
            st.markdown(f"[{name}](take/{run_id}/{name}{query}) — {what}")
        st.caption("The link in the address bar reopens this configuration; pictures are saved from the stage itself.")


async def _take(request: Request) -> Response:
    name = request.path_params["file"]
    if name not in FILES:
        return PlainTextResponse(f"there is no such file; a run has {', '.join(FILES)}", status_code=404)
    _, media, make = FILES[name]
    try:
        export = get_hub().export(request.path_params["run_id"])
    except UnknownRun:
        return PlainTextResponse("there is no such run: it was dropped, or it never was", status_code=404)
    try:
        data = await to_thread.run_sync(make, export, request.query_params)
    except ValueError as error:
        return PlainTextResponse(str(error), status_code=400)
    title = re.sub(r"[^a-z0-9]+", "-", str((export.hello or {}).get("run", {}).get("title", "run")).lower()).strip("-")
    headers = {
        "Content-Disposition": f'attachment; filename="{title[:60] or "run"}-{name}"',
        "Cache-Control": "no-store",
        "X-Content-Type-Options": "nosniff",
    }
    return Response(data, media_type=media, headers=headers)


async def _preset(request: Request) -> Response:
    preset = presets().get(request.path_params["name"].removesuffix(SUFFIX))
    if preset is None:
        return PlainTextResponse("there is no such preset", status_code=404)
    headers = {"Cache-Control": "public, max-age=600", "X-Content-Type-Options": "nosniff"}
    return Response(preset.stored, media_type="application/gzip", headers=headers)


def _whole(query: Mapping[str, str], name: str, fallback: int) -> int:
    text = query.get(name)
    if text is None:
        return fallback
    if not re.fullmatch(r"\d{1,9}", text):
        raise ValueError(f"{name} = {text!r} is not allowed: it must be a whole number")
    return int(text)
