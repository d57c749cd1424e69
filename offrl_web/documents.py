"""The project's documents as pages of the site: Markdown becomes articles, and every link in them is followed.

The README is the page `docs`, `docs/protocol.md` is `docs/protocol`. Pictures and other files that a document shows or
links to come along, below `docs/` too. Addresses are relative, as everywhere in the site.
"""

from __future__ import annotations

import html
import posixpath
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token
from mdit_py_plugins.anchors import anchors_plugin
from mdit_py_plugins.dollarmath import dollarmath_plugin

from offrl_ui.shared.formula import typeset

ROOT = Path(__file__).resolve().parents[1]
HOME = "docs"

SHELVES: Mapping[str, tuple[str, ...]] = {
    "Using it": ("README", "docs/algorithms", "docs/glossary", "docs/files", "docs/experiments", "docs/your-own-loss"),
    "Giving it to others": ("docs/serve", "docs/static-edition", "docs/write-a-story"),
    "Adding to it": (
        *("docs/add-an-algorithm", "docs/add-a-dataset", "docs/add-a-metric", "docs/add-a-scene"),
        *("CONTRIBUTING", "docs/mutation-check"),
    ),
    "How it is made": ("docs/map", "docs/protocol", "CHANGELOG"),
}
"""Every document, without its ending, in the order in which they are listed."""


@dataclass(frozen=True)
class Document:
    """A page.

    Attributes:
        path: of the page, below the site.
        title: its heading, as plain text.
        about: its first paragraph, as plain text.
        article: HTML.
        shelves: HTML of the list of all documents, in which this one is marked.
    """

    path: str
    title: str
    about: str
    article: str
    shelves: str


def documents(root: Path = ROOT) -> tuple[list[Document], dict[str, bytes]]:
    """All pages, and the files that they show or link to, by their paths below the site.

    Args:
        root: the folder with the README and `docs`.

    Raises:
        ValueError: a document is not there or on no shelf, a link leads nowhere, or a formula cannot be typeset.
    """
    sources = [name for shelf in SHELVES.values() for name in shelf]
    for name in sources:
        if not (root / f"{name}.md").is_file():
            raise ValueError(f"{name}.md is not in {root}: build from a checkout, which holds the documents")
    known = {path.relative_to(root).with_suffix("").as_posix() for path in (root / "docs").glob("*.md")}
    if unlisted := sorted(known - {*sources}):
        raise ValueError(f"{', '.join(unlisted)} is on no shelf: name it in {Path(__file__).name}")
    parsed = {name: _Parsed.of(root, name) for name in sources}
    files: dict[str, bytes] = {}
    pages = [_page(root, name, parsed, files) for name in sources]
    return pages, files


def _path_of(source: str) -> str:
    """The page of a document."""
    return HOME if source == "README" else f"{HOME}/{source.removeprefix('docs/').lower()}"


@dataclass(frozen=True)
class _Parsed:
    """A document's tokens, its heading, its first paragraph, and the anchors in it."""

    tokens: list[Token]
    title: str
    about: str
    anchors: frozenset[str]

    @staticmethod
    def of(root: Path, source: str) -> _Parsed:
        tokens = _markdown().parse((root / f"{source}.md").read_text(encoding="utf-8"))
        said: dict[str, str] = {}
        for before, token in pairwise(tokens):
            if token.type == "inline" and (words := _plain(token)):
                said.setdefault(before.tag, words)
        if not {"h1", "p"} <= {*said}:
            raise ValueError(f"{source}.md has no heading or no paragraph")
        anchors = frozenset(str(token.attrs["id"]) for token in tokens if "id" in token.attrs)
        return _Parsed(tokens, said["h1"], said["p"], anchors)


def _plain(token: Token) -> str:
    parts = (" " if part.type == "softbreak" else part.content for part in token.children or () if part.type != "image")
    return " ".join("".join(parts).split())


def _markdown() -> MarkdownIt:
    """Markdown as the documents are written in it: tables, formulas between dollars, headings that can be linked."""
    made = MarkdownIt("commonmark", {"html": False}).enable("table")
    made.use(anchors_plugin, max_level=4)
    made.use(dollarmath_plugin, allow_space=False, allow_digits=False, renderer=_formula)
    # What is wider than the screen scrolls by itself, by keyboard too.
    made.add_render_rule("table_open", lambda *_: '<div class="across" tabindex="0"><table>\n')
    made.add_render_rule("table_close", lambda *_: "</table></div>\n")
    return made


def _formula(latex: str, options: Mapping[str, bool]) -> str:
    """MathML; the lines of a displayed formula below each other."""
    if not options["display_mode"]:
        return typeset(latex)
    inside = re.sub(r"\\(?:begin|end)\{gathered\}", "", latex)
    lines = "".join(f'<div class="formula">{typeset(line)}</div>' for line in inside.split(r"\cr"))
    return f'<div class="across" tabindex="0">{lines}</div>'


def _page(root: Path, source: str, parsed: Mapping[str, _Parsed], files: dict[str, bytes]) -> Document:
    own = parsed[source]
    for token in _all(own.tokens):
        name = {"link_open": "href", "image": "src"}.get(token.type)
        if name:
            token.attrs[name] = _address(root, source, str(token.attrs[name]), parsed, files)
    markdown = _markdown()
    made: str = markdown.renderer.render(own.tokens, markdown.options, {})
    article = made.replace("<pre>", '<pre tabindex="0">')
    return Document(_path_of(source), own.title, own.about, article, _shelves(source, parsed))


def _all(tokens: list[Token]) -> Iterator[Token]:
    for token in tokens:
        yield token
        yield from _all(token.children or [])


def _address(root: Path, source: str, target: str, parsed: Mapping[str, _Parsed], files: dict[str, bytes]) -> str:
    """Where a link of a document leads in the site."""
    if re.match(r"https?:", target):
        return target
    path, _, anchor = target.partition("#")
    inside = posixpath.normpath(posixpath.join(posixpath.dirname(source), path)) if path else f"{source}.md"
    name = inside.removesuffix(".md")
    if inside.endswith(".md") and name in parsed:
        if anchor and anchor not in parsed[name].anchors:
            raise ValueError(f"{source}.md: {inside} has no heading #{anchor}, to which a link leads")
        where = f"{_relative(_path_of(name), source)}/" if path else ""
        return f"{where}#{anchor}" if anchor else where
    if inside.startswith("../") or not (root / inside).is_file():
        raise ValueError(f"{source}.md: the link to {target} leads nowhere")
    there = f"{HOME}/{inside.removeprefix('docs/')}"
    files[there] = (root / inside).read_bytes()
    return _relative(there, source)


def _relative(path: str, source: str) -> str:
    return posixpath.relpath(path, _path_of(source))


def _shelves(source: str, parsed: Mapping[str, _Parsed]) -> str:
    made = []
    for title, names in SHELVES.items():
        links = []
        for name in names:
            here = ' aria-current="page"' if name == source else ""
            text = "A tour" if name == "README" else html.escape(parsed[name].title)
            links.append(f'<li><a href="{_relative(_path_of(name), source)}/"{here}>{text}</a></li>')
        made.append(f"<h2>{title}</h2>\n<ul>{''.join(links)}</ul>")
    return f'<nav class="shelves" aria-label="Documents">{"".join(made)}</nav>'
