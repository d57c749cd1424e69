"""The stage within the app: script reruns leave it alone, keys stay with it, page switches bring it back."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from tests.browser.waiting import at_rest
from tests.conftest import Server


def stage(page: Page, expression: str, argument=None):
    """`expression` of the page's stage `s`, found through the component's shadow root."""
    return page.locator(".stage").evaluate(
        f"(element, x) => {{ const s = element.stage; return {expression}; }}", argument
    )


def wait(page: Page, expression: str, seconds: float = 20) -> None:
    for _ in range(int(seconds * 20)):
        if page.locator(".stage").count() and stage(page, f"Boolean(s && ({expression}))"):
            return
        page.wait_for_timeout(50)
    raise AssertionError(f"never true: {expression}; the run is {stage(page, 'JSON.stringify(s?.store.state)')}")


def visit(page: Page, server: Server, query: str = "") -> None:
    page.goto(f"{server.url}/{query}")
    wait(page, "s.store.frames.length > 0 && s.curves.built && s.curves.settled", 60)


def test_a_rerun_keeps_the_stage_its_connection_and_its_place(page: Page, server: Server):
    visit(page, server)
    stage(page, "void (s.mine = 'the same object', s.playback.seek(0))")
    sockets = []
    page.on("websocket", lambda socket: sockets.append(socket.url))
    at_rest(page, page.locator(".stage .world"))
    spot = stage(
        page,
        """(() => { const geo = s.world.panes[0].geo; const [x, y] = s.world.scene.corner(geo, 7);
          const box = s.world.canvas.getBoundingClientRect(); return [box.x + x + 12, box.y + y + 16]; })()""",
    )
    page.mouse.click(*spot)
    wait(page, "s.store.view.state === 7")
    page.get_by_role("button", name="Show all").first.click()
    page.wait_for_timeout(800)
    assert stage(page, "s.mine") == "the same object"
    assert stage(page, "s.playback.frame.step") == 0
    assert stage(page, "s.session.connected")
    assert [url for url in sockets if "/live/" in url] == []


def test_r_resets_the_run_and_not_the_script(page: Page, server: Server):
    visit(page, server)
    before = stage(page, "s.session.runId")
    page.locator(".world-canvas").focus()
    page.keyboard.press("r")
    wait(page, f"s.session.runId !== {before!r} && s.session.ready && s.store.frames.length > 0")
    assert stage(page, "s.store.ghost !== null")
    assert stage(page, "s.store.frames.last.step") == 0
    page.wait_for_timeout(500)
    assert stage(page, "s.session.runId") != before, "the page did not send the viewer back"
    page.keyboard.press("Space")
    wait(page, "s.store.frames.last.step > 3")
    page.keyboard.press("Space")
    wait(page, "s.store.state.state === 'paused'")


def test_the_page_fits_one_screen_and_everything_has_a_name(page: Page, server: Server):
    visit(page, server)
    below = page.locator(".below").bounding_box()
    assert below["y"] + below["height"] <= 930, "the selected state is on the first screen"
    for control in page.locator(".stage button, .stage select, .stage input").all():
        if control.is_visible():
            name = control.evaluate("(e) => e.getAttribute('aria-label') || e.labels?.[0]?.innerText || e.innerText")
            assert name, control.evaluate("(e) => e.outerHTML")
    parts = ".top, .transport, .world, .curves, .inspector, .notices"
    order = page.locator(".stage").evaluate(
        "(e, parts) => [...e.querySelectorAll(parts)].map((x) => x.className.split(' ')[0])", parts
    )
    assert order == ["top", "transport", "world", "curves", "inspector", "notices"], "reading order"


def test_another_page_and_back(page: Page, server: Server):
    visit(page, server)
    run = stage(page, "s.session.runId")
    page.get_by_role("link", name="Datasets").first.click()
    expect(page.locator(".stage")).to_have_count(0)
    page.get_by_role("link", name="Playground").first.click()
    wait(page, "s.store.frames.length > 0 && s.curves.built", 40)
    assert stage(page, "s.session.runId") == run
