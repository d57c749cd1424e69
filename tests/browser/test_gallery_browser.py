"""Stored runs, and taking a run home, in a real browser."""

from __future__ import annotations

import io
import json
import re
import runpy
import time
import urllib.request
import zipfile

import numpy as np
import pandas as pd
import pytest
from playwright.sync_api import Page, expect

import offrl_core as orl
from offrl_core.learning import load_policy
from offrl_live.runs.config import RunConfig
from offrl_live.runs.export import messages_of
from offrl_ui.gallery.presets import presets
from offrl_ui.playground.downloads import preset_address
from tests.browser.playground import open_playground
from tests.browser.playground import run as current
from tests.browser.waiting import eventually, visit
from tests.conftest import uncaught

COLOURS = """(canvases) => Math.max(0, ...canvases.map((canvas) => {
  if (!canvas.width || !canvas.height) return 0;
  const pixels = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
  const seen = new Set();
  for (let i = 0; i < pixels.length; i += 4 * 97) seen.add((pixels[i] << 16) | (pixels[i + 1] << 8) | pixels[i + 2]);
  return seen.size;
}))"""


def _drawn(tab: Page) -> None:
    """Wait until some canvas of the stage shows more than a handful of colours."""
    deadline = time.monotonic() + 45
    while tab.locator(".stage canvas").evaluate_all(COLOURS) <= 6:
        assert time.monotonic() < deadline, "the stage stays blank"
        tab.wait_for_timeout(100)


def _opened(tab: Page, server, name: str) -> None:
    """Open a preset's link and wait until its own recording is shown."""
    visit(tab, f"{server.url}/gallery?preset={name}")
    preset = presets().get(name, next(iter(presets().values())))
    expect(tab.get_by_role("heading", name=preset.title, exact=True)).to_be_visible()
    shown = "globalThis.offrlBus?.hello?.run?.config"
    eventually(tab, lambda: tab.evaluate(shown), lambda found: found and RunConfig.from_json(found) == preset.config)
    _drawn(tab)


def test_every_preset_is_served(server):
    for preset in presets().values():
        with urllib.request.urlopen(f"{server.url}/{preset_address(preset.id)}") as answer:
            assert answer.read() == preset.stored, preset.id


@pytest.mark.parametrize("name", ["stitching", "rwr-temperature", "deadly-triad", "side-by-side", "icu"])
def test_a_preset_opens_with_its_timeline(tab: Page, server, name):
    _opened(tab, server, name)
    expect(tab.locator("[data-testid=stException]")).to_have_count(0)


def test_an_unknown_preset_is_named_and_refused(tab: Page, server):
    _opened(tab, server, "nonsense")
    expect(tab.get_by_text("nonsense")).to_be_visible()


def test_a_recording_says_why_it_cannot_be_looked_into(tab: Page, server):
    _opened(tab, server, "stitching")
    tab.get_by_text("Look inside one transition").click()
    expect(tab.locator(".transition .where")).to_contain_text("This is a recording")


def test_a_preset_goes_on_as_a_live_run(tab: Page, server):
    _opened(tab, server, "iql-expectile")
    tab.get_by_role("button", name="Train it live").click()
    tab.wait_for_url(re.compile("algo=iql"))
    assert "expectile=0.5" in tab.url
    tab.wait_for_function("() => globalThis.offrlBus?.hello?.members?.length === 7")


@pytest.fixture
def run(tab: Page, server) -> str:
    """The run of a first visit, trained as fast as it goes."""
    open_playground(tab, server, "?algo=bcq")
    tab.evaluate("() => { offrlBus.send({cmd: 'speed', value: 0}); offrlBus.send({cmd: 'play'}); }")
    tab.wait_for_function("() => globalThis.offrlBus.state?.step > 100")
    return current(tab)


def test_a_run_that_was_taken_home_opens_again_and_what_is_none_is_refused(tab: Page, server, run, tmp_path):
    file = tmp_path / "run.offrl.gz"
    file.write_bytes(tab.request.get(f"{server.url}/take/{run}/run.offrl.gz").body())
    broken = tmp_path / "broken.offrl.gz"
    broken.write_bytes(file.read_bytes()[:-40])
    _opened(tab, server, "naive-q")
    place = tab.locator(".open_recording")
    place.locator("input").set_input_files(broken)
    expect(place.get_by_role("status")).to_contain_text("broken.offrl.gz was not opened. The file is damaged")
    expect(tab.get_by_role("heading", name=presets()["naive-q"].title, exact=True)).to_be_visible()
    place.locator("input").set_input_files(file)
    expect(tab.get_by_role("heading", name="run.offrl.gz", exact=True)).to_be_visible()
    title = "globalThis.offrlBus?.hello?.run.title"
    hello = next(json.loads(message) for message in messages_of(file.read_bytes()) if isinstance(message, str))
    eventually(tab, lambda: tab.evaluate(title), hello["run"]["title"])
    _drawn(tab)
    assert tab.evaluate("globalThis.offrlBus.hello.members.length") == len(hello["members"])
    expect(tab.locator(".stage .state-line")).to_contain_text("Recording")
    tab.locator('.picker [data-id="naive-q"]').click()
    expect(tab.get_by_role("heading", name=presets()["naive-q"].title, exact=True)).to_be_visible()
    eventually(tab, lambda: tab.evaluate(title), lambda now: now != hello["run"]["title"])


