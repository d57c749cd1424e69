"""The datasets page in a real browser: drawing, playing, uploading, and the way into the playground."""

from __future__ import annotations

import pickle
import re
from pathlib import Path
from urllib.parse import unquote

from playwright.sync_api import Locator, Page, expect

import offrl_core as orl
from tests.browser.waiting import at_rest, visit
from tests.serving import Server

ROWS, COLS = 11, 15


def open_datasets(tab: Page, server: Server, link: str = "") -> None:
    """Open the page and wait until its numbers stand."""
    visit(tab, f"{server.url}/datasets{link}")
    expect(tab.get_by_test_id("stMetric").first).to_be_visible(timeout=30_000)


def unfold(tab: Page, title: str) -> None:
    """Open an expander, unless the test before has left it open."""
    expander = tab.locator("details", has=tab.locator("summary", has_text=title))
    if expander.get_attribute("open") is None:
        expander.locator("summary").click()


def middle(board: Locator, row: int, col: int) -> tuple[float, float]:
    """The middle of a cell of the double crossing on the screen."""
    box = board.bounding_box()
    assert box is not None
    scale = min(box["width"] / (COLS + 0.12), box["height"] / (ROWS + 0.12))
    return (
        box["x"] + box["width"] / 2 + scale * (col + 0.5 - COLS / 2),
        box["y"] + box["height"] / 2 + scale * (row + 0.5 - ROWS / 2),
    )


def test_a_card_shows_its_dataset_and_the_button_opens_it(tab: Page, server: Server):
    open_datasets(tab, server)
    tab.locator('.picker [data-id="cliff"]').click()
    tab.wait_for_url(re.compile("data=cliff(&|$)"))
    expect(tab.get_by_role("heading", name="Cliff", exact=True).first).to_be_visible()
    expect(tab.locator(".drawing svg").first).to_be_visible()
    tab.get_by_role("button", name="Open in the playground").click()
    tab.wait_for_function("globalThis.offrlBus?.hello?.run?.config.dataset === 'cliff'", timeout=40_000)


def test_every_missing_pair_answers_on_hover_and_charts_are_drawn(tab: Page, server: Server):
    open_datasets(tab, server, "?data=double-crossing")
    data = orl.load_dataset("double-crossing")
    missing = int((data.counts[~data.mdp.terminal] == 0).sum())
    titles = tab.locator(".drawing svg title")
    expect(titles.first).to_be_attached()
    assert sum("never" in text for text in titles.all_text_contents()) == missing
    expect(tab.locator(".js-plotly-plot .main-svg").first).to_be_visible()
    assert tab.locator(".js-plotly-plot .bars .point path").count() > 20


def test_a_grid_is_drawn_cell_by_cell(tab: Page, server: Server):
    open_datasets(tab, server, "?data=double-crossing")
    unfold(tab, "Collect your own data")
    board = tab.locator(".grid_editor svg")
    tab.locator('.grid_editor [data-letter="."]').click()
    at_rest(tab, board)
    first, second = middle(board, 4, 11), middle(board, 3, 11)
    tab.mouse.move(*first)
    tab.mouse.down()
    tab.mouse.move(*second, steps=4)
    tab.mouse.up()
    tab.wait_for_url(re.compile("data=custom-grid"))
    (layout,) = re.findall(r"x\.layout=([^&]+)", tab.url)
    rows = unquote(layout).split("/")
    assert (rows[4][11], rows[3][11], rows[2][11]) == (".", ".", "#")
    board.focus()
    for _ in range(2):
        tab.keyboard.press("ArrowUp")
    expect(tab.locator(".grid_editor .said")).to_have_text("row 2, column 12: wall")
    tab.keyboard.press("x")
    expect(tab.locator(".grid_editor .said")).to_have_text("row 2, column 12: cliff")
    tab.wait_for_url(lambda url: "X" in url.rpartition("x.layout=")[2])


def test_a_policy_is_drawn_by_dragging_along_a_way(tab: Page, server: Server):
    open_datasets(tab, server, "?data=double-crossing")
    unfold(tab, "Collect your own data")
    tab.get_by_text("Draw a policy").click()
    board = tab.locator(".grid_editor svg")
    expect(tab.locator(".grid_editor .hint", has_text="Drag along a path")).to_be_visible()
    expect(tab.locator(".grid_editor .hint")).to_have_count(1)
    at_rest(tab, board)
    way = [middle(board, 5, col) for col in range(1, 10)] + [middle(board, row, 9) for row in range(6, 10)]
    tab.mouse.move(*way[0])
    tab.mouse.down()
    for spot in way[1:]:
        tab.mouse.move(*spot)
    tab.mouse.up()
    tab.wait_for_url(re.compile("x.behavior=drawn"))
    (drawn,) = re.findall(r"x\.drawn=([^&]+)", tab.url)
    rows = unquote(drawn).split("/")
    assert rows[5] == "." + ">" * 8 + "v" + "." * 5
    assert [rows[row][9] for row in (6, 7, 8)] == ["v", "v", "v"]
    # Whoever follows these arrows without noise reaches the goal: the best there is.
    expect(tab.get_by_test_id("stMetric").filter(has_text="Behaviour")).to_contain_text("0.569")


