"""The playground at full power in a real browser: branch, lens, side by side, and that they survive."""

from __future__ import annotations

import itertools
import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.playground import open_playground, run
from tests.browser.waiting import at_rest, eventually, settled

RUN = "globalThis.offrlBus?.hello?.run?.id"
# In the tree of branches: the run that is shown, those that branch off from it, and the one that it came from.
HERE = ".tree .line:has([aria-current=true])"
CHILD = ".tree li:has(> .line [aria-current=true]) > ul > li > .line"
PARENT = ".tree li:has(> ul > li > .line [aria-current=true]) > .line"
# How many worlds are drawn beside each other.
WORLDS = "(element) => element.stage.store.shownMembers().length"
# The branch's own link: the change, with the step that it was made at.
CHANGED = re.compile(r"at=8(%3A|:)rho(%3D|=)0\.35")


def _play(page: Page, past: int) -> None:
    page.evaluate("() => offrlBus.send({cmd: 'play'})")
    page.wait_for_function(f"() => (globalThis.offrlBus?.state?.step ?? 0) > {past}")
    page.evaluate("() => offrlBus.send({cmd: 'pause'})")
    page.wait_for_function("() => ['paused', 'finished'].includes(globalThis.offrlBus?.state?.state)")


seeds = itertools.count(60)


@pytest.fixture
def page(tab: Page) -> Page:
    """The same tab for all tests of this file: each opens a run of its own in it."""
    return tab


@pytest.fixture
def first(page: Page, server) -> str:
    """A run that no other test has touched, paused after some steps."""
    link = f"?v=1&data=double-crossing&x.episodes=50&x.seed={next(seeds)}&algo=bcq&net=table&seeds=2"
    open_playground(page, server, link)
    _play(page, 20)
    settled(page)
    return run(page)


def test_a_branch_keeps_its_parent_and_survives_page_switch_and_reload(page: Page, first):
    page.evaluate("() => offrlBus.send({cmd: 'branch', step: 8, lane: 0, values: {rho: 0.35}})")
    page.wait_for_function(f"(old) => {RUN} && {RUN} !== old", arg=first)
    branch = page.evaluate(f"() => {RUN}")
    page.wait_for_url(CHANGED)
    tree = page.locator(".tree")
    expect(tree.get_by_role("button", name=re.compile("from step 8: rho → 0.35( ·|$)"))).to_be_visible()

    settled(page)
    page.get_by_role("link", name="Datasets").click()
    expect(page.get_by_role("heading", name="Datasets")).to_be_visible()
    page.get_by_role("link", name="Playground").click()
    page.wait_for_function(f"(id) => {RUN} === id", arg=branch)
    page.wait_for_url(CHANGED)

    page.reload()
    page.wait_for_function(f"(id) => {RUN} === id", arg=branch)
    marks = "() => globalThis.offrlBus?.marks.map((mark) => [mark.step, mark.what.rho])"
    eventually(page, lambda: page.evaluate(marks), [[8, [0.1, 0.35]]])


def test_a_control_that_is_moved_at_an_earlier_step_branches_from_there(page: Page, first):
    slider = page.locator(".settings [data-name=rho] input[type=range]")
    at_rest(page, slider)
    box = slider.bounding_box()
    page.locator(".timeline").focus()
    page.keyboard.press("Home")
    for _ in range(6):
        page.keyboard.press("ArrowRight")
    step = page.locator(".stage").evaluate("(element) => element.stage.playback.frame.step")
    newest = page.evaluate("() => offrlBus.state.step")
    assert 0 < step < newest
    expect(page.locator(".state-line")).to_contain_text(f"Viewing step {step} of")
    expect(page.locator(".settings .earlier")).to_have_text(f"as at step {step}")
    at_rest(page, slider)
    assert slider.bounding_box() == box, "looking back moves no control"
    page.mouse.move(box["x"] + box["width"] * 0.1, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.5, box["y"] + box["height"] / 2, steps=8)
    # Nothing branches while the hand is on the slider: one movement is one branch.
    page.wait_for_timeout(300)
    assert page.evaluate(f"() => {RUN}") == first
    page.mouse.up()
    page.wait_for_function(f"(old) => {RUN} && {RUN} !== old", arg=first)
    changes = "() => offrlBus.hello.run.config.changes.map((change) => [change.step, Object.keys(change.values)])"
    eventually(page, lambda: page.evaluate(changes), [[step, ["rho"]]])
    expect(page.locator(".tree").get_by_role("button", name=re.compile(f"from step {step}: rho"))).to_be_visible()
    # The run that was branched from is as it was.
    settled(page)
    expect(page.locator(PARENT).locator(".go")).to_have_text(re.compile("^BCQ on Double crossing"))
    page.locator(PARENT).locator(".go").click()
    page.wait_for_function(f"(id) => {RUN} === id", arg=first)
    assert page.evaluate("() => offrlBus.hello.run.config.changes") == []


