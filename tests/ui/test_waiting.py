"""What is offered to those who wait: a run of the gallery that is like theirs, and the edition that runs in a tab."""

from __future__ import annotations

from urllib.parse import parse_qs

import pytest

from offrl_live.runs.config import Lane, RunConfig
from offrl_ui.gallery.presets import presets
from offrl_ui.playground import waiting
from offrl_ui.setup import links

CQL = RunConfig("double-crossing", {}, (Lane("cql"),))


@pytest.fixture(autouse=True)
def _no_tabs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "_tabs", {})


@pytest.mark.parametrize("preset", presets().values(), ids=lambda preset: preset.id)
def test_who_waits_for_a_run_of_the_gallery_is_shown_one_like_it(preset) -> None:
    found = waiting.alike(preset.config)
    assert found is not None
    mine, its = ({lane.algorithm for lane in config.lanes} for config in (preset.config, found.config))
    assert mine <= its, "no lesson is further from itself than another one"
    assert found.config.dataset == preset.config.dataset


def test_an_algorithm_that_the_gallery_does_not_have_is_not_compared_with_another() -> None:
    shown = {lane.algorithm for preset in presets().values() for lane in preset.config.lanes}
    import offrl_core as orl

    missing = sorted(set(orl.algorithms()) - shown)
    for name in missing:
        assert waiting.alike(RunConfig("double-crossing", {}, (Lane(name),))) is None
    assert "cql" in shown


def test_the_edition_in_a_tab_is_offered_where_it_is_there_and_takes_the_same_link() -> None:
    assert [words.split()[0] for words, _ in waiting.offers(CQL)] == ["Meanwhile,"]
    waiting.trains_in_tabs("web/")
    (_, gallery), (words, address) = waiting.offers(CQL)
    assert parse_qs(gallery.partition("?")[2])["preset"][0] in presets()
    assert words == "Train it in this browser instead"
    place, _, query = address.partition("?")
    assert place == "web/"
    assert links.parse(parse_qs(query)) == (CQL, [])
