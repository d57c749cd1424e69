"""The stage on a page of its own: its real files, a real hub with real workers, recordings made by real training."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import uvicorn
from playwright.sync_api import Page
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from offrl_live.runs.config import RunConfig
from offrl_live.runs.export import RunExport
from offrl_live.runs.live_runs import Limits
from offrl_live.runs.recorder import record
from offrl_live.serving.hub import Hub
from offrl_live.serving.socket import live_route
from offrl_ui.shared import assets
from offrl_ui.shared.asset_files import asset_root

# `show` builds the stage anew, as loading the page does, without loading the modules again; `remount` tells it what
# changed, as another script run does.
_PAGE = """<!doctype html>
<meta name="viewport" content="width=device-width">
<body>
<section class="stage" aria-label="Training stage"></section>
<script type="module">
import { mount } from "ASSETSstage/mount.js";
const section = document.querySelector(".stage");
let unmount = () => {};
window.assets = "ASSETS"; // for tests that look into a module
window.show = (wanted, style) => {
  unmount();
  document.activeElement?.blur();
  document.body.style.cssText = "margin:0;padding:12px 20px;" + style;
  scrollTo(0, 0);
  const events = (window.events = []);
  const setStateValue = (name, payload) => events.push([name, payload]);
  window.remount = (more) => {
    const data = { ...wanted, ...more };
    unmount = mount({ parentElement: document.body, data, setStateValue });
  };
  section.stage = null;
  window.remount({});
};
Object.defineProperty(window, "stage", { get: () => section.stage });
</script>
"""
DARK = (
    "--st-background-color:#10151b;--st-text-color:#e6ebf0;--st-secondary-background-color:#1a212a;background:#10151b"
)
LIGHT = "--st-background-color:#ffffff;--st-text-color:#1c2530;--st-secondary-background-color:#f3f5f8"


def config(*lanes: Mapping[str, Any], dataset: str = "double-crossing", **more: Any) -> RunConfig:
    """A run on `dataset`; a lane is `{"algorithm": …}`, on a table with one seed unless it says otherwise."""
    full = [{"approximator": "table", "seeds": 1, **lane} for lane in lanes]
    return RunConfig.from_json({"dataset": dataset, "lanes": full, **more})


@dataclass
class Host:
    """A server for the stage alone.

    Attributes:
        url: where it listens.
        hub: its hub.
        exports: what was recorded, by name.
    """

    hub: Hub
    url: str = ""
    exports: dict[str, RunExport] = field(default_factory=dict)
    recordings: dict[str, bytes] = field(default_factory=dict)

    def record(self, name: str, run: RunConfig, steps: list[int]) -> RunExport:
        """Train `run`, keep a frame at each of `steps`, and serve the recording as `name`."""
        if name not in self.exports:
            self.exports[name] = record(run, steps, title=name)
            self.recordings[name] = self.exports[name].recording()
        return self.exports[name]

    def open(self, page: Page, *, dark: bool = False, **options: Any) -> None:
        """Show the stage with `options` (`recording=name` or `run=id`) on its page, which is loaded only once."""
        if "recording" in options:
            options["recording"] = f"/recordings/{options['recording']}"
        if page.url != f"{self.url}/":
            page.goto(self.url)
            page.wait_for_function("typeof show === 'function'")
        page.mouse.move(1, 1)
        page.evaluate("([options, style]) => show(options, style)", [options, DARK if dark else LIGHT])

    def show(self, page: Page, *, dark: bool = False, **options: Any) -> None:
        """As `open`, and wait until world and curves are drawn."""
        self.open(page, dark=dark, **options)
        page.wait_for_function("stage?.world.draws > 0")
        page.wait_for_function("stage.curves.built && stage.curves.settled", timeout=30_000)

    def _page(self, request: Request) -> Response:
        return HTMLResponse(_PAGE.replace("ASSETS", f"/{asset_root()}"))

    def _recording(self, request: Request) -> Response:
        data = self.recordings[request.path_params["name"]]
        return Response(data, media_type="application/octet-stream")

    def routes(self) -> list[Any]:
        """Everything that the page needs."""
        recordings = Route("/recordings/{name}", self._recording)
        return [live_route(self.hub), *assets.routes(), recordings, Route("/", self._page)]


def start() -> tuple[Host, Any]:
    """A running host, and the function that ends it with its workers."""
    hub = Hub(Limits(workers=1)).start()
    host = Host(hub)
    server = uvicorn.Server(uvicorn.Config(Starlette(routes=host.routes()), port=0, log_level="warning"))
    thread = threading.Thread(target=lambda: asyncio.run(server.serve()), daemon=True)
    thread.start()
    deadline = time.monotonic() + 30
    while not server.started and time.monotonic() < deadline:
        time.sleep(0.02)
    host.url = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"

    def stop() -> None:
        server.should_exit = True
        thread.join(10)
        hub.close()

    return host, stop
