"""Build the static edition: `python -m offrl_web.build site/` makes a folder for any static host.

Everything in it is addressed relatively, so it may lie below any path. What changes with a new version lies in a folder
that is named by its contents; Pyodide lies in one that is named by its version.
"""

from __future__ import annotations

import argparse
import ast
import gzip
import hashlib
import html
import io
import json
import re
import shutil
import sys
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path

from offrl_lecture.registry import pages
from offrl_live.runs.wire import dumps
from offrl_ui.gallery.cards import preset_cards
from offrl_ui.gallery.presets import presets
from offrl_ui.setup import links
from offrl_ui.setup.algorithm_cards import algorithm_cards
from offrl_ui.setup.dataset_cards import dataset_cards
from offrl_ui.shared.asset_files import asset_files
from offrl_web import bundle, documents, supply
from offrl_web.runtime.lecture import Lecture
from offrl_web.runtime.playground import Playground

PAGES = {
    "": ("Playground", "Train an algorithm on a dataset and watch it learn, beside the truth."),
    "gallery": ("Gallery", "Runs worth seeing, one per lesson, with their timelines already there."),
    "datasets": ("Datasets", "Every dataset with its rows drawn and its truth beside it; and your own log."),
    **{name: (page.title, "The lecture's scenes, to be moved.") for name, page in pages().items()},
    documents.HOME: ("Docs", "A tour, every algorithm with its equation, and how it is served, extended and made."),
}
"""Path of each page, its name in the navigation and what it is; the first is the site's own address."""

ON_REQUEST = {"scipy": "scipy", "sklearn": "scikit-learn", "pandas": "pandas", "pyarrow": "pyarrow", "h5py": "h5py"}
"""Top-level module → the package of Pyodide that holds it."""
DATA_FILES = {
    "icu_sepsis": ("envs/assets/dynamics.npz", "envs/assets/admissible_actions.txt"),
    "sklearn": ("datasets/data/digits.csv.gz",),
}
"""Installed packages of which a dataset reads files and imports nothing, and those files."""

MODULES = ("pyodide.mjs", "pyodide.asm.mjs")
"""Pyodide's scripts."""

UNUSED = re.compile(
    r"numpy/(?:f2py/(?!__init__\.py)|_pyinstaller/|doc/).*|numpy/.*\.(?:pyi|pxd|h|c|a|pyx)"
    r"|numpy/linalg/lapack_lite\..*|numpy-.*/RECORD"
    r"|(?:idlelib|tkinter|ensurepip|xmlrpc|wsgiref|venv|turtledemo|lib2to3|sqlite3|dbm|xml/dom)/.*"
    r"|_pyrepl/(?!__init__|pager)\w+\.\w+"
    r"|(?:imaplib|mailbox|turtle|poplib|smtplib|ftplib|nntplib|bdb|cmd|compileall|cProfile|doctest|filecmp|modulefinder"
    r"|optparse|pdb|pickletools|plistlib|profile|pstats|pyclbr|statistics|tabnanny|trace|wave|zipapp"
    r"|_pyio|_pydatetime|_pydecimal)\.py"
    r"|encodings/(?:cp(?!125\d|437)\w+|mac_\w+|koi8_\w+|iso2022\w+|euc\w+|shift\w+|big5\w*|gb\w+|johab|hz|ptcp154|kz1048"
    r"|hp_roman8|palmos|tis_620|iso8859_(?!1\.|15)\w+)\.py"
)
"""What nothing in a tab uses, of the two archives that Python begins with."""

EMPTY = ("numpy/f2py/__init__.py",)
"""What nothing uses, but `from numpy import *` imports, as scipy does."""

NO_SCRIPT = "<noscript>This page is drawn by JavaScript, which is switched off in this browser.</noscript>"

SOURCES = re.compile(r'"(?:\.\./)+offrl_ui/assets/')

Say = Callable[[str], None]


@dataclass(frozen=True)
class Built:
    """A site.

    Attributes:
        folder: where it lies.
        version: of everything but Pyodide.
        missing: packages for use on request that are not in it.
    """

    folder: Path
    version: str
    missing: tuple[str, ...]


