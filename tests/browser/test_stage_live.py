"""The stage on a live run: play, pause, step, live changes, reset and its ghost, branch, viewers, lost connections."""

from __future__ import annotations

import os
import re
import signal
import time

import pytest
from playwright.sync_api import Page, expect

from tests.browser.stage_host import Host, config
from tests.browser.waiting import eventually, painted

STATE = "stage.store.state?.state"
STEP = "stage.store.frames.last.step"


def open_run(bench: Page, host: Host, seed: int, **lane) -> str:
    """A fresh run (its data's seed makes it one) on screen, slow enough not to converge while it is looked at."""
    lane = {"algorithm": "q-learning", **lane}
    run = host.hub.open(config(lane, options={"seed": seed}, budget=100_000))
    host.show(bench, run=run)
    bench.evaluate("void offrlBus.send({ cmd: 'speed', value: 50 })")
    bench.wait_for_function("stage.store.state?.speed === 50")
    return run


def play(bench: Page, until: int = 5) -> None:
    bench.locator(".button.play").click()
    bench.wait_for_function(f"{STEP} > {until}")


def pause(bench: Page) -> int:
    bench.locator(".button.play").click()
    bench.wait_for_function(f"{STATE} === 'paused'")
    return bench.evaluate(STEP)


def test_a_picture_stands_before_play_then_it_trains_and_pauses(bench: Page, host: Host):
    open_run(bench, host, 1)
    assert bench.evaluate("stage.playback.frame.step") == 0
    expect(bench.locator(".step-text")).to_have_text(re.compile("step 0 of"))
    expect(bench.locator(".inspector-table tbody tr")).to_have_count(4)
    play(bench, 20)
    assert bench.locator(".button.play").get_attribute("aria-label").startswith("Pause")
    world, curves = bench.evaluate("[stage.world.draws, stage.curves.updates]")
    bench.wait_for_function(f"stage.world.draws > {world} && stage.curves.updates > {curves}")
    step = pause(bench)
    bench.wait_for_timeout(500)
    assert bench.evaluate(STEP) == step, "a paused run stands still"
    bench.wait_for_function("stage.curves.settled")
    eventually(bench, lambda: bench.evaluate("stage.curves.plot.data.at(-1).x.at(-1)"), step)


def test_what_networks_targets_read_is_told_once_arrows_are_wanted(bench: Page, host: Host):
    open_run(bench, host, 31, algorithm="bcq", approximator="mlp", hyperparameters={"hidden": "16"})
    assert bench.evaluate("stage.playback.frame.table('reads', 0)") is None
    bench.keyboard.press("a")
    bench.wait_for_function("stage.world.reads[0]?.length > 0")
    bench.get_by_role("button", name="One step forward").click()
    bench.wait_for_function(f"{STEP} === 1 && stage.world.reads[0].some((one) => one.strength === 1)")


def test_one_update_and_back(bench: Page, host: Host):
    open_run(bench, host, 2)
    for expected in (1, 2):
        bench.get_by_role("button", name="One step forward").click()
        bench.wait_for_function(f"{STEP} === {expected}")
    bench.get_by_role("button", name="One snapshot back").click()
    assert bench.evaluate("stage.playback.frame.step") == 1
    assert bench.evaluate(STEP) == 2
    bench.get_by_role("button", name="newest").click()
    assert bench.evaluate("stage.playback.frame.step") == 2


def test_live_change_marks_timeline_and_curves(bench: Page, host: Host):
    open_run(bench, host, 3)
    play(bench)
    bench.evaluate("void offrlBus.send({ cmd: 'set', lane: 0, values: { learning_rate: 0.05 } })")
    expect(bench.locator(".track-mark")).to_have_count(1)
    expect(bench.locator(".plot-mark")).to_have_count(bench.evaluate("stage.curves.figure.boxes.length"))
    assert "learning_rate" in bench.locator(".track-mark").get_attribute("title")
    value = "offrlBus.hyperparameters(0).find((h) => h.name === 'learning_rate').value"
    eventually(bench, lambda: bench.evaluate(value), 0.05)
    step = bench.evaluate("stage.store.marks[0].step")
    bench.wait_for_function(f"{STEP} > {step}")


