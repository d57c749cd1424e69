"""The static edition in a real browser: built, served below a path by a plain file server, and used."""

from __future__ import annotations

import base64
import functools
import gzip
import http.server
import json
import re
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

import offrl_core as orl
from offrl_lecture.base.describe import describe
from offrl_lecture.registry import page_of, pages, scenes
from offrl_ui.datasets import facts
from offrl_web.build import build
from offrl_web.runtime.own_file import OwnFile
from tests.browser import test_own_grid_browser
from tests.browser import test_playground_browser as app
from tests.browser.playground import BUS
from tests.browser.scene_walk import reveal
from tests.browser.waiting import eventually, painted
from tests.conftest import uncaught
from tests.lecture.scene_states import final_pictures
from tests.pyodide import pyodide

READY = "document.querySelector('.status')?.dataset.state === 'ready'"
STAGE = "document.querySelector('.stage-host').shadowRoot.querySelector('.stage').stage"
PATIENCE = 120_000
"""Milliseconds: Python is compiled anew in each browser profile."""


class Quiet(http.server.SimpleHTTPRequestHandler):
    """A plain file server, as `python -m http.server`, that notes what it was asked for."""

    asked: list[str] = []  # noqa: RUF012

    def log_message(self, format: str, *args: Any) -> None:
        self.asked.append(self.path)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimpleNamespace]:
    """A built site below a path."""
    found = pyodide()
    folder = tmp_path_factory.mktemp("host")
    built = build(folder / "below" / "site", found)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield SimpleNamespace(url=f"http://127.0.0.1:{server.server_port}/below/site", built=built, server=server)
    server.shutdown()


@pytest.fixture(scope="module")
def profile(browser: Browser) -> Iterator[BrowserContext]:
    """A browser profile for this site."""
    opened = browser.new_context(viewport={"width": 1440, "height": 900})
    yield opened
    opened.close()


def unwanted(page: Page) -> list[str]:
    """The errors of a page that nobody caught, and what it asks another host for, as they come."""
    wrong = uncaught(page)
    page.on("request", lambda request: wrong.append(request.url) if "//127.0.0.1" not in request.url else None)
    return wrong


@pytest.fixture
def stranger(browser: Browser) -> Iterator[Page]:
    """A tab of a profile that keeps nothing: what it asks for goes over the line.

    The test fails where the page threw an error that nobody caught, or asked another host.
    """
    context = browser.new_context(viewport={"width": 1440, "height": 900}, service_workers="block")
    page = context.new_page()
    page.set_default_timeout(PATIENCE)
    wrong = unwanted(page)
    yield page
    context.close()
    assert not wrong


@pytest.fixture(scope="module")
def opened(profile: BrowserContext, site: SimpleNamespace) -> Iterator[Page]:
    """The tab of a first visit, as it was opened: Python, which takes long, is started once for most tests.

    The last of them fails where the page threw an error that nobody caught, or asked another host.
    """
    page = profile.new_page()
    page.set_default_timeout(PATIENCE)
    wrong = unwanted(page)
    page.goto(f"{site.url}/")
    yield page
    page.close()
    assert not wrong


@pytest.fixture(scope="module")
def trained_in(opened: Page) -> Page:
    """The same when Python is there, for tests that open links in it."""
    opened.wait_for_function(READY)
    return opened


@pytest.fixture
def shared(trained_in: Page) -> Page:
    """The same, with nothing that trains."""
    trained_in.evaluate(f"{BUS}.send({{ cmd: 'pause' }})")
    trained_in.wait_for_function(f"!{STAGE}.playback.training")
    return trained_in