def build(folder: Path, found: supply.Supply, *, say: Say = lambda _: None) -> Built:
    """Make the site in `folder`; a site that is there is brought up to date, anything else is left alone.

    Raises:
        ValueError: the folder holds something that is no site, or a document has a link that leads nowhere.
    """
    if folder.exists() and any(folder.iterdir()) and not (folder / "sw.js").exists():
        raise ValueError(f"{folder} is not empty and holds no site: name an empty folder")
    shown, files = documents.documents()
    say("packing Python")
    contents = dict(_contents(say))
    digest = hashlib.sha256()
    for name, data in sorted(contents.items()):
        digest.update(name.encode() + b"\0" + data)
    digest.update("".join(map(_template, ("built.js", "index.html", "sw.js"))).encode() + repr((shown, files)).encode())
    version = digest.hexdigest()[:12]
    pyodide = f"pyodide/{supply.VERSION}"
    archives = {
        module: [f"{pyodide}/{path.name}" for path in found.wheels([package]) if "numpy" not in path.name]
        for module, package in ON_REQUEST.items()
        if package not in found.missing
    }
    data_files = {name: f"stage/{version}/python/{name}.zip" for name in DATA_FILES}
    written: dict[str, bytes] = {f"stage/{version}/{name}": data for name, data in contents.items()}
    packed = [f"{pyodide}/{path.name}" for path in _runtime(found) if _is_packed(path.name)]
    for file in _runtime(found):
        name = f"{pyodide}/{file.name}"
        written[f"{name}.gz" if name in packed else name] = _slim(file)
    written[f"{pyodide}/{supply.LOCK}"] = _lock(found)
    sizes = {name: len(data) for name, data in written.items() if _is_big(name)}
    facts = {
        "version": version,
        "pyodide": pyodide,
        "archives": archives,
        "files": data_files,
        "packed": packed,
        "sizes": sizes,
        "pages": _pages(),
    }
    written[f"stage/{version}/page/built.js"] = _filled("built.js", {"= FACTS;": f"= {json.dumps(facts)};"})
    for path, (title, about) in PAGES.items():
        written[f"{path}/index.html".lstrip("/")] = _page(version, path, title, about, NO_SCRIPT)
    for page in shown:
        article = f"<article>{page.article}</article>"
        written[f"{page.path}/index.html"] = _page(version, page.path, page.title, page.about, article, page.shelves)
    written |= files
    kept = sorted(name for name in written if _is_shown(name, version))
    keep = {"folders": [f"stage/{version}/", f"{pyodide}/"], "files": ["./", *kept]}
    written["sw.js"] = _filled("sw.js", {"= KEEP;": f"= {json.dumps(keep)};"})
    written[".nojekyll"] = b""
    _write(folder, written)
    return Built(folder, version, found.missing)


def _contents(say: Say) -> Iterator[tuple[str, bytes]]:
    """What changes with the version, by its path below the version's folder."""
    yield from asset_files().items()
    for path in sorted((Path(__file__).parent / "page").iterdir()):
        if path.suffix in (".js", ".css") and path.name not in ("built.js", "sw.js"):
            yield f"page/{path.name}", SOURCES.sub('"../', path.read_text(encoding="utf-8")).encode()
    yield "icon.svg", files("offrl_ui").joinpath("assets", "icon.svg").read_bytes()
    yield "python/program.bin", bundle.pack(bundle.files())
    for package, names in DATA_FILES.items():
        yield f"python/{package}.zip", _data_of(package, names)
    say("drawing the cards")
    cards = {"datasets": dataset_cards(), "algorithms": algorithm_cards(), "presets": preset_cards()}
    yield "data/cards.json", dumps(cards).encode()
    say("describing the gallery's runs")
    gallery = []
    for preset in presets().values():
        view = Playground(None).answer({"do": "open", "query": {n: [v] for n, v in links.link(preset.config).items()}})
        yield f"data/view-{preset.id}.json", dumps(view).encode()
        yield f"preset/{preset.id}.offrl", preset.stored
        told = {"id": preset.id, "title": preset.title, "sentence": preset.sentence, "view": dict(preset.view)}
        gallery.append({**told, "link": view["link"]})
    yield "data/gallery.json", dumps(gallery).encode()
    say("drawing the first scenes")
    for name in pages():
        yield f"data/lecture-{name}.json", dumps(Lecture().answer({"do": "open", "page": name})).encode()


def _pages() -> list[dict[str, str]]:
    return [{"path": path, "title": title, "about": about} for path, (title, about) in PAGES.items()]


def _page(version: str, path: str, title: str, about: str, main: str, side: str = "") -> bytes:
    """The file of a page; `main` and `side` are what it shows without JavaScript."""
    said = {"TITLE": html.escape(title), "ABOUT": html.escape(about), "VERSION": version}
    root = "../" * (path.count("/") + 1) if path else "./"
    # What a document says comes last: it may say the name of a place.
    places = {**said, "ROOT": root, "SIDE": side, "MAIN": main}
    return _filled("index.html", {f"{{{word}}}": content for word, content in places.items()})


def _data_of(package: str, names: Iterable[str]) -> bytes:
    """Files of an installed package as an archive."""
    spec = find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise ValueError(f"{package} is not installed: pip install the project first")
    place = Path(spec.submodule_search_locations[0])
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name in names:
            archive.writestr(_entry(name), (place / name).read_bytes())
    return file.getvalue()


