"""Bring your own log on the page: mapping, report, refusals; and data collected by hand."""

from __future__ import annotations

import io
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import plotly.graph_objects as go
import pytest
from streamlit.testing.v1 import AppTest
from streamlit.testing.v1.element_tree import Multiselect

import offrl_core as orl
from offrl_core.declarations import HyperparameterError
from offrl_core.formats import Limits
from offrl_core.processes import file_reader
from offrl_live.runs.checks import ConfigError
from offrl_live.runs.datasets import keep
from offrl_ui.datasets import charts, collect, column_roles, own_grids, upload
from offrl_ui.setup import dataset_cards, selection

MAIN = Path(__file__).parents[2] / "main.py"


def open_page() -> AppTest:
    """The datasets page."""
    return AppTest.from_file(MAIN, default_timeout=90).switch_page("pages/datasets.py").run()


def action_of(app: AppTest) -> Multiselect:
    """Where the columns of the action are chosen."""
    return next(box for box in app.multiselect if box.label.startswith("Action"))


def ward() -> pd.DataFrame:
    """A log as people have them: other names, text as action, rows out of order."""
    rng = np.random.default_rng(0)
    table = pd.DataFrame(
        {
            "patient": np.repeat(np.arange(20), 6),
            "step": np.tile(np.arange(6), 20),
            "pulse": rng.normal(80, 10, 120).round(1),
            "pressure": rng.normal(120, 15, 120).round(1),
            "drug": rng.choice(["rest", "low", "high"], 120),
            "reward": rng.normal(0, 1, 120).round(3),
        }
    )
    return table.sample(frac=1, random_state=1)


def test_a_log_is_mapped_read_reported_and_drawn():
    app = open_page()
    app.file_uploader[0].upload("ward.csv", ward().to_csv(index=False).encode())
    app.run()
    assert not app.exception
    assert any("No column is mapped to the action" in warning.value for warning in app.warning)
    action_of(app).select("drug")
    app.run()
    next(button for button in app.button if button.label == "Read the file").click().run()
    assert not app.exception
    name = app.session_state["datasets"]["config"].dataset
    assert name.startswith("upload:")
    dataset = app.session_state["uploads"][name].dataset
    assert (len(dataset), dataset.n_episodes, dataset.n_actions) == (120, 20, 3)
    assert dataset.action_names == ("high", "low", "rest")
    assert {metric.label: metric.value for metric in app.metric}["Rows"] == "120"
    told = [text.value for text in app.markdown]
    assert any("out of order" in text for text in told)
    assert any("120 rows in 20 episodes of 6 to 6 rows (median 6); 0% end in a terminal state" in text for text in told)
    assert app.dataframe[1].value["action"].tolist() == ["high", "low", "rest"]
    assert app.dataframe[1].value["rows"].sum() == 120
    assert app.query_params["data"] in (name, [name])


