"""The stage on a live run: play, pause, step, live changes, reset and its ghost, branch, viewers, lost connections."""

from __future__ import annotations

import os
import re
import signal
import time

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.stage_host import Host, config
from tests.browser.waiting import eventually, painted

STATE = "stage.store.state?.state"
STEP = "stage.store.frames.last.step"


def open_run(page: Page, host: Host, seed: int, **lane) -> str:
    """A fresh run (its data's seed makes it one) on screen, slow enough not to converge while it is looked at."""
    lane = {"algorithm": "q-learning", **lane}
    run = host.hub.open(config(lane, options={"seed": seed}, budget=100_000))
    host.show(page, run=run)
    page.evaluate("void offrlBus.send({ cmd: 'speed', value: 50 })")
    page.wait_for_function("stage.store.state?.speed === 50")
    return run


def play(page: Page, until: int = 5) -> None:
    page.locator(".button.play").click()
    page.wait_for_function(f"{STEP} > {until}")


def pause(page: Page) -> int:
    page.locator(".button.play").click()
    page.wait_for_function(f"{STATE} === 'paused'")
    return page.evaluate(STEP)


def test_a_picture_stands_before_play_then_it_trains_and_pauses(page: Page, host: Host):
    open_run(page, host, 1)
    assert page.evaluate("stage.playback.frame.step") == 0
    expect(page.locator(".step-text")).to_have_text(re.compile("step 0 of"))
    expect(page.locator(".inspector-table tbody tr")).to_have_count(4)
    play(page, 20)
    assert page.locator(".button.play").get_attribute("aria-label").startswith("Pause")
    world, curves = page.evaluate("[stage.world.draws, stage.curves.updates]")
    page.wait_for_function(f"stage.world.draws > {world} && stage.curves.updates > {curves}")
    step = pause(page)
    page.wait_for_timeout(500)
    assert page.evaluate(STEP) == step, "a paused run stands still"
    page.wait_for_function("stage.curves.settled")
    eventually(page, lambda: page.evaluate("stage.curves.plot.data.at(-1).x.at(-1)"), step)


def test_one_update_and_back(page: Page, host: Host):
    open_run(page, host, 2)
    for expected in (1, 2):
        page.get_by_role("button", name="One step forward").click()
        page.wait_for_function(f"{STEP} === {expected}")
    page.get_by_role("button", name="One snapshot back").click()
    assert page.evaluate("stage.playback.frame.step") == 1
    assert page.evaluate(STEP) == 2
    page.get_by_role("button", name="newest").click()
    assert page.evaluate("stage.playback.frame.step") == 2


def test_live_change_marks_timeline_and_curves(page: Page, host: Host):
    open_run(page, host, 3)
    play(page)
    page.evaluate("void offrlBus.send({ cmd: 'set', lane: 0, values: { learning_rate: 0.05 } })")
    expect(page.locator(".track-mark")).to_have_count(1)
    expect(page.locator(".plot-mark")).to_have_count(page.evaluate("stage.curves.figure.boxes.length"))
    assert "learning_rate" in page.locator(".track-mark").get_attribute("title")
    value = "offrlBus.hyperparameters(0).find((h) => h.name === 'learning_rate').value"
    eventually(page, lambda: page.evaluate(value), 0.05)
    step = page.evaluate("stage.store.marks[0].step")
    page.wait_for_function(f"{STEP} > {step}")


def test_refused_value_is_explained_on_the_stage(page: Page, host: Host):
    open_run(page, host, 4)
    page.evaluate("void stage.session.send({ cmd: 'set', lane: 0, values: { gamma: 7 } })")
    expect(page.locator(".refused")).to_contain_text("gamma = 7 is not allowed")
    expect(page.locator(".track-mark")).to_have_count(0)


def test_reset_moves_to_a_fresh_run_and_leaves_a_ghost(page: Page, host: Host):
    run = open_run(page, host, 5)
    play(page, 30)
    pause(page)
    seen = page.evaluate("stage.store.frames.length")
    page.locator(".stage").focus()
    page.keyboard.press("r")
    page.wait_for_function(f"stage.session.runId !== {run!r} && stage.store.frames.last?.step === 0")
    page.wait_for_function("stage.curves.built && stage.ready !== false")
    assert page.evaluate("stage.store.ghost.frames.length") == seen
    kinds = page.evaluate("stage.curves.figure.traces.map((trace) => trace.kind)")
    assert "ghost" in kinds
    event = page.wait_for_function("events.find(([name]) => name === 'moved')?.[1]").json_value()
    assert event["previous"] == run
    assert event["run_id"] == page.evaluate("stage.session.runId")
    tab = page.locator(".tab[data-mode=ghost]")
    expect(tab).to_be_visible()
    tab.click()
    painted(page)
    at_zero = page.evaluate(
        """async () => {
          const { pictureOf, modeOf } = await import(stage.options.assets + "world/modes.js");
          const picture = pictureOf(stage.store, modeOf("ghost"), stage.playback.frame, 0);
          return Math.max(...picture.map(Math.abs));
        }"""
    )
    assert at_zero == 0, "both runs begin with the same numbers"
    # The page still asks for the run that this viewer has left: the stage stays where it is.
    page.evaluate("remount({ run: stage.options.run, member: 0 }).then(() => true)")
    painted(page)
    assert page.evaluate("stage.session.runId") == event["run_id"]


