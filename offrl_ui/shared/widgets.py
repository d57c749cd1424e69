"""Components of the pages around the stage: cards to pick from, the panel of hyperparameters, drawings."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from offrl_ui.shared import card_pictures, component


def settings(
    sections: Sequence[Mapping[str, Any]],
    *,
    key: str,
    scope: Callable[[], str],
    on_change: Callable[[dict[str, Any]], None],
    run_id: str | None = None,
    lane: int = 0,
    refused: Mapping[str, str] | None = None,
) -> None:
    """Show controls made from declarations (`controls.data_sections`, `controls.lane_sections`).

    Live hyperparameters of sections marked `run` act on the page's run while they are dragged; the script hears of any
    change when the control is let go.

    Args:
        scope: what the values belong to by the choice of the moment. An answer for another scope comes too late and is
            dropped; it is asked again then, because a newer script run may have cut this one short.
        on_change: called before the script runs again, with section → name → value.
        run_id: the run whose hyperparameters they are; None where they belong to no run.
        lane: the lane of the run that live values are sent to.
        refused: `section.name` → why its last value was not taken.
    """

    def changed() -> None:
        answer = component.told(key, "changed")
        if not isinstance(answer.get("values"), Mapping):
            return
        component.last_heard(key, answer)
        if answer.get("scope") == scope():
            on_change({str(section): part for section, part in answer["values"].items()})

    data = {
        "scope": scope(),
        "seq": component.last_heard(key),
        "run": run_id,
        "lane": lane,
        "sections": list(sections),
        "refused": dict(refused or {}),
    }
    component.show("widgets/settings", key=key, data=data, on_changed_change=changed)


def picker(
    groups: Sequence[Mapping[str, Any]],
    value: str | None,
    *,
    key: str,
    label: str,
    on_pick: Callable[[str], None],
    columns: int = 4,
    few: int = 0,
    skip: str = "",
    link: Mapping[str, str] | None = None,
    on_return: Callable[[dict[str, str]], None] | None = None,
) -> None:
    """Show cards to choose one from.

    Args:
        groups: `{"title", "cards": [{"id", "title", "text", "picture" (SVG)}]}`.
        value: the chosen card's id.
        label: what is chosen, for screen readers.
        on_pick: called before the script runs again, with the id of a card that exists.
        columns: cards in a row; 0 for as many as fit.
        few: how many cards of a group are shown before "show all"; 0 for all.
        skip: the words of a link at the top of the page that leads to the cards; none where empty.
        link: to all that is chosen on the page, where a pick can be taken back.
        on_return: called before the script runs again, when one was taken back or made again, with such a link.
    """
    cards = [card for group in groups for card in group["cards"]]
    ids = {card["id"] for card in cards}

    def picked() -> None:
        answer = component.told(key, "picked")
        back = answer.get("link")
        if on_return is not None and isinstance(back, Mapping):
            component.last_heard(key, answer)
            on_return({str(name): str(value) for name, value in back.items()})
        elif answer.get("id") in ids:
            component.last_heard(key, answer)
            on_pick(answer["id"])

    data = {
        "label": label,
        "value": value,
        "seq": component.last_heard(key),
        "columns": columns,
        "few": few,
        "skip": skip,
        "link": link,
        "groups": [
            {**group, "cards": [{name: card[name] for name in ("id", "title", "text")} for card in group["cards"]]}
            for group in groups
        ],
        "pictures": card_pictures.address({card["id"]: card["picture"] for card in cards}),
    }
    component.show("widgets/picker", key=key, data=data, on_picked_change=picked)


def open_recording(*, key: str, on_open: Callable[[str, str], None]) -> None:
    """Show a button that opens a recording of the viewer's own, which stays in the browser.

    Args:
        on_open: called before the script runs again, with the address that the stage finds it at, and the file's name.
    """

    def opened() -> None:
        answer = component.told(key, "opened")
        address, name = answer.get("address"), answer.get("name")
        if isinstance(address, str) and re.fullmatch(r"opened:\d{1,20}", address) and isinstance(name, str):
            component.last_heard(key, answer)
            on_open(address, name[:80])

    data = {"seq": component.last_heard(key)}
    styles = ("shared/buttons.css", "widgets/open_recording.css")
    component.show("widgets/open_recording", key=key, data=data, styles=styles, on_opened_change=opened)


def tree(
    nodes: Sequence[Mapping[str, Any]],
    shown: str,
    *,
    key: str,
    on_go: Callable[[str], None],
    on_name: Callable[[str, str], None],
) -> None:
    """Show runs as a tree to fold, name and go to.

    Args:
        nodes: `{"id", "parent", "name", "text", "step", "state"}`.
        shown: the id of the run that is on the stage.
        on_go: called before the script runs again, with the id of a node.
        on_name: the same with its new name.
    """
    ids = {node["id"] for node in nodes}

    def event(name: str) -> Mapping[str, Any]:
        given = component.told(key, name)
        return given if given.get("id") in ids else {}

    def went() -> None:
        if given := event("went"):
            on_go(given["id"])

    def named() -> None:
        given = event("named")
        if isinstance(given.get("name"), str):
            on_name(given["id"], given["name"])

    data = {"label": "Branches of this visit", "shown": shown, "nodes": list(nodes)}
    component.show("widgets/tree", key=key, data=data, on_went_change=went, on_named_change=named)


def transition(*, key: str) -> None:
    """Show the numbers of the selected state and an action through the next update, as the algorithm reports them."""
    component.show("widgets/transition", key=key, data={}, styles=("shared/buttons.css", "widgets/transition.css"))


def drawing(svg: str, title: str, *, key: str, legend: Sequence[tuple[str, str]] = ()) -> None:
    """Show a drawing made by `svg.drawing` in the colours of the page; `legend` are colours and what they mean."""
    component.show(
        "widgets/drawing", key=key, data={"svg": svg, "title": title, "legend": [list(entry) for entry in legend]}
    )


def footer() -> None:
    """The foot of a page: the glossary, and the list of keys. Where the system turns dark, the script runs again."""
    styles = ("widgets/footer.css", "shared/key_list.css")
    component.show("widgets/footer", key="footer", data={}, styles=styles, on_scheme_change=lambda: None)
