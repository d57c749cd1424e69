"""The lecture's first page in a real Chromium: every scene walked through, links, lecture mode, follow me."""

from __future__ import annotations

import re
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Browser, Page, expect

from offrl_lecture.base.text import plain
from offrl_lecture.registry import pages, scenes
from tests.browser.scene_walk import after, assert_nothing_blank, cover, open_scene, reveal, show_scene, walk
from tests.browser.waiting import at_rest, eventually, visit

SCENES = [scene.id for scene in pages()["reweighting"].scenes]

LUMINANCES = """
(e) => {
  const style = getComputedStyle(e);
  const luminance = (colour) => {
    const [r, g, b] = colour.match(/[\\d.]+/g).map(Number);
    return (0.2126 * r + 0.7152 * g + 0.0722 * b) / 255;
  };
  return [luminance(style.color), luminance(style.backgroundColor)];
}
"""


@pytest.mark.parametrize("scene", SCENES)
def test_every_control_of_a_scene_moves_to_both_ends(tab: Page, server, scene: str) -> None:
    walk(tab, server.url, "reweighting", scene)


def test_prediction_comes_before_the_picture(tab: Page, server) -> None:
    show_scene(tab, server.url, "cloning")
    cover(tab)
    expect(tab.locator(".cover")).to_have_count(3)
    expect(tab.locator(".answer")).to_have_count(0)
    tab.locator(".option").nth(0).click()
    expect(tab.locator(".cover")).to_have_count(0)
    expect(tab.locator(".option.wrong")).to_contain_text("the better action")
    expect(tab.locator(".option.right")).to_contain_text("both, half and half")
    tab.get_by_role("button", name="Reset").click()
    expect(tab.locator(".cover")).to_have_count(3)


def test_committing_shows_the_case_that_was_asked(tab: Page, server) -> None:
    show_scene(tab, server.url, "emrl")
    cover(tab)
    tab.locator(".option").nth(0).click()
    expect(tab.locator(".answer-text")).to_contain_text("0.818182")
    expect(tab.locator(".answer-text")).to_contain_text("the worse action")
    expect(tab.locator("#control-r_minus")).to_have_value("-2")


def test_a_bar_is_dragged_and_moved_by_keys_and_the_link_follows(tab: Page, server) -> None:
    show_scene(tab, server.url, "cloning")
    cover(tab)
    reveal(tab)
    bar = tab.get_by_role("slider", name="a+, rows with a+")
    at_rest(tab, bar)
    box = bar.bounding_box()
    tab.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    tab.mouse.down()
    tab.mouse.move(box["x"] + box["width"] / 2, box["y"] - 60, steps=6)
    tab.mouse.up()
    expect(bar).to_have_attribute("aria-valuenow", re.compile(r"^([5-9]|\d\d+)$"))
    # The link is written when the bar is let go; the picture of that state follows.
    expect(tab).to_have_url(re.compile(r"n_plus=\d+"))
    dragged = int(parse_qs(urlsplit(tab.url).query)["n_plus"][0])
    expect(bar).to_have_attribute("aria-valuenow", str(dragged))
    after(tab, lambda: bar.press("ArrowUp"))
    expect(bar).to_have_attribute("aria-valuenow", str(dragged + 1))
    expect(tab).to_have_url(re.compile(rf"n_plus={dragged + 1}"))
    expect(bar).to_be_focused()
    tab.reload()
    expect(tab.get_by_role("slider", name="a+, rows with a+")).to_have_attribute("aria-valuenow", str(dragged + 1))
    expect(tab.locator(".cover")).to_have_count(0)


def test_back_in_the_browser_goes_back_to_the_scene_before(tab: Page, server) -> None:
    show_scene(tab, server.url, "cloning")
    tab.get_by_role("button", name="Next scene").click()
    expect(tab).to_have_url(re.compile("scene=emrl"))
    tab.get_by_role("button", name="Next scene").click()
    expect(tab).to_have_url(re.compile("scene=weight-function"))
    tab.go_back()
    expect(tab.locator(".ask h1")).to_contain_text(f"2 of {len(SCENES)}")


