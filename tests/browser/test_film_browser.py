"""The film in a real browser: the shown step's policy walks the real world, on the grid and in CartPole."""

from __future__ import annotations

import gzip
import re
import struct
from collections.abc import Iterator

import pytest
from playwright.sync_api import Locator, Page, expect

from offrl_live.runs import wire
from offrl_live.runs.export import messages_of
from tests.browser.playground import BUS, open_playground
from tests.browser.stage_host import Host, config
from tests.browser.waiting import eventually, painted
from tests.conftest import Server


def train(tab: Page, server: Server, link: str, updates: int) -> int:
    """Open a link, train, pause; the step at which the run stands."""
    open_playground(tab, server, link)
    # Slowly, so that it does not converge before it is paused, however busy the machine is.
    tab.evaluate(f"{BUS}.send({{cmd: 'speed', value: 50}})")
    # Where the run before was training, this one trains already.
    tab.evaluate(f"{BUS}.send({{cmd: 'play'}})")
    tab.wait_for_function(f"{BUS}?.state?.step > {updates}", timeout=60_000)
    tab.locator(".stage").get_by_role("button", name="Pause (space)").click()
    tab.wait_for_function(f"{BUS}?.state?.state === 'paused'")
    return int(tab.evaluate(f"{BUS}.state.step"))


def at_end(tab: Page) -> Locator:
    """Stop the film at its episode's end; the sentence about it."""
    text = tab.locator(".film-text")
    expect(text).to_contain_text("policy of step", timeout=30_000)
    pause = tab.get_by_role("button", name="Pause the film")
    if pause.count():
        pause.click()
    tab.locator(".film-line").press("End")
    return text


def without_world(recording: bytes) -> bytes:
    """A recording as it was made before it carried its world."""
    kept = [m for m in messages_of(recording) if isinstance(m, str) or wire.split(m)[0]["kind"] != "world"]
    data = [(isinstance(m, bytes), m.encode() if isinstance(m, str) else m) for m in kept]
    return gzip.compress(b"".join(struct.pack("<BI", binary, len(text)) + text for binary, text in data))


def ink(tab: Page) -> int:
    """How many pixels the film has drawn."""
    return tab.locator(".film-canvas").evaluate(
        """(c) => { const { data } = c.getContext("2d").getImageData(0, 0, c.width, c.height);
            let n = 0; for (let i = 3; i < data.length; i += 4) n += data[i] > 0; return n; }"""
    )


def thousands(step: int) -> str:
    """A step as the page writes it."""
    return f"{step:,}".replace(",", "\u2009")


def test_on_a_grid_the_walker_goes_where_the_policy_sends_it(tab: Page, server: Server):
    step = train(tab, server, "?algo=bcq&seeds=1&x.seed=31", 120)
    tab.locator(".film-button").click()
    text = at_end(tab)
    expect(text).to_contain_text(f"policy of step {thousands(step)}")
    # Twelve steps to the goal, rewarded on arrival: what the film earned is what the policy is worth.
    expect(text).to_contain_text("step 12 of 12 · reward so far 1 (discounted 0.569) · reached the goal")
    expect(tab.locator(".stage-numbers .now dd")).to_have_text("0.569")
    expect(tab.locator(".film .spoken")).to_contain_text("12 steps, reward 1, discounted 0.569, reached the goal")
    expect(tab.locator(".film-canvas")).not_to_have_class(re.compile("replaces"))
    painted(tab)
    whole = ink(tab)
    tab.locator(".film-line").press("Home")
    expect(text).to_contain_text("step 0 of 12 · right")
    eventually(tab, lambda: ink(tab), lambda drawn: 100 < drawn < whole)
    # It follows the timeline: the untrained policy's own walk; and the run stays where it was.
    tab.locator(".timeline").press("Home")
    expect(text).to_contain_text("policy of step 0 ·", timeout=20_000)
    tab.locator(".timeline").press("End")
    expect(text).to_contain_text(f"policy of step {thousands(step)}", timeout=20_000)
    assert tab.evaluate(f"{BUS}.state.step") == step
    # While training goes on, the walker that has arrived starts again with what was learned meanwhile.
    tab.get_by_role("button", name="Play the film").click()
    tab.locator(".stage").get_by_role("button", name="Play (space)").click()
    tab.wait_for_function(f"{BUS}?.state?.step > {step}")
    expect(text).not_to_contain_text(f"policy of step {thousands(step)} ·", timeout=20_000)
    tab.locator(".timeline").press("f")
    expect(tab.locator(".film-canvas")).to_be_hidden()
    expect(tab.locator(".film-button")).to_have_attribute("aria-pressed", "false")


