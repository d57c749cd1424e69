"""What a first visit loads: Streamlit's own files gzipped, and pages that name the modules of their components."""

from __future__ import annotations

import asyncio
import gzip
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import streamlit

from offrl_ui.shared.asset_files import asset_files, asset_root, asset_text, needed_modules
from offrl_ui.shared.first_visit import COMPONENTS, ICONS_LATER, STYLES, FirstVisit
from tests.threads import in_a_loop

STATIC = Path(streamlit.__file__).parent / "static"
INDEX = next((STATIC / "static" / "js").glob("index.*.js"))
BROWSER = {"accept-encoding": "gzip, deflate, br", "accept": "text/html,*/*"}
MODULES = {"": ("stage/mount.js",), "reweighting": ("lecture/scene.js",)}


def ask(
    path: str,
    headers: Mapping[str, str] = BROWSER,
    base: str = "",
    method: str = "GET",
    modules: Mapping[str, tuple[str, ...]] = MODULES,
) -> tuple[Any, bytes]:
    """The answer's head and body; the head is None where the question went on to Streamlit."""
    sent: list[dict[str, Any]] = []

    async def streamlits(scope: Any, receive: Any, send: Any) -> None:
        assert scope["path"] == path

    async def send(message: Any) -> None:
        sent.append(message)

    names = [(name.encode(), value.encode()) for name, value in headers.items()]
    scope = {"type": "http", "method": method, "path": path, "headers": names}
    in_a_loop(FirstVisit(streamlits, modules, base)(scope, asyncio.Future, send))  # type: ignore[arg-type]
    if not sent:
        return None, b""
    head = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
    return head, b"".join(message.get("body", b"") for message in sent)


@pytest.mark.parametrize("base", ["", "/rl/lab"])
def test_streamlits_scripts_are_a_third_and_kept_for_ever(base: str) -> None:
    head, body = ask(f"{base}/static/js/{INDEX.name}", base=base)
    assert gzip.decompress(body) == INDEX.read_bytes()
    assert len(body) < INDEX.stat().st_size / 2.5
    assert head["content-encoding"] == "gzip"
    assert head["content-type"].startswith("text/javascript")
    assert "immutable" in head["cache-control"]


@pytest.mark.parametrize(
    ("path", "headers", "method"),
    [
        (f"/static/js/{INDEX.name}", {}, "GET"),
        (f"/static/js/{INDEX.name}", {"accept-encoding": "br"}, "GET"),
        (f"/static/js/{INDEX.name}", BROWSER, "HEAD"),
        ("/static/js/nothing.js", BROWSER, "GET"),
        ("/static/../../../app.py", BROWSER, "GET"),
        ("/static/js/../../index.html", BROWSER, "GET"),
        (f"js/{INDEX.name}", BROWSER, "GET"),
        ("/", {"accept-encoding": "gzip"}, "GET"),
        ("/another", BROWSER, "GET"),
    ],
)
def test_everything_else_is_streamlits_to_answer(path: str, headers: dict[str, str], method: str) -> None:
    assert ask(path, headers, method=method) == (None, b"")


def test_a_page_names_what_its_components_import() -> None:
    head, body = ask("/reweighting")
    page = gzip.decompress(body).decode()
    own = (STATIC / "index.html").read_text()
    named = re.findall(r'<link rel="modulepreload" fetchpriority="auto" href="\./([^"]+)" />\n', page)
    assert re.sub(r'<link rel="modulepreload" fetchpriority=[^\n]*\n', "", page) == own
    modules = [name.removeprefix(asset_root()) for name in named if name.startswith(asset_root())]
    assert modules == list(needed_modules("lecture/scene.js"))
    assert set(modules) <= set(asset_files())
    scripts = [name for name in named if name not in {asset_root() + module for module in modules}]
    assert {Path(name).name.rsplit(".", 2)[0] for name in scripts} == set(COMPONENTS), "Streamlit still has them"
    assert all((STATIC / name).is_file() for name in scripts)
    assert head["cache-control"] == "no-cache", "the next version of the app names others"


def test_what_stands_beside_the_picture_comes_after_it() -> None:
    modules = {"": ("stage/mount.js", "widgets/settings.js")}
    page = gzip.decompress(ask("/", modules=modules)[1]).decode()
    first, later = (
        re.findall(rf'modulepreload" fetchpriority="{priority}" href="\./{re.escape(asset_root())}([^"]+)"', page)
        for priority in ("auto", "low")
    )
    assert first == list(needed_modules("stage/mount.js"))
    assert "widgets/settings.js" in later
    assert {*first, *later} == {*needed_modules("stage/mount.js", "widgets/settings.js")}
    assert not {*first} & {*later}


def test_a_page_with_a_stage_asks_for_its_styles_at_once_and_for_icons_after_its_picture() -> None:
    page = gzip.decompress(ask("/")[1]).decode()
    assert ICONS_LATER in page
    assert page.index(ICONS_LATER) > page.index("<title>")
    named = re.findall(r'<link rel="preload" as="style" href="\./([^"]+)" />\n', page)
    assert named == [asset_root() + name for name in STYLES]
    assert set(STYLES) <= set(asset_files())
    assert "<style>" not in gzip.decompress(ask("/reweighting")[1]).decode()
    index = INDEX.read_text()
    assert "document.fonts.load" in index, "what Streamlit loads its icons by"
    icon = next((STATIC / "static" / "js").glob("DynamicIcon.*.js")).read_text()
    assert '"aria-hidden":`true`,translate:`no`' in icon, "what tells Streamlit's icons"
    css = "".join(path.read_text() for path in (STATIC / "static" / "css").iterdir())
    assert "Material Symbols Rounded" in css, "the name of their font"


def test_modules_are_those_that_are_imported_at_once_and_no_others() -> None:
    found = needed_modules("stage/mount.js")
    assert len(set(found)) == len(found) > 40
    for name in found:
        code = re.sub(r"/\*.*?\*/", "", asset_text(name), flags=re.S)  # types are imported in comments
        for line in re.findall(r'from\s+"([^"]+)"', code):
            folder = name.rpartition("/")[0]
            whole = (Path("/") / folder / line).resolve().relative_to("/")
            assert str(whole) in found, f"{name} imports {line}"