def test_a_page_left_and_entered_again_shows_what_was_left(tab: Page, server) -> None:
    show_scene(tab, server.url, "emrl", "&reveal=1")
    tab.locator("#control-r_plus").press("End")
    expect(tab).to_have_url(re.compile("r_plus=3"))
    tab.get_by_role("link", name="Datasets").click()
    expect(tab.locator(".lecture")).to_have_count(0)
    tab.get_by_role("link", name="1 Reweighting").click()
    expect(tab.locator("#control-r_plus")).to_have_value("3")
    expect(tab).to_have_url(re.compile("scene=emrl"))
    after(tab, lambda: tab.locator("#control-r_plus").press("Home"))
    expect(tab).to_have_url(re.compile("r_plus=-3"))


def test_into_the_playground_and_back_to_the_very_scene(tab: Page, server) -> None:
    show_scene(tab, server.url, "emrl", "&reveal=1&r_plus=-1.0&r_minus=-2.0&share=0.9")
    # The newest state goes, also one that the link does not hold yet.
    after(tab, lambda: tab.locator("#control-step").press("Home"))
    tab.get_by_role("button", name="Open in the playground").click()
    expect(tab.locator(".stage")).to_be_visible()
    parts = {name: value for name, (value,) in parse_qs(urlsplit(tab.url).query).items()}
    assert parts["data"] == "two-actions"
    assert parts["algo"] == "emrl"
    assert (parts["x.reward_plus"], parts["x.reward_minus"], parts["x.count_plus"]) == ("-1", "-2", "90")
    tab.get_by_role("button", name="Back to the lecture: 1.2 Reward as weight").click()
    expect(tab.locator("#control-share")).to_have_value("0.9")
    expect(tab.locator("#control-step")).to_have_value("0")
    expect(tab.locator(".answer-text")).to_contain_text("0.818182")
    expect(tab).to_have_url(re.compile("scene=emrl.*share=0.9"))


def test_an_own_curve_is_drawn(tab: Page, server) -> None:
    show_scene(tab, server.url, "weight-function", "&f=own&reveal=1")
    knot = tab.get_by_role("slider", name="weight at 3")
    knot.focus()
    for _ in range(3):
        after(tab, lambda: knot.press("PageDown"))
    expect(knot).to_have_attribute("aria-valuenow", "2")
    expect(tab.locator(".checks")).to_contain_text("Not monotonic")


def test_refused_values_of_a_link_are_explained(tab: Page, server) -> None:
    show_scene(tab, server.url, "emrl", "&r_plus=55&start=0.3")
    expect(tab.locator(".notes")).to_contain_text("r_plus = 55.0 is not allowed")
    expect(tab.locator("#control-start")).to_have_value("0.3")


def test_lecture_mode_shows_nothing_but_the_scene(tab: Page, server) -> None:
    tab.set_viewport_size({"width": 1280, "height": 720})
    show_scene(tab, server.url, "emrl", "&present=1")
    cover(tab)
    expect(tab.get_by_test_id("stHeader")).to_be_hidden()
    size = tab.locator(".lecture").evaluate("(e) => parseFloat(getComputedStyle(e).fontSize)")
    assert size >= 18
    tab.keyboard.press("Space")
    expect(tab.locator(".answer-text")).to_contain_text("worse action")
    fits = "(e) => e.getBoundingClientRect().bottom <= innerHeight + 1"
    eventually(tab, lambda: tab.locator(".lecture").evaluate(fits), True)
    assert_nothing_blank(tab)
    for plot in tab.locator(".lecture .plot").all():
        box = plot.bounding_box()
        assert box["y"] + box["height"] <= 721
        assert box["height"] > 70
    tab.keyboard.press("0")
    expect(tab.locator(".answer-text")).to_have_count(0)
    tab.keyboard.press("ArrowRight")
    expect(tab.locator(".step.here")).to_contain_text("Choose the weight function")
    tab.keyboard.press("PageUp")
    expect(tab.locator(".step.here")).to_contain_text("Reward as weight")
    assert_nothing_blank(tab)


def test_keys_of_lecture_mode_work_while_a_slider_has_the_focus(tab: Page, server) -> None:
    tab.set_viewport_size({"width": 1280, "height": 720})
    show_scene(tab, server.url, "emrl", "&present=1")
    cover(tab)
    slider = tab.locator("#control-start")
    slider.press("ArrowRight")
    expect(slider).to_have_value("0.51")
    slider.press("Space")
    expect(tab.locator(".answer-text")).to_contain_text("worse action")
    slider.press("0")
    expect(tab.locator(".answer-text")).to_have_count(0)
    slider.press("PageDown")
    expect(tab.locator(".step.here")).to_contain_text("Choose the weight function")
    # A choice keeps the keys that move it.
    tab.locator("input[type=radio][value=identity]").press("ArrowRight")
    expect(tab.locator("input[type=radio][value=abs]")).to_be_checked()
    expect(tab.locator(".step.here")).to_contain_text("Choose the weight function")


