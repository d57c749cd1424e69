"""The playground: pick a dataset and an algorithm, press play, watch it learn."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import streamlit as st

from offrl_core.data.entries.custom import OWN_GRID
from offrl_core.worlds.layout import GridLayout
from offrl_live.runs.checks import ConfigError
from offrl_live.runs.config import MAX_LANES, RunConfig
from offrl_live.runs.live_runs import NoRoom
from offrl_ui.datasets import own_grids
from offrl_ui.datasets.assumption import show_assumption
from offrl_ui.datasets.collect import draw_grid
from offrl_ui.datasets.estimates import estimates
from offrl_ui.datasets.upload import uploads
from offrl_ui.experiments.opening import make_an_experiment
from offrl_ui.lecture.join import page_of_rooms
from offrl_ui.lecture.passage import way_back
from offrl_ui.lecture.rooms import CODES, read_code
from offrl_ui.playground import branches, waiting
from offrl_ui.playground.downloads import offer
from offrl_ui.playground.loss_code import loss_code
from offrl_ui.playground.session_run import gone, mistakes_in_files, moved, run_of, shown
from offrl_ui.setup import links, memory, selection
from offrl_ui.setup.algorithm_cards import algorithm_cards
from offrl_ui.setup.controls import apply, data_sections, lane_sections, ruled, scope_of
from offrl_ui.setup.dataset_cards import dataset_cards
from offrl_ui.setup.notes import endless_note, given_rewards, lesson, reward_note
from offrl_ui.shared import component
from offrl_ui.shared.glossary import with_terms
from offrl_ui.shared.stage import stage
from offrl_ui.shared.theme import full_width, page_heading
from offrl_ui.shared.widgets import picker, settings, transition
from offrl_ui.stories import telling as story_telling

KEY = memory.PLAYGROUND
LANE, TURN, ADDING = "playground-lane", "playground-turn", "playground-adding"
config, notes = memory.recall(KEY, whole=True)
telling, refused_story = story_telling.told(KEY)
config, notes = memory.chosen(KEY), [*notes, *refused_story]
index = min(st.session_state.get(LANE, 0), len(config.lanes) - 1)
lane = config.lanes[index]


def viewed_lane(now: RunConfig) -> int:
    """The lane that is viewed and changed; a newer choice may have fewer."""
    return min(int(index), len(now.lanes) - 1)


def scope() -> str:
    """What the values of the hyperparameters' panel belong to."""
    now = memory.chosen(KEY)
    return scope_of(now, viewed_lane(now))


def pick_dataset(name: str) -> None:
    before = memory.chosen(KEY)
    other = selection.other_dataset(before, name)
    memory.tell(KEY, other, selection.why_other(before, other))
    memory.choose(KEY, other)


def draw() -> None:
    """A grid of one's own, to be drawn below the stage."""
    memory.choose(KEY, own_grids.own_grid(memory.chosen(KEY)))


def redrawn(other: RunConfig) -> None:
    """Another grid was drawn: its run starts anew."""
    memory.choose(KEY, other)


def pick_algorithm(name: str) -> None:
    now = memory.chosen(KEY)
    if st.session_state.pop(ADDING, False):
        add_lane(now, name)
        return
    memory.choose(KEY, selection.other_algorithm(now, viewed_lane(now), name))


def take_back(link: dict[str, str]) -> None:
    """Back to what was chosen before a card was picked, or again to what came of it."""
    st.session_state.pop(ADDING, None)
    memory.choose_again(KEY, link)


def turn_to(chosen: int) -> None:
    """View and change another of the algorithms that train side by side."""
    st.session_state[LANE] = st.session_state["lanes"] = chosen
    st.session_state[TURN] = st.session_state.get(TURN, 0) + 1


def pick_lane() -> None:
    if st.session_state["lanes"] is not None:
        turn_to(st.session_state["lanes"])


def viewed() -> None:
    """Another model is looked at on the stage: its algorithm is the one to change; or the picture is arranged anew."""
    told = component.told("stage", "viewed")
    memory.look(KEY, told)
    member, now = told.get("member"), memory.chosen(KEY)
    if isinstance(member, int) and 0 <= member < now.members:
        st.session_state[LANE] = st.session_state["lanes"] = now.lane_of(member)


def add_lane(now: RunConfig, algorithm: str) -> None:
    """Train another algorithm beside the others."""
    try:
        memory.choose(KEY, selection.beside(now, algorithm))
        turn_to(len(now.lanes))
    except ConfigError as error:
        memory.choose(KEY, now, [links.Note("lanes", str(len(now.lanes) + 1), str(error))])


def start_adding() -> None:
    """The next algorithm that is picked trains beside the others."""
    st.session_state[ADDING] = not st.session_state.get(ADDING, False)


def remove_lane() -> None:
    now = memory.chosen(KEY)
    if index < len(now.lanes):
        memory.choose(KEY, selection.without(now, index))
        turn_to(max(0, index - 1))


def change(given: dict[str, Any]) -> None:
    now = memory.chosen(KEY)
    memory.choose(KEY, *apply(replace(now, changes=()), viewed_lane(now), given))


def join_a_lecture() -> None:
    """A place for the code of a room, as it is read aloud."""
    with st.popover("Join a lecture", icon=":material/group_add:", type="tertiary"):
        typed = st.text_input("The code of its room", max_chars=12, placeholder="ABCDEF", key="join")
        if typed:
            if code := read_code(typed):
                st.switch_page(f"pages/{page_of_rooms()}.py", query_params={"follow": code})
            st.warning(CODES, icon=":material/rule:")