def test_branch_keeps_the_past_and_continues_from_there(page: Page, host: Host):
    run = open_run(page, host, 6)
    play(page, 40)
    pause(page)
    page.keyboard.press("Home")
    for _ in range(3):
        page.keyboard.press("ArrowRight")
    at = page.evaluate("stage.playback.frame.step")
    past = page.evaluate(f"stage.store.frames.list.filter((f) => f.step <= {at}).map((f) => f.step)")
    page.get_by_role("button", name="branch here").click()
    page.wait_for_function(f"stage.session.runId !== {run!r} && stage.session.ready && stage.store.frames.length > 0")
    page.wait_for_function(f"stage.store.frames.last.step >= {at}")
    assert page.evaluate("stage.store.frames.list.map((f) => f.step)")[: len(past)] == past
    page.wait_for_function(f"stage.store.frames.last.step > {at + 5}")


def test_two_viewers_of_one_run_and_each_his_own_pause(context: BrowserContext, page: Page, host: Host):
    run = open_run(page, host, 7)
    other = context.new_page()
    host.show(other, run=run)
    other.evaluate("void offrlBus.send({ cmd: 'speed', value: 50 })")
    play(page, 10)
    other.locator(".button.play").click()
    other.wait_for_function(f"{STEP} > 10")
    page.locator(".button.play").click()
    page.wait_for_function("stage.store.state.playing === false")
    mine = page.evaluate(STEP)
    theirs = other.evaluate(STEP)
    other.wait_for_function(f"{STEP} > {theirs} + 5")
    assert page.evaluate(STEP) == mine
    expect(page.locator(".state-line")).to_contain_text("goes on for others")
    other.close()


def test_lost_connection_comes_back_without_losing_or_doubling_frames(page: Page, host: Host):
    open_run(page, host, 8)
    play(page, 20)
    page.evaluate("void stage.session.source.socket.close()")
    page.wait_for_function("!stage.session.connected")
    expect(page.locator(".state-line")).to_contain_text("Connecting")
    page.wait_for_function("stage.session.connected", timeout=15_000)
    before = page.evaluate(STEP)
    page.wait_for_function(f"{STEP} > {before} + 5", timeout=15_000)
    steps = page.evaluate("stage.store.frames.list.map((f) => f.step)")
    assert steps == sorted(set(steps))
    assert steps[0] == 0


def test_unknown_run_says_so_and_tells_the_page(page: Page, host: Host):
    page.goto(f'{host.url}/?dark=0&options={{"run":"no-such-run"}}')
    expect(page.locator(".state-line")).to_contain_text("This run is gone")
    page.wait_for_function("events.some(([name]) => name === 'gone')")


def test_speed_is_the_runs_and_follows_the_slider(page: Page, host: Host):
    open_run(page, host, 9)
    slider = page.get_by_label("Speed, updates per second")
    slider.focus()
    slider.press("Home")
    for _ in range(3):
        slider.press("ArrowRight")
    expect(page.locator(".speed-text")).to_have_text("10 updates/s")
    page.wait_for_function("stage.store.state.speed === 10")
    play(page, 3)
    first, began = page.evaluate(STEP), time.monotonic()
    page.wait_for_function(f"{STEP} >= {first + 15}")
    # Ten a second: it trains on, and not faster than that.
    assert time.monotonic() - began > 1.0


@pytest.mark.parametrize(
    "lanes",
    [
        [{"algorithm": "bcq", "seeds": 2, "hyperparameters": {"rho": [0.0, 0.1, 0.3]}}],
        [{"algorithm": name, "seeds": 3} for name in ("bcq", "cql")],
    ],
    ids=["lens", "side by side"],
)
def test_many_models_survive_the_death_of_their_worker(page: Page, host: Host, lanes):
    run = host.hub.open(config(*lanes, options={"seed": 40}, budget=100_000))
    host.show(page, run=run)
    page.evaluate("void offrlBus.send({ cmd: 'speed', value: 50 })")
    play(page, 10)
    os.kill(host.hub.info(run)["pid"], signal.SIGKILL)
    expect(page.locator(".state-line")).to_contain_text("The worker was lost")
    lost = page.evaluate(STEP)
    frames = page.evaluate("stage.store.frames.length")
    page.get_by_role("button", name="restart").click()
    page.wait_for_function(f"{STATE} === 'running' && {STEP} > {lost}")
    assert page.evaluate("stage.session.runId") == run
    assert page.evaluate("stage.store.hello.members.length") == 6
    assert page.evaluate("stage.store.frames.length") >= frames
    pause(page)


def test_who_is_moved_to_a_run_of_his_own_is_told_why(context: BrowserContext, page: Page, host: Host):
    run = open_run(page, host, 41)
    other = context.new_page()
    host.show(other, run=run)
    page.evaluate("void offrlBus.send({ cmd: 'set', lane: 0, values: { gamma: 0.5 } })")
    expect(page.locator(".refused")).to_contain_text("A run of your own: others watch this run")
    assert page.evaluate("stage.session.runId") != run
    assert other.evaluate("stage.session.runId") == run
