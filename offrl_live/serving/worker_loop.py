"""The worker's loop: one command, or one slice of training, and again."""

from __future__ import annotations

import queue

from threadpoolctl import threadpool_limits

from offrl_core.data.catalogue import load_dataset
from offrl_live.runs import truths, wire
from offrl_live.runs.session import Command, Send
from offrl_live.runs.worker import Worker
from offrl_live.serving.clock import SYSTEM_CLOCK

WARM_DATASETS = ("double-crossing", "icu-sepsis")


def serve(commands: queue.SimpleQueue[Command], send: Send) -> None:
    """Obey commands and train between them for ever; the process ends when its input does."""
    worker = Worker(send, SYSTEM_CLOCK)
    with threadpool_limits(1):
        send(wire.encode({"kind": "ready"}, {}))
        for name in WARM_DATASETS:
            if not commands.empty():
                break
            data = load_dataset(name)
            truths.truth(data, data.gamma)
        while True:
            wait = worker.wait()
            try:
                command = commands.get(timeout=wait) if wait is None or wait > 0 else commands.get_nowait()
            except queue.Empty:
                worker.work()
            else:
                worker.obey(command)
