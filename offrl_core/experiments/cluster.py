"""Experiments on a cluster of Dask: its scheduler shares out the jobs, nothing here schedules machines."""

from __future__ import annotations

import re
from concurrent.futures import Executor
from typing import Any

from offrl_core.experiments.axes import ExperimentError

SECONDS = 5.0
"""How long a scheduler may take to answer."""

_clients: dict[str, Any] = {}
"""The connection to each cluster: experiments share it."""


def check_address(address: str) -> str:
    """The address of a scheduler, if it is one.

    Raises:
        ExperimentError: it is none.
    """
    if not re.fullmatch(r"(tcp|tls|ws|wss|ucx)://(\[[0-9a-fA-F:.]+\]|[\w.-]+):\d{1,5}", address):
        raise ExperimentError(
            f"{address!r} is not the address of a cluster: it is written tcp://host:8786, or tls://host:8786"
        )
    return address


def cluster_executor(address: str, seconds: float = SECONDS) -> Executor:
    """The executor of the Dask cluster whose scheduler is at an address.

    Jobs are pure functions of their arguments, the seeds among them, so that it does no harm that Dask computes equal
    ones once. `tls://` takes its certificates from Dask's own configuration (`distributed.comm.tls`).

    Args:
        address: of the scheduler, such as `tcp://127.0.0.1:8786`.
        seconds: how long it may take to answer.

    Raises:
        ExperimentError: that is no address, no scheduler answers there, or `distributed` is not installed.
    """
    check_address(address)
    try:
        from distributed import Client
    except ImportError as error:
        raise ExperimentError('a cluster needs the package distributed: pip install -e ".[cluster]"') from error
    client = _clients.get(address)
    if client is None or client.status != "running":
        connect: Any = Client
        try:
            client = connect(address, timeout=seconds, set_as_default=False)
        except (OSError, TimeoutError, ValueError) as error:
            raise ExperimentError(
                f"no cluster answers at {address} within {seconds:g} seconds: start one with dask scheduler, or look "
                "at the address and the network between"
            ) from error
        _clients[address] = client
    executor: Executor = client.get_executor()
    return executor


def is_lost(executor: Executor) -> bool:
    """Whether an executor's Dask scheduler has gone for good: what was asked of it would be waited for for ever."""
    return getattr(getattr(executor, "_client", None), "status", "") == "closed"
