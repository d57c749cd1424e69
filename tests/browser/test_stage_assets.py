"""The stage's files as they are served, and the component's arguments."""

from __future__ import annotations

import gzip
import http.client
from email.message import Message
from importlib.resources import files
from urllib.parse import urlsplit

import pytest

from offrl_ui.shared import asset_files, modes, stage
from tests.browser.stage_host import Host


def get(host: Host, path: str, encoding: str = "gzip") -> tuple[int, Message, bytes]:
    """Status, headers and body as they come over the wire; the path is sent as it is."""
    connection = http.client.HTTPConnection(urlsplit(host.url).netloc, timeout=20)
    connection.request("GET", path, headers={"Accept-Encoding": encoding})
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    return answer.status, answer.headers, body


def test_modules_are_gzipped_and_kept_for_ever(host: Host):
    status, headers, body = get(host, f"/{asset_files.asset_root()}stage/stage.js")
    assert status == 200
    assert headers["content-encoding"] == "gzip"
    assert "immutable" in headers["cache-control"]
    assert headers["content-type"].startswith("text/javascript")
    assert gzip.decompress(body) == files("offrl_ui").joinpath("assets", "stage", "stage.js").read_bytes()


def test_client_without_gzip_gets_the_plain_file(host: Host):
    _, headers, body = get(host, f"/{asset_files.asset_root()}stage/stage.css", "identity")
    assert headers["content-encoding"] is None
    assert headers["content-type"].startswith("text/css")
    assert body == files("offrl_ui").joinpath("assets", "stage", "stage.css").read_bytes()


def test_plotly_is_the_installed_packages_own(host: Host):
    _, _, packed = get(host, f"/{asset_files.asset_root()}plotly.min.js")
    assert gzip.decompress(packed) == files("plotly").joinpath("package_data", "plotly.min.js").read_bytes()
    assert len(packed) < 1_700_000


@pytest.mark.parametrize(
    "path",
    [
        "/stage/000000000000/stage/stage.js",
        "{root}nothing.js",
        "{root}..%2fstage.py",
        "{root}%2e%2e/stage.py",
        "{root}../../pyproject.toml",
        "{root}stage.py",
        "{root}",
    ],
)
def test_nothing_else_is_served(host: Host, path):
    status, headers, _ = get(host, path.format(root=f"/{asset_files.asset_root()}"))
    assert status == 404
    assert "immutable" not in (headers["cache-control"] or "")


def test_version_follows_the_content(monkeypatch):
    before = asset_files.asset_version()
    contents = dict(asset_files.asset_files())
    contents["stage/stage.js"] += b"\n"
    monkeypatch.setattr(asset_files, "asset_files", lambda: contents)
    asset_files.asset_version.cache_clear()
    try:
        assert asset_files.asset_version() != before
    finally:
        monkeypatch.undo()
        asset_files.asset_version.cache_clear()
    assert asset_files.asset_version() == before


@pytest.mark.parametrize("given", [{}, {"run_id": "a", "recording": "/b"}])
def test_a_stage_shows_one_thing(given):
    with pytest.raises(ValueError, match="either a run or a recording"):
        stage.stage(given.get("run_id"), key="s", recording=given.get("recording"))


def test_an_unknown_mode_is_named_with_what_is_allowed():
    with pytest.raises(ValueError, match="mode = 'nonsense' is not allowed: it must be one of q, v, policy"):
        stage.stage("run", key="s", mode="nonsense")


def test_modes_are_those_of_the_screen():
    text = files("offrl_ui").joinpath("assets", "world", "modes.js").read_text()
    assert [f'key: "{mode}"' in text for mode in modes.MODES] == [True] * len(modes.MODES)
