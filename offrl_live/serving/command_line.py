"""What the person who starts the server says behind `--`: `streamlit run app.py -- --algorithm my_cql.py`."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path


def named_files(arguments: Sequence[str]) -> tuple[Path, ...]:
    """The own files with algorithms, as absolute paths.

    Exits with the usage where the arguments are not understood.
    """
    parser = argparse.ArgumentParser("streamlit run app.py --", description="The offline RL explorer.")
    parser.add_argument(
        "--algorithm",
        metavar="FILE",
        action="append",
        default=[],
        type=Path,
        help="a Python file with algorithms of your own; it is run, and trained anew whenever it is saved "
        "(may be given several times)",
    )
    paths: list[Path] = parser.parse_args(arguments).algorithm
    return tuple(dict.fromkeys(path.expanduser().resolve() for path in paths))