def sidebar() -> None:
    """Everything that is chosen: the dataset and its options, the algorithms, the hyperparameters."""
    join_a_lecture()
    refused = {note.key: note.message for note in notes}
    st.subheader("Dataset")
    if not looks.rule("data"):
        picker(
            [{"title": "", "cards": dataset_cards(uploads(config.dataset))}],
            config.dataset,
            key="dataset",
            label="Dataset",
            on_pick=pick_dataset,
            few=4,
            link=memory.written_link(KEY),
            on_return=take_back,
        )
        if own_grids.offered(config):
            st.button(own_grids.OFFER, icon=":material/draw:", on_click=draw, help=own_grids.ABOUT, type="tertiary")
    settings(
        ruled(data_sections(config), looks.rule),
        key="options",
        scope=lambda: memory.chosen(KEY).dataset,
        refused=refused,
        on_change=change,
    )
    if note := reward_note(config.data):
        st.caption(note)
    st.subheader("Algorithm")
    if len(config.lanes) > 1:
        st.session_state.setdefault("lanes", index)
        st.pills(
            "Side by side; the one that you view and change:",
            range(len(config.lanes)),
            format_func=lambda i: f"{i + 1}. {config.lanes[i].kind.title}",
            key="lanes",
            on_change=pick_lane,
        )
    adding = st.session_state.get(ADDING, False) and len(config.lanes) < MAX_LANES
    with st.container(horizontal=True):
        if len(config.lanes) < MAX_LANES:
            st.button(
                "Cancel" if adding else "Compare with another",
                icon=":material/undo:" if adding else ":material/add:",
                on_click=start_adding,
                help="Replace the one that you view instead" if adding else "Train another one beside it, in lock-step",
                type="tertiary",
            )
        if len(config.lanes) > 1:
            st.button(
                "Remove",
                icon=":material/close:",
                on_click=remove_lane,
                help="Remove the one that you view",
                type="tertiary",
            )
    if adding:
        st.markdown(f"**Which algorithm beside {links.plain(lane.kind.title)}?**")
    chosen = None if adding else lane.algorithm
    if adding or not looks.rule("algo"):
        picker(
            algorithm_cards(),
            chosen,
            key="algorithm",
            label="Algorithm",
            on_pick=pick_algorithm,
            columns=5,
            link=memory.written_link(KEY),
            on_return=take_back,
        )
    settings(
        ruled(lane_sections(config, index), looks.rule),
        key="hyperparameters",
        scope=scope,
        run_id=run_id,
        lane=index,
        refused=refused,
        on_change=change,
    )


@st.fragment(run_every=1.0)
def say_mistakes() -> None:
    """What is wrong with own files that have not worked yet; the page is drawn anew when they all do."""
    mistakes = mistakes_in_files()
    for sentence in mistakes:
        st.error(f"{links.plain(sentence)}. Save the file again: this page sees it.", icon=":material/code_off:")
    if not mistakes:
        st.rerun()


kind = lane.kind
full_width()
way_back(config)
if mistakes_in_files():
    say_mistakes()
for note in notes:
    st.warning(links.plain(note), icon=":material/rule:")
page_heading("Playground", "" if telling else lesson(config))
if sentence := memory.told(KEY, config):
    st.caption(f":material/swap_horiz: **{links.plain(sentence)}**")
try:
    looks = memory.looks(KEY)
    run_id = run_of(config, looks.step)
except NoRoom as error:
    st.error(f"{error}. Please try again in a few minutes.", icon=":material/hourglass_top:")
    st.stop()
except ConfigError as error:
    st.error(links.plain(error), icon=":material/error:")
    st.button("Start with another dataset", on_click=pick_dataset, args=(selection.FIRST_DATASET,))
    st.stop()
branches.remember(run_id)
if given := given_rewards(config.data):
    st.caption(given)
if endless := endless_note(config):
    st.caption(f":material/all_inclusive: {links.plain(endless)}")
memory.write_link(KEY, shown=shown(run_id, config))
if telling is not None:
    story_telling.show(telling, run_id, key="story", page=KEY)
turn = st.session_state.get(TURN, 0)
shown_as = looks.on_stage()
if turn:
    shown_as["member"] = config.first_member(index)
stage(
    run_id,
    key="stage",
    **shown_as,
    turn=turn,
    goes_on=memory.goes_on(KEY),
    hints=telling is None,
    meanwhile=waiting.offers(config),
    on_moved=lambda: moved("stage"),
    on_gone=gone,
    on_viewed=viewed,
)
# The stage comes first: it connects and draws while the rest of the page is still being made.
with st.sidebar:
    sidebar()

if config.dataset == OWN_GRID and isinstance(config.data.layout, GridLayout) and not looks.rule("data"):
    with st.expander(own_grids.TITLE, icon=":material/draw:", expanded=True):
        st.caption(own_grids.HOW)
        draw_grid(config, config.data.layout, redrawn, key="own-grid")
with st.container(horizontal=True, vertical_alignment="center"):
    offer(run_id, config.lanes[0].algorithm)
    make_an_experiment(shown(run_id, config))
beside = st.container()
if config.data.world is None:
    chosen = links.link(replace(config, lanes=(lane,), changes=()))
    estimates(config.data, key=f"estimates {chosen}", lane=lane)
with st.expander("Branches of this visit", icon=":material/account_tree:", expanded=True):
    branches.show(run_id, key="tree")

st.subheader(f"The update rule of {kind.title}" if len(config.lanes) > 1 else "The update rule")
st.markdown(with_terms(kind.summary))
choices_now = {name: value for name, value in config.current(index).items() if not isinstance(value, tuple)}
for formula in kind().equation_for(choices_now).split(r"\qquad"):
    st.latex(formula)
if kind.source:
    st.caption(f"Source: {kind.source}.")
st.subheader("The update, worked through for one transition")
transition(key="inside")
loss_code(kind, choices_now, config.data)
with beside:
    show_assumption(config)
