"""Stored runs, and taking a run home, in a real browser."""

from __future__ import annotations

import io
import re
import time

import numpy as np
import pandas as pd
import pytest
from playwright.sync_api import BrowserContext, Page, expect

from offrl_core.learning import load_policy
from offrl_ui.gallery.presets import presets
from offrl_ui.playground.downloads import preset_address

COLOURS = """(canvases) => Math.max(0, ...canvases.map((canvas) => {
  if (!canvas.width || !canvas.height) return 0;
  const pixels = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
  const seen = new Set();
  for (let i = 0; i < pixels.length; i += 4 * 97) seen.add((pixels[i] << 16) | (pixels[i + 1] << 8) | pixels[i + 2]);
  return seen.size;
}))"""


def _drawn(page: Page) -> None:
    """Wait until some canvas of the stage shows more than a handful of colours."""
    deadline = time.monotonic() + 45
    while page.locator(".stage canvas").evaluate_all(COLOURS) <= 6:
        assert time.monotonic() < deadline, "the stage stays blank"
        page.wait_for_timeout(100)


def test_every_preset_is_served(page: Page, server):
    for preset in presets().values():
        answer = page.request.get(f"{server.url}{preset_address(preset.id)}")
        assert answer.body() == preset.stored, preset.id


@pytest.mark.parametrize("name", ["stitching", "rwr-temperature", "deadly-triad", "side-by-side", "icu"])
def test_a_preset_opens_with_its_timeline(page: Page, server, name):
    page.goto(f"{server.url}/gallery?preset={name}")
    expect(page.get_by_role("heading", name=presets()[name].title, exact=True)).to_be_visible()
    _drawn(page)
    expect(page.locator("[data-testid=stException]")).to_have_count(0)


def test_an_unknown_preset_is_named_and_refused(page: Page, server):
    page.goto(f"{server.url}/gallery?preset=nonsense")
    expect(page.get_by_text("nonsense")).to_be_visible()
    _drawn(page)


def test_a_recording_says_why_it_cannot_be_looked_into(page: Page, server):
    page.goto(f"{server.url}/gallery?preset=stitching")
    _drawn(page)
    page.get_by_text("Look inside one transition").click()
    expect(page.locator(".transition .where")).to_contain_text("This is a recording")


def test_a_preset_goes_on_as_a_live_run(page: Page, server):
    page.goto(f"{server.url}/gallery?preset=iql-expectile")
    page.get_by_role("button", name="Train it live").click()
    page.wait_for_url(re.compile("algo=iql"))
    assert "expectile=0.5" in page.url
    page.wait_for_function("() => globalThis.offrlBus?.hello?.members?.length === 7")


@pytest.fixture
def run(page: Page, server) -> str:
    page.goto(server.url)
    page.wait_for_function("() => globalThis.offrlBus?.hello?.run?.id && globalThis.offrlBus.state?.step > 100")
    return str(page.evaluate("() => globalThis.offrlBus.hello.run.id"))


def test_metrics_go_home_as_csv_and_parquet(page: Page, server, run):
    answers = {kind: page.request.get(f"{server.url}/take/{run}/metrics.{kind}") for kind in ("csv", "parquet")}
    assert all(answer.ok for answer in answers.values())
    csv = pd.read_csv(io.BytesIO(answers["csv"].body()))
    parquet = pd.read_parquet(io.BytesIO(answers["parquet"].body()))
    assert list(csv.columns) == list(parquet.columns)
    assert {"step", "member", "return", "value_start"} <= set(csv.columns)
    last = csv[csv.step == csv.step.max()]
    np.testing.assert_allclose(last["return"], 0.5688, atol=1e-4)


def test_policies_go_home_by_label(page: Page, server, run):
    for kind in ("csv", "parquet", "npz"):
        answer = page.request.get(f"{server.url}/take/{run}/policies.{kind}")
        assert answer.ok, answer.text()
        policy = load_policy(answer.body(), model="bcq seed=3")
        assert policy.actions == ("up", "right", "down", "left")
        assert policy("(5,1)") in policy.actions


def test_the_script_that_goes_home_is_the_run(page: Page, server, run):
    source = page.request.get(f"{server.url}/take/{run}/reproduce.py?step=40").text()
    assert "orl.Learner(" in source
    assert "learner.advance(40)" in source
    assert page.request.get(f"{server.url}/take/{run}/reproduce.py?step=minus").status == 400


def test_nothing_but_the_named_files_can_be_taken(page: Page, server, run):
    assert page.request.get(f"{server.url}/take/{run}/passwd").status == 404
    assert page.request.get(f"{server.url}/take/{run}/..%2f..%2fapp.py").status in (400, 404)
    assert page.request.get(f"{server.url}/take/nobody/metrics.csv").status == 404
    assert page.request.get(f"{server.url}/preset/..%2f..%2fapp.py").status in (400, 404)


def test_the_replay_plays_from_disk_without_a_server(page: Page, server, run, tmp_path, context: BrowserContext):
    file = tmp_path / "replay.html"
    file.write_bytes(page.request.get(f"{server.url}/take/{run}/replay.html").body())
    offline = context.new_page()
    asked: list[str] = []
    offline.on("request", lambda request: asked.append(request.url))
    problems: list[str] = []
    offline.on("pageerror", lambda error: problems.append(str(error)))
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
