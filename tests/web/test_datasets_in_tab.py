"""The datasets page and a log of one's own without a server."""

from __future__ import annotations

import json
from typing import Any

import pytest

import offrl_core as orl
from offrl_core.formats import FileError, preview_file
from offrl_ui.datasets import facts
from offrl_ui.setup import links
from offrl_web.runtime.datasets import Datasets
from offrl_web.runtime.own_file import OwnFile
from offrl_web.runtime.playground import Playground

LOG = "patient,hour,pulse,dose,gain\n" + "".join(
    f"{patient},{hour},{(patient * 7 + hour) % 5},{'high' if (patient + hour) % 3 else 'low'},{hour * 0.5}\n"
    for patient in range(30)
    for hour in range(4)
)
CHOSEN = {"state": ["pulse"], "action": ["dose"], "reward": "gain", "episode": "patient", "time": "hour"}


@pytest.fixture
def page() -> Datasets:
    return Datasets("me")


def opened(page: Datasets, **parts: str) -> dict[str, Any]:
    view: dict[str, Any] = page.answer({"do": "open", "query": {name: [value] for name, value in parts.items()}})
    json.dumps(view, allow_nan=False)
    return view


def read(text: str, chosen: dict[str, Any], name: str = "doses.csv") -> bytes:
    reader, data = OwnFile(lambda share, doing: None), text.encode()
    reader.with_file({"do": "look", "name": name}, data)
    packed: bytes = reader.with_file({"do": "read", "name": name, "chosen": chosen}, data)
    return packed


@pytest.mark.parametrize("name", ["cliff", "icu-sepsis", "cartpole", "digits-bandit"])
def test_a_dataset_is_shown_with_the_numbers_of_the_app(page: Datasets, name: str):
    view = opened(page, data=name)
    data = orl.load_dataset(name)
    assert view["title"] == orl.datasets()[name].title
    assert view["numbers"] == [list(row) for row in facts.key_numbers(data)]
    assert links.parse({key: [value] for key, value in view["playground"].items()})[0].dataset == name
    charts = [picture["figure"] for row in view["pictures"] for picture in row if "figure" in picture]
    actions = next(chart for chart in charts if chart["layout"]["title"]["text"].startswith("Shares of the actions"))
    assert sum(sum(trace["x"]) for trace in actions["data"]) == pytest.approx(1)


def test_what_a_world_assumes_is_a_table_and_only_there(page: Datasets):
    assert opened(page, data="icu-sepsis")["asking"]
    assert not opened(page, data="cliff")["asking"]
    assert page.answer({"do": "assumption", "query": {"data": ["cliff"]}}) is None


def test_episodes_are_left_out_and_taken_back(page: Datasets):
    whole = opened(page, data="cliff")["episodes"]["count"]
    view = page.answer({"do": "leave_out", "episodes": [3, 5]})
    assert view["link"]["x.leave_out"] == "3,5"
    assert view["numbers"][1][1] == f"{whole - 2}"
    view = page.answer({"do": "look_at", "episode": 5})
    assert (view["episodes"]["is_out"], view["episodes"]["listed"]) == (True, True)
    assert page.answer({"do": "take_back", "episodes": [5]})["link"]["x.leave_out"] == "3"
    assert "x.leave_out" not in page.answer({"do": "take_all_back"})["link"]


def test_two_other_dimensions_are_drawn(page: Datasets):
    names = opened(page, data="cartpole")["axes"]["names"]
    view = page.answer({"do": "turn", "axes": [3, 1]})
    shown = view["pictures"][0][1]["figure"]["layout"]
    assert (shown["xaxis"]["title"]["text"], shown["yaxis"]["title"]["text"]) == (names[3], names[1])
    with pytest.raises(ValueError, match=r"axes = .* must be numbers below 4"):
        page.answer({"do": "turn", "axes": [3, 9]})


