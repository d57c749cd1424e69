"""What the person who starts the server says behind `--`: `streamlit run app.py -- --algorithm my_cql.py`."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from offrl_core.experiments.axes import ExperimentError
from offrl_core.experiments.cluster import check_address


def named_files(arguments: Sequence[str]) -> tuple[Path, ...]:
    """The own files with algorithms, as absolute paths.

    Exits with the usage where the arguments are not understood.
    """
    paths: list[Path] = _parsed(arguments).algorithm
    return tuple(dict.fromkeys(path.expanduser().resolve() for path in paths))


def cluster_address(arguments: Sequence[str]) -> str:
    """The address of the cluster that computes experiments; empty where this machine does.

    Exits with the usage where the arguments are not understood.
    """
    address: str | None = _parsed(arguments).cluster
    return address or ""


def _parsed(arguments: Sequence[str]) -> argparse.Namespace:
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
    parser.add_argument(
        "--cluster",
        metavar="ADDRESS",
        type=_address,
        help="the scheduler of a Dask cluster that computes experiments, such as tcp://127.0.0.1:8786",
    )
    return parser.parse_args(arguments)


def _address(text: str) -> str:
    try:
        return check_address(text)
    except ExperimentError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
