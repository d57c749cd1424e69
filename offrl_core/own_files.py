"""Algorithms from somebody's own Python file: read, run and registered, and what goes wrong told with file and line.

A file is code: it is run only where the person at this computer names it, never because of a link or an upload.
"""

from __future__ import annotations

import ast
import hashlib
import linecache
import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from importlib import import_module
from pathlib import Path
from traceback import walk_tb
from types import FrameType, ModuleType
from typing import Any

from offrl_core.algos import Algorithm, check_algorithm, put_file
from offrl_core.algos import algorithm as find_algorithm
from offrl_core.algos.loss_errors import OwnCodeError

MAX_BYTES = 1_000_000


@dataclass(frozen=True)
class OwnFile:
    """A file of somebody's own at one moment.

    Attributes:
        path: where it lies.
        text: what was in it.
    """

    path: str
    text: str

    @property
    def name(self) -> str:
        """Its name without the folder."""
        return os.path.basename(self.path)

    @property
    def digest(self) -> str:
        """The SHA-256 of its text."""
        return hashlib.sha256(self.text.encode()).hexdigest()

    @property
    def version(self) -> str:
        """The beginning of the digest, which tells one text from another."""
        return self.digest[:16]

    @property
    def module(self) -> str:
        """What its module is called: no other one that might be imported has such a name."""
        return f"own_{hashlib.sha256(self.path.encode()).hexdigest()[:8]}_{Path(self.path).stem}"

    @cached_property
    def imports_torch(self) -> bool:
        """Whether it imports PyTorch, or what does, which takes seconds."""
        try:
            tree = ast.parse(self.text)
        except (SyntaxError, ValueError):
            return False
        return any({"torch", "in_torch"} & set(name.split(".")) for name in _imported(tree))