def test_an_episode_is_played_with_the_keyboard(tab: Page, server: Server):
    open_datasets(tab, server, "?data=double-crossing")
    unfold(tab, "Collect your own data")
    for _ in range(2):  # the second click leaves the choice as it is
        tab.get_by_text("Play it yourself").click()
        expect(tab.locator(".player_keys .world")).to_be_visible()
    tab.locator(".player_keys .world").focus()
    told = tab.locator(".player_keys .told")
    for presses, key in ((8, "ArrowRight"), (4, "ArrowDown")):
        for _ in range(presses):
            tab.keyboard.press(key)
    expect(told).to_contain_text("step 12, return so far 1. The episode has ended")
    tab.get_by_role("button", name="Keep this episode").click()
    tab.get_by_role("button", name="Use the kept episode").click()
    tab.wait_for_url(re.compile(r"x\.own=0%3A111111112222"))
    expect(tab.get_by_test_id("stMetric").filter(has_text="Best in the data")).to_contain_text("0.569")


def test_a_cart_is_played_as_a_cart(tab: Page, server: Server):
    """Not as a point between axes: what is seen is drawn as films draw it, and changes with every press."""
    open_datasets(tab, server, "?data=cartpole")
    unfold(tab, "Collect your own data")
    canvas, told = tab.locator(".player_keys canvas"), tab.locator(".player_keys .told")
    expect(canvas).to_be_visible()
    seen = {canvas.evaluate("(canvas) => canvas.toDataURL()")}
    tab.locator(".player_keys .world").focus()
    for step, key in enumerate(["ArrowRight", "ArrowLeft", "ArrowRight"], start=1):
        tab.keyboard.press(key)
        expect(told).to_contain_text(f"step {step}, return so far {step}.")
        seen.add(canvas.evaluate("(canvas) => canvas.toDataURL()"))
    assert len(seen) == 4
    tab.get_by_role("button", name="Keep this episode").click()
    tab.get_by_role("button", name="Use the kept episode").click()
    tab.wait_for_url(re.compile(r"x\.own=0%3A101"))
    expect(tab.get_by_test_id("stMetric").filter(has_text="Rows")).to_contain_text("3")


def test_an_uploaded_log_is_trained_on(tab: Page, server: Server, tmp_path: Path):
    orl.load_dataset("cliff").to_file(tmp_path / "mine.parquet")
    open_datasets(tab, server)
    unfold(tab, "Open your own log")
    # A file of another kind is told what it seems to be, whatever its ending.
    (tmp_path / "mine.pkl").write_bytes(pickle.dumps([1]))
    tab.locator("input[type=file]").set_input_files(tmp_path / "mine.pkl")
    expect(tab.get_by_test_id("stAlert")).to_contain_text("this seems to be a pickle of Python", timeout=40_000)
    tab.locator("input[type=file]").set_input_files(tmp_path / "mine.parquet")
    tab.get_by_role("button", name="Read the file").click(timeout=40_000)
    expect(tab.get_by_role("heading", name="mine.parquet")).to_be_visible(timeout=40_000)
    expect(tab.locator('.picker [aria-checked="true"]')).to_contain_text("mine.parquet")
    tab.get_by_role("button", name="Open in the playground").click()
    tab.wait_for_function("globalThis.offrlBus?.hello?.run?.config.dataset.startsWith('upload:')", timeout=40_000)
    tab.locator(".stage").get_by_role("button", name=re.compile("^Play")).click()
    tab.wait_for_function("globalThis.offrlBus?.state?.step > 20", timeout=40_000)


def test_saved_data_reads_back_equal(tab: Page, server: Server, tmp_path: Path):
    open_datasets(tab, server, "?data=double-crossing&x.episodes=60")
    tab.get_by_role("button", name="Save the data").click()
    with tab.expect_download() as waiting:
        tab.get_by_role("button", name="CSV").click()
    waiting.value.save_as(tmp_path / "saved.csv")
    saved = orl.Dataset.from_file(tmp_path / "saved.csv")
    data = orl.load_dataset("double-crossing", episodes=60)
    assert saved.actions.tolist() == data.actions.tolist()
    assert saved.observations.tolist() == data.observations.tolist()
    assert saved.rewards.tolist() == data.rewards.tolist()