@pytest.fixture
def still(tab: Page) -> Iterator[Page]:
    """The tab of somebody who wants little motion, on a phone."""
    tab.set_viewport_size({"width": 390, "height": 844})
    tab.emulate_media(reduced_motion="reduce")
    yield tab
    tab.emulate_media(reduced_motion="no-preference")


def test_cartpole_is_drawn_as_cart_and_pole(still: Page, server: Server):
    tab = still
    step = train(tab, server, "?data=cartpole&algo=bc&net=mlp&seeds=1&x.seed=32", 60)
    expect(tab.locator(".stage-numbers .now dd")).to_have_text(re.compile(r"^\d+(\.\d+)? ± \d"), timeout=30_000)
    tab.locator(".film-button").click()
    text = tab.locator(".film-text")
    # Who wants little motion gets the whole episode standing still.
    ended = re.compile(r"step (\d+) of \1 · reward so far \1 .*(the pole fell|left the track|time ran out)")
    expect(text).to_contain_text(f"policy of step {thousands(step)}", timeout=30_000)
    expect(text).to_contain_text(ended)
    expect(tab.get_by_role("button", name="Play the film")).to_be_visible()
    expect(tab.locator(".film-canvas")).to_have_class(re.compile("replaces"))
    eventually(tab, lambda: ink(tab), lambda drawn: drawn > 1000)
    before = text.inner_text()
    tab.get_by_label("Episode of the film").select_option("2")
    expect(text).not_to_have_text(before)
    tab.locator(".film-others").click()
    expect(tab.locator(".film-others")).to_have_text("seed 1 ›", timeout=20_000)
    # An earlier step, brought back from a checkpoint.
    tab.locator(".timeline").press("Home")
    expect(text).to_contain_text("policy of step 0 ·", timeout=30_000)
    assert tab.locator(".stage").evaluate("(stage) => stage.scrollWidth - stage.clientWidth") <= 1
    assert tab.evaluate(f"{BUS}.state.step") == step


def test_of_a_recording_the_film_is_played_in_the_page(bench: Page, host: Host):
    export = host.record("film", config({"algorithm": "bcq"}), [0, 10, 400])
    host.show(bench, recording="film")
    bench.locator(".film-button").click()
    # Twelve steps to the goal, as in the world that the run learned from.
    assert export.frames[-1].metrics[0, [m["name"] for m in export.hello["metrics"]].index("return")] > 0.56
    text = at_end(bench)
    expect(text).to_contain_text(
        "policy of step 400 · step 12 of 12 · reward so far 1 (discounted 0.569) · reached the"
    )
    expect(text).to_contain_text("drawn in this page")
    eventually(bench, lambda: ink(bench), lambda drawn: drawn > 100)
    bench.locator(".timeline").press("Home")
    expect(text).to_contain_text("policy of step 0 ·")


def test_a_recording_without_its_world_says_that_a_film_needs_the_live_run(bench: Page, host: Host):
    host.record("film", config({"algorithm": "bcq"}), [0, 10, 400])
    host.recordings["older"] = without_world(host.recordings["film"])
    host.show(bench, recording="older")
    bench.locator(".film-button").click()
    expect(bench.locator(".film-text")).to_contain_text("A film needs the live run")
    expect(bench.locator(".film-controls")).to_be_hidden()
    expect(bench.locator(".film-canvas")).to_be_hidden()