def test_a_recording_comes_first_and_the_run_takes_over_where_the_viewer_is(opened: Page):
    visitor = opened
    visitor.wait_for_function(f"{BUS}?.last?.frame")
    expect(visitor.locator(".status")).to_contain_text(re.compile("Loading|Starting|Trains"))
    visitor.evaluate(f"{STAGE}.playback.seek(7)")
    visitor.wait_for_function(f"{BUS}?.hello?.run?.id && {BUS}.state?.state === 'paused' && {BUS}.state.step >= 200")
    assert visitor.evaluate(f"{STAGE}.playback.frame.step") == 7
    assert visitor.evaluate(f"{STAGE}.store.frames.list.length") > 50
    assert visitor.url.endswith("?v=1&data=double-crossing&algo=bcq&net=table&seeds=4")
    expect(visitor.locator(".status")).to_have_text("Trains in this tab")
    expect(visitor.get_by_text("need the installed app: they need a server")).to_be_visible()
    assert visitor.get_by_text("Follow me").count() == 0


def test_the_second_visit_needs_no_network(trained_in: Page, profile: BrowserContext, site: SimpleNamespace):
    """It comes before the tests that visit other pages."""
    trained_in.evaluate("navigator.serviceWorker.ready")
    kept = "caches.open('offrl').then((kept) => kept.keys()).then((keys) => keys.map(({ url }) => url).join())"
    eventually(
        trained_in,
        lambda: str(trained_in.evaluate(kept)),
        lambda urls: "pyodide.asm.wasm" in urls and "gallery/" in urls,
    )
    site.server.shutdown()
    profile.set_offline(True)
    again = profile.new_page()
    try:
        again.set_default_timeout(PATIENCE)
        again.goto(f"{site.url}/?algo=bcq&seeds=1")
        again.wait_for_function(f"{BUS}?.hello?.run?.id")
        again.locator(".stage").get_by_role("button", name=re.compile("^Play")).click()
        again.wait_for_function(f"{BUS}?.state?.step > 20")
        again.get_by_role("link", name="Gallery").click()
        expect(again.get_by_role("button", name="Train it live")).to_be_visible()
        again.goto(f"{site.url}/docs")
        again.locator("article").get_by_role("link", name="docs/map.md").click()
        again.wait_for_url("**/docs/map/")
        expect(again.get_by_role("heading", name="The map")).to_be_visible()
        again.wait_for_function("document.querySelector('article img').naturalWidth > 0")
        again.get_by_role("link", name="Contributing", exact=True).click()
        expect(again).to_have_title("Contributing · Offline RL Explorer")
    finally:
        again.close()
        profile.set_offline(False)
        threading.Thread(target=site.server.serve_forever, daemon=True).start()


@pytest.mark.parametrize(
    "act",
    [
        app.test_an_impossible_value_is_explained_and_the_run_keeps_the_old_one,
        app.test_a_double_click_brings_the_default_back,
        app.test_a_restart_opens_another_run_with_the_old_curve_as_a_ghost,
        app.test_play_trains_and_pause_stops,
        app.test_cards_are_picked_with_the_keyboard,
        app.test_the_back_button_brings_the_last_choice_back,
        app.test_slow_motion_uncovers_one_step_after_the_other,
        app.test_any_row_of_the_data_can_be_looked_into,
        app.test_a_refused_link_says_which_value_and_why,
        test_own_grid_browser.test_a_click_moves_a_wall_and_the_run_starts_anew,
    ],
    ids=lambda act: act.__name__.removeprefix("test_"),
)
def test_the_playground_does_what_it_does_in_the_app(shared: Page, site: SimpleNamespace, act: Callable[..., None]):
    act(shared, site)


def test_a_slider_acts_and_the_link_follows(shared: Page, site: SimpleNamespace):
    app.open_playground(shared, site, "?algo=bcq&x.seed=31")  # type: ignore[arg-type]
    shared.locator(".stage").get_by_role("button", name=re.compile("^Play")).click()
    number = app.control(shared, "rho").locator(".number")
    number.fill("0.4")
    number.press("Enter")
    shared.wait_for_function(f"{app.RHO} === 0.4")
    shared.wait_for_url(lambda url: re.search(r"at=\d+:rho=0\.4", unquote(url)) is not None)