def test_named_settings_wait_for_the_prediction(tab: Page, server) -> None:
    show_scene(tab, server.url, "emrl")
    cover(tab)
    expect(tab.locator(".presets")).to_have_count(0)
    tab.locator(".option").nth(1).click()
    expect(tab.locator(".presets .chip")).to_have_count(4)
    tab.get_by_role("button", name="Reset").click()
    expect(tab.locator(".presets")).to_have_count(0)


def test_the_answer_stands_beside_the_question_and_is_read_out(tab: Page, server) -> None:
    show_scene(tab, server.url, "advantage")
    cover(tab)
    tab.locator(".option").nth(2).click()
    point, question = tab.locator(".point"), tab.locator(".ask h2")
    expect(point).to_contain_text("supervised learning twice")
    below = point.bounding_box()["y"] - question.bounding_box()["y"] - question.bounding_box()["height"]
    assert 0 <= below <= 90
    assert point.bounding_box()["y"] + point.bounding_box()["height"] < 900
    expect(tab.locator(".more")).to_contain_text("In numbers")
    expect(tab.locator(".lecture [aria-live=polite]")).to_contain_text("supervised learning twice")


def test_a_scene_can_be_embedded_in_slides(page: Page, server) -> None:
    page.set_viewport_size({"width": 960, "height": 540})
    open_scene(page, server.url, "emrl", "&embed=true")
    expect(page.get_by_test_id("stHeader")).to_be_hidden()
    expect(page.get_by_role("button", name="Share")).to_have_count(0)
    after(page, lambda: page.locator("#control-r_plus").press("End"))
    assert_nothing_blank(page)


def test_a_link_hides_and_fixes_controls(tab: Page, server) -> None:
    show_scene(tab, server.url, "emrl", "&r_plus=1.5&hide=start,share&fix=r_plus")
    expect(tab.locator("#control-start")).to_have_count(0)
    expect(tab.locator("#control-share")).to_have_count(0)
    expect(tab.locator("#control-r_plus")).to_be_disabled()
    expect(tab.locator("#control-r_plus")).to_have_value("1.5")
    expect(tab.locator("#control-r_minus")).to_be_enabled()
    expect(tab.get_by_role("slider", name="a+, reward of a+")).to_have_count(0)


def test_the_share_dialog_builds_such_a_link_with_its_qr_code(tab: Page, server) -> None:
    show_scene(tab, server.url, "emrl", "&r_plus=1.5")
    tab.get_by_role("button", name="Share").click()
    dialog = tab.get_by_role("dialog")
    expect(dialog.locator(".qr svg")).to_be_visible()
    dialog.get_by_label("in the data").select_option("hide")
    dialog.get_by_label("at the start").select_option("fix")
    wanted = {
        "scene": ["emrl"],
        "v": ["1"],
        "r_plus": ["1.5"],
        "present": ["1"],
        "hide": ["share"],
        "fix": ["start"],
    }
    field = dialog.get_by_label("link", exact=True)
    link = eventually(tab, field.input_value, lambda text: parse_qs(urlsplit(text).query) == wanted)
    tab.keyboard.press("Escape")
    expect(tab.get_by_role("dialog")).to_have_count(0)
    visit(tab, link)
    expect(tab.locator("#control-r_plus")).to_have_value("1.5")
    expect(tab.locator("#control-share")).to_have_count(0)