def test_refused_value_is_explained_on_the_stage(bench: Page, host: Host):
    open_run(bench, host, 4)
    bench.evaluate("void stage.session.send({ cmd: 'set', lane: 0, values: { gamma: 7 } })")
    expect(bench.locator(".refused")).to_contain_text("gamma = 7 is not allowed")
    expect(bench.locator(".track-mark")).to_have_count(0)


def test_reset_moves_to_a_fresh_run_and_leaves_a_ghost(bench: Page, host: Host):
    run = open_run(bench, host, 5)
    play(bench, 30)
    pause(bench)
    seen = bench.evaluate("stage.store.frames.length")
    bench.locator(".stage").focus()
    bench.keyboard.press("r")
    bench.wait_for_function(f"stage.session.runId !== {run!r} && stage.store.frames.last?.step === 0")
    bench.wait_for_function("stage.curves.built && stage.ready !== false")
    assert bench.evaluate("stage.store.ghost.frames.length") == seen
    kinds = bench.evaluate("stage.curves.figure.traces.map((trace) => trace.kind)")
    assert "ghost" in kinds
    event = bench.wait_for_function("events.find(([name]) => name === 'moved')?.[1]").json_value()
    assert event["previous"] == run
    assert event["run_id"] == bench.evaluate("stage.session.runId")
    tab = bench.locator(".tab[data-mode=ghost]")
    expect(tab).to_be_visible()
    tab.click()
    painted(bench)
    at_zero = bench.evaluate(
        """async () => {
          const { pictureOf, modeOf } = await import(assets + "world/modes.js");
          const picture = pictureOf(stage.store, modeOf("ghost"), stage.playback.frame, 0);
          return Math.max(...picture.map(Math.abs));
        }"""
    )
    assert at_zero == 0, "both runs begin with the same numbers"
    # The page still asks for the run that this viewer has left: the stage stays where it is.
    bench.evaluate("remount({ run: stage.options.run, member: 0 })")
    painted(bench)
    assert bench.evaluate("stage.session.runId") == event["run_id"]


def test_branch_keeps_the_past_and_continues_from_there(bench: Page, host: Host):
    run = open_run(bench, host, 6)
    play(bench, 40)
    pause(bench)
    bench.keyboard.press("Home")
    for _ in range(3):
        bench.keyboard.press("ArrowRight")
    at = bench.evaluate("stage.playback.frame.step")
    past = bench.evaluate(f"stage.store.frames.list.filter((f) => f.step <= {at}).map((f) => f.step)")
    bench.get_by_role("button", name="branch here").click()
    bench.wait_for_function(f"stage.session.runId !== {run!r} && stage.session.ready && stage.store.frames.length > 0")
    bench.wait_for_function(f"stage.store.frames.last.step >= {at}")
    assert bench.evaluate("stage.store.frames.list.map((f) => f.step)")[: len(past)] == past
    bench.wait_for_function(f"stage.store.frames.last.step > {at + 5}")


def test_two_viewers_of_one_run_and_each_his_own_pause(bench: Page, host: Host):
    run = open_run(bench, host, 7)
    other = bench.context.new_page()
    host.show(other, run=run)
    other.evaluate("void offrlBus.send({ cmd: 'speed', value: 50 })")
    play(bench, 10)
    other.locator(".button.play").click()
    other.wait_for_function(f"{STEP} > 10")
    bench.locator(".button.play").click()
    bench.wait_for_function("stage.store.state.playing === false")
    mine = bench.evaluate(STEP)
    theirs = other.evaluate(STEP)
    other.wait_for_function(f"{STEP} > {theirs} + 5")
    assert bench.evaluate(STEP) == mine
    expect(bench.locator(".state-line")).to_contain_text("goes on for others")
    other.close()


def test_lost_connection_comes_back_without_losing_or_doubling_frames(bench: Page, host: Host):
    open_run(bench, host, 8)
    play(bench, 20)
    bench.evaluate("void stage.session.source.connection.socket.close()")
    bench.wait_for_function("!stage.session.connected")
    expect(bench.locator(".state-line")).to_contain_text("Connecting")
    bench.wait_for_function("stage.session.connected", timeout=15_000)
    before = bench.evaluate(STEP)
    bench.wait_for_function(f"{STEP} > {before} + 5", timeout=15_000)
    steps = bench.evaluate("stage.store.frames.list.map((f) => f.step)")
    assert steps == sorted(set(steps))
    assert steps[0] == 0


