"""`docs/add-a-dataset.md` is executed: its file and its line make a dataset of the catalogue."""

import re
from dataclasses import replace

import pytest
from documented import Page, run

import offrl_core as orl
from offrl_core.data import options as opt
from offrl_core.data.catalogue import CATALOGUE
from offrl_core.data.options import DatasetOption

PAGE = Page("add-a-dataset.md", "offrl_core/data/entries/river_swim.py", "offrl_core/data/entries/__init__.py")


@pytest.fixture
def spec(tmp_path, monkeypatch):
    """The page's dataset, registered for the length of one test."""
    monkeypatch.setattr("offrl_core.data.catalogue.CATALOGUE", {**CATALOGUE})
    return orl.register(PAGE.module(tmp_path).RIVER_SWIM)


def test_the_file_and_the_line(tmp_path):
    code = "import offrl_core as orl; print(*orl.datasets()); print(len(orl.load_dataset('river-swim', episodes=7)))"
    names, rows = run(code, PAGE.installed(tmp_path)).splitlines()
    assert [name for name in names.split() if name != "river-swim"] == [*orl.datasets()]
    assert rows == "350"


def test_the_notebook(tmp_path):
    *_, learnt, optimal = map(float, PAGE.printed_by_the_notebook(tmp_path).split()[-2:])
    assert 0.9 * optimal < learnt <= optimal


def test_it_is_a_dataset_like_any_other(spec):
    assert list(orl.datasets()) == [*CATALOGUE, "river-swim"]
    data = orl.load_dataset("river-swim", current=0.2, drop_episodes=0.5)
    assert orl.load_dataset("river-swim", current=0.2, drop_episodes=0.5) is data
    assert (data.name, data.n_episodes, data.gamma) == ("river-swim", 25, 0.95)
    assert [h.name for h in spec.sections["collecting"]] == ["episodes", "epsilon"]
    with pytest.raises(orl.HyperparameterError, match=r"dataset river-swim: current = 0\.6 is not allowed"):
        orl.load_dataset("river-swim", current=0.6)
    assert orl.train(data, "bc", steps=5).final.step == 5


def test_a_spec_may_be_registered_again_but_not_under_a_name_of_the_program(spec):
    old = orl.load_dataset("river-swim")
    again = replace(spec, title="River")
    assert again.options == spec.options
    orl.register(again)
    assert list(orl.datasets()) == [*CATALOGUE, "river-swim"]
    assert orl.datasets()["river-swim"] is again
    assert orl.load_dataset("river-swim") is not old
    with pytest.raises(orl.HyperparameterError, match="already has a dataset 'maze'"):
        orl.register(replace(again, name="maze"))


def test_a_name_fits_into_a_link(spec):
    assert all(re.fullmatch("[a-z0-9-]+", name) for name in orl.datasets())
    for name in ("River Swim", "upload:river", "", "-"):
        with pytest.raises(orl.HyperparameterError, match="lowercase letters, digits and hyphens"):
            orl.register(orl.DatasetSpec(name, "", "", "", (), spec.builder))


def test_a_dataset_without_a_discount_of_its_own(monkeypatch):
    monkeypatch.setattr("offrl_core.data.catalogue.CATALOGUE", {**CATALOGUE})
    columns = ([0, 1], [0, 0], [1.0, 1.0], [False, True])
    orl.register(
        orl.DatasetSpec("two-rows", "", "", "", (), lambda seed, chosen: orl.Dataset.from_columns(*columns, gamma=0.5))
    )
    assert orl.load_dataset("two-rows").gamma == 0.5


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ({"section": "wold"}, r"'depth' has section = 'wold': it must be one of world, collecting, episodes"),
        ({"default": 9.0}, r"depth = 9\.0 is not allowed: it must be a number from 0 to 1"),
        ({"name": "seed"}, "an option cannot be called 'seed'"),
        ({"name": "current"}, "the option 'current' is declared twice"),
    ],
)
def test_a_wrong_declaration_of_an_option_is_refused(spec, option, message):
    added = DatasetOption(**{"name": "depth", "symbol": "d", "default": 0.5, "help": "", "low": 0, "high": 1, **option})
    with pytest.raises(orl.HyperparameterError, match=f"dataset river-swim: .*{message}"):
        replace(spec, options=(*spec.options, added))


@pytest.mark.parametrize(
    ("assumption", "message"),
    [("depth", "'depth' is none of its options"), ("episodes", "'episodes' must be an option with choices")],
)
def test_an_assumption_is_an_option_with_choices(spec, assumption, message):
    options = (*(o for o in spec.options if o.name != "episodes"), opt.episodes(10))
    with pytest.raises(orl.HyperparameterError, match=f"dataset river-swim: the assumption {message}"):
        replace(spec, options=options, assumption=assumption)