def test_the_tree_leads_back_to_the_parent(page: Page, first):
    page.evaluate("() => offrlBus.send({cmd: 'branch', step: 8, lane: 0, values: {rho: 0.3}})")
    page.wait_for_function(f"(old) => {RUN} && {RUN} !== old", arg=first)
    expect(page.locator(".tree").get_by_role("button", name=re.compile("from step 8: rho → 0.3( ·|$)"))).to_be_visible()
    settled(page)
    page.locator(PARENT).locator(".go").click()
    page.wait_for_function(f"(id) => {RUN} === id", arg=first)
    expect(page.locator(HERE)).to_contain_text("BCQ on Double crossing")
    branch = page.locator(CHILD)
    name = branch.get_by_role("textbox", name="Name of this branch")
    name.fill("wider threshold")
    name.press("Enter")
    settled(page)
    expect(name).to_have_value("wider threshold")


def test_the_lens_trains_many_values_at_once_and_takes_any_list(page: Page, first):
    page.get_by_role("button", name=re.compile("threshold: Open into an axis")).click()
    page.wait_for_function("() => globalThis.offrlBus?.hello?.members?.length === 16")
    page.wait_for_url(re.compile("rho=0(%2C|,)"))
    eventually(page, lambda: page.locator(".stage").evaluate(WORLDS), 8)
    _play(page, 30)
    expect(page.get_by_role("radio", name="outcome")).to_be_visible()
    page.get_by_role("radio", name="outcome").click()
    expect(page.locator("canvas.outcome-canvas")).to_be_visible()
    field = page.locator("[data-name=rho] .number")
    field.fill("0; 0.2; 7")
    field.press("Enter")
    expect(page.locator("[data-name=rho] .message")).to_contain_text("from 0 to 1")
    # Typed as people write lists, judged on the way, and left: nothing is said about it, then or later.
    message = page.locator("[data-name=rho] .message")
    field.fill("")
    for character in "0, 0.2, 0.4":
        field.press_sequentially(character)
        expect(message).to_be_hidden()
    field.press("Tab")
    page.wait_for_function("() => globalThis.offrlBus?.hello?.members?.length === 6")
    settled(page)
    field.focus()
    field.press("Tab")
    expect(message).to_be_hidden()
    expect(field).to_have_value("0, 0.2, 0.4")


def test_algorithms_side_by_side_share_one_transport(page: Page, first):
    page.get_by_role("button", name="Compare with another").click()
    expect(page.get_by_text("Which algorithm beside BCQ?")).to_be_visible()
    settled(page, 200)
    page.get_by_role("radio", name="BC", exact=True).click()
    page.wait_for_function("() => globalThis.offrlBus?.hello?.lanes?.length === 2")
    eventually(page, lambda: page.locator(".stage").evaluate(WORLDS), 2)
    # Cloning learns no Q: what both have is shown, until something else is asked for.
    eventually(page, lambda: page.evaluate("() => offrlBus.hello.lanes[1].algorithm"), "bc")
    mode = "(element) => element.stage.store.view.mode"
    eventually(page, lambda: page.locator(".stage").evaluate(mode), "policy")
    page.get_by_role("radiogroup", name="Q-learning, constrained").get_by_role("radio", name="CQL").click()
    page.wait_for_function("() => globalThis.offrlBus?.hello?.lanes?.[1]?.algorithm === 'cql'")
    assert page.evaluate("() => offrlBus.hello.lanes[0].algorithm") == "bcq"
    eventually(page, lambda: page.locator(".stage").evaluate(mode), "q")
    _play(page, 30)
    # What is viewed is what is changed: two members of BCQ, then two of CQL.
    member = "(element) => element.stage.store.view.member"
    eventually(page, lambda: page.locator(".stage").evaluate(member), 2)
    page.locator(".stage").evaluate("(element) => element.stage.setMember(1)")
    expect(page.get_by_role("heading", name="The update rule of BCQ")).to_be_attached()
    expect(page.locator(".settings [data-name=rho]").first).to_be_attached()
    page.get_by_text("2. CQL", exact=True).click()
    expect(page.get_by_role("heading", name="The update rule of CQL")).to_be_attached()
    eventually(page, lambda: page.locator(".stage").evaluate(member), 2)
    page.reload()
    page.wait_for_function("() => globalThis.offrlBus?.hello?.lanes?.map((l) => l.algorithm).join() === 'bcq,cql'")
    page.get_by_role("button", name="Remove").click()
    page.wait_for_function("() => globalThis.offrlBus?.hello?.lanes?.length === 1")