def test_unknown_run_says_so_and_tells_the_page(bench: Page, host: Host):
    host.open(bench, run="no-such-run")
    expect(bench.locator(".state-line")).to_contain_text("The server was restarted or has dropped this run")
    bench.wait_for_function("events.some(([name]) => name === 'gone')")


def test_speed_is_the_runs_and_follows_the_slider(bench: Page, host: Host):
    open_run(bench, host, 9)
    slider = bench.get_by_label("Speed, updates per second")
    slider.focus()
    slider.press("Home")
    for _ in range(3):
        slider.press("ArrowRight")
    expect(bench.locator(".speed-text")).to_have_text("10 updates/s")
    bench.wait_for_function("stage.store.state.speed === 10")
    play(bench, 3)
    first, began = bench.evaluate(STEP), time.monotonic()
    bench.wait_for_function(f"{STEP} >= {first + 15}")
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
def test_many_models_survive_the_death_of_their_worker(bench: Page, host: Host, lanes):
    run = host.hub.open(config(*lanes, options={"seed": 40}, budget=100_000))
    host.show(bench, run=run)
    bench.evaluate("void offrlBus.send({ cmd: 'speed', value: 50 })")
    play(bench, 10)
    os.kill(host.hub.info(run)["pid"], signal.SIGKILL)
    expect(bench.locator(".state-line")).to_contain_text("It cannot go on: the worker was ended by signal 9")
    lost = bench.evaluate(STEP)
    frames = bench.evaluate("stage.store.frames.length")
    bench.get_by_role("button", name="restart").click()
    bench.wait_for_function(f"{STATE} === 'running' && {STEP} > {lost}")
    assert bench.evaluate("stage.session.runId") == run
    assert bench.evaluate("stage.store.hello.members.length") == 6
    assert bench.evaluate("stage.store.frames.length") >= frames
    pause(bench)


def test_who_is_moved_to_a_run_of_his_own_is_told_why(bench: Page, host: Host):
    run = open_run(bench, host, 41)
    other = bench.context.new_page()
    host.show(other, run=run)
    bench.evaluate("void offrlBus.send({ cmd: 'set', lane: 0, values: { gamma: 0.5 } })")
    expect(bench.locator(".refused")).to_contain_text("A run of your own: others watch this run")
    assert bench.evaluate("stage.session.runId") != run
    assert other.evaluate("stage.session.runId") == run
    other.close()


def test_after_a_restart_a_tab_comes_back_to_the_step_where_it_was(bench: Page, host: Host):
    chosen = config({"algorithm": "cql", "hyperparameters": {"batch_size": 32}}, budget=0, options={"seed": 4711})
    run_id = host.hub.open(chosen)
    host.show(bench, run=run_id)
    bench.evaluate("stage.session.send({ cmd: 'speed', value: 60 })")
    bench.evaluate("stage.session.send({ cmd: 'play' })")
    bench.wait_for_function(f"{STEP} > 25")
    bench.evaluate("stage.session.send({ cmd: 'pause' })")
    bench.wait_for_function("stage.store.state.state === 'paused'")
    step = bench.evaluate(STEP)
    seen = bench.evaluate("stage.store.frames.list.length")
    host.hub.drop(run_id)
    host.hub._forgotten.clear()  # a server that was restarted knows nothing
    bench.evaluate("void stage.session.source.connection.socket.close()")
    bench.wait_for_function("events.filter(([name]) => name === 'gone').length >= 2")
    anew = host.hub.open(chosen)
    assert anew != run_id
    bench.evaluate("(run) => remount({ run })", anew)
    bench.wait_for_function(f"stage.store.state?.state === 'paused' && stage.store.state.step === {step}")
    assert host.hub.info(anew)["step"] == step
    assert bench.evaluate("stage.store.frames.list.length") >= seen
    steps = bench.evaluate("stage.store.frames.list.map((f) => f.step)")
    assert steps == sorted(set(steps))
    assert (steps[0], steps[-1]) == (0, step)
