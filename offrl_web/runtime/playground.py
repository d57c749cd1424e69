"""The playground without a server: what is chosen, and the whole page for it as plain data."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from offrl_core.algos import Algorithm
from offrl_core.data.catalogue import datasets
from offrl_core.data.entries.custom import OWN_GRID
from offrl_core.data.picture import layout_of
from offrl_core.dataset import Dataset
from offrl_core.declarations import HyperparameterError, Value
from offrl_core.standalone.loss_text import is_restated, loss_text
from offrl_lecture.base.text import html, mathml
from offrl_live.runs.checks import ConfigError
from offrl_live.runs.config import MAX_LANES, RunConfig
from offrl_live.runs.datasets import UPLOAD
from offrl_live.runs.live_runs import LiveRuns, NoRoom, UnknownRun
from offrl_ui.datasets import own_grids
from offrl_ui.playground.files import FILES, Asked, of_one_model, offered, saved_as, which_model
from offrl_ui.playground.tree import NOTHING_YET, Branches
from offrl_ui.setup import links, looks, selection
from offrl_ui.setup.controls import apply, data_sections, lane_sections, ruled, scope_of
from offrl_ui.setup.notes import endless_note, given_rewards, lesson, reward_note

BACK = "back"
Query = Mapping[str, Sequence[str]]


class Playground:
    """One visit of the playground.

    Every answer is the page as it is to be: `view`.

    Args:
        runs: where runs are trained; None for the page alone, as it can be stored.
        owner: whose runs these are.
        read: gives the files of the stage by name, for pages that play without a server.
        brought: gives the cards of logs of the visitor's own.
    """

    def __init__(
        self,
        runs: LiveRuns | None,
        owner: str = "",
        read: Callable[[str], bytes] | None = None,
        brought: Callable[[], list[dict[str, Any]]] = list,
    ) -> None:
        self._runs, self._owner, self._read, self._brought = runs, owner, read, brought
        self._config = selection.start()
        self._notes: list[links.Note] = []
        self._looks = looks.Looks()
        self._lane = self._turn = 0
        self._told: tuple[tuple[object, ...], str] = (), ""
        self._refused_grid = ""
        self._goes_on = False
        self._shown: tuple[str, RunConfig, int | None] | None = None
        self._branches = Branches()

    def answer(self, question: Mapping[str, Any]) -> Any:
        """Do what the page asks, `do` with its particulars, and give the page as it is then.

        Raises:
            ValueError: nothing of that name can be done, or it is refused.
        """
        todo = dict(question)
        name = todo.pop("do", "")
        if name not in _DO:
            raise ValueError(f"do = {name!r} is not allowed: it must be one of {', '.join(_DO)}")
        _DO[name](self, **todo)
        return self.view()

    # what the page asks

    def open(self, query: Query) -> None:
        """Choose what a link says."""
        parts = {name: list(values) for name, values in query.items() if name != BACK}
        self._config, self._looks, self._notes = looks.parse_all(parts)
        self._lane = min(self._lane, len(self._config.lanes) - 1)
        self._refused_grid, self._goes_on = "", False

    def reopen(self, link: Mapping[str, str]) -> None:
        """Back to what was chosen before a card was picked, or again to what came of it."""
        self.open({name: [value] for name, value in link.items()})
        self._goes_on = True

    def _choose(self, config: RunConfig, notes: Sequence[links.Note] = ()) -> None:
        if config.dataset != self._config.dataset:
            self._looks = self._looks.elsewhere()
        elif not selection.same_choice(config, self._config):
            self._looks = self._looks.moved_on()
        self._config, self._notes = config, list(notes)
        self._refused_grid, self._goes_on = "", True
        self._lane = min(self._lane, len(config.lanes) - 1)

    def pick_dataset(self, id: str) -> None:
        """Another dataset, with the algorithms that show its lesson."""
        if id not in datasets() and not id.startswith(UPLOAD):
            raise ValueError(f"there is no dataset {id!r}")
        other = selection.other_dataset(self._config, id)
        self._told = selection.systems(other), selection.why_other(self._config, other)
        self._choose(other)

    def draw(self) -> None:
        """A grid of one's own, to be drawn below the stage."""
        self._choose(own_grids.own_grid(self._config))

    def redraw(self, drawn: Mapping[str, Any]) -> None:
        """What was drawn on the board; why it is no grid to learn in is told beside it."""
        lines = own_grids.drawn_lines(drawn)
        if lines is None or self._config.dataset != OWN_GRID:
            return  # another dataset was picked meanwhile
        try:
            self._choose(own_grids.redrawn(self._config, lines))
        except (ConfigError, HyperparameterError) as error:
            self._refused_grid = str(error)

    def pick_algorithm(self, id: str) -> None:
        """Another algorithm for the lane that is viewed."""
        self._choose(selection.other_algorithm(self._config, self._lane, id))

    def change(self, values: Mapping[str, Any], scope: str) -> None:
        """What a panel says; an answer that belongs to another choice comes too late."""
        if scope in (scope_of(self._config, self._lane), self._config.dataset):
            self._choose(*apply(replace(self._config, changes=()), self._lane, values))

    def turn_to(self, lane: int) -> None:
        """View and change another of the algorithms that train side by side."""
        self._lane = max(0, min(int(lane), len(self._config.lanes) - 1))
        self._turn += 1

    def beside(self, id: str) -> None:
        """One more algorithm, beside the others."""
        try:
            self._choose(selection.beside(self._config, id))
            self.turn_to(len(self._config.lanes) - 1)
        except ConfigError as error:
            self._notes = [links.Note("lanes", str(len(self._config.lanes) + 1), str(error))]

    def remove(self) -> None:
        """The algorithm that is viewed goes."""
        if len(self._config.lanes) > 1:
            before = self._lane
            self._choose(selection.without(self._config, before))
            self.turn_to(before - 1)

    def viewed(self, told: Mapping[str, Any]) -> None:
        """Another model is looked at, or the picture is arranged anew."""
        self._looks = looks.arranged(self._looks, told, layout_of(self._config.data))
        member = told.get("member")
        if isinstance(member, int) and 0 <= member < self._config.members:
            self._lane = self._config.lane_of(member)

    def moved(self, run_id: str) -> None:
        """The stage was moved to a run of the viewer's own."""
        if self._shown is not None and self._alive(run_id):
            self._shown = run_id, *self._shown[1:]

    def gone(self, run_id: str) -> None:
        """The run on the stage no longer exists: it is opened anew."""
        if self._shown is not None and self._shown[0] == run_id:
            self._shown = None

    def go(self, id: str) -> None:
        """To another run of the tree."""
        if id in self._branches.names:
            self._goes_on = True
            self.moved(id)

    def name(self, id: str, name: str) -> None:
        """Name a run of the tree."""
        self._branches.rename(id, str(name))

    def look(self) -> None:
        """Nothing changes; the page as it is."""

    # the page

    def view(self) -> dict[str, Any]:
        """The page as plain data."""
        config, lane = self._config, self._config.lanes[self._lane]
        error = ""
        try:
            run_id = self._run_of(config)
        except (ConfigError, NoRoom) as reason:
            run_id, error = None, str(reason)
        shown = config
        if run_id is not None:
            self._branches.remember(run_id)
            actual = self._info(run_id)["config"]
            shown = actual if actual.changes else config
        rule = self._looks.rule
        choices = {name: value for name, value in config.current(self._lane).items() if not isinstance(value, tuple)}
        about, told = self._told
        said = [told if about == selection.systems(config) else "", given_rewards(config.data), endless_note(config)]
        refused = {note.key: note.message for note in self._notes}
        stage = self._looks.on_stage()
        if self._goes_on:
            stage["goes_on"] = True
        if self._turn:
            stage |= {"member": config.first_member(self._lane), "turn": self._turn}
        return {
            "link": links.link(shown) | looks.link(self._looks),
            "notes": [str(note) for note in self._notes],
            "error": error,
            "lesson": lesson(config),
            "captions": [sentence for sentence in said if sentence],
            "run": run_id,
            "stage": stage,
            "hidden": [part for part in looks.CARDS if self._looks.rule(part)],
            "dataset": config.dataset,
            "brought": self._brought(),
            "options": {"scope": config.dataset, "sections": ruled(data_sections(config), rule), "refused": refused},
            "reward": reward_note(config.data),
            "own_grid": {
                "offer": own_grids.OFFER if own_grids.offered(config) else "",
                "about": own_grids.ABOUT,
                "title": own_grids.TITLE,
                "how": own_grids.HOW,
                "board": None if rule("data") else own_grids.shown_board(config),
                "refused": self._refused_grid,
            },
            "lanes": [each.kind.title for each in config.lanes],
            "lane": self._lane,
            "more": len(config.lanes) < MAX_LANES,
            "algorithm": lane.algorithm,
            "settings": {
                "scope": scope_of(config, self._lane),
                "lane": self._lane,
                "sections": ruled(lane_sections(config, self._lane), rule),
                "refused": refused,
            },
            "rule": _rule(lane.kind, choices, several=len(config.lanes) > 1),
            "loss": _loss(lane.kind, choices, config.data),
            "tree": self._tree(),
            "nothing_yet": NOTHING_YET,
            "offer": self._offer(run_id, lane.algorithm),
        }

    def take(self, question: Mapping[str, Any]) -> bytes:
        """A file of a run: `{"run", "file", "query"}`.

        Raises:
            ValueError: there is no such file or run, or it cannot be made now.
        """
        file = FILES.get(str(question.get("file")))
        if file is None or file.make is None or self._runs is None or self._read is None:
            raise ValueError(f"there is no {question.get('file')} in this edition")
        try:
            export = self._runs.export(str(question.get("run")))
        except UnknownRun as error:
            raise ValueError("there is no such run: it was dropped, or never existed") from error
        query = {key: str(value) for key, value in dict(question.get("query") or {}).items()}
        return file.make(Asked(export, query, self._read))

    def _run_of(self, config: RunConfig) -> str | None:
        """The id of the run that shows `config`: kept while only live hyperparameters change."""
        if self._runs is None:
            return None
        step = self._looks.step
        if self._shown is not None:
            run_id, about, shown = self._shown
            if selection.same_run(about.renewed(), config) and self._alive(run_id) and step in (None, shown):
                return run_id
        run_id = self._runs.open(config, title=selection.title_of(config), owner=self._owner, step=step)
        self._shown = run_id, config, step
        if config.changes and step is None and self._info(run_id)["step"] == 0:
            self._runs.play(run_id)  # a link to a branch whose run is gone computes it again
        return run_id

    def _info(self, run_id: str) -> dict[str, Any]:
        assert self._runs is not None
        return self._runs.info(run_id)

    def _alive(self, run_id: str) -> bool:
        try:
            self._info(run_id)
        except UnknownRun:
            return False
        return True

    def _tree(self) -> list[dict[str, Any]]:
        return [] if self._runs is None else self._branches.nodes(self._runs.info)

    def _offer(self, run_id: str | None, algorithm: str) -> dict[str, Any]:
        """The files that can be made here, and the models to choose from."""
        members = [] if run_id is None else self._info(run_id)["members"]
        title = selection.title_of(self._config)
        files = [
            {
                "name": name,
                "what": file.what,
                "one": of_one_model(name),
                "as": saved_as(name, title),
                "media": file.media,
            }
            for name in offered(algorithm)
            if (file := FILES[name]).make is not None
        ]
        return {
            "files": files,
            "models": [f"{member['algorithm']} {member['label']}".strip() for member in members],
            "which": which_model({member["algorithm"] for member in members}) if members else "",
        }


_DO: dict[str, Callable[..., None]] = {
    name: getattr(Playground, name)
    for name in (
        *("open", "reopen", "pick_dataset", "draw", "redraw", "pick_algorithm", "change", "turn_to", "beside"),
        *("remove", "viewed", "moved", "gone", "go", "name", "look"),
    )
}


def _rule(kind: type[Algorithm], choices: Mapping[str, Value], *, several: bool) -> dict[str, Any]:
    return {
        "title": f"The update rule of {kind.title}" if several else "The update rule",
        "summary": html(kind.summary),
        "formulas": [mathml(formula) for formula in kind().equation_for(choices).split(r"\qquad")],
        "source": kind.source or "",
    }


def _loss(kind: type[Algorithm], choices: Mapping[str, Value], data: Dataset) -> list[dict[str, str]]:
    """The loss as it runs, and in PyTorch under the present choices."""
    shown = [{"title": "The loss as it runs", "code": kind.loss_source()}]
    if is_restated(kind):
        shown.append({"title": "In PyTorch", "code": loss_text(kind, choices, all_known=bool(data.has_target.all()))})
    return shown