def test_metrics_go_home_as_csv_and_parquet(tab: Page, server, run):
    answers = {kind: tab.request.get(f"{server.url}/take/{run}/metrics.{kind}") for kind in ("csv", "parquet")}
    assert all(answer.ok for answer in answers.values())
    csv = pd.read_csv(io.BytesIO(answers["csv"].body()))
    parquet = pd.read_parquet(io.BytesIO(answers["parquet"].body()))
    assert list(csv.columns) == list(parquet.columns)
    assert {"step", "member", "return", "value_start"} <= set(csv.columns)
    last = csv[csv.step == csv.step.max()]
    np.testing.assert_allclose(last["return"], 0.5688, atol=1e-4)


def test_policies_go_home_by_label(tab: Page, server, run):
    for kind in ("csv", "parquet", "npz"):
        answer = tab.request.get(f"{server.url}/take/{run}/policies.{kind}")
        assert answer.ok, answer.text()
        policy = load_policy(answer.body(), model="bcq seed=3")
        assert policy.actions == ("up", "right", "down", "left")
        assert policy("(5,1)") in policy.actions


def test_the_script_that_goes_home_is_the_run(tab: Page, server, run):
    source = tab.request.get(f"{server.url}/take/{run}/reproduce.py?step=40").text()
    assert "orl.Learner(" in source
    assert "learner.advance(40)" in source
    assert tab.request.get(f"{server.url}/take/{run}/reproduce.py?step=minus").status == 400


def test_a_model_s_training_goes_home_as_a_script_in_pytorch(tab: Page, server, run, tmp_path):
    """From the menu, for the model that is chosen there; it runs beside its data, without this program."""
    tab.get_by_role("button", name="Take it home").click()
    tab.get_by_role("combobox", name="Model in pytorch.zip").click()
    tab.get_by_role("option", name="bcq seed=2").click()
    link = tab.get_by_role("link", name="pytorch.zip")
    expect(link).to_have_attribute("href", re.compile(r"take/.*/pytorch\.zip\?member=2$"))
    answer = tab.request.get(f"{server.url}/take/{run}/pytorch.zip?member=2&step=40")
    assert answer.headers["content-disposition"].endswith('-pytorch.zip"')
    with zipfile.ZipFile(io.BytesIO(answer.body())) as archive:
        archive.extractall(tmp_path)
    found = runpy.run_path(str(tmp_path / "train.py"))
    assert (found["hp"].seed, found["hp"].updates) == (2, 40)
    learner = orl.Learner(orl.load_dataset("double-crossing"), "bcq", seeds=[2])
    learner.advance(40)
    ours, theirs = learner.snapshot().q[0], found["networks"]["q"].values.detach().numpy()
    np.testing.assert_allclose(theirs, ours, rtol=1e-4, atol=1e-5)
    tab.keyboard.press("Escape")


def test_the_loss_is_read_in_pytorch_as_the_choices_make_it(tab: Page, server):
    open_playground(tab, server, "?algo=cql&form=paper")
    tab.get_by_text("Source code of this loss").click()
    tab.get_by_role("tab", name="In PyTorch").click()
    shown = tab.get_by_role("tabpanel", name="In PyTorch").locator("code").last
    expect(shown).to_contain_text("z = q.logsumexp(-1) - rows.taken(q)")
    expect(shown).not_to_contain_text("if hp.")


def test_nothing_but_the_named_files_can_be_taken(tab: Page, server, run):
    assert tab.request.get(f"{server.url}/take/{run}/passwd").status == 404
    assert tab.request.get(f"{server.url}/take/{run}/..%2f..%2fapp.py").status in (400, 404)
    assert tab.request.get(f"{server.url}/take/nobody/metrics.csv").status == 404
    assert tab.request.get(f"{server.url}/preset/..%2f..%2fapp.py").status in (400, 404)


def test_the_replay_plays_from_disk_without_a_server(tab: Page, server, run, tmp_path):
    file = tmp_path / "replay.html"
    file.write_bytes(tab.request.get(f"{server.url}/take/{run}/replay.html").body())
    offline = tab.context.new_page()
    asked: list[str] = []
    offline.on("request", lambda request: asked.append(request.url))
    problems = uncaught(offline)
    offline.goto(file.as_uri())
    _drawn(offline)
    offline.wait_for_function("() => globalThis.Plotly !== undefined")
    offline.locator(".world-canvas").focus()
    offline.keyboard.press("Home")
    expect(offline.locator(".step-text")).to_have_text(re.compile("^step 0 of"))
    offline.keyboard.press("ArrowRight")
    expect(offline.locator(".step-text")).to_have_text(re.compile("^step 1 of"))
    offline.keyboard.press("Shift+ArrowRight")
    expect(offline.locator(".inspector-title")).to_have_text("cell (5, 2)")
    offline.get_by_role("radio", name="π", exact=True).click()
    _drawn(offline)
    offline.keyboard.press("End")
    assert not problems
    assert [url for url in asked if not url.startswith(("file:", "data:", "blob:"))] == []
    offline.close()