def test_algorithms_train_side_by_side(shared: Page, site: SimpleNamespace):
    app.open_playground(shared, site, "?algo=bcq&seeds=1&x.seed=32")  # type: ignore[arg-type]
    shared.get_by_role("button", name="Compare with another").click()
    expect(shared.get_by_text("Which algorithm beside")).to_be_visible()
    shared.locator('.picker [data-id="bc"]').click()
    shared.wait_for_function(f"{BUS}?.hello?.run?.config.lanes.length === 2")
    expect(shared.get_by_role("button", name=re.compile(r"^2\. "))).to_have_attribute("aria-pressed", "true")
    shared.get_by_role("button", name="Remove").click()
    shared.wait_for_function(f"{BUS}?.hello?.run?.config.lanes.length === 1")


def test_a_run_is_taken_home_from_the_tab(shared: Page, site: SimpleNamespace, browser: Browser, tmp_path: Path):
    app.open_playground(shared, site, "?algo=iql&seeds=1&x.seed=33")  # type: ignore[arg-type]
    shared.locator(".stage").get_by_role("button", name=re.compile("^Play")).click()
    shared.wait_for_function(f"{BUS}?.state?.step > 50")
    shared.locator(".stage").get_by_role("button", name=re.compile("^Pause")).click()
    shared.get_by_text("Take it home").click()
    with shared.expect_download() as script:
        shared.get_by_role("button", name="reproduce.py", exact=True).click()
    assert script.value.suggested_filename == "iql-on-double-crossing-reproduce.py"
    assert "orl.Learner(" in Path(script.value.path()).read_text()
    with shared.expect_download() as recording:
        shared.get_by_role("button", name="run.offrl.gz", exact=True).click()
    assert gzip.decompress(Path(recording.value.path()).read_bytes())[5:20] == b'{"type":"hello"'
    with shared.expect_download() as table:
        shared.get_by_role("button", name="metrics.csv", exact=True).click()
    lines = Path(table.value.path()).read_text().splitlines()
    assert lines[0].startswith("step,member,lane")
    assert len(lines) > 10
    with shared.expect_download() as replay:
        shared.get_by_role("button", name="replay-small.html", exact=True).click()
    replay.value.save_as(tmp_path / "replay.html")
    offline = browser.new_page()
    offline.goto(f"file://{tmp_path}/replay.html")
    offline.wait_for_function("document.querySelector('.stage').stage.world.draws > 0")
    offline.close()


def test_a_run_that_fails_is_told_and_the_page_goes_on(shared: Page, site: SimpleNamespace):
    """A log that this tab does not have, and a file that no part of the site is."""
    app.open_playground(shared, site, "?data=upload:x&algo=bcq&seeds=1&x.seed=34")  # type: ignore[arg-type]
    expect(shared.get_by_test_id("stAlert").first).to_contain_text("double-crossing is used")


def test_the_gallery_needs_no_python_and_goes_on_live(stranger: Page, site: SimpleNamespace):
    stranger.route("**/worker.js", lambda route: route.abort())
    stranger.goto(f"{site.url}/gallery/?preset=naive-q")
    stranger.wait_for_function(f"{BUS}?.last?.frame")
    expect(stranger.get_by_role("heading", name="The estimate soars").first).to_be_visible()
    expect(stranger.locator(".stage")).to_contain_text("Recording")
    expect(stranger.locator(".status")).to_contain_text("Start it again")
    stranger.unroute("**/worker.js")
    stranger.get_by_role("button", name="Start it again").click()
    stranger.wait_for_function(READY)
    stranger.evaluate(f"{STAGE}.playback.seek(40)")
    stranger.get_by_role("button", name="Train it live").click()
    stranger.wait_for_function(f"{BUS}?.hello?.run?.id && {BUS}.hello.lanes[0].algorithm === 'q-learning'")
    stranger.wait_for_function(f"{BUS}.state?.step >= 300")
    assert 30 <= stranger.evaluate(f"{STAGE}.playback.frame.step") <= 40
    stranger.go_back()
    expect(stranger.get_by_role("heading", name="The estimate soars").first).to_be_visible()
    stranger.goto(f"{site.url}/gallery?preset=nothing")
    expect(stranger.get_by_test_id("stAlert")).to_contain_text("preset = 'nothing' was refused")