def _entry(name: str) -> zipfile.ZipInfo:
    """The same at every build."""
    entry = zipfile.ZipInfo(name)
    entry.compress_type = zipfile.ZIP_DEFLATED
    return entry


def _runtime(found: supply.Supply) -> list[Path]:
    packages = [*supply.NEEDED, *(name for name in supply.ON_REQUEST if name not in found.missing)]
    return [path for path in (*found.runtime(), *found.wheels(packages)) if path.name != supply.LOCK]


def _slim(path: Path) -> bytes:
    """A file of Pyodide's, whose hash was checked when it was found.

    Of the archives that Python begins with, only what is used (of the standard library without docstrings), compressed
    as one: that is smaller than file by file. The worker unpacks it as it comes.
    """
    if not _is_packed(path.name):
        return path.read_bytes()
    file = io.BytesIO()
    bare = not path.name.startswith("numpy-")  # numpy.ma reads the docstrings of numpy
    with zipfile.ZipFile(path) as given, zipfile.ZipFile(file, "w") as made:
        for name in sorted(given.namelist(), key=lambda name: (name.rpartition(".")[2], name)):
            if not UNUSED.fullmatch(name):
                data = b"" if name in EMPTY else given.read(name)
                made.writestr(zipfile.ZipInfo(name), _without_docs(data) if bare and name.endswith(".py") else data)
    return gzip.compress(file.getvalue(), 9, mtime=0)


def _without_docs(source: bytes) -> bytes:
    """Python whose long docstrings are empty, line by line as before; as it is where this Python cannot parse it."""
    lines = source.splitlines(keepends=True)
    try:
        tree = ast.parse(source)
    except SyntaxError:  # what only a newer Python knows
        return source
    for node in bundle.statements(tree):
        body = getattr(node, "body", None)
        first = body[0] if body else None
        if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str):
            top, last = first.lineno - 1, (first.end_lineno or first.lineno) - 1
            if last > top:
                kept = lines[top][: first.col_offset] + b'""' + lines[last][first.end_col_offset :]
                lines[top : last + 1] = [kept, *[b"\n"] * (last - top)]
    return b"".join(lines)


def _is_packed(name: str) -> bool:
    return name.startswith(("numpy-", "python_stdlib"))


def _lock(found: supply.Supply) -> bytes:
    """The lock without the packages that nobody asks for."""
    kept = {name: entry for name, entry in found.lock["packages"].items() if name in supply.NEEDED}
    return json.dumps({**found.lock, "packages": kept}, separators=(",", ":")).encode()


def _template(name: str) -> str:
    return (Path(__file__).parent / "page" / name).read_text(encoding="utf-8")


def _filled(name: str, places: Mapping[str, str]) -> bytes:
    """A template with what belongs in its places."""
    text = _template(name)
    for place, content in places.items():
        text = text.replace(place, content)
    return text.encode()


def _is_big(name: str) -> bool:
    """Whether a file is one of those that Python begins with, whose loading is told."""
    return name.endswith(("pyodide.asm.wasm", "python_stdlib.zip.gz", "program.bin")) or ("/numpy-" in name)


def _is_shown(name: str, version: str) -> bool:
    """Whether a file is kept for the next visit at once: all that is shown without Python, and modules.

    What Python's worker fetches it keeps itself, but what it imports passes it by.
    """
    inside = name.removeprefix(f"stage/{version}/")
    first = next(iter(presets()))
    if inside.startswith(("data/view-", "preset/")):
        return first in inside
    if name.startswith(f"{documents.HOME}/") or name.endswith(("index.html", *MODULES)):
        return True
    return inside != name and not inside.startswith("python/")


def _write(folder: Path, written: Mapping[str, bytes]) -> None:
    for name in ("stage", "pyodide"):
        shutil.rmtree(folder / name, ignore_errors=True)
    for name, data in written.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


def main(arguments: list[str]) -> None:
    """The command line."""
    parser = argparse.ArgumentParser("python -m offrl_web.build", description=__doc__)
    parser.add_argument("folder", type=Path, help="where the site is made, such as site/")
    parser.add_argument(
        "--pyodide", type=Path, metavar="FOLDER", help=f"a folder that holds Pyodide {supply.VERSION} or its archives"
    )
    given = parser.parse_args(arguments)
    try:
        found = supply.find(given.pyodide, say=print)
        built = build(given.folder, found, say=print)
    except (supply.SupplyError, ValueError) as error:
        raise SystemExit(str(error)) from error
    print(f"{built.folder}: version {built.version}")
    if built.missing:
        print(f"without {', '.join(built.missing)}, which were not found: what needs them says so in the tab")


if __name__ == "__main__":
    main(sys.argv[1:])
