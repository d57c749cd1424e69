"""The process in which own files are tried before the server knows of them, so that a mistake harms nothing else."""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from multiprocessing.connection import Connection
from typing import Any

from threadpoolctl import threadpool_limits

from offrl_core.algos import algorithm
from offrl_core.algos.loss_errors import OwnCodeError
from offrl_core.data.catalogue import load_dataset
from offrl_core.learning import Learner
from offrl_core.own_files import OwnFile, file_of, is_loaded, load, prepare
from offrl_core.processes.child import Child, ChildEnded, inbox
from offrl_live.runs.trial import try_out
from offrl_live.serving.environment import own_seconds
from offrl_live.serving.time_limit import TimeLimit

log = logging.getLogger(__name__)

GRACE = 5.0
IMPORT_SECONDS = 60.0
UPDATES_AT_ONCE = 50


class TrialProcess:
    """A process that tries files; one that has ended is started anew. For one thread at a time."""

    def __init__(self, files: Sequence[OwnFile] = ()) -> None:
        self._files = files
        self._child: Child | None = None

    def start(self, files: Sequence[OwnFile]) -> None:
        """Have a process ready that has imported what these files take long to import; returns at once."""
        self._files = files
        try:
            self._ready()
        except (ChildEnded, OSError) as error:
            log.error("no process for trials: %s", error)

    def try_out(self, file: OwnFile, configs: Sequence[dict[str, Any]]) -> str:
        """What is wrong with a file; empty where nothing is. See `offrl_live.runs.trial.try_out`."""
        answer = self._ask({"do": "try", "file": file, "configs": list(configs)})
        died = answer.get("died")
        return str(OwnCodeError(f"the process that tried it {died}", file.path)) if died else str(answer["mistake"])

    def policy(self, name: str, version: str, dataset: str, updates: int) -> tuple[bool, list[list[float]] | None]:
        """Train an algorithm that was tried here a little further on a table; a file that is saved waits no longer.

        Returns:
            Whether it has had its updates, and then `π(a|s)`; None where it could not be trained.
        """
        about = {"name": name, "version": version, "file": file_of(name, version)}
        answer = self._ask({"do": "policy", **about, "dataset": dataset, "updates": updates})
        return answer.get("finished", True), answer.get("policy")

    def close(self) -> None:
        """End the process."""
        if self._child is not None:
            self._child.end()

    def _ready(self) -> Child:
        if self._child is None:
            self._child = Child(serve)
            self._child.send({"do": "prepare", "files": list(self._files)})
        return self._child

    def _ask(self, command: dict[str, Any]) -> dict[str, Any]:
        """The answer; only `died`, in words, where the process has ended without one."""
        try:
            child = self._ready()
            # It ends itself where it can: this is for what holds the interpreter's lock.
            with child.within(IMPORT_SECONDS + own_seconds() + GRACE):
                child.send(command)
                answer: dict[str, Any] = json.loads(child.recv_bytes())
        except (ChildEnded, OSError) as error:
            log.error("a trial's process: %s", error)
            answer = {"died": str(error), "ends": True}
        if answer.pop("ends", False):
            self.close()
            self._child = None
            self.start(self._files)
        return answer


def serve(connection: Connection) -> None:
    """In the process: try what is to be tried, for ever."""
    logging.basicConfig(level=logging.WARNING)
    commands = inbox(connection)

    def answer(**data: Any) -> None:
        connection.send_bytes(json.dumps(data).encode())

    kept: dict[str, Learner] = {}
    limit = TimeLimit(own_seconds(), lambda sentence: answer(mistake=sentence, policy=None, ends=True))
    with threadpool_limits(1):
        while True:
            command = commands.get()
            if command["do"] == "prepare":
                prepare(command["files"])
            elif command["do"] == "try":
                prepare([command["file"]])
                try:
                    with limit:
                        try_out(command["file"], command["configs"])
                except OwnCodeError as error:
                    answer(mistake=str(error))
                else:
                    answer(mistake="")
            else:
                answer(**_policy(command, limit, kept))


def _policy(command: dict[str, Any], limit: TimeLimit, kept: dict[str, Learner]) -> dict[str, Any]:
    """A part of the training; the learner is kept until the next one."""
    about = f"{command['name']} {command['version']} {command['dataset']}"
    learner = kept.pop(about, None)
    try:
        with limit:
            if learner is None:
                if not is_loaded(command["file"]):
                    load(command["file"])
                learner = Learner(load_dataset(command["dataset"]), algorithm(command["name"], command["version"]))
            learner.advance(min(UPDATES_AT_ONCE, command["updates"] - learner.step))
            if learner.step < command["updates"] and learner.active:
                kept.clear()
                kept[about] = learner
                return {"finished": False}
            return {"finished": True, "policy": learner.snapshot().policy[0].tolist()}
    except Exception:  # whatever it is, the page is drawn without this picture
        log.exception("%s could not be trained for its picture", command["name"])
        return {"finished": True, "policy": None}
