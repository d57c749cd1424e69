"""Collect your own data: draw the grid, draw the policy that records, or play the episodes by hand."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import streamlit as st

from offrl_core.data.catalogue import datasets
from offrl_core.data.entries.custom import OWN_GRID
from offrl_core.data.options import MAX_OWN
from offrl_core.data.own_episodes import OwnEpisode
from offrl_core.dataset import Dataset
from offrl_core.declarations import HyperparameterError
from offrl_core.worlds.layout import GridLayout, PlaneLayout
from offrl_core.worlds.maze import Maze
from offrl_core.worlds.world import Simulator
from offrl_core.writing import number
from offrl_live.runs.checks import ConfigError
from offrl_live.runs.config import RunConfig
from offrl_ui.datasets import own_grids
from offrl_ui.datasets.drawing import board, player_keys
from offrl_ui.setup.links import plain
from offrl_ui.shared import svg

DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
ARROW_KEYS = {
    "ArrowUp": ("up", "north"),
    "ArrowRight": ("right", "east"),
    "ArrowDown": ("down", "south"),
    "ArrowLeft": ("left", "west"),
}
Choose = Callable[[RunConfig], None]


def collect(config: RunConfig, dataset: Dataset, choose: Choose) -> None:
    """The ways of collecting that this dataset's world offers, behind tabs.

    Args:
        config: what is chosen; its options are what is changed.
        dataset: the data of `config`.
        choose: takes the changed choice (from a callback).
    """
    options = {h.name: h for h in datasets()[config.dataset].options} if config.dataset in datasets() else {}
    grid = grid_of(dataset)
    ways: dict[str, Callable[[], None]] = {}
    if isinstance(dataset.layout, GridLayout) and OWN_GRID in datasets():
        ways["Draw the grid"] = partial(draw_grid, config, dataset.layout, choose, key="board-cells")
    if grid is not None and "drawn" in options:
        ways["Draw a policy"] = partial(_draw_policy, config, grid, choose)
    if "own" in options and dataset.world is not None:
        ways["Play it yourself"] = partial(_play, config, dataset, choose)
    if not ways:
        return
    with st.expander("Collect your own data", icon=":material/draw:"):
        first = next(iter(ways))
        # Required: a second click on the way that is chosen would otherwise leave nothing at all.
        way = st.segmented_control("How", list(ways), default=first, required=True, label_visibility="collapsed")
        ways[way or first]()


def grid_of(dataset: Dataset) -> GridLayout | None:
    """The grid that a dataset's world is made of, also where its states are positions in it."""
    if isinstance(dataset.layout, GridLayout):
        return dataset.layout
    twin = dataset.world.twin.layout if isinstance(dataset.world, Maze) else None
    return twin if isinstance(twin, GridLayout) else None


def _try(choose: Choose, make: Callable[[], RunConfig]) -> None:
    """Choose what `make` makes, or say why that cannot be."""
    try:
        changed = make()
    except (ConfigError, HyperparameterError) as error:
        st.session_state["collect-refused"] = str(error)
        return
    st.session_state.pop("collect-refused", None)
    choose(changed)


def _refusal() -> None:
    if "collect-refused" in st.session_state:
        st.warning(plain(st.session_state["collect-refused"]), icon=":material/rule:")


# -- the grid


def draw_grid(config: RunConfig, layout: GridLayout, choose: Choose, *, key: str) -> None:
    """The board to draw the grid on; what is drawn is a grid of one's own."""
    if config.dataset != OWN_GRID:
        st.caption("What you draw becomes a grid of your own; this dataset stays as it is.")

    _refusal()
    shown = own_grids.board(layout)
    board(shown, key=key, on_draw=lambda lines: _try(choose, partial(own_grids.redrawn, config, lines)))


# -- the policy


def _draw_policy(config: RunConfig, grid: GridLayout, choose: Choose) -> None:
    st.caption("The data is collected by the policy you draw; a cell without an arrow takes any action.")
    size = grid.rows * grid.cols
    before = re.sub(r"[/\s]", "", str(config.options.get("drawn", "")))
    arrows = before if len(before) == size else "." * size

    def drawn(lines: str) -> None:
        options = {**config.options, "drawn": lines, "behavior": "drawn"}
        _try(choose, partial(replace, config, options=options))

    _refusal()
    board(own_grids.board(grid, arrows=arrows), key="board-arrows", on_draw=drawn)


# -- one's own episodes


