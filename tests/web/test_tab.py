"""What runs in a tab, run here: the lines and questions of a page, the playground's page, packages on request."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from offrl_live.runs import wire
from offrl_live.runs.clock import Clock
from offrl_ui.gallery.presets import presets
from offrl_ui.setup import links, selection
from offrl_web import bundle
from offrl_web.runtime.packages import OnRequest
from offrl_web.runtime.playground import Playground
from offrl_web.runtime.tab import OWNER, Closed, Line, Tab

# What is not in a tab, or only when it is asked for.
NOT_THERE = (
    *("streamlit", "starlette", "anyio", "uvicorn", "multiprocessing.connection", "plotly", "PIL", "pandas", "torch"),
    *("scipy", "sklearn", "threadpoolctl", "pyarrow", "h5py", "tqdm"),
)
BLOCKED = """
import sys
for name in {names}:
    sys.modules[name] = None
import json
from offrl_web.runtime.playground import Playground
from offrl_web.runtime.tab import Tab
import offrl_web.runtime.start
tab = Tab()
view = Playground(tab.runs, "me").answer({{"do": "open", "query": {{"algo": ["cql"], "seeds": ["1"]}}}})
line = tab.open("live/" + view["run"], lambda: None)
line.say(json.dumps({{"cmd": "play", "id": 1}}))
while tab.runs.info(view["run"])["step"] < 5:
    tab.turn()
    tab.tick()
