"""Serving by one command: what compose.yaml and the Dockerfile say, tried on this machine with a real Caddy."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader

import pytest
from websockets.sync.client import connect

from offrl_ui.shared.asset_files import asset_root
from tests.caddy import Caddy, get
from tests.nginx import unverified
from tests.serving import ROOT, Server, free_port

COMPOSE = (ROOT / "compose.yaml").read_text()
DOCKERFILE = (ROOT / "Dockerfile").read_text()


@pytest.fixture(scope="module")
def site(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The app behind the proxy of compose.yaml, with its own Caddyfile."""
    caddy = Caddy(
        tmp_path_factory.mktemp("caddy"), (ROOT / "Caddyfile").read_text(), APP=server.url.removeprefix("http://")
    )
    yield caddy.url
    caddy.close()


def test_pages_and_modules_come_through_caddy(site: str) -> None:
    assert b'<div id="root">' in get(site)
    assert b"export" in get(f"{site}/{asset_root()}stage/mount.js")
    assert json.loads(get(f"{site}/healthz")) == {"status": "ok"}


def test_sockets_come_through_caddy_from_its_own_pages_only(site: str) -> None:
    def first_word(origin: str) -> str:
        socket = site.replace("https", "wss")
        with connect(f"{socket}/scene", origin=origin, ssl=unverified()) as connection:  # type: ignore[arg-type]
            connection.send(json.dumps({"type": "present"}))
            return str(json.loads(connection.recv(timeout=20))["type"])

    assert first_word(site) == "presenting"
    with pytest.raises(Exception, match=r"its origin is https://elsewhere\.example, but the server was asked as"):
        first_word("https://elsewhere.example")


def test_the_image_copies_what_the_app_needs_and_nothing_that_is_not_there() -> None:
    copied = [words for line in DOCKERFILE.splitlines() if (words := line.split())[:1] == ["COPY"]]
    names = {name for words in copied if not words[1].startswith("--from") for name in words[1:-1]}
    assert [name for name in names if not (ROOT / name).exists()] == []
    packages = {path.parent.name for path in ROOT.glob("offrl_*/__init__.py")}
    assert names >= packages | {"app.py", "main.py", "pages", ".streamlit", "pyproject.toml"}
    ignored = (ROOT / ".dockerignore").read_text().split()
    assert not names & set(ignored)


def test_the_image_runs_without_root_and_asks_for_health_as_it_is_answered(server: Server) -> None:
    user = re.findall(r"^USER (\S+)$", DOCKERFILE, re.M)[-1]
    assert user.split(":")[0] not in ("0", "root")
    (health,) = re.findall(r"^HEALTHCHECK .* CMD (.*)$", DOCKERFILE, re.M)
    here = health.replace("/opt/offrl/bin/python", "python").replace("http://127.0.0.1:8501", server.url)
    assert subprocess.run(shlex.split(here), timeout=60, check=False).returncode == 0
    nobody = here.replace(server.url, f"http://127.0.0.1:{free_port()}")
    assert subprocess.run(shlex.split(nobody), timeout=60, check=False, stderr=subprocess.DEVNULL).returncode != 0


def test_an_image_of_the_composition_may_write_to_its_temporary_folder_only() -> None:
    app = COMPOSE.partition("  app:\n")[2].partition("  proxy:\n")[0]
    assert "read_only: true" in app
    assert 'tmpfs: ["/tmp:' in app
    assert "ports:" not in app, "who believes every proxy must not be reached but by one"
    assert 'FORWARDED_ALLOW_IPS: "*"' in app
    assert "./Caddyfile:/etc/caddy/Caddyfile:ro" in COMPOSE


def test_where_no_image_can_be_built_its_steps_are_known() -> None:
    """`.ci/image` reads every instruction of the Dockerfile; it takes minutes and root, so it is run by itself."""
    code = (ROOT / ".ci" / "image").read_text()
    loader = SourceFileLoader("image", str(ROOT / ".ci" / "image"))
    image = sys.modules["image"] = module_from_spec(spec_from_loader("image", loader))  # type: ignore[arg-type]
    loader.exec_module(image)
    read = image.instructions(DOCKERFILE)
    words = {word for word, _ in read}
    assert words == {"FROM", "ARG", "RUN", "COPY", "WORKDIR", "ENV", "USER", "EXPOSE", "HEALTHCHECK", "CMD"}
    assert all(f'"{word}"' in code for word in words)
    assert sum(word == "FROM" for word, _ in read) == 2
