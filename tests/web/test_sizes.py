"""What a first visit loads is small, and still all there."""

from __future__ import annotations

import ast
import gzip
import io
import re
import zipfile

from offrl_web import build, supply
from tests.pyodide import pyodide


def test_archives_that_python_begins_with_are_small_and_complete():
    found = pyodide()
    sizes = {}
    for path in (*found.runtime(), *found.wheels(supply.NEEDED)):
        made = build._slim(path)
        if not build._is_packed(path.name):
            assert made == path.read_bytes()
            continue
        sizes[path.name] = len(made)
        with zipfile.ZipFile(path) as given, zipfile.ZipFile(io.BytesIO(gzip.decompress(made))) as slim:
            assert set(slim.namelist()) <= set(given.namelist())
            packages = {name for name in given.namelist() if re.fullmatch(r"numpy/[a-z]\w+/__init__\.py", name)}
            assert packages - {"numpy/doc/__init__.py"} <= set(slim.namelist())  # all that `import *` may name
            assert any("licenses" in name for name in slim.namelist()) or "numpy" not in path.name
            for name in ("numpy/__init__.py", "numpy/linalg/_linalg.py", "json/decoder.py", "encodings/cp437.py"):
                if name in given.namelist():
                    before, after = (ast.parse(archive.read(name)) for archive in (given, slim))
                    assert ast.dump(_emptied(before)) == ast.dump(_emptied(after))
    assert sum(sizes.values()) < 3.6e6, sizes


def _emptied(tree: ast.Module) -> ast.Module:
    """A module whose docstrings are all the same."""
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if (
            isinstance(body, list)
            and body
            and isinstance(body[0], ast.Expr)
            and isinstance(body[0].value, ast.Constant)
        ):
            body[0].value.value = ""
    return tree


def test_only_docstrings_go():
    source = b'def f():\n    """A\n    b."""\n    return """A\n    b."""\n\n\nclass C:\n    """One\n    two."""\n'
    made = build._without_docs(source)
    assert made == b'def f():\n    ""\n\n    return """A\n    b."""\n\n\nclass C:\n    ""\n\n'
    assert build._without_docs(b"def f(:") == b"def f(:"