def test_followers_see_predict_explore_and_return(page: Page, tab: Page, server) -> None:
    show_scene(tab, server.url, "emrl")
    cover(tab)
    tab.get_by_role("button", name="Share").click()
    tab.get_by_role("button", name="Open a room").click()
    code = tab.locator(".room-code").inner_text()
    assert re.fullmatch("[2-9A-HJ-NP-Z]{6}", code)
    follower = page
    follower.set_viewport_size({"width": 390, "height": 844})
    follower.goto(server.url)  # the first page: the code is read aloud
    follower.get_by_test_id("stExpandSidebarButton").click()
    follower.get_by_role("button", name="Join a lecture").click()
    field = follower.get_by_label("The code of its room")
    field.fill(f"{code[:3]} {code[3:]}".lower())
    field.press("Enter")
    expect(follower.locator(".room")).to_contain_text("You follow the presenter")
    expect(follower.locator(".ask h1")).to_contain_text(f"2 of {len(SCENES)}")
    expect(tab.locator(".room")).to_contain_text("1 follower")
    # The presenter moves a slider: the follower's moves too.
    tab.locator("#control-r_plus").focus()
    tab.keyboard.press("End")
    expect(follower.locator("#control-r_plus")).to_have_value("3")
    # The follower predicts: nobody sees what before the answer, unless the presenter asks for it.
    follower.locator(".option").nth(1).click()
    expect(follower.locator(".prediction")).to_contain_text("waiting for the answer")
    expect(follower.locator(".cover").first).to_contain_text("Waiting for the answer.")
    expect(tab.locator(".prediction .tally")).to_have_text("1 of 1 have predicted")
    expect(tab.locator(".option .count")).to_have_count(0)
    tab.get_by_role("button", name="Show the predictions").click()
    expect(tab.locator(".option .count")).to_have_text(["0", "1", "0"])
    # They discuss, and predict again; the presenter reveals, and both see both distributions.
    tab.get_by_role("button", name="Discussed: predict again").click()
    expect(follower.locator(".prediction .kicker")).to_have_text("Your prediction, after the discussion")
    follower.locator(".option").nth(2).click()
    expect(tab.locator(".prediction .tally")).to_have_text("1 of 1 have predicted")
    expect(tab.locator(".option .count")).to_have_count(0)
    expect(follower.locator(".answer")).to_have_count(0)
    tab.reload()  # the room remembers both, and the follower waits
    expect(tab.locator(".prediction .tally")).to_have_text("1 of 1 have predicted")
    tab.get_by_role("button", name="Reveal", exact=True).click()
    for who in (tab, follower):
        expect(who.locator(".option .count")).to_have_text(["0 → 0", "1 → 0", "0 → 1"])
    with tab.expect_download() as saved:
        tab.get_by_role("button", name="Save the predictions").click()
    table = saved.value.path().read_text(encoding="utf-8-sig").splitlines()
    assert [line.split(",")[-3:] for line in table[1:]] == [
        *(["0", "1", "1"], ["1", "1", "1"], ["0", "1", "1"]),
        *(["0", "1", "1"], ["0", "1", "1"], ["1", "1", "1"]),
    ]
    expect(follower.locator(".answer-text")).to_contain_text("the worse action")
    expect(follower.locator(".option.right")).to_contain_text("the worse action")
    # Whoever moves something explores on his own, and may return.
    follower.locator("#control-share").focus()
    follower.keyboard.press("Home")
    expect(follower.locator(".room")).to_contain_text("exploring on your own")
    tab.locator("#control-r_minus").focus()
    tab.keyboard.press("End")
    expect(follower.locator("#control-share")).to_have_value("0.05")
    follower.get_by_role("button", name="Return to the presenter").click()
    expect(follower.locator("#control-r_minus")).to_have_value("3")
    # Another page of the lecture: the presenter's scene travels along.
    tab.get_by_role("button", name="End", exact=True).click()
    expect(follower.locator(".room")).to_contain_text("has ended")


def test_the_audiences_answers_stay_on_the_projector(browser: Browser, tab: Page, server) -> None:
    tab.set_viewport_size({"width": 1280, "height": 720})
    show_scene(tab, server.url, "emrl")
    cover(tab)
    tab.get_by_role("button", name="Share").click()
    tab.get_by_role("button", name="Open a room").click()
    code = tab.locator(".room-code").inner_text()
    show_scene(tab, server.url, "emrl", "&present=1")
    expect(tab.locator(".room-code")).to_have_text(code)
    followers = [browser.new_context().new_page() for _ in range(3)]  # each browser predicts once
    for follower, choice in zip(followers, (0, 0, 2), strict=True):
        follower.goto(f"{server.url}/reweighting?follow={code}")
        expect(follower.locator(".ask h1")).to_contain_text(f"2 of {len(SCENES)}")
        follower.locator(".option").nth(choice).click()
    expect(tab.locator(".prediction .tally")).to_have_text("3 of 3 have predicted")
    tab.get_by_role("button", name="Show the predictions").click()
    expect(tab.locator(".option .count")).to_have_text(["2", "0", "1"])
    widths = tab.locator(".share-bar").evaluate_all("(bars) => bars.map((bar) => bar.style.width)")
    assert widths == ["66.7%", "0%", "33.3%"]
    tab.keyboard.press("Space")
    expect(tab.locator(".option.right")).to_contain_text("the worse action")
    expect(tab.locator(".option .count")).to_have_text(["2", "0", "1"])
    for option in tab.locator(".option").all():
        expect(option).to_be_visible()
    # Reset: a new round, nothing is kept of the last.
    tab.keyboard.press("0")
    expect(tab.locator(".option .count")).to_have_count(0)
    expect(tab.locator(".prediction .tally")).to_have_text("0 of 3 have predicted")
    for follower in followers:
        expect(follower.locator(".option.chosen")).to_have_count(0)
        follower.context.close()
    tab.get_by_role("button", name="End", exact=True).click()