print("trained")
"""


class Ticking:
    """A clock that the test moves: every look takes a thousandth of a second."""

    def __init__(self) -> None:
        self.at = 0.0

    def __call__(self) -> float:
        self.at += 0.001
        return self.at


@pytest.fixture
def tab() -> Tab:
    ticking = Ticking()
    return Tab(Clock(now=ticking, effort=ticking, date=ticking))


def playground(tab: Tab | None) -> Playground:
    return Playground(tab.runs if tab else None, OWNER)


def until(tab: Tab, done: Callable[[], bool]) -> None:
    for _ in range(20_000):
        if done():
            return
        tab.turn()
        tab.tick()
    raise AssertionError("it never came")


def kinds(line: Line) -> list[str]:
    return [json.loads(m)["type"] if isinstance(m, str) else wire.split(m)[0]["kind"] for m in line.take()]


def open_link(page: Playground, **parts: str) -> dict[str, Any]:
    view: dict[str, Any] = page.answer({"do": "open", "query": {name: [value] for name, value in parts.items()}})
    return view


def test_a_page_and_its_runs_need_nothing_that_a_tab_lacks():
    done = subprocess.run([sys.executable, "-c", BLOCKED.format(names=NOT_THERE)], capture_output=True, text=True)
    assert done.stdout.strip() == "trained", done.stderr


def test_the_bundle_holds_what_a_tab_imports_by_name_too():
    packed = bundle.files()
    assert "offrl_web/runtime/start.py" in packed
    assert {f"offrl_core/algos/{name}.py" for name in ("bcq", "cql", "mpo")} <= set(packed)
    assert "latex2mathml/unimathsymbols.txt" in packed
    assert not [name for name in packed if "serving" in name or name.startswith("offrl_core/experiments")]
    assert bundle.pack(packed) == bundle.pack(dict(reversed(packed.items())))


def test_a_viewer_of_a_run_is_served_as_by_a_server(tab: Tab):
    view = open_link(playground(tab), algo="bcq", seeds="1")
    told: list[int] = []
    line = tab.open(f"live/{view['run']}", lambda: told.append(1))
    heard: list[str] = []
    until(tab, lambda: heard.extend(kinds(line)) or "backlog" in heard)
    assert heard.index("hello") < heard.index("static") < heard.index("backlog")
    assert told
    line.say(json.dumps({"cmd": "play", "id": 1}))
    until(tab, lambda: tab.runs.info(view["run"])["step"] > 3)
    line.say(json.dumps({"cmd": "set", "id": 2, "lane": 0, "values": {"rho": 0.3}}))
    until(tab, lambda: heard.extend(kinds(line)) or "mark" in heard)
    line.say("nonsense")
    line.say(json.dumps({"cmd": "set", "id": 3, "lane": 0, "values": {"rho": 3}}))
    assert kinds(line).count("refused") == 2
    line.close()
    assert tab.runs.info(view["run"])["viewers"] == 0


@pytest.mark.parametrize(("path", "code"), [("live/none", 4404), ("scenes", 4400), ("", 4400)])
def test_a_line_that_leads_nowhere_says_so(tab: Tab, path: str, code: int):
    with pytest.raises(Closed, match=str(code)) as caught:
        tab.open(path, lambda: None)
    assert caught.value.code == code


def test_questions_are_answered_or_refused_by_name(tab: Tab):
    tab.answers["twice"] = lambda number: [2 * number]
    tab.answers["bytes"] = lambda _: b"\0"
    assert tab.ask("twice", "3") == "[6]"
    assert tab.ask("bytes", "null") == b"\0"
    with pytest.raises(ValueError, match="nothing at 'three'"):
        tab.ask("three", "1")


def test_a_tab_rests_where_there_is_nothing_to_do(tab: Tab):
    assert tab.turn() == -1
    open_link(playground(tab), algo="bc", seeds="1")
    until(tab, lambda: tab.turn() == -1)


def test_a_link_says_the_same_as_in_the_app(tab: Tab):
    for preset in presets().values():
        if preset.id == "icu":
            continue  # the others say it, too, and sooner
        view = open_link(playground(None), **links.link(preset.config))
        again, _ = links.parse({name: [value] for name, value in links.link(preset.config).items()})
        assert view["link"] == links.link(again)
        assert view["notes"] == []
        assert view["run"] is None
    view = open_link(playground(None))
    assert view["link"] == links.link(selection.start())
    assert "learned from recorded episodes alone" in view["lesson"]


def test_what_a_link_may_not_say_is_told(tab: Tab):
    view = open_link(playground(None), algo="bcq", rho="9", data="<b>x</b>")
    assert any("rho = '9' was refused: it must be a number from 0 to 1" in note for note in view["notes"])
    assert any("data = '<b>x</b>' was refused" in note for note in view["notes"])
    view = playground(None).answer({"do": "open", "query": {f"x{i}": ["1"] for i in range(400)}})
    assert len(view["notes"]) == links.MOST_NOTES + 1


def test_choices_lead_where_they_lead_in_the_app(tab: Tab):
    page = playground(tab)
    first = open_link(page)
    other = page.answer({"do": "pick_algorithm", "id": "cql"})
    assert other["run"] != first["run"]
    assert other["link"]["algo"] == "cql"
    scope = other["settings"]["scope"]
    live = page.answer({"do": "change", "scope": scope, "values": {"algorithm": {"alpha": 1.0}}})
    assert (live["run"], live["link"]["alpha"]) == (other["run"], "1")
    anew = page.answer({"do": "change", "scope": scope, "values": {"model": {"seeds": 2}}})
    assert anew["run"] != other["run"]
    late = page.answer({"do": "change", "scope": "another choice", "values": {"model": {"seeds": 3}}})
    assert late["link"]["seeds"] == "2"
    bad = page.answer({"do": "change", "scope": scope, "values": {"algorithm": {"alpha": "x"}}})
    assert "alpha" in bad["notes"][0]
    beside = page.answer({"do": "beside", "id": "bc"})
    assert (len(beside["lanes"]), beside["lane"], beside["algorithm"]) == (2, 1, "bc")
    assert page.answer({"do": "turn_to", "lane": 0})["algorithm"] == "cql"
    assert len(page.answer({"do": "remove"})["lanes"]) == 1
    before = page.answer({"do": "look"})
    data = page.answer({"do": "pick_dataset", "id": "two-actions"})
    assert data["dataset"] == "two-actions"
    back = page.answer({"do": "reopen", "link": before["link"]})
    assert (back["run"], back["link"], back["notes"]) == (before["run"], before["link"], [])
    assert ["goes_on" in view["stage"] for view in (first, other, back)] == [False, True, True]


def test_a_grid_is_drawn_from_the_one_that_is_shown_and_a_bad_one_is_refused_beside_its_board(tab: Tab):
    page = playground(tab)
    first = open_link(page, data="double-crossing", algo="cql")
    assert (first["own_grid"]["offer"], first["own_grid"]["board"]) == ("Draw your own grid", None)
    begun = page.answer({"do": "draw"})
    board = begun["own_grid"]["board"]
    assert begun["own_grid"]["offer"] == ""
    assert (begun["dataset"], begun["algorithm"]) == ("custom-grid", "cql")
    assert begun["link"]["x.layout"].replace("/", "") == board["cells"]
    wall = board["cells"].index("#", board["cells"].index("."))
    cells = board["cells"][:wall] + "." + board["cells"][wall + 1 :]
    drawn = {"rows": board["rows"], "cols": board["cols"], "text": cells}
    anew = page.answer({"do": "redraw", "drawn": drawn})
    assert anew["own_grid"]["board"]["cells"] == cells
    assert anew["run"] not in (None, begun["run"])
    refused = page.answer({"do": "redraw", "drawn": {**drawn, "text": cells.replace("S", ".")}})
    assert "no start" in refused["own_grid"]["refused"]
    assert (refused["run"], refused["own_grid"]["board"]["cells"]) == (anew["run"], cells)
    # What is no drawing, or comes after another dataset was picked, changes nothing.
    assert page.answer({"do": "redraw", "drawn": {**drawn, "rows": 2}})["link"] == anew["link"]
    other = page.answer({"do": "pick_dataset", "id": "two-actions"})
    assert page.answer({"do": "redraw", "drawn": drawn})["run"] == other["run"]


@pytest.mark.parametrize("question", [{"do": "shutdown"}, {"do": "view"}, {}, {"do": "pick_dataset", "id": "none"}])
def test_nothing_else_can_be_done(tab: Tab, question: dict[str, Any]):
    with pytest.raises(ValueError, match=r"is not allowed|there is no dataset"):
        playground(tab).answer(question)


def test_branches_are_remembered_and_named(tab: Tab):
    page = playground(tab)
    view = open_link(page, algo="bcq", seeds="1")
    line = tab.open(f"live/{view['run']}", lambda: None)
    line.say(json.dumps({"cmd": "play", "id": 1}))
    until(tab, lambda: tab.runs.info(view["run"])["step"] > 5)
    line.take()
    line.say(json.dumps({"cmd": "branch", "id": 2, "step": 3, "lane": 0, "values": {"rho": 0.5}}))
    (moved,) = [json.loads(m) for m in line.take() if isinstance(m, str) and '"moved"' in m]
    after = page.answer({"do": "moved", "run_id": moved["run_id"]})
    assert after["run"] == moved["run_id"]
    assert [node["name"] for node in after["tree"]] == ["start", "branch 1"]
    assert "from step 3: rho → 0.5" in after["tree"][1]["text"]
    named = page.answer({"do": "name", "id": moved["run_id"], "name": "wide"})
    assert named["tree"][1]["name"] == "wide"
    assert page.answer({"do": "go", "id": view["run"]})["run"] == view["run"]
    tab.runs.drop(view["run"])
    again = page.answer({"do": "gone", "run_id": view["run"]})["run"]
    assert again not in (None, view["run"])


def test_a_run_is_taken_home_as_it_stands(tab: Tab):
    page = playground(tab)
    page._read = lambda name: b""
    view = open_link(page, algo="bcq", seeds="1")
    until(tab, lambda: bool(tab.runs.info(view["run"])["members"]))
    names = [file["name"] for file in page.answer({"do": "look"})["offer"]["files"]]
    assert "model.pt2" not in names
    script = page.take({"run": view["run"], "file": "reproduce.py"}).decode()
    assert "orl.Learner(" in script
    compile(script, "reproduce.py", "exec")
    with pytest.raises(ValueError, match=r"there is no model.pt2"):
        page.take({"run": view["run"], "file": "model.pt2"})
    with pytest.raises(ValueError, match="no such run"):
        page.take({"run": "x", "file": "reproduce.py"})


def test_a_package_comes_when_it_is_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    fetched: list[str] = []
    (tmp_path / "site").mkdir()
    (tmp_path / "there").mkdir()
    with zipfile.ZipFile(tmp_path / "site" / "a.zip", "w") as packed:
        packed.writestr("offrl_asked_for/__init__.py", "import offrl_needed\nNUMBER = offrl_needed.NUMBER + 1\n")
    with zipfile.ZipFile(tmp_path / "site" / "b.zip", "w") as packed:
        packed.writestr("offrl_needed.py", "NUMBER = 41\n")

    def fetch(path: str) -> bytes:
        fetched.append(path)
        return (tmp_path / "site" / path).read_bytes()

    finder = OnRequest({"offrl_asked_for": ["a.zip", "b.zip"], "offrl_needed": ["b.zip"]}, fetch, tmp_path / "there")
    monkeypatch.syspath_prepend(str(tmp_path / "there"))
    monkeypatch.setattr(sys, "meta_path", [*sys.meta_path])
    finder.install()
    assert fetched == []
    import offrl_asked_for  # type: ignore[import-not-found]

    assert offrl_asked_for.NUMBER == 42
    assert fetched == ["a.zip", "b.zip"]
    with pytest.raises(ModuleNotFoundError):
        import offrl_nowhere  # type: ignore[import-not-found]  # noqa: F401