def test_datasets_are_shown_as_in_the_app(trained_in: Page, site: SimpleNamespace):
    """Without a page of its own to start Python in, for the tab of the playground goes on to it."""
    page = trained_in
    page.get_by_role("link", name="Datasets").click()
    page.wait_for_selector(".numbers dd")
    page.locator('.picker [data-id="cartpole"]').click()
    expect(page.get_by_role("heading", name="CartPole")).to_be_visible()
    assert "data=cartpole" in page.url
    known = orl.load_dataset("cartpole")
    expect(page.locator(".numbers dd")).to_have_text([value for _, value, _ in facts.key_numbers(known)])
    expect(page.locator(".pictures .main-svg .heatmaplayer").first).to_be_attached()
    page.get_by_label("Across", exact=True).select_option("velocity (m/s)")
    expect(page.locator(".pictures .xtitle").first).to_have_text("velocity (m/s)")
    page.get_by_text("Save the data").click()
    with page.expect_download() as saved:
        page.get_by_role("button", name="NPZ").click()
    assert (
        orl.Dataset.from_file(saved.value.path(), format="npz").fingerprint == orl.load_dataset("cartpole").fingerprint
    )
    page.get_by_role("button", name="Open in the playground").click()
    page.wait_for_function(f"{BUS}?.hello?.run?.id && {BUS}.hello.run.config.dataset === 'cartpole'")


def test_a_scene_is_computed_in_the_tab_as_it_is_here(trained_in: Page, site: SimpleNamespace):
    """In the second worker, which trains what the slider asks for."""
    page, scene = trained_in, scenes()["where-max-looks"]
    page.get_by_role("link", name=pages()[page_of(scene.id)].title).click()
    expect(page.locator(".lecture .picture").first).to_be_visible()
    reveal(page)
    page.locator("#control-frame").focus()
    for _ in range(5):
        page.keyboard.press("ArrowLeft")
    page.wait_for_url(re.compile("frame=55"))
    state, refused = scene.from_query(urlsplit(page.url).query)
    assert (state["frame"], refused) == (55, [])
    for name, picture in final_pictures(scene, state).items():
        expect(page.locator(f"#picture-{name}-text")).to_have_text(describe(picture))
    assert len(page.workers) == 2


LOG = "patient,pulse,dose,gain\n" + "".join(
    f"{i // 4},{i * 7 % 5},{'high' if i % 3 else 'low'},{i % 4}\n" for i in range(80)
)
SECOND = """async ([modules, native]) => {
  const { second } = await import(`${modules}/engine.js`);
  const { BUILT } = await import(`${modules}/built.js`);
  const wrong = [];
  for (const seconds of [120, 0]) {
    const file = new File([""], "empty.csv");
    const question = { do: "look", name: file.name };
    await second.askAbout("own-file", question, file, seconds).catch((error) => wrong.push(error.message));
  }
  if (native) {
    BUILT.archives.pyarrow ??= [];
    second.askAbout = async (path, question, file) => {
      const found = await readHere(JSON.stringify(question), await file.text());
      return question.do === "look" ? found : Uint8Array.from(atob(found), (c) => c.charCodeAt(0)).buffer;
    };
    second.ask = async (path, question) => JSON.parse(await readHere(JSON.stringify(question), ""));
  }
  return wrong;
}"""


