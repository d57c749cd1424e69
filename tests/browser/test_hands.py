"""Two ways to use the playground without a mouse: a phone in one hand, and the keys alone."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.browser.playground import BUS, value
from tests.browser.waiting import eventually
from tests.conftest import PATIENCE
from tests.serving import Server


@pytest.fixture
def phone(browser: Browser) -> Iterator[Page]:
    """A phone that has never been here."""
    context = browser.new_context(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    page = context.new_page()
    page.set_default_timeout(PATIENCE)
    yield page
    context.close()


IN_SIGHT = """(element) => {
  const { top, bottom, left, right } = element.getBoundingClientRect();
  return top >= 0 && left >= 0 && bottom <= innerHeight && right <= innerWidth;
}"""


def test_a_phone_moves_a_slider_while_the_world_is_in_sight(phone: Page, server: Server) -> None:
    phone.goto(f"{server.url}/?algo=bcq&seeds=1&x.seed=71")
    world, slider = phone.locator(".world-canvas"), phone.locator(".pinned input[type=range]")
    expect(phone.locator(".stage.has-run")).to_be_visible()
    expect(slider).to_have_attribute("aria-label", "ρ")
    world.scroll_into_view_if_needed()
    for element in (world, slider, phone.locator(".pinned-value")):
        assert element.evaluate(IN_SIGHT), "the slider stays under the world while the menu is closed"
    phone.get_by_role("button", name="Play (space)").tap()
    phone.wait_for_function(f"{BUS}.state?.step > 20")
    world.scroll_into_view_if_needed()
    box = slider.bounding_box()
    assert box
    phone.touchscreen.tap(box["x"] + 0.6 * box["width"], box["y"] + box["height"] / 2)
    eventually(phone, lambda: value(phone, "rho"), lambda rho: 0.4 < rho < 0.8)
    moved = value(phone, "rho")
    expect(phone.locator(".pinned-value")).to_have_text(f"{moved:g}")
    assert world.evaluate(IN_SIGHT)
    # Another setting at hand, and it stays so.
    phone.get_by_label("Which setting to keep at hand").select_option("gamma")
    expect(phone.locator(".pinned-value")).to_have_text(f"{value(phone, 'gamma'):g}")
    phone.reload()
    expect(phone.locator(".stage.has-run")).to_be_visible()
    expect(slider).to_have_attribute("aria-label", "γ")


def test_keys_alone_play_change_rho_and_read_the_return(context: BrowserContext, server: Server) -> None:
    page = context.new_page()
    page.set_default_timeout(PATIENCE)
    page.goto(f"{server.url}/?algo=bcq&seeds=1&x.seed=72")
    expect(page.locator(".stage.has-run")).to_be_visible()
    expect(page.locator(".settings .row[data-name=rho]")).to_be_attached()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")  # the first stop leads to the stage
    page.keyboard.press("Space")
    page.wait_for_function(f"{BUS}.state?.state === 'running'")
    said = page.locator(".stage .spoken").filter(has_text="Step")
    expect(said).to_contain_text("True return 0.569")
    slider = page.locator(".settings .row[data-name=rho] input[type=range]")
    stops = 0
    while not slider.evaluate("(element) => element.getRootNode().activeElement === element"):
        page.keyboard.press("Shift+Tab")
        stops += 1
        assert stops < 150, "the slider cannot be reached by keys"
    for _ in range(2):
        page.keyboard.press("PageDown")
    eventually(page, lambda: value(page, "rho"), 0)
    eventually(page, said.inner_text, lambda text: "True return 0." in text and "True return 0.5" not in text)
    page.close()