def test_the_mapping_is_given_as_python(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    app = open_page()
    text = ward().to_csv(index=False)
    app.file_uploader[0].upload("ward.csv", text.encode())
    app.run()
    action_of(app).select("drug")
    app.run()
    (line,) = [code.value for code in app.code]
    (tmp_path / "ward.csv").write_text(text)
    monkeypatch.chdir(tmp_path)
    made: dict[str, object] = {"orl": orl}
    exec(line, made)
    dataset = made["dataset"]
    assert isinstance(dataset, orl.Dataset)
    assert dataset.action_names == ("high", "low", "rest")
    assert dataset.observation_names == ("pulse", "pressure")


def test_a_format_with_fixed_names_needs_no_mapping():
    file = io.BytesIO()
    source = orl.load_dataset("double-crossing")
    source.to_file(file, format="minari")
    app = open_page()
    app.file_uploader[0].upload("roads.hdf5", file.getvalue())
    app.run()
    assert not [box for box in app.multiselect if box.label.startswith("Action")]
    next(button for button in app.button if button.label == "Read the file").click().run()
    assert not app.exception
    (brought,) = app.session_state["uploads"].values()
    np.testing.assert_array_equal(brought.dataset.actions, source.actions)


CASES = Path(__file__).parents[1] / "core" / "cases"


def upload_case(name: str) -> AppTest:
    """The page with one of the files that practitioners have."""
    app = open_page()
    app.file_uploader[0].upload(name, (CASES / name).read_bytes())
    return app.run()


def read_it(app: AppTest) -> upload.Upload:
    """Press the button; what was read."""
    next(button for button in app.button if button.label == "Read the file").click().run()
    assert not app.exception
    assert not [error.value for error in app.error]
    (brought,) = app.session_state["uploads"].values()
    return brought


def said(app: AppTest) -> str:
    return " ".join(caption.value for caption in app.caption)


def test_several_columns_become_one_action():
    app = upload_case("two_actions.csv")
    assert action_of(app).value == ["action_iv", "action_vaso"]
    assert "each combination of their values is an action: 5 × 5 = 25 actions, by the values in these rows" in said(app)
    how = next(box for box in app.selectbox if box.label == "Action type")
    how.select("one-hot").run()
    assert "Exactly one of the 2 columns must be 1 in each row: 2 actions." in said(app)
    how.select("labels").run()
    brought = read_it(app)
    assert brought.dataset.n_actions == 25
    assert brought.dataset.opened["mapping"]["actions"] == "labels"
    assert any("5 × 5 combinations, of which 25 occur" in text.value for text in app.markdown)


def test_the_bins_of_continuous_actions_are_chosen():
    app = upload_case("lerobot_cont.parquet")
    (bins,) = [box for box in app.number_input if box.label == "Quantiles of each number"]
    assert bins.value == 4
    assert "The report says how much of the actions' variance the bins keep." in said(app)
    bins.set_value(3).run()
    assert any("'actions': 'quantiles', 'bins': 3" in code.value for code in app.code)
    assert read_it(app).dataset.n_actions == 9
    assert any("combinations of quantiles, 3 × 3" in text.value for text in app.markdown)
    next(box for box in app.selectbox if box.label == "Action type").select("k-means").run()
    next(box for box in app.number_input if box.label == "Clusters").set_value(5).run()
    next(button for button in app.button if button.label == "Read the file").click().run()
    assert sorted(brought.dataset.n_actions for brought in app.session_state["uploads"].values()) == [5, 9]


def test_a_probability_is_a_role():
    app = upload_case("decision_table.csv")
    box = next(box for box in app.selectbox if box.label == "Probability of the action")
    assert box.value == "pscore"
    box.select(column_roles.NONE).run()
    assert "propensity" not in next(code.value for code in app.code)
    box.select("pscore").run()
    assert read_it(app).dataset.propensities.tolist() == [0.333] * 200


def test_a_format_with_fixed_names_has_bins_and_frames():
    file = io.BytesIO()
    source = orl.load_dataset("double-crossing")
    source.to_file(file, format="minari")
    with h5py.File(file, "r+") as out:
        del out.attrs["offrl"], out.attrs["action_space"]
        for group in out.values():
            force = group["actions"][:] + np.linspace(0, 0.5, len(group["actions"]))
            del group["actions"]
            group["actions"] = force
    app = open_page()
    app.file_uploader[0].upload("force.hdf5", file.getvalue())
    app.run()
    assert not any("mapping" in code.value for code in app.code)
    next(box for box in app.selectbox if box.label == "Action type").select("quantiles").run()
    next(box for box in app.number_input if box.label == "Quantiles of each number").set_value(6).run()
    dataset = read_it(app).dataset
    assert dataset.n_actions == 6
    assert dataset.opened["mapping"] == {"actions": "quantiles", "bins": 6}
    assert np.bincount(dataset.actions).min() > 0.1 * len(dataset)


@pytest.mark.parametrize(
    ("name", "content"),
    [("broken.parquet", b"PAR1" + b"\0" * 50), ("noise.h5", b"\x89HDF\r\n\x1a\n" + b"\xff" * 200), ("empty.csv", b"")],
)
def test_a_broken_file_is_an_error_that_names_it(name: str, content: bytes):
    app = open_page()
    app.file_uploader[0].upload(name, content)
    app.run()
    assert not app.exception
    assert name in app.error[0].value.replace("\\", "")


def test_whoever_leaves_in_the_middle_keeps_no_reader_busy(monkeypatch: pytest.MonkeyPatch):
    class Left(BaseException):
        """What a page raises when its viewer goes elsewhere."""

    class Bar:
        def progress(self, share: float, text: str) -> None:
            if share > 0:
                raise Left

    monkeypatch.setattr(upload.st, "progress", lambda *_: Bar())
    text = b"s,a,r\n" + b"0,0,0\n1,1,1\n" * 1_500_000
    with pytest.raises(Left):
        upload._read(text, "log.csv", "csv", None, Limits())
    assert file_reader._spare is None  # ended in the middle; one that had answered would wait for the next file
    assert len(file_reader.read_isolated(text[:60]).log) == 9


def test_an_upload_can_be_trained_on():
    app = open_page()
    file = io.BytesIO()
    orl.load_dataset("cliff").to_file(file, format="parquet")
    app.file_uploader[0].upload("cliff.parquet", file.getvalue())
    app.run()
    next(button for button in app.button if button.label == "Read the file").click().run()
    next(button for button in app.button if button.label == "Open in the playground").click().run()
    assert not app.exception
    assert app.session_state["playground"]["config"].dataset.startswith("upload:")


def test_a_reload_finds_an_upload_by_its_link_with_what_was_found_in_it():
    app = open_page()
    app.file_uploader[0].upload("ward.csv", ward().to_csv(index=False).encode())
    app.run()
    action_of(app).select("drug")
    app.run()
    next(button for button in app.button if button.label == "Read the file").click().run()
    name = app.session_state["datasets"]["config"].dataset
    again = AppTest.from_file(MAIN, default_timeout=90)  # another session knows nothing but the address
    again.query_params["data"] = name
    again.run().switch_page("pages/datasets.py").run()
    assert not again.exception
    assert [text.value for text in again.header] == ["ward.csv"]
    assert any("out of order" in text.value for text in again.markdown)
    assert again.session_state["uploads"][name].dataset is app.session_state["uploads"][name].dataset


def test_a_log_without_a_world_offers_estimates_in_the_playground():
    name = keep(orl.Dataset.from_columns([0, 1, 0, 1], [0, 1, 1, 0], [0.0, 1.0, 0.0, 1.0], [False, True, False, True]))
    app = AppTest.from_file(MAIN, default_timeout=90)
    app.query_params["data"], app.query_params["algo"] = name, "cql"
    app.run()
    assert not app.exception
    assert any("Nobody knows the world these records come from" in caption.value for caption in app.caption)
    box = next(box for box in app.selectbox if box.label == "Policy learned by")
    assert box.value == "cql"
    next(button for button in app.button if button.label == "Estimate").click().run()
    assert not app.exception
    table = app.dataframe[0].value
    assert {"Fitted Q evaluation", "Doubly robust"} <= set(table["estimate"])
    grid = AppTest.from_file(MAIN, default_timeout=90).run()
    assert not [button for button in grid.button if button.label == "Estimate"]


def test_many_states_and_actions_fit_a_chart():
    rng = np.random.default_rng(0)
    rows = 30_000
    dataset = orl.Dataset.from_columns(
        rng.integers(5000, size=rows),
        rng.integers(300, size=rows),
        rng.normal(size=rows),
        np.arange(rows) % 50 == 49,
    )
    counts = go.Figure(charts.counts_figure(dataset, None))
    assert np.asarray(counts.data[1].z).shape == (charts.MOST_ACTIONS, charts.MOST_STATES)
    assert "40 most frequent of 300" in go.Figure(charts.actions_figure(dataset)).layout.title.text
    assert dataset_cards.dataset_picture(dataset).startswith("<svg")


def test_any_grid_can_be_edited_into_ones_own():
    lake = orl.load_dataset("frozen-lake")
    cells = own_grids.editable(lake.layout)
    assert set(cells) <= {"S", ".", "X", "G"}
    assert cells.count("X") == lake.layout.cells.count("H")
    config = selection.other_dataset(selection.start(), "custom-grid")
    lines = own_grids.drawn_lines({"rows": 4, "cols": 4, "text": cells})
    assert own_grids.redrawn(config, lines).data.layout.cells == cells
    with pytest.raises(ConfigError, match="no start"):
        own_grids.redrawn(config, lines.replace("S", "."))


def test_arrow_keys_are_found_by_the_actions_names():
    arrows = {"ArrowUp": 0, "ArrowRight": 1, "ArrowDown": 2, "ArrowLeft": 3}
    assert collect.keys_of(orl.load_dataset("double-crossing")) == {"0": 0, "1": 1, "2": 2, "3": 3} | arrows
    taxi = orl.load_dataset("taxi")
    keys = collect.keys_of(taxi)
    assert taxi.action_names[keys["ArrowUp"]] == "north"
    assert len(collect.keys_of(orl.load_dataset("icu-sepsis"))) == 25


@pytest.mark.parametrize("name", ["double-crossing", "maze", "cartpole", "taxi", "icu-sepsis"])
def test_what_was_played_becomes_the_dataset(name: str):
    dataset = orl.load_dataset(name)
    player, seen = collect.replayed(dataset, 3, "0101100110")
    assert len(seen) == len(player.actions) + 1
    played = orl.load_dataset(name, behavior="own", own=player.text)
    assert played.actions.tolist() == player.actions
    np.testing.assert_array_equal(played.observations, np.stack(seen[:-1]))
    shown = collect.standing(dataset, player, seen)
    if name in ("double-crossing", "maze"):
        assert shown["picture"].startswith("<svg")
    else:
        assert shown["shot"]["world"] == dataset.world.name
        assert len(shown["shot"]["seen"]) == len(shown["shot"]["actions"]) + 1


def test_presses_after_the_end_and_unknown_ones_are_not_taken():
    dataset = orl.load_dataset("double-crossing")
    player, _ = collect.replayed(dataset, 0, "1" * 40)
    assert player.over
    assert len(player.actions) == 12
    assert collect.replayed(dataset, 0, "19x1")[0].actions == [1]
    with pytest.raises(HyperparameterError):
        player.step(0)


def test_a_server_that_takes_no_files_says_so(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("OFFRL_UPLOADS", "0")

    def page() -> None:
        from offrl_ui.datasets.upload import upload_form

        assert upload_form() is None

    at = AppTest.from_function(page).run()
    assert not at.exception
    assert at.caption[0].value.startswith("This server takes no files.")
