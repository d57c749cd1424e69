"""The stage as a Streamlit component, and the routes that serve its files.

The stage draws a live run from its WebSocket, or a recording; it lives in the page without script reruns
(docs/architecture.md, "The screen"). Its modules are served from memory, under an address that changes with content.
"""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Callable, Mapping
from functools import cache
from importlib.resources import files
from typing import Any

import streamlit as st
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

MEDIA_TYPES = {".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8"}
PLOTLY = "plotly.min.js"
MODES = ("q", "v", "policy", "data", "weights", "advantage", "truth", "error", "ghost")

# Streamlit runs this from a blob: address, so modules are found from the page's origin.
_LOADER = """
const entries = new WeakMap();
export default function (component) {
  const host = component.parentElement.querySelector(".stage");
  let entry = entries.get(host);
  if (!entry) {
    entry = { latest: component, module: null, gone: false };
    entries.set(host, entry);
    import(new URL(component.data.assets + "stage/mount.js", location.origin)).then((module) => {
      entry.module = module;
      if (!entry.gone) module.mountComponent(host, entry.latest);
    });
  }
  entry.latest = component;
  if (entry.module) entry.module.mountComponent(host, component);
  return () => {
    entry.gone = true;
    entries.delete(host);
    entry.module?.unmountStage(host);
  };
}
"""

Callback = Callable[[], None]


@cache
def _contents() -> dict[str, tuple[bytes, bytes, str]]:
    """`folder/name` → content, the same gzipped, media type. Read once: a request can only name a key of this table."""
    found = {}
    for folder in files("offrl_ui").joinpath("assets").iterdir():
        for entry in folder.iterdir() if folder.is_dir() else ():
            suffix = "." + entry.name.rpartition(".")[2]
            if suffix in MEDIA_TYPES:
                found[f"{folder.name}/{entry.name}"] = (entry.read_bytes(), MEDIA_TYPES[suffix])
    plotly = files("plotly").joinpath("package_data", PLOTLY).read_bytes()
    found[PLOTLY] = (plotly, MEDIA_TYPES[".js"])
    # mtime=0: the same content gives the same bytes. Level 6 takes a third of the time of 9 for 1 % more.
    return {name: (data, gzip.compress(data, 6, mtime=0), media) for name, (data, media) in found.items()}


@cache
def asset_version() -> str:
    """Hash of all files that are served: it stands in their addresses, so browsers may keep them for ever."""
    digest = hashlib.sha256()
    for name, (data, _, _) in sorted(_contents().items()):
        digest.update(name.encode() + b"\0" + data)
    return digest.hexdigest()[:12]


def asset_root() -> str:
    """Address of the folder that holds the modules, such as `/stage/0a1b2c3d4e5f/`."""
    return f"/stage/{asset_version()}/"


async def _asset(request: Request) -> Response:
    found = _contents().get(request.path_params["file"])
    if found is None or request.path_params["version"] != asset_version():
        return Response("no such file", status_code=404, media_type="text/plain", headers={"Cache-Control": "no-store"})
    data, packed, media = found
    headers = {
        "Cache-Control": "public, max-age=31536000, immutable",
        "Vary": "Accept-Encoding",
        "X-Content-Type-Options": "nosniff",
    }
    if "gzip" in request.headers.get("accept-encoding", ""):
        return Response(packed, media_type=media, headers={**headers, "Content-Encoding": "gzip"})
    return Response(data, media_type=media, headers=headers)


def asset_routes() -> list[Route]:
    """Routes of the stage's files for `st.App(routes=…)`: gzipped once, here, and cacheable for ever."""
    asset_version()
    return [Route("/stage/{version}/{file:path}", _asset, methods=["GET"])]


@cache
def _component() -> Any:
    return st.components.v2.component(
        "offrl-stage", html='<section class="stage" aria-label="Training stage"></section>', js=_LOADER
    )


def _nothing() -> None:
    pass


def stage(
    run_id: str | None = None,
    *,
    key: str,
    recording: str | None = None,
    mode: str | None = None,
    member: int | None = None,
    state: int | None = None,
    on_selected: Callback = _nothing,
    on_viewed: Callback = _nothing,
    on_moved: Callback = _nothing,
    on_gone: Callback = _nothing,
) -> Any:
    """Show a run, live, or a recording of one.

    Args:
        run_id: the run to connect to (`/live/{run_id}`). A run that the viewer was moved to (see `on_moved`) is kept
            until another id is given.
        key: the component's key; the stage lives on through reruns with the same key.
        recording: address of a recording (`.offrl.gz`), instead of `run_id`.
        mode: what the world shows, one of `MODES`; None for the best that the system has.
        member: the model that is looked at.
        state: the selected state; None for the start.
        on_selected, on_viewed, on_moved, on_gone: called before the script runs again, when a state was selected, mode
            or model was changed, the viewer was moved to a run of its own, or the run no longer exists.

    Returns:
        The events of this script run, each None or a mapping:
        `.selected {state, action, member, step}`, `.viewed {mode, member}`, `.moved {run_id, previous, reason}`,
        `.gone {run_id}`. In a callback they stand in `st.session_state[key]`.

    Raises:
        ValueError: neither or both of `run_id` and `recording` are given, or `mode` is unknown.
    """
    if (run_id is None) == (recording is None):
        raise ValueError("the stage shows either a run or a recording: give one of run_id and recording")
    if mode is not None and mode not in MODES:
        raise ValueError(f"mode = {mode!r} is not allowed: it must be one of {', '.join(MODES)}")
    wanted: Mapping[str, Any] = {
        "run": run_id, "recording": recording, "mode": mode, "member": member, "state": state,
    }  # fmt: skip
    data = {name: value for name, value in wanted.items() if value is not None}
    return _component()(
        key=key,
        data={**data, "assets": asset_root(), "live": "/live/"},
        on_selected_change=on_selected,
        on_viewed_change=on_viewed,
        on_moved_change=on_moved,
        on_gone_change=on_gone,
    )
