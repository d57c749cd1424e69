"""The documents become pages whose links lead somewhere, whose formulas are typeset, and which say what is written."""

from __future__ import annotations

import posixpath
import re
import shutil
from html import unescape
from pathlib import Path

import pytest

from offrl_ui.shared.formula import typeset
from offrl_web.documents import ROOT, Document, documents


@pytest.fixture(scope="module")
def made() -> tuple[list[Document], dict[str, bytes]]:
    return documents()


def test_every_link_leads_to_a_page_a_heading_or_a_file(made: tuple[list[Document], dict[str, bytes]]):
    pages, files = made
    anchors = {page.path: set(re.findall(r'<h\d id="([^"]+)"', page.article)) for page in pages}
    led = set()
    for page in pages:
        for address in re.findall(r'(?:href|src)="([^"]+)"', page.article + page.shelves):
            if address.startswith("https://"):
                continue
            path, _, anchor = unescape(address).partition("#")
            there = posixpath.normpath(posixpath.join(page.path, path))
            assert there in files or (there in anchors and (not path or path.endswith("/"))), (page.path, address)
            assert not anchor or anchor in anchors[there], (page.path, address)
            led.add(there)
        assert page.shelves.count("aria-current") == 1
    assert led == {*anchors, *files}  # and every page can be reached
    assert files["docs/examples/my_cql.py"] == (ROOT / "docs" / "examples" / "my_cql.py").read_bytes()
    assert {"docs/images/map.svg", "docs/images/playground.webp", "docs/Dockerfile"} <= set(files)


def test_formulas_and_tables_are_typeset(made: tuple[list[Document], dict[str, bytes]]):
    pages = {page.path: page for page in made[0]}
    article = pages["docs/algorithms"].article
    lines = [line for block in re.findall(r"\$\$(.*?)\$\$", source("docs/algorithms"), re.S) for line in cut(block)]
    assert re.findall(r'<div class="formula">(.*?)</div>', article) == [typeset(line) for line in lines]
    assert len(lines) > 30
    for page in pages.values():
        prose = re.sub(r"<(code|pre|math)\b.*?</\1>", "", page.article, flags=re.S)
        assert not re.search(r"\$|\\[a-z]+|^\|", prose, re.M), page.path
        assert not re.search(r"<m\w+>\\", page.article), page.path
        assert page.title
        assert page.about
    assert pages["docs/glossary"].article.count("<tr>") == len(re.findall(r"^\|", source("docs/glossary"), re.M)) - 1


def source(name: str) -> str:
    return (ROOT / f"{name}.md").read_text()


def cut(block: str) -> list[str]:
    return re.sub(r"\\(begin|end)\{gathered\}", "", block).split(r"\cr")


@pytest.mark.parametrize(
    ("added", "about"),
    [
        ("[x](nothing.md)", r"docs/files.md: the link to nothing.md leads nowhere"),
        ("[x](glossary.md#nothing)", r"docs/files.md: docs/glossary.md has no heading #nothing"),
        ("[x](#nothing)", r"has no heading #nothing"),
        ("![x](images/nothing.svg)", r"images/nothing.svg leads nowhere"),
        ("[x](../../etc/passwd)", r"leads nowhere"),
        (r"So $\nothing{x}$ is.", r"there is no \\nothing"),
    ],
)
def test_what_leads_nowhere_or_cannot_be_typeset_fails(tmp_path: Path, added: str, about: str):
    copy(tmp_path)
    with (tmp_path / "docs" / "files.md").open("a") as file:
        file.write(f"\n{added}\n")
    with pytest.raises(ValueError, match=about):
        documents(tmp_path)


def test_a_document_that_is_missing_or_listed_nowhere_is_named(tmp_path: Path):
    copy(tmp_path)
    (tmp_path / "docs" / "new.md").write_text("# New\n\nText.\n")
    with pytest.raises(ValueError, match=r"docs/new is on no shelf"):
        documents(tmp_path)
    (tmp_path / "docs" / "files.md").unlink()
    with pytest.raises(ValueError, match=r"docs/files.md is not in .*: build from a checkout"):
        documents(tmp_path)


def copy(to: Path) -> None:
    shutil.copytree(ROOT / "docs", to / "docs")
    for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "Dockerfile", "compose.yaml", "Caddyfile"):
        shutil.copy(ROOT / name, to / name)
