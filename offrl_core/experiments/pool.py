"""Worker processes on this machine that leave everything else its turn, as an executor of `concurrent.futures`."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Executor, Future
from dataclasses import dataclass
from multiprocessing.connection import Connection
from queue import Empty, SimpleQueue
from typing import Any, TypeVar

from offrl_core.processes.child import Child, ChildEnded, inbox
from offrl_core.threads import cores

T = TypeVar("T")

LOWEST = 19
"""The lowest priority that a process may have: live runs and the server come first."""


class WorkerEnded(RuntimeError):
    """The process that did a job has ended; others go on."""


@dataclass(frozen=True)
class _Call:
    future: Future[Any]
    function: Callable[..., Any]
    arguments: tuple[Any, ...]


class LocalPool(Executor):
    """Processes that do calls one after another, each started when there is something to do.

    Unlike `ProcessPoolExecutor`, one that dies takes only its own call along: that call raises `WorkerEnded`, a fresh
    process takes the dead one's place, and all other calls go on. Workers have the lowest priority and end with this
    process, however that ends; a script needs no `if __name__ == "__main__"` for them.

    Args:
        workers: how many calls are done at a time; by default one for each core.

    Raises:
        ValueError: `workers` is no whole number from 1 to 256.
    """

    def __init__(self, workers: int | None = None) -> None:
        workers = cores() if workers is None else workers
        if isinstance(workers, bool) or not isinstance(workers, int) or not 1 <= workers <= 256:
            raise ValueError(f"workers = {workers!r} is not allowed: it must be a whole number from 1 to 256")
        self._max_workers = workers
        self._calls: SimpleQueue[_Call | None] = SimpleQueue()
        self._children: dict[int, Child] = {}
        self._lock = threading.Lock()
        self._closed = self._killed = False
        self._threads: list[threading.Thread] = []

    @property
    def pids(self) -> list[int]:
        """The process ids of the workers that run now."""
        with self._lock:
            return [child.pid for child in self._children.values()]

    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:
        """Have a function at the top of a module called in a worker.

        Raises:
            RuntimeError: the pool is closed.
            TypeError: keyword arguments are given.
        """
        if kwargs:
            raise TypeError("keyword arguments are not passed on: give them in order")
        future: Future[T] = Future()
        with self._lock:
            if self._closed:
                raise RuntimeError("this pool is closed: it takes no more calls")
            self._calls.put(_Call(future, fn, args))
            if len(self._threads) < self._max_workers:
                number = len(self._threads)
                thread = threading.Thread(target=self._work, args=(number,), name=f"experiment-{number}", daemon=True)
                self._threads.append(thread)
                thread.start()
        return future

    def _work(self, number: int) -> None:
        """One worker's calls, as long as the pool is open."""
        while (call := self._calls.get()) is not None:
            if not call.future.set_running_or_notify_cancel():
                continue
            try:
                child = self._child(number)
                child.send((call.function, call.arguments))
                good, answer = child.recv()
            except (ChildEnded, OSError) as error:
                self._forget(number)
                reason = f"the worker process {error}" if isinstance(error, ChildEnded) else f"no worker: {error}"
                call.future.set_exception(WorkerEnded(reason))
            except Exception as error:  # such as arguments that cannot be pickled: the caller's matter
                call.future.set_exception(error)
            else:
                if good:
                    call.future.set_result(answer)
                else:
                    call.future.set_exception(answer)
            del call
        self._forget(number)

    def _child(self, number: int) -> Child:
        with self._lock:
            if self._killed:
                raise OSError("the pool was ended")
            child = self._children.get(number)
            if child is None or not child.idle:  # one that died between two calls has harmed neither
                child = self._children[number] = Child(serve, nice=LOWEST)
            return child

    def _forget(self, number: int) -> None:
        with self._lock:
            child = self._children.pop(number, None)
        if child is not None:
            child.end()

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Take no more calls and end the workers when those that were taken are done.

        Args:
            wait: return when that is so.
            cancel_futures: those that have not begun are not done.
        """
        self._close()
        if cancel_futures:
            self._cancel()
            self._let_go()
        if wait:
            for thread in self._threads:
                thread.join()

    def kill(self) -> None:
        """End the workers at once; what they were doing raises `WorkerEnded`, and what had not begun is cancelled."""
        self._killed = True
        self.shutdown(wait=False, cancel_futures=True)
        with self._lock:
            children = list(self._children.values())
        for child in children:
            child.kill()
        for thread in self._threads:
            thread.join()

    def _close(self) -> None:
        with self._lock:
            closing, self._closed = not self._closed, True
        if closing:
            self._let_go()

    def _let_go(self) -> None:
        for _ in self._threads:
            self._calls.put(None)

    def _cancel(self) -> None:
        try:
            while True:
                call = self._calls.get_nowait()
                if call is not None:
                    call.future.cancel()
        except Empty:
            return


def serve(connection: Connection) -> None:
    """In a worker: do one call after another, for ever."""
    calls = inbox(connection)
    while True:
        function, arguments = calls.get()
        try:
            answer = True, function(*arguments)
        except Exception as error:
            answer = False, error
        connection.send(answer)
