"""A whole run as one HTML file: the stage, its styles and the recording, opened from disk without a server.

The modules are the very ones that the live page runs. They import each other by relative address, which means nothing
inside a single file, so each becomes a `data:` module under a bare name in an import map.
"""

from __future__ import annotations

import base64
import gzip
import html
import json
import posixpath
import re
from collections.abc import Callable
from functools import cache
from typing import Any

from offrl_ui.shared.asset_files import PLOTLY, asset
from offrl_ui.shared.modes import MODES

_IMPORT = re.compile(r"""(\bfrom\s*|\bimport\s*\(?\s*)["'](\.{1,2}/[a-z_./]+\.js)["']""")

_PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
:root {{ color-scheme: light dark; }}
body {{ margin: 0; padding: 12px 16px; font-family: system-ui, sans-serif; background: light-dark(#ffffff, #0f1318); }}
{css}
</style>
<section class="stage" aria-label="Recorded training run"></section>
<noscript>This recording is drawn by JavaScript, which is switched off in this browser.</noscript>
<script type="importmap">{importmap}</script>
<script type="application/octet-stream" id="recording">{recording}</script>
<script type="application/octet-stream" id="charts">{charts}</script>
<script type="module">
import {{ mountStage }} from "offrl/stage/mount.js";
import {{ gunzip, unpackRecording }} from "offrl/run/wire.js";

const bytes = (id) => Uint8Array.from(atob(document.getElementById(id).textContent), (c) => c.charCodeAt(0)).buffer;

globalThis.offrlPlotly = (async () => {{
  if (!document.getElementById("charts").textContent) throw new Error("this file was saved without the chart library");
  // After the world has been drawn: unpacking and compiling take about a second.
  await new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)));
  const script = document.createElement("script");
  script.textContent = new TextDecoder().decode(await gunzip(bytes("charts")));
  document.head.append(script);
  return globalThis.Plotly;
}})();
globalThis.offrlPlotly.catch(() => {{}});

const messages = unpackRecording(await gunzip(bytes("recording")));
await mountStage(document.querySelector(".stage"), {{ recording: messages, ...{options} }});
</script>
</html>
"""


def replay_html(
    recording: bytes, title: str, *, charts: bool = True, read: Callable[[str], bytes] = asset, **view: Any
) -> bytes:
    """The page as UTF-8.

    Args:
        recording: a gzipped recording (docs/protocol.md, "Recordings").
        title: of the page.
        charts: include the chart library (1.4 MB packed); without it the world, the states and the timeline still play.
        read: gives the files of the stage by name; those that lie in the package by default.
        view: what is shown first: `mode` (one of `modes.MODES`), `member`, `state`.

    Raises:
        ValueError: `recording` is not gzipped, or `mode` is unknown.
    """
    if recording[:2] != b"\x1f\x8b":
        raise ValueError("a recording is gzipped: its first bytes must be 1f 8b")
    if view.get("mode") is not None and view["mode"] not in MODES:
        raise ValueError(f"mode = {view['mode']!r} is not allowed: it must be one of {', '.join(MODES)}")
    options = {name: value for name, value in view.items() if value is not None}
    page = _PAGE.format(
        title=html.escape(title),
        css="".join(read(name).decode() for name in ("stage/stage.css", "shared/key_list.css", "shared/terms.css")),
        importmap=_importmap(read),
        recording=base64.b64encode(recording).decode(),
        charts=_charts(read) if charts else "",
        # "<" could end the script element from inside a string.
        options=json.dumps(options).replace("<", "\\u003c"),
    )
    return page.encode()


@cache
def _importmap(read: Callable[[str], bytes]) -> str:
    """`offrl/folder/name.js` → its source as a data: address, for the entry module and everything that it needs."""
    found: dict[str, str] = {}
    wanted = ["stage/mount.js", "run/wire.js"]
    while wanted:
        name = wanted.pop()
        if name in found:
            continue
        source = read(name).decode()
        folder = posixpath.dirname(name)
        wanted += [posixpath.normpath(f"{folder}/{other}") for _, other in _IMPORT.findall(source)]
        found[name] = _IMPORT.sub(lambda m: f'{m[1]}"offrl/{posixpath.normpath(f"{folder}/{m[2]}")}"', source)  # noqa: B023
    imports = {
        f"offrl/{name}": "data:text/javascript;base64," + base64.b64encode(source.encode()).decode()
        for name, source in sorted(found.items())
    }
    return json.dumps({"imports": imports})


@cache
def _charts(read: Callable[[str], bytes]) -> str:
    return base64.b64encode(gzip.compress(read(PLOTLY), 9, mtime=0)).decode()