def keys_of(dataset: Dataset) -> dict[str, int]:
    """Which key takes which action: arrow keys where the actions are directions, digits and letters for all."""
    keys = {DIGITS[action]: action for action in range(min(dataset.n_actions, len(DIGITS)))}
    for key, words in ARROW_KEYS.items():
        for action, name in enumerate(dataset.action_names):
            if re.fullmatch(rf"(?:move |go |push |walk )?(?:{'|'.join(words)})", name.lower()):
                keys[key] = action
    return keys


def replayed(dataset: Dataset, episode: int, text: str) -> tuple[OwnEpisode, list[Any]]:
    """The player after every press of `text` that the world still took, and what was seen on the way."""
    assert isinstance(dataset.world, Simulator)
    player = OwnEpisode(dataset.world, seed=episode)
    seen = [player.observation]
    for character in text:
        if player.over or character not in DIGITS[: dataset.n_actions]:
            break
        player.step(DIGITS.index(character))
        seen.append(player.observation)
    return player, seen


def _play(config: RunConfig, dataset: Dataset, choose: Choose) -> None:
    world = (config.dataset, *sorted((k, v) for k, v in config.options.items() if k not in ("own", "behavior")))
    memory = st.session_state.get("own")
    if memory is None or memory["world"] != world:
        memory = {"world": world, "kept": [], "episode": 0, "text": ""}
        st.session_state["own"] = memory
    player, seen = replayed(dataset, memory["episode"], memory["text"])

    def moved(episode: int, text: str) -> None:
        if episode == memory["episode"]:
            memory["text"] = replayed(dataset, episode, text)[0].text.partition(":")[2]

    def following(keep: bool) -> None:
        if keep:
            memory["kept"].append(player.text)
        memory["episode"] += 1
        memory["text"] = ""

    def train() -> None:
        text = ";".join(memory["kept"])
        if len(text) > MAX_OWN:
            st.session_state["collect-refused"] = f"{len(text)} characters are too many: at most {MAX_OWN} fit a link"
            return
        _try(choose, partial(replace, config, options={**config.options, "own": text, "behavior": "own"}))

    total = sum(player.steps.columns()["rewards"]) if player.actions else 0.0
    told = f"Episode {len(memory['kept']) + 1}, step {len(player.actions)}, return so far {number(total)}."
    told += " The episode has ended: keep it, or throw it away." if player.over else ""
    player_keys(
        episode=memory["episode"],
        played=memory["text"],
        over=player.over,
        actions=list(dataset.action_names or map(str, range(dataset.n_actions))),
        digits=DIGITS,
        keys=keys_of(dataset),
        **standing(dataset, player, seen),
        told=told,
        key="player",
        on_move=moved,
    )
    _refusal()
    with st.container(horizontal=True):
        st.button("Keep this episode", on_click=following, args=(True,), disabled=not player.actions)
        st.button("Throw it away", on_click=following, args=(False,), disabled=not player.actions)
        count = len(memory["kept"])
        label = f"Use the {count} kept episodes as the dataset" if count != 1 else "Use the kept episode as the dataset"
        st.button(label, on_click=train, type="primary", disabled=count == 0)


def standing(dataset: Dataset, player: OwnEpisode, seen: list[Any]) -> dict[str, Any]:
    """Where an episode stands and how it came there: `picture`, in grids and mazes, or the `shot` to be drawn as films
    draw it.
    """
    layout = dataset.layout
    if isinstance(layout, GridLayout):
        points = svg.cell_centre(layout)[np.array(seen, dtype=int)]
        body = [*svg.cells(layout), *svg.letters(layout)]
        drawn = svg.drawing(layout.cols, layout.rows, body + _trail(points, 0.3), description="the grid and the walker")
        return {"picture": drawn, "shot": None}
    if isinstance(dataset.world, Maze) and isinstance(layout, PlaneLayout):
        body, (scale, shift) = svg.plane_frame(layout, 15, 10)
        places = np.stack(seen)[:, [layout.x, layout.y]] * scale + shift
        drawn = svg.drawing(15, 10, body + _trail(places, 0.22), description="the maze and the walker")
        return {"picture": drawn, "shot": None}
    shot = {
        "world": player.world.name,
        "layout": layout.to_json() if layout is not None else None,
        "seen": np.stack(seen).tolist(),
        "actions": player.actions,
        "ending": player.world.ending(seen[-1]) if player.over else "",
    }
    return {"picture": "", "shot": shot}


def _trail(points: Any, radius: float) -> list[str]:
    x, y = points[-1]
    mark = f'<circle cx="{x:g}" cy="{y:g}" r="{radius:g}" style="fill:{svg.marked(4)}"/>'
    return [svg.line(points.tolist(), svg.marked(4), radius / 2, 0.5), mark]
