"""Computes scenes: once per state, in server threads, shared by everyone who looks at that state."""

from __future__ import annotations

import asyncio
import inspect
import json
import logging
import threading
from collections import OrderedDict
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import cache

from offrl_core.hyperparameters import Value
from offrl_ui.scenes.encode import result_json
from offrl_ui.scenes.scene import Scene

log = logging.getLogger(__name__)


class SceneFailure(RuntimeError):
    """A scene's computation raised; the message names the scene and the state."""


class _Job:
    """One state being computed: its newest result, and who waits for it."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.newest: str | None = None
        self.version = 0
        self.done = False
        self.failure: SceneFailure | None = None
        self.waiting: list[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = []

    def publish(self, payload: str | None, *, done: bool, failure: SceneFailure | None = None) -> None:
        with self.lock:
            self.newest = self.newest if payload is None else payload
            self.version += 1
            self.done, self.failure = done, failure
            for loop, event in self.waiting:
                # A viewer's loop may have ended with its test or its server.
                if not loop.is_closed():
                    loop.call_soon_threadsafe(event.set)


class Studio:
    """Answers "what does this scene look like in this state?" as encoded JSON.

    Args:
        threads: how many states are computed at once.
        budget: str of results kept; the least recently used are dropped first.
    """

    def __init__(self, threads: int = 2, budget: int = 48 * 2**20) -> None:
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="scene")
        self._budget = budget
        self._held = 0
        self._kept: OrderedDict[str, str] = OrderedDict()
        self._jobs: dict[str, _Job] = {}
        self._lock = threading.Lock()

    def first(self, scene: Scene, state: dict[str, Value]) -> str:
        """The first result for a state, computed in the caller's thread: complete, or marked `partial` for a scene that
        computes in steps.

        Raises:
            SceneFailure: the scene's computation raised.
        """
        key = _key(scene, state)
        if (kept := self._get(key)) is not None:
            return kept
        payload = ""
        for payload, last in _results(scene, state):
            if last:
                self._put(key, payload)
            break
        return payload

    async def watch(self, scene: Scene, state: dict[str, Value]) -> AsyncIterator[str]:
        """Results for a state as they come; the last one is complete. Slow readers skip intermediate ones.

        Raises:
            SceneFailure: the scene's computation raised.
        """
        key = _key(scene, state)
        if (kept := self._get(key)) is not None:
            yield kept
            return
        loop, event = asyncio.get_running_loop(), asyncio.Event()
        with self._lock:
            job = self._jobs.get(key)
            if fresh := job is None:
                job = self._jobs[key] = _Job()
            with job.lock:
                job.waiting.append((loop, event))
        if fresh:
            self._pool.submit(self._work, key, job, scene, state)
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
                if version == seen or payload is None:
                    await event.wait()
        finally:
            with job.lock:
                job.waiting.remove((loop, event))

    def _work(self, key: str, job: _Job, scene: Scene, state: dict[str, Value]) -> None:
        results = _results(scene, state)
        try:
            for payload, last in results:
                if last:
                    self._put(key, payload)
                    break
                job.publish(payload, done=False)
                with self._lock:
                    if not job.waiting:
                        # Nobody looks at this state any more; whoever comes later starts it afresh.
                        self._jobs.pop(key, None)
                        job.publish(None, done=True)
                        return
            with self._lock:
                self._jobs.pop(key, None)
            job.publish(payload, done=True)
        except Exception as error:
            if not isinstance(error, SceneFailure):
                log.exception("scene %s failed in state %s", scene.id, state)
                error = SceneFailure(f"the scene {scene.id} could not be computed")
            with self._lock:
                self._jobs.pop(key, None)
            job.publish(None, done=True, failure=error)
        finally:
            results.close()

    def _get(self, key: str) -> str | None:
        with self._lock:
            payload = self._kept.get(key)
            if payload is not None:
                self._kept.move_to_end(key)
            return payload

    def _put(self, key: str, payload: str) -> None:
        with self._lock:
            self._held += len(payload) - len(self._kept.get(key, ""))
            self._kept[key] = payload
            while self._held > self._budget and len(self._kept) > 1:
                self._held -= len(self._kept.popitem(last=False)[1])


def _key(scene: Scene, state: dict[str, Value]) -> str:
    return scene.id + json.dumps(state, sort_keys=True)


def _results(scene: Scene, state: dict[str, Value]) -> Iterator[tuple[str, bool]]:
    """Encoded results, each with whether it is the last; a generator's last dict comes again as the complete one."""
    try:
        made = scene.compute(state)
        if not inspect.isgenerator(made):
            yield result_json(scene, state, made), True
            return
        pictures = None
        try:
            for pictures in made:
                yield result_json(scene, state, pictures, partial=True), False
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
def studio() -> Studio:
    """The server's one studio."""
    return Studio()
