"""What an operator sees of the server: figures of the moment, read from the hub, and what was counted."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from offrl_live.runs.datasets import kept_bytes
from offrl_live.serving.counted import COUNTED
from offrl_live.serving.hub import Hub

STATES = ("queued", "starting", "running", "paused", "finished", "diverged", "failed", "stopped")


class _Now(Collector):
    """What the hub knows at the moment."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub

    def collect(self) -> Iterator[Any]:
        """The figures, read together."""
        hub = self._hub
        with hub.lock:
            infos = [hub.info(run_id) for run_id in hub.runs]
            queue, timelines = len(hub.scheduler.queue), hub.nbytes
            workers = [worker.pid for worker in hub.scheduler.workers]
        states = Counter(info["state"] for info in infos)
        by_state = GaugeMetricFamily("offrl_runs", "Runs, by state.", labels=["state"])
        for state in STATES:
            by_state.add_metric([state], states[state])
        yield by_state
        rate = sum(info["rate"] for info in infos if info["state"] == "running")
        yield GaugeMetricFamily("offrl_viewers", "Viewers of runs.", value=sum(info["viewers"] for info in infos))
        yield GaugeMetricFamily("offrl_queue", "Runs that wait for their turn.", value=queue)
        yield GaugeMetricFamily("offrl_workers", "Worker processes.", value=len(workers))
        yield GaugeMetricFamily("offrl_updates_per_second", "Updates a second of all runs that train.", value=rate)
        memory = GaugeMetricFamily(
            "offrl_memory_bytes",
            "Resident memory of the server and of its workers; in the server, of timelines and of uploads.",
            labels=["of"],
        )
        for name, size in (
            ("server", resident(os.getpid())),
            ("workers", sum(resident(pid) for pid in workers if pid is not None)),
            ("timelines", timelines),
            ("uploads", kept_bytes()),
        ):
            memory.add_metric([name], size)
        yield memory


def resident(pid: int) -> int:
    """The resident memory of a process in bytes; 0 where the system does not tell, or the process has ended."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, IndexError, ValueError):
        return 0


def exposition(hub: Hub) -> bytes:
    """All figures in Prometheus' text format, version 0.0.4."""
    now = CollectorRegistry()
    now.register(_Now(hub))
    return generate_latest(now) + generate_latest(COUNTED)


def samples(hub: Hub) -> list[tuple[str, dict[str, str], float]]:
    """The same as name, labels and value."""
    now = CollectorRegistry()
    now.register(_Now(hub))
    return [
        (sample.name, dict(sample.labels), float(sample.value))
        for registry in (now, COUNTED)
        for family in registry.collect()
        for sample in family.samples
    ]