def test_a_presenter_who_reloads_keeps_the_room(tab: Page, server) -> None:
    show_scene(tab, server.url, "rwr")
    tab.get_by_role("button", name="Share").click()
    tab.get_by_role("button", name="Open a room").click()
    code = tab.locator(".room-code").inner_text()
    tab.reload()
    expect(tab.locator(".room-code")).to_have_text(code)
    tab.get_by_role("button", name="End", exact=True).click()
    expect(tab.locator(".room")).to_have_count(0)


def test_the_lecture_goes_on_over_the_edge_of_a_page(page: Page, tab: Page, server) -> None:
    show_scene(tab, server.url, SCENES[-1])
    tab.get_by_role("button", name="Share").click()
    tab.get_by_role("button", name="Open a room").click()
    code = tab.locator(".room-code").inner_text()
    follower = page
    follower.goto(f"{server.url}/reweighting?follow={code}")
    expect(follower.locator(".step.here")).to_contain_text(plain(scenes()[SCENES[-1]].title))
    tab.get_by_role("button", name="Next scene").click()
    expect(tab).to_have_url(re.compile("/deadly_triad"))
    expect(tab.locator(".room-code")).to_have_text(code)
    # The follower's page draws a scene of another page.
    asked = next(iter(pages()["deadly_triad"].scenes)).question
    expect(follower.locator(".ask h2")).to_contain_text(asked.split("$")[0][:25])
    tab.get_by_role("button", name="End", exact=True).click()


def test_help_is_shown_by_a_key_and_read_with_the_control(tab: Page, server) -> None:
    show_scene(tab, server.url, "emrl")
    slider = tab.locator("#control-share")
    help_ = tab.locator(f"#{slider.get_attribute('aria-describedby')}")
    expect(help_).to_have_class("unseen")
    expect(help_).to_contain_text("more data, more push")
    slider.press("?")
    expect(help_).to_have_class("help")


def test_the_text_alternative_is_read_out_when_the_slider_rests(tab: Page, server) -> None:
    show_scene(tab, server.url, "emrl", "&reveal=1")
    after(tab, lambda: tab.locator("#control-r_plus").press("Home"))
    live = tab.locator(".lecture [aria-live=polite]")
    expect(live).to_contain_text("a+ −3")
    figure = tab.locator("figure").nth(1)
    described = tab.locator(f"#{figure.get_attribute('aria-describedby')}")
    expect(described).to_contain_text("probability against update")


def test_without_a_socket_pictures_follow_when_the_slider_is_let_go(page: Page, server) -> None:
    page.route_web_socket(re.compile("/scene$"), lambda socket: socket.close())
    open_scene(page, server.url, "emrl", "&reveal=1")
    expect(page.locator(".offline")).to_contain_text("No live connection")
    page.locator("#control-r_plus").press("Home")
    expect(page.locator(".answer-text")).to_contain_text("A weight is negative")
    expect(page.locator("#control-r_plus")).to_have_value("-3")
    assert_nothing_blank(page)


def test_dark_light_and_reduced_motion(page: Page, server) -> None:
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        open_scene(page, server.url, "weight-function", "&reveal=1")
        ink, paper = page.locator(".lecture").evaluate(LUMINANCES)
        assert (ink > 0.8 and paper < 0.2) if scheme == "dark" else (ink < 0.2 and paper > 0.8)
        moving = page.locator(".switch, .option, .chip").first
        assert moving.evaluate("(e) => getComputedStyle(e).transitionDuration") == "0s"