def _imported(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""


_loaded: dict[str, OwnFile] = {}
"""The newest text that was run here, by path."""

_kinds: dict[str, list[type[Algorithm]]] = {}
"""The algorithms that it holds, by path."""

_by_version: dict[str, OwnFile] = {}


def load_algorithms(path: str | os.PathLike[str], version: str = "") -> list[type[Algorithm]]:
    """Run a Python file of one's own and register the algorithms in it.

    Every class in the file that derives from `Algorithm` and has a `name` joins the algorithms of this process, in the
    place of those that the file held when it was loaded before.

    Args:
        path: the file. It is run as it is: load only what you trust.
        version: what the SHA-256 of its text must begin with, as in a run's script; any text by default.

    Returns:
        The classes, in the order of the file.

    Raises:
        OwnCodeError: the file cannot be read or run, is another version, or holds no algorithm that can be registered;
            with the line.
    """
    file = read(path)
    if not file.digest.startswith(version):
        told = f"its text has changed: the SHA-256 begins with {file.version}, and {version} is asked for"
        raise OwnCodeError(told, file.path)
    return load(file)


def read(path: str | os.PathLike[str]) -> OwnFile:
    """The file as it is now.

    Raises:
        OwnCodeError: it cannot be read, or is no text.
    """
    place = Path(path).expanduser().resolve()
    try:
        if place.is_dir():
            raise OwnCodeError(f"it is a folder: name the Python file in it ({place})", str(place))
        if place.exists() and place.suffix != ".py":
            raise OwnCodeError(f"it is not a Python file: its name must end in .py ({place})", str(place))
        if place.stat().st_size > MAX_BYTES:
            raise OwnCodeError(f"it is too large: at most {MAX_BYTES:,} bytes are read", str(place))
        return OwnFile(str(place), place.read_text(encoding="utf-8-sig"))
    except OSError as error:
        reason = "there is no such file" if isinstance(error, FileNotFoundError) else error.strerror
        raise OwnCodeError(f"it cannot be read: {reason} ({place})", str(place)) from error
    except UnicodeDecodeError as error:
        raise OwnCodeError(f"it is not UTF-8 text: {error}", str(place)) from error


def load(file: OwnFile) -> list[type[Algorithm]]:
    """As `load_algorithms`, of a file that was read before. A file that cannot be run leaves everything as it was."""
    module = ModuleType(file.module)
    module.__file__ = file.path
    before = _loaded.get(file.path), sys.modules.get(file.module)
    _become(file, module)
    try:
        exec(compile(file.text, file.path, "exec"), vars(module))
        kinds = _algorithms_in(file, module)
        put_file(file.module, kinds)
    except (Exception, SystemExit) as error:
        found = blamed(error) or OwnCodeError(told(error), file.path)
        _go_back(file, *before)
        raise found from error
    _kinds[file.path], _by_version[file.version] = kinds, file
    return kinds


def _become(file: OwnFile, module: ModuleType) -> None:
    _loaded[file.path] = file
    sys.modules[file.module] = module
    # Tracebacks and `inspect` see the text that was run, whatever is saved later.
    linecache.cache[file.path] = (len(file.text), None, file.text.splitlines(keepends=True), file.path)
    folder = os.path.dirname(file.path)
    if folder not in sys.path:
        sys.path.append(folder)  # last: a file beside it stands in for no module of others


def _go_back(file: OwnFile, before: OwnFile | None, module: ModuleType | None) -> None:
    if before is not None and module is not None:
        _become(before, module)
    else:
        _loaded.pop(file.path, None)
        linecache.cache.pop(file.path, None)
        sys.modules.pop(file.module, None)
    put_file(file.module, _kinds.get(file.path, []))  # the file may have registered some before it failed


def _algorithms_in(file: OwnFile, module: ModuleType) -> list[type[Algorithm]]:
    own = [value for value in vars(module).values() if isinstance(value, type) and value.__module__ == file.module]
    kinds = [kind for kind in dict.fromkeys(own) if issubclass(kind, Algorithm) and "name" in vars(kind)]
    if not kinds:
        raise OwnCodeError("it holds no algorithm: a class that derives from Algorithm and has a name", file.path)
    for number, kind in enumerate(kinds):
        try:
            check_algorithm(kind)
            if kind.name in {other.name for other in kinds[:number]}:
                raise ValueError(f"another class of this file is called {kind.name!r}, too")
        except Exception as error:
            raise OwnCodeError(told(error), file.path, _line_of_class(file, kind.__name__)) from error
        kind.file, kind.version = file.name, file.version
    return kinds


def _line_of_class(file: OwnFile, name: str) -> int:
    classes = (node for node in ast.walk(ast.parse(file.text)) if isinstance(node, ast.ClassDef))
    return next((node.lineno for node in classes if node.name == name), 0)


def file_of(name: str, version: str) -> OwnFile | None:
    """The file that a system of this name and version was loaded from here; None for one that has no own file.

    Raises:
        HyperparameterError: there is no such system.
    """
    return _by_version.get(version) if find_algorithm(name, version).version else None


def prepare(files: Iterable[OwnFile]) -> None:
    """Import what takes long to import and these files need, so that loading them is quick."""
    if any(file.imports_torch for file in files):
        with suppress(ImportError, OSError):  # the file's own line will say so; OSError: a library of PyTorch's own
            import_module("offrl_core.in_torch")


def is_loaded(file: OwnFile) -> bool:
    """Whether this very text is what the file's algorithms are made of here."""
    return _loaded.get(file.path) == file


def blamed(error: BaseException) -> OwnCodeError | None:
    """What went wrong in an own file, with its line; None where no line of one had a part in it.

    An error that was found only after the file's own lines had done their work (a loss of the wrong shape) is told with
    the line where that work begins.
    """
    if isinstance(error, OwnCodeError):
        return error
    if isinstance(error, SyntaxError) and error.filename in _loaded:
        return OwnCodeError(f"SyntaxError: {error.msg}", error.filename, error.lineno or 0)
    frames = list(walk_tb(error.__traceback__))
    for frame, line in reversed(frames):
        if frame.f_code.co_filename in _loaded:
            return OwnCodeError(told(error), frame.f_code.co_filename, line)
    for frame, _ in reversed(frames):
        kind = type(frame.f_locals.get("self"))
        if issubclass(kind, Algorithm) and file_of(kind.name, kind.version):
            return accused(kind, told(error))
    return None


def accused(kind: type[Algorithm], said: str, methods: Iterable[str] = ("loss", "losses", "policy")) -> OwnCodeError:
    """An error in the loss (or another method) of an own algorithm, with the line where that begins."""
    for name in methods:
        code: Any = getattr(getattr(kind, name, None), "__code__", None)
        if code is not None and code.co_filename in _loaded:
            return OwnCodeError(said, code.co_filename, code.co_firstlineno)
    return OwnCodeError(said, kind.file)


def line_at_work(frame: FrameType | None) -> tuple[OwnFile, int] | None:
    """The line of an own file that a thread is in, given its innermost frame; None where it is in none."""
    while frame is not None:
        if (file := _loaded.get(frame.f_code.co_filename)) is not None:
            return file, frame.f_lineno
        frame = frame.f_back
    return None


def told(error: BaseException) -> str:
    """An error in words: what this program says itself are whole sentences."""
    said = str(error.args[0]) if isinstance(error, KeyError) and error.args else str(error)
    ours = isinstance(error, ValueError) or said.startswith("unknown ")
    return said if ours and said else f"{type(error).__name__}: {said or 'no reason is given'}"
