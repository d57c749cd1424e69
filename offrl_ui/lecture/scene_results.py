"""The results of scenes: each state is computed once, in server threads, and shared by all that show it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import threading
import time
from collections.abc import AsyncGenerator, Generator
from concurrent.futures import ThreadPoolExecutor
from functools import cache

from offrl_core.declarations import Value
from offrl_core.recent import Recent
from offrl_lecture.base.encode import result_json
from offrl_lecture.base.scene import Scene

log = logging.getLogger(__name__)

PATIENCE = 0.25
"""Seconds until a scene that had nothing new is asked again."""


class SceneFailure(RuntimeError):
    """A scene's computation raised; the message names the scene and the state."""


class _Job:
    """One state being computed, a result at a time: its newest result, and the viewers that wait for the next."""

    def __init__(self, results: Generator[tuple[str, bool] | None, None, None]) -> None:
        self.results = results
        self.lock = threading.Lock()
        self.newest: str | None = None
        self.version = 0
        self.at_work = self.done = False
        self.due = 0.0
        self.failure: SceneFailure | None = None
        self.waiting: list[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = []

    def publish(
        self, payload: str | None = None, *, done: bool = False, due: float = 0.0, failure: SceneFailure | None = None
    ) -> None:
        """End a turn: with a result, with nothing new before the time `due`, or for good."""
        with self.lock:
            if payload is not None:
                self.newest = payload
                self.version += 1
            self.at_work, self.done, self.due, self.failure = False, done, due, failure
            for loop, event in self.waiting:
                # A viewer's loop may have ended with its test or its server.
                if not loop.is_closed():
                    loop.call_soon_threadsafe(event.set)


class SceneResults:
    """Computes what scenes show in a state, as encoded JSON, and keeps the results.

    Args:
        threads: how many states are computed at once.
        budget: characters of results kept; the least recently used are dropped first.
    """

    def __init__(self, threads: int = 2, budget: int = 48 * 2**20) -> None:
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="scene")
        self._kept: Recent[str, str] = Recent(budget, len)
        self._jobs: dict[str, _Job] = {}
        self._lock = threading.Lock()

    def first(self, scene: Scene, state: dict[str, Value]) -> str:
        """The first result for a state, computed in the caller's thread, see `first_of`."""
        return first_of(self._kept, scene, state)

    async def watch(self, scene: Scene, state: dict[str, Value]) -> AsyncGenerator[str]:
        """Results for a state as they come; the last one is complete. Slow readers skip intermediate ones.

        Raises:
            SceneFailure: the scene's computation raised.
        """
        key = key_of(scene, state)
        if (kept := self._kept.get(key)) is not None:
            yield kept
            return
        loop, event = asyncio.get_running_loop(), asyncio.Event()
        with self._lock:
            job = self._jobs.get(key)
            if job is None:
                job = self._jobs[key] = _Job(results_of(scene, state))
            job.waiting.append((loop, event))
        seen = 0
        try:
            while True:
                with job.lock:
                    payload, version, done, failure = job.newest, job.version, job.done, job.failure
                    event.clear()
                if failure is not None:
                    raise failure
                if version > seen and payload is not None:
                    seen = version
                    yield payload
                if done:
                    return
                delay = self._go_on(key, job)
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(event.wait(), delay)
        finally:
            with self._lock:
                job.waiting.remove((loop, event))
                if not job.waiting and not job.at_work:
                    self._end(key, job)

    def _go_on(self, key: str, job: _Job) -> float | None:
        """Have the next result computed, unless that is being done. The seconds until it may be, where it is early."""
        with job.lock:
            if job.at_work or job.done:
                return None
            if (early := job.due - time.monotonic()) > 0:
                return early
            job.at_work = True
        self._pool.submit(self._turn, key, job)
        return None

    def _turn(self, key: str, job: _Job) -> None:
        with self._lock:
            if not job.waiting:  # whoever asked has gone on since, or has left
                self._end(key, job)
                return
        # One result only: a thread that waited for a training elsewhere would keep everybody's sliders waiting.
        try:
            result = next(job.results)
        except Exception as error:
            failure = error if isinstance(error, SceneFailure) else SceneFailure("the scene gave no result")
            with self._lock:
                self._end(key, job)
            job.publish(done=True, failure=failure)
            return
        payload, last = result or (None, False)
        if last and payload is not None:
            self._kept.put(key, payload)
        with self._lock:
            job.publish(payload, done=last, due=time.monotonic() + (PATIENCE if result is None else 0.0))
            # Where nobody looks at this state any more, whoever comes later starts it afresh.
            if last or not job.waiting:
                self._end(key, job)

    def _end(self, key: str, job: _Job) -> None:
        if self._jobs.get(key) is job:
            del self._jobs[key]
        job.results.close()


def key_of(scene: Scene, state: dict[str, Value]) -> str:
    return scene.id + json.dumps(state, sort_keys=True)


def first_of(kept: Recent[str, str], scene: Scene, state: dict[str, Value]) -> str:
    """The first result for a state: complete, which is kept, or marked `partial` for a scene that computes in steps.

    Raises:
        SceneFailure: the scene's computation raised.
    """
    key = key_of(scene, state)
    if (known := kept.get(key)) is not None:
        return known
    results = results_of(scene, state)
    payload, last = next(result for result in results if result is not None)
    results.close()
    if last:
        kept.put(key, payload)
    return payload


def results_of(scene: Scene, state: dict[str, Value]) -> Generator[tuple[str, bool] | None, None, None]:
    """Encoded results, each with whether it is the last; a generator's last dict comes again as the complete one.

    None where a scene has nothing new yet.

    Raises:
        SceneFailure: the scene's computation raised.
    """
    try:
        made = scene.compute(state)
        if isinstance(made, dict):
            yield result_json(scene, state, made), True
            return
        pictures = None
        try:
            for drawn in made:
                pictures = drawn or pictures
                yield (result_json(scene, state, drawn, partial=True), False) if drawn else None
        finally:
            made.close()
        if pictures is None:
            raise ValueError("the scene yielded no pictures")
        yield result_json(scene, state, pictures), True
    except GeneratorExit:
        raise
    except Exception as error:
        log.exception("scene %s failed in state %s", scene.id, state)
        raise SceneFailure(f"the scene {scene.id} could not be computed") from error


@cache
def scene_results() -> SceneResults:
    """The results of this server."""
    return SceneResults()
