"""What a first visit waits for, made small: a slow line has its picture sooner.

Streamlit sends its scripts and styles as they are, 3 MB on a first visit: here they are gzipped, once. The modules of a
page's components would be asked for when the page's script has run, and what each of them imports after that: the page
names them all at its beginning. On a page with a stage the font of Streamlit's icons, 375 kB, comes after its picture.
"""

from __future__ import annotations

import gzip
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

import streamlit
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from offrl_ui.shared.asset_files import asset_root, needed_modules
from offrl_ui.shared.assets import MEDIA_TYPES

_STATIC = Path(streamlit.__file__).parent / "static"
_FOLDER = _STATIC / "static"
# Only what lies there can be asked for.
_NAMES = frozenset(
    f"{kind}/{path.name}" for kind in ("js", "css") for path in (_FOLDER / kind).iterdir() if path.suffix == f".{kind}"
)

COMPONENTS = ("BidiComponent", "Html", "serialization", "recordbatch", "purify.es")
"""Streamlit's scripts that draw components: it asks for them when the page's script has run."""

ICONS_LATER = """<style>
@keyframes icons { to { font-family: "Material Symbols Rounded"; visibility: visible } }
html:not([data-drawn]) span[translate="no"][aria-hidden="true"] {
  font-family: sans-serif; visibility: hidden; overflow: hidden; animation: icons 0s 20s forwards
}
</style>
<script>
{
  const load = document.fonts.load.bind(document.fonts);
  const drawn = new Promise((resolve) => {
    new PerformanceObserver((seen, observer) => {
      if (!seen.getEntriesByName("offrl:world").length) return;
      observer.disconnect();
      document.documentElement.dataset.drawn = "";
      resolve();
    }).observe({ type: "mark", buffered: true });
  });
  document.fonts.load = async (font, text) => {
    if (font.includes("Material Symbols")) await drawn;
    return load(font, text);
  };
}
</script>
"""
"""Streamlit asks for the font of its icons at once, and a browser does where text is set in it: both wait until the
stage has marked its first picture, or 20 s. Until then icons are blank squares of their size, as they are in any case
while their font is on its way."""
STYLES = ("stage/stage.css", "shared/terms.css")
"""What a stage waits for before it draws."""


class FirstVisit:
    """Middleware that answers for Streamlit's scripts, styles and pages where the browser takes gzip.

    Args:
        app: what answers everything else.
        modules: by the path of a page, the modules of `assets` that its components begin with; the first is that of the
            component that the page is opened for.
        base: the path below which the app is served, such as `/rl`.
    """

    def __init__(self, app: ASGIApp, modules: Mapping[str, Sequence[str]], base: str = "") -> None:
        self._app = app
        self._modules = {f"{base}/{page}": tuple(names) for page, names in modules.items()}
        self._files = f"{base}/static/"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] == "http" and scope["method"] == "GET":
            headers, path = Headers(scope=scope), scope["path"]
            if "gzip" in headers.get("accept-encoding", ""):
                name = path.removeprefix(self._files)
                if path in self._modules and "text/html" in headers.get("accept", ""):
                    page = await run_in_threadpool(_page, self._modules[path])
                    await _answer(page, "text/html; charset=utf-8", "no-cache")(scope, receive, send)
                    return
                if path != name and name in _NAMES:
                    script = await run_in_threadpool(_script, name)
                    # Named by what it holds, it never changes; Streamlit says the same of it.
                    for_ever = "public, max-age=31536000, immutable"
                    await _answer(script, MEDIA_TYPES[Path(name).suffix], for_ever)(scope, receive, send)
                    return
        await self._app(scope, receive, send)


def _answer(packed: bytes, media: str, kept: str) -> Response:
    headers = {
        "Cache-Control": kept,
        "Content-Encoding": "gzip",
        "Vary": "Accept-Encoding",
        "X-Content-Type-Options": "nosniff",
    }
    return Response(packed, media_type=media, headers=headers)


@cache
def _script(name: str) -> bytes:
    return gzip.compress((_FOLDER / name).read_bytes(), 6, mtime=0)


@cache
def _page(modules: tuple[str, ...]) -> bytes:
    """Streamlit's page, which names the modules that its components will import."""
    page = (_STATIC / "index.html").read_text(encoding="utf-8")
    scripts = sorted(name for part in COMPONENTS for name in _NAMES if name.startswith(f"js/{part}."))
    early = ""
    if "stage/mount.js" in modules:
        links = (f'<link rel="preload" as="style" href="./{asset_root()}{name}" />\n' for name in STYLES)
        early = ICONS_LATER + "".join(links)
    drawing = needed_modules(*modules[:1])
    later = [name for name in needed_modules(*modules) if name not in drawing]
    named = "".join(
        f'<link rel="modulepreload" fetchpriority="{priority}" href="./{address}" />\n'
        for priority, addresses in (
            # What draws the picture, no later than Streamlit's own formulas; the browser's usual priority is lower.
            ("auto", [*(f"static/{name}" for name in scripts), *(f"{asset_root()}{name}" for name in drawing)]),
            # What stands beside it, no sooner than Streamlit's connection, which would wait for all of this.
            ("low", [f"{asset_root()}{name}" for name in later]),
        )
        for address in addresses
    )
    return gzip.compress(page.replace("</head>", f"{early}{named}</head>", 1).encode(), 6, mtime=0)