def test_a_log_of_ones_own_is_opened_in_the_tab(trained_in: Page, site: SimpleNamespace):
    """What reads it needs pyarrow, which a site may lack: then it is read here, as the second worker would."""
    page, reader = trained_in, OwnFile(lambda share, doing: None)

    def read_here(question: str, text: str) -> str:
        asked = json.loads(question)
        if "do" not in asked:
            return json.dumps(reader.check(asked))
        answer = reader.with_file(asked, text.encode())
        return json.dumps(answer) if asked["do"] == "look" else base64.b64encode(answer).decode()

    page.expose_function("readHere", read_here)
    modules = f"{site.url}/stage/{site.built.version}/page"
    wrong = page.evaluate(SECOND, [modules, "pyarrow" in site.built.missing])
    assert wrong == ["empty.csv: the file is empty", "empty.csv: reading it took longer than 0 s"]
    page.get_by_role("link", name="Datasets").click()
    page.get_by_text("Open your own log").click()
    expect(page.get_by_text("it is sent nowhere")).to_be_visible()
    page.get_by_label("A log of decisions").set_input_files(
        {"name": "doses.csv", "mimeType": "text/csv", "buffer": LOG.encode()}
    )
    page.get_by_label("State (one column").select_option("pulse")
    page.get_by_label("Reward", exact=True).select_option("")
    expect(page.get_by_text("No column is mapped to the reward.")).to_be_visible()
    expect(page.get_by_role("button", name="Read the file")).to_be_disabled()
    page.get_by_label("Reward", exact=True).select_option("gain")
    page.get_by_label("Action (one column").select_option("dose")
    page.get_by_label("Episode", exact=True).select_option("patient")
    page.get_by_role("button", name="Read the file").click()
    expect(page.get_by_role("heading", name="doses.csv")).to_be_visible()
    expect(page.get_by_text("80 rows in 20 episodes of 4 to 4 rows")).to_be_visible()
    page.get_by_role("button", name="Open in the playground").click()
    page.wait_for_function(f"{BUS}?.hello?.run?.id && {BUS}.hello.run.config.dataset.startsWith('upload:')")
    expect(page.locator('.picker [aria-checked="true"]').first).to_contain_text("doses.csv")


def test_a_browser_that_is_too_old_gets_the_gallery_and_a_sentence(profile: BrowserContext, site: SimpleNamespace):
    page = profile.new_page()
    page.add_init_script("WebAssembly.validate = () => false;")
    page.goto(f"{site.url}/")
    page.wait_for_function(f"{BUS}?.last?.frame")
    expect(page.locator(".status")).to_contain_text("This browser cannot train here")
    expect(page.locator(".stage canvas").first).to_be_visible()
    page.get_by_role("link", name="Gallery").click()
    expect(page.locator(".gallery-head")).to_contain_text("This browser cannot train here")
    assert page.get_by_role("button", name="Train it live").count() == 0
    page.close()


def test_python_that_ends_leaves_the_page_alive(trained_in: Page, site: SimpleNamespace):
    visitor = trained_in
    app.open_playground(visitor, site, "?algo=bcq&seeds=1&x.seed=35")  # type: ignore[arg-type]
    before = visitor.evaluate(f"{BUS}.hello.run.id")
    visitor.evaluate(
        "async () => { const { engine } = await import(document.querySelector('script[type=module]').src"
        ".replace('main.js', 'engine.js')); engine.failed('it ran out of memory'); }"
    )
    expect(visitor.locator(".status")).to_contain_text("it ran out of memory")
    visitor.get_by_role("button", name="Start it again").click()
    visitor.wait_for_function(f"{BUS}?.connected && {BUS}.hello?.run?.id && {BUS}.hello.run.id !== '{before}'")


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        ("", (".stage canvas", ".picker .card")),
        ("gallery/", (".stage canvas", ".picker .card")),
        ("docs/algorithms/", ("article .formula math", "nav.shelves [aria-current]")),
    ],
)
def test_nothing_is_wider_than_the_screen(stranger: Page, site: SimpleNamespace, path: str, shown: tuple[str, ...]):
    wide = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    stranger.route("**/worker.js", lambda route: None)  # Python does not come: no width depends on it
    stranger.set_viewport_size({"width": 390, "height": 844})
    stranger.goto(f"{site.url}/{path}")
    for width, height in ((390, 844), (1024, 768), (1440, 900)):
        stranger.set_viewport_size({"width": width, "height": height})
        painted(stranger)
        for place in shown:
            expect(stranger.locator(place).first).to_be_visible()
        eventually(stranger, lambda: int(stranger.evaluate(wide)), lambda over: over <= 1)
