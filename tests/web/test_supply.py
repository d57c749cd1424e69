"""Pyodide is found in the first place that has it, and only with the right bytes."""

from __future__ import annotations

import hashlib
import json
import re
import tarfile
import zipfile
from pathlib import Path

import pytest

from offrl_web import serving, supply

ROOT = Path(__file__).resolve().parents[2]

PINNED = dict(supply.RUNTIME)
CONTENT = {name: f"this is {name}".encode() for name in supply.RUNTIME}
WHEELS = {f"{name}.whl": f"the wheel {name}".encode() for name in (*supply.NEEDED, *supply.ON_REQUEST)}


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A release of a few bytes, and an empty cache."""
    lock = {
        "packages": {
            name.removesuffix(".whl"): {"file_name": name, "sha256": sha256(data), "depends": []}
            for name, data in WHEELS.items()
        }
    }
    CONTENT[supply.LOCK] = json.dumps(lock).encode()
    monkeypatch.setattr(supply, "RUNTIME", {name: sha256(data) for name, data in CONTENT.items()})
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv(supply.FOLDER, raising=False)
    monkeypatch.setattr(supply.sys, "platform", "linux")


def archives(folder: Path, wheels: dict[str, bytes] = WHEELS) -> Path:
    """A folder with npm's package and the wheel that carries the others."""
    folder.mkdir()
    for name, data in CONTENT.items():
        (folder / name).write_bytes(data)
    with tarfile.open(folder / "pyodide-1.tgz", "w:gz") as packed:
        for name in CONTENT:
            packed.add(folder / name, f"package/{name}")
            (folder / name).unlink()
    with zipfile.ZipFile(folder / "open_webui-0.12.4-py3-none-any.whl", "w") as packed:
        for name, data in wheels.items():
            packed.writestr(f"open_webui/frontend/pyodide/{name}", data)
    return folder


def test_archives_in_a_folder_are_enough_and_are_not_needed_again(tmp_path: Path):
    given = archives(tmp_path / "given")
    found = supply.find(given, fetch=False)
    assert {path.name for path in found.folder.iterdir()} == {*CONTENT, *WHEELS}
    assert found.missing == ()
    assert found.wheel("numpy").read_bytes() == WHEELS["numpy.whl"]
    for path in given.iterdir():
        path.unlink()
    assert supply.find(fetch=False) == found


def test_the_environment_names_the_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv(supply.FOLDER, str(archives(tmp_path / "given")))
    assert supply.find(fetch=False).missing == ()
    monkeypatch.setenv(supply.FOLDER, str(tmp_path / "nowhere"))
    with pytest.raises(supply.SupplyError, match="nowhere is not a folder"):
        supply.find(fetch=False)


def test_other_bytes_are_not_taken_and_damaged_ones_are_replaced(tmp_path: Path):
    false = archives(tmp_path / "false", {**WHEELS, "numpy.whl": b"something else"})
    with pytest.raises(supply.SupplyError, match=r"numpy.whl was not found.*pip download --no-deps open-webui==0.12.4"):
        supply.find(false, fetch=False)
    found = supply.find(archives(tmp_path / "given"), fetch=False)
    found.wheel("numpy").write_bytes(b"damaged")
    with pytest.raises(supply.SupplyError, match=r"numpy.whl was not found"):
        supply.find(false, fetch=False)
    assert supply.find(tmp_path / "given", fetch=False).wheel("numpy").read_bytes() == WHEELS["numpy.whl"]


def test_where_nothing_is_it_says_what_to_do():
    with pytest.raises(supply.SupplyError, match=r"npm pack pyodide@314.0.3.*OFFRL_PYODIDE"):
        supply.find(fetch=False)


def test_what_is_only_asked_for_sometimes_may_be_missing(tmp_path: Path):
    few = {name: data for name, data in WHEELS.items() if name != "pyarrow.whl"}
    assert supply.find(archives(tmp_path / "given", few), fetch=False).missing == ("pyarrow",)


def test_the_pinned_hashes_are_those_of_a_whole_release():
    assert len(set(PINNED.values())) == len(PINNED) == 5
    assert all(len(bytes.fromhex(value)) == 32 for value in PINNED.values())


def test_what_is_told_about_publishing_is_so():
    told = (ROOT / "docs" / "static-edition.md").read_text()
    workflow = (ROOT / "docs" / "examples" / "pages.yml").read_text()
    assert f"pyodide@{supply.VERSION}" in told
    assert supply.CARRIER in told
    assert supply.FOLDER in told
    assert serving.SITE in told
    assert f"pyodide-{supply.VERSION}" in workflow
    (command,) = re.findall(r"run: (python -m offrl_web.*)", workflow)
    assert command in told
