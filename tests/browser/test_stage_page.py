"""The stage within the app: script reruns leave it alone, keys stay with it, page switches bring it back."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from tests.browser.playground import open_playground
from tests.browser.waiting import at_rest
from tests.conftest import Server


def stage(tab: Page, expression: str, argument=None):
    """`expression` of the page's stage `s`, found through the component's shadow root."""
    return tab.locator(".stage").evaluate(
        f"(element, x) => {{ const s = element.stage; return {expression}; }}", argument
    )


def wait(tab: Page, expression: str, seconds: float = 20) -> None:
    for _ in range(int(seconds * 20)):
        if tab.locator(".stage").count() and stage(tab, f"Boolean(s && ({expression}))"):
            return
        tab.wait_for_timeout(50)
    raise AssertionError(f"never true: {expression}; the run is {stage(tab, 'JSON.stringify(s?.store.state)')}")


def shown(tab: Page, server: Server, link: str) -> None:
    """Open a run and let it train a little."""
    open_playground(tab, server, link)
    stage(tab, "void (s.session.send({cmd: 'speed', value: 0}), s.session.send({cmd: 'play'}))")
    wait(tab, "s.store.frames.last?.step > 20", 60)
    stage(tab, "void s.session.send({cmd: 'pause'})")
    wait(tab, "['paused', 'finished'].includes(s.store.state.state)")
    wait(tab, "s.store.frames.last?.step > 0 && s.curves.built && s.curves.settled", 60)


def test_a_rerun_keeps_the_stage_its_connection_and_its_place(tab: Page, server: Server):
    shown(tab, server, "?algo=bcq")
    stage(tab, "void (s.mine = 'the same object', s.playback.seek(0))")
    sockets = []
    tab.on("websocket", lambda socket: sockets.append(socket.url))
    at_rest(tab, tab.locator(".stage .world"))
    spot = stage(
        tab,
        """(() => { const geo = s.world.panes[0].geo; const [x, y] = s.world.scene.corner(geo, 7);
          const box = s.world.canvas.getBoundingClientRect(); return [box.x + x + 12, box.y + y + 16]; })()""",
    )
    tab.mouse.click(*spot)
    wait(tab, "s.store.view.state === 7")
    tab.get_by_role("button", name="Show all").first.click()
    tab.wait_for_timeout(800)
    assert stage(tab, "s.mine") == "the same object"
    assert stage(tab, "s.playback.frame.step") == 0
    assert stage(tab, "s.session.connected")
    assert [url for url in sockets if "/live/" in url] == []


def test_r_resets_the_run_and_not_the_script(tab: Page, server: Server):
    shown(tab, server, "?algo=bcq")
    before = stage(tab, "s.session.runId")
    tab.locator(".world-canvas").focus()
    tab.keyboard.press("r")
    wait(tab, f"s.session.runId !== {before!r} && s.session.ready && s.store.frames.length > 0")
    assert stage(tab, "s.store.ghost !== null")
    assert stage(tab, "s.store.frames.last.step") == 0
    tab.wait_for_timeout(500)
    assert stage(tab, "s.session.runId") != before, "the page did not send the viewer back"
    tab.keyboard.press("Space")
    wait(tab, "s.store.frames.last.step > 3")
    tab.keyboard.press("Space")
    wait(tab, "s.store.state.state === 'paused'")


def test_the_page_fits_one_screen_and_everything_has_a_name(tab: Page, server: Server):
    shown(tab, server, "?algo=bcq")
    below = tab.locator(".below").bounding_box()
    assert below["y"] + below["height"] <= 930, "the selected state is on the first screen"
    for control in tab.locator(".stage button, .stage select, .stage input").all():
        if control.is_visible():
            name = control.evaluate("(e) => e.getAttribute('aria-label') || e.labels?.[0]?.innerText || e.innerText")
            assert name, control.evaluate("(e) => e.outerHTML")
    parts = ".top, .transport, .world, .curves, .inspector, .notices"
    order = tab.locator(".stage").evaluate(
        "(e, parts) => [...e.querySelectorAll(parts)].map((x) => x.className.split(' ')[0])", parts
    )
    assert order == ["top", "transport", "world", "curves", "inspector", "notices"], "reading order"


def test_another_page_and_back(tab: Page, server: Server):
    shown(tab, server, "?algo=bcq")
    run = stage(tab, "s.session.runId")
    tab.get_by_role("link", name="Datasets").first.click()
    expect(tab.locator(".stage")).to_have_count(0)
    tab.get_by_role("link", name="Playground").first.click()
    wait(tab, "s.store.frames.length > 0 && s.curves.built", 40)
    assert stage(tab, "s.session.runId") == run
