"""Uploads on disk: found again after a restart, by their own content only, for so long and so many."""

from __future__ import annotations

import errno
import os
import stat
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from offrl_core.formats import ColumnMapping
from offrl_live.runs import datasets
from offrl_live.runs.checks import ConfigError
from offrl_live.runs.datasets import UPLOAD, UploadRoom
from offrl_live.serving.environment import uploads_folder
from offrl_live.serving.upload_folder import UploadFolder, bring_back, upload_folder

CSV = b"episode,s,a,r\n" + b"".join(b"%d,%d,%d,%d\n" % (n // 5, n % 5, n % 2, n % 5 == 4) for n in range(50))
MAPPING = ColumnMapping(state=("s",), action="a", reward="r", episode="episode")


def folder(path: Path, seconds: float = 1000.0, all: int = 10_000) -> UploadFolder:
    return UploadFolder(path / "uploads", seconds, UploadRoom(all=all))


def save(kept: UploadFolder, data: bytes = CSV, gamma: float = 0.9) -> str:
    name = kept.save(data, "log.csv", "csv", MAPPING, gamma)
    assert name is not None
    return name


def test_what_was_stored_is_read_again_as_it_was(tmp_path: Path) -> None:
    name = save(folder(tmp_path))
    again = folder(tmp_path).load(name)  # another server
    assert again is not None
    assert (len(again), again.n_episodes, again.gamma) == (50, 10, 0.9)
    assert np.array_equal(again.rewards, np.arange(50) % 5 == 4)
    assert again.opened["file"] == "log.csv"
    modes = {stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "uploads").iterdir()}
    assert modes == {0o600}
    assert stat.S_IMODE((tmp_path / "uploads").stat().st_mode) == 0o700


def test_a_name_follows_from_the_content_and_its_choices(tmp_path: Path) -> None:
    kept = folder(tmp_path)
    assert save(kept) == save(kept)
    assert len({save(kept), save(kept, gamma=0.8), save(kept, CSV + b"10,0,0,0\n")}) == 3


@pytest.mark.parametrize(
    "name",
    ["", UPLOAD, UPLOAD + "../../secret", UPLOAD + "/etc/passwd", UPLOAD + "a" * 43, UPLOAD + "a" * 44, "four-rooms"],
)
def test_no_name_leads_out_of_the_folder(tmp_path: Path, name: str) -> None:
    (tmp_path / "secret.data").write_bytes(CSV)
    (tmp_path / "secret.json").write_text("{}")
    assert folder(tmp_path).load(name) is None


def test_what_does_not_match_its_name_is_not_read(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    kept = folder(tmp_path)
    name = save(kept)
    (place,) = (tmp_path / "uploads").glob("*.data")
    place.write_bytes(CSV.replace(b"1", b"2"))
    assert kept.load(name) is None
    assert "does not match its name" in caplog.text
    place.unlink()
    assert kept.load(name) is None


def test_the_oldest_go_where_there_is_too_much_and_what_nobody_used(tmp_path: Path) -> None:
    kept = folder(tmp_path, seconds=100.0, all=2 * len(CSV))
    names = [save(kept, gamma=gamma) for gamma in (0.1, 0.2)]
    for age, name in ((60, names[0]), (50, names[1])):
        file = tmp_path / "uploads" / f"{name.removeprefix(UPLOAD)}.data"
        os.utime(file, (time.time() - age, time.time() - age))
    assert kept.load(names[0]) is not None, "it was used just now"
    names.append(save(kept, gamma=0.3))
    assert [kept.load(name) is not None for name in names] == [True, False, True]
    file = tmp_path / "uploads" / f"{names[0].removeprefix(UPLOAD)}.data"
    os.utime(file, (0, 0))
    save(kept, gamma=0.3)
    assert [kept.load(name) is not None for name in names] == [False, False, True]
    assert len(list((tmp_path / "uploads").iterdir())) == 2


def test_the_same_file_may_be_stored_by_many_at_once(tmp_path: Path) -> None:
    def store(_: int) -> str:
        return save(folder(tmp_path))  # each page has an object of its own

    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(store, range(200)))) == 1
    assert len(list((tmp_path / "uploads").iterdir())) == 2


def test_what_the_disk_does_not_take_is_left_out_and_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    kept = folder(tmp_path)
    monkeypatch.setattr(Path, "replace", full)
    assert kept.save(CSV, "log.csv", "csv", MAPPING, 0.9) is None
    assert "kept in memory only: [Errno 28]" in caplog.text
    assert list((tmp_path / "uploads").iterdir()) == []
    (tmp_path / "file").write_bytes(b"")
    monkeypatch.setenv("OFFRL_UPLOADS_FOLDER", str(tmp_path / "file"))
    assert upload_folder() is None
    monkeypatch.setenv("OFFRL_UPLOADS_FOLDER", str(tmp_path / "uploads"))
    assert upload_folder() is not None


def test_a_link_finds_its_upload_after_a_restart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OFFRL_UPLOADS_FOLDER", raising=False)
    name = save(folder(tmp_path))
    bring_back(name)
    with pytest.raises(ConfigError, match="no longer kept here: please upload it again"):
        datasets.uploaded(name)
    monkeypatch.setenv("OFFRL_UPLOADS_FOLDER", str(tmp_path / "uploads"))
    bring_back("four-rooms")
    bring_back(name)
    assert len(datasets.uploaded(name)) == 50
    datasets.forget(name)


def test_the_folder_is_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OFFRL_UPLOADS_FOLDER", "uploads")
    with pytest.raises(ValueError, match="= 'uploads' is not allowed: it must be an absolute path"):
        uploads_folder()
    monkeypatch.setenv("OFFRL_UPLOADS_FOLDER", "/srv/uploads")
    assert uploads_folder() == (Path("/srv/uploads"), 86_400.0)