def test_a_log_is_looked_at_checked_and_read(page: Datasets):
    told: list[float] = []
    reader = OwnFile(lambda share, doing: told.append(share))
    form = reader.with_file({"do": "look", "name": "doses.csv"}, LOG.encode())
    assert form["columns"] == ["patient", "hour", "pulse", "dose", "gain"]
    guessed = {asked["role"]: asked["value"] for asked in (*form["several"], *form["one"])}
    guess = preview_file(LOG.encode(), name="doses.csv").mapping
    assert guess is not None
    listed = {"state": list(guess.state), "action": list(guess.action_columns), "next_state": list(guess.next_state)}
    assert guessed == {role: getattr(guess, role) for role in guessed} | listed
    assert reader.check({"chosen": {**CHOSEN, "reward": ""}})["problems"] == ["No column is mapped to the reward."]
    assert reader.check({"chosen": CHOSEN}) == {"problems": [], "actions": ""}
    packed = reader.with_file({"do": "read", "name": "doses.csv", "chosen": CHOSEN}, LOG.encode())
    assert told == sorted(told)
    assert told[-1] == 1.0
    view = page.with_file({"gamma": 0.5}, packed)
    assert (view["title"], view["numbers"][0][1], view["numbers"][1][1]) == ("doses.csv", "120", "30")
    assert view["ready"]
    assert "Returns at γ = 0.5" in view["report"]["summary"]
    assert [card["title"] for card in view["brought"]] == ["doses.csv"]
    made = page.answer({"do": "estimate", "system": "bc"})
    assert made["rows"]["heads"][:2] == ["estimate", "value"]
    known = orl.Dataset.from_file(LOG.encode(), mapping=CHOSEN, gamma=0.5)
    saved = orl.Dataset.from_file(page.answer({"do": "save", "format": "npz"}), gamma=0.5)
    assert saved.fingerprint == known.fingerprint
    playground = Playground(None, "me", brought=page.brought)
    shown = playground.answer({"do": "open", "query": {name: [value] for name, value in view["playground"].items()}})
    assert (shown["dataset"], shown["notes"]) == (view["dataset"], [])


@pytest.mark.parametrize(
    ("text", "chosen", "about"),
    [
        (LOG.replace("0.5", "much"), CHOSEN, "doses.csv, row 2, column 'gain'"),
        (LOG, {**CHOSEN, "state": ["height"]}, "there is no column 'height'"),
        (LOG, {**CHOSEN, "missing": "guess"}, "missing = 'guess' is not allowed: it must be one of refuse, drop"),
        ("", CHOSEN, "the file is empty"),
        ("nothing", CHOSEN, "there is no row of data"),
    ],
)
def test_a_file_that_is_no_log_is_refused_in_the_words_of_the_app(text: str, chosen: dict[str, Any], about: str):
    with pytest.raises(FileError, match=r"doses\.csv|mapping") as refused:
        read(text, chosen)
    assert about in str(refused.value)


def test_a_format_with_names_of_its_own_is_read(page: Datasets, tmp_path: Any):
    file = tmp_path / "steps.npz"
    orl.load_dataset("cliff").to_file(file)
    reader = OwnFile(lambda share, doing: None)
    form = reader.with_file({"do": "look", "name": "steps.npz"}, file.read_bytes())
    asked = [*form["several"], *form["one"], *form["meanings"]]
    chosen = {one["role"]: one["value"] for one in asked} | {"bins": None, "shrink": None}
    packed = reader.with_file({"do": "read", "name": "steps.npz", "chosen": chosen}, file.read_bytes())
    view = page.with_file({"gamma": 0.99}, packed)
    assert view["numbers"][0][1] == f"{len(orl.load_dataset('cliff')):,}"


def test_an_unknown_request_is_refused(page: Datasets):
    with pytest.raises(ValueError, match="do = 'sing' is not allowed: it must be one of open"):
        page.answer({"do": "sing"})
    with pytest.raises(ValueError, match="there is no algorithm 'magic'"):
        page.answer({"do": "estimate", "system": "magic"})
    with pytest.raises(ValueError, match="format = 'docx' is not allowed"):
        page.answer({"do": "save", "format": "docx"})
