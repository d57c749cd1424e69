"""Runs of algorithms from somebody's own files: what happens to them when a file is saved."""

from __future__ import annotations

from offrl_core.algos import algorithms
from offrl_core.own_files import OwnFile
from offrl_live.runs.checks import ConfigError
from offrl_live.runs.live_runs import LiveRuns, new_id
from offrl_live.runs.run import Run
from offrl_live.runs.viewer_commands import begin, move


def saved(runs: LiveRuns, file: OwnFile) -> None:
    """The algorithms of a file were loaded anew: each run of them that is watched is trained anew.

    Its viewers are moved to a run that begins with the values of now, as far as the new text takes them; the old one
    stays for whoever goes back to it.
    """
    mistaken(runs, file.name, "")
    for run in [run for run in runs.runs.values() if run.viewers and _uses(run, file.name)]:
        gone = {lane.algorithm for lane in run.config.lanes if lane.kind.file == file.name} - algorithms().keys()
        if gone:
            _say(runs, run, f"{file.name}: there is no algorithm {min(gone)!r} in it any more")
            continue
        try:
            config = run.config.renewed()
        except ConfigError as error:
            _say(runs, run, f"{file.name}: {error}")
            continue
        if config is run.config:
            continue
        parent = {"id": run.id, "step": 0, "what": {}, "saved": file.name}
        fresh = runs.add(Run(new_id(), config, run.private, run.title, parent, speed=run.speed))
        runs.share(fresh)
        begin(runs, fresh, playing=True)
        for viewer in list(run.viewers):
            move(runs, viewer, fresh, -1, f"{file.name} was saved: trained anew", shared=True)


def mistaken(runs: LiveRuns, file: str, sentence: str) -> None:
    """What is wrong with the newest text of a file; empty where all is well. Its runs go on with the text before."""
    runs.mistakes.pop(file, None)
    if sentence:
        runs.mistakes[file] = sentence
    for run in runs.runs.values():
        if _uses(run, file):
            _say(runs, run, runs.mistake_in(run.config))


def _uses(run: Run, file: str) -> bool:
    return any(lane.kind.file == file for lane in run.config.lanes)


def _say(runs: LiveRuns, run: Run, sentence: str) -> None:
    if run.mistake != sentence:
        run.mistake = sentence
        runs.scheduler.state_changed(run)
