"""A log of one's own in a real browser: its picture, its names, and what a reload and a link keep."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd
from playwright.sync_api import Page, expect

from tests.browser.waiting import eventually, settled, visit
from tests.serving import Server

PAGES = ("home", "list", "item", "basket")
OFFERS = ("banner", "discount", "none shown")

# The stage stands in a shadow root.
STAGE = """() => {
  const within = (root) => [...root.querySelectorAll("*")].reduce(
    (found, e) => found ?? e.stage ?? (e.shadowRoot && within(e.shadowRoot)), null);
  return within(document);
}"""


def shop() -> pd.DataFrame:
    """Visits of a shop: at home often, in the basket seldom and never with a banner."""
    rng = np.random.default_rng(0)
    sessions, rows = 60, 4
    page = rng.choice(PAGES, sessions * rows, p=[0.5, 0.25, 0.15, 0.1])
    offer = np.where(page == "basket", "discount", rng.choice(OFFERS, sessions * rows))
    last = np.tile(np.arange(rows) == rows - 1, sessions)
    bought = last & (offer == "discount")
    session = np.repeat(np.arange(sessions), rows)
    return pd.DataFrame({"session": session, "state": page, "action": offer, "reward": bought * 1.0, "done": last * 1})


def ward() -> pd.DataFrame:
    """Three measurements, of which the first two move together."""
    rng = np.random.default_rng(0)
    ill = rng.normal(size=(40 * 5, 1))
    measured = ill * [1.0, -10.0, 0.0] + rng.normal(size=(200, 3)) * [0.1, 1.0, 5.0] + [2.0, 95.0, 60.0]
    table = pd.DataFrame(measured.round(2), columns=["lactate", "saturation", "age"])
    last = np.tile(np.arange(5) == 4, 40)
    action = rng.choice(["fluids", "rest"], 200)
    return table.assign(episode=np.repeat(np.arange(40), 5), action=action, reward=-ill[:, 0].round(2), done=last * 1)


def train(tab: Page, server: Server, file: Path) -> None:
    """Upload the file, open it in the playground and train a little."""
    visit(tab, f"{server.url}/datasets")
    tab.get_by_text("Open your own log").click()
    tab.locator("input[type=file]").set_input_files(file)
    tab.get_by_role("button", name="Read the file").click()
    expect(tab.locator('.picker [aria-checked="true"]')).to_contain_text(file.name)
    tab.get_by_role("button", name="Open in the playground").click()
    tab.wait_for_function("globalThis.offrlBus?.hello?.run?.config.dataset.startsWith('upload:')")
    tab.locator(".stage").get_by_role("button", name=re.compile("^Play")).click()
    tab.wait_for_function("globalThis.offrlBus?.state?.step > 20")
    tab.locator(".stage").get_by_role("button", name=re.compile("^Pause")).click()


def written(tab: Page, tmp_path: Path) -> list[str]:
    """Every text in the picture of the world, from its SVG."""
    tab.locator(".stage .menu summary").click()
    with tab.expect_download() as waiting:
        tab.get_by_role("button", name="world as SVG").click()
    waiting.value.save_as(tmp_path / "world.svg")
    return re.findall(r"<text[^>]*>([^<]*)<", (tmp_path / "world.svg").read_text())


def test_a_table_of_a_log_has_its_names_and_its_reload_its_card(tab: Page, server: Server, tmp_path: Path):
    log = shop()
    log.to_csv(tmp_path / "shop.csv", index=False)
    train(tab, server, tmp_path / "shop.csv")
    texts = written(tab, tmp_path)
    visits = log["state"].value_counts()
    at = [texts.index(name) for name in visits.index]
    assert at == sorted(at)
    for name in PAGES:
        assert texts[texts.index(name) + 1] == str(visits[name])
    assert set(OFFERS) <= set(texts)
    line = tab.locator(".stage .rows-text")
    expect(line).to_have_text("all 4 states")
    # The selected state, by its name, with the actions by theirs; and a click on another row.
    title = tab.locator(".inspector-title")
    expect(title).to_have_text("home")
    spot = tab.evaluate(
        f"""() => {{
          const {{ scene, panes: [{{ geo }}] }} = ({STAGE})().world;
          const row = scene.order.findIndex((state) => scene.name(state) === "basket") - scene.first;
          return {{ x: geo.x + geo.width / 2, y: geo.y + (row + 0.5) * geo.height }};
        }}"""
    )
    canvas = tab.locator(".stage .world-canvas")
    canvas.hover(position=spot)
    expect(tab.locator(".stage .tip")).to_contain_text("basket")
    expect(tab.locator(".stage .tip")).to_contain_text("action banner · n 0 (not in the data)")
    canvas.click(position=spot)
    expect(title).to_have_text("basket")
    rows = tab.locator(".inspector-table tbody tr")
    expect(rows).to_have_count(3)
    for row, offer in enumerate(OFFERS):
        expect(rows.nth(row).get_by_role("rowheader")).to_have_text(offer)
    expect(rows.nth(0)).to_have_class(re.compile("unseen"))
    canvas.focus()
    tab.keyboard.press("Shift+ArrowUp")
    expect(title).to_have_text(visits.index[-2])
    tab.get_by_text("The update, worked through for one transition").scroll_into_view_if_needed()
    expect(tab.locator(".transition .where")).to_contain_text(visits.index[-2])
    expect(tab.locator(".transition .row-facts")).to_contain_text(f"s = {visits.index[-2]} · a = ")
    # Nothing is called a true return.
    expect(tab.locator(".plot-title strong").first).to_have_text("Estimated return")
    expect(tab.get_by_text("Nobody knows the world these records come from")).to_be_visible()
    # Another order stands in the link, and a reload keeps it and the card.
    tab.get_by_label("Order of the states").select_option("value")
    tab.wait_for_url(re.compile("order=value"))
    tab.reload()
    tab.wait_for_function("globalThis.offrlBus?.last?.viewing?.step > 0")
    expect(tab.locator('.picker [aria-checked="true"]').first).to_contain_text("shop.csv")
    expect(tab.get_by_label("Order of the states")).to_have_value("value")
    assert "value" in written(tab, tmp_path)


def test_vectors_of_a_log_are_drawn_in_their_main_plane_or_any_two_columns(tab: Page, server: Server, tmp_path: Path):
    ward().to_csv(tmp_path / "ward.csv", index=False)
    train(tab, server, tmp_path / "ward.csv")
    texts = written(tab, tmp_path)
    main = next(text for text in texts if text.startswith("PC 1 ("))
    shares, axes = np.linalg.eigh(ward()[["lactate", "saturation", "age"]].corr().to_numpy())
    lactate, saturation, age = np.abs(axes[:, -1])
    assert main.startswith(f"PC 1 ({100 * shares[-1] / 3:.0f} %): ")
    for term in (f"{lactate:.2f}·lactate", f"{saturation:.2f}·saturation", f"{age:.2f}·age", " − "):
        assert term in main
    expect(tab.locator(".inspector-title")).to_contain_text(re.compile(r"lactate .*, saturation .*, age "))
    tab.get_by_text("The update, worked through for one transition").scroll_into_view_if_needed()
    # What the log did in the selected probe, of which there is a row.
    expect(tab.locator(".transition .row-facts")).to_contain_text(
        re.compile(r"^s = \(lactate .* · a = (fluids|rest) ·")
    )
    across = tab.get_by_label("Dimension drawn along x")
    assert across.locator("option").all_text_contents()[:3] == ["lactate", "saturation", "age"]
    across.select_option("age")
    tab.wait_for_url(re.compile("axes=2%2C4|axes=2,4"))
    settled(tab)
    tab.reload()
    tab.wait_for_function("globalThis.offrlBus?.last?.viewing?.step > 0")
    eventually(tab, lambda: across.input_value(), "2")
    texts = written(tab, tmp_path)
    assert "age" in texts
    assert not any(text.startswith("PC 1") for text in texts)


def test_many_states_are_leafed_through_at_every_width(tab: Page, server: Server, tmp_path: Path):
    rng = np.random.default_rng(1)
    states = [f"/shop/a rather long name of a page {i}" for i in range(300)]
    table = pd.DataFrame({"state": rng.choice(states, 1200), "action": rng.choice(list("ab"), 1200)})
    last = np.tile(np.arange(10) == 9, 120)
    table.assign(episode=np.repeat(np.arange(120), 10), reward=last * 1.0, done=last * 1).to_csv(
        tmp_path / "many.csv", index=False
    )
    train(tab, server, tmp_path / "many.csv")
    line = tab.locator(".stage .rows-text")
    shown = table["state"].nunique()
    for width in (1440, 1024, 390):
        tab.set_viewport_size({"width": width, "height": 844})
        expect(line).to_have_text(re.compile(rf"^the \d+ most visited of {shown} states$"))
        settled(tab)
        rows = int(re.findall(r"\d+", line.inner_text())[0])
        before = tab.locator(".stage .world").evaluate("(world) => [world.clientWidth, world.clientHeight]")
        tab.get_by_role("button", name="States after these").click()
        expect(line).to_have_text(f"states {rows + 1} to {2 * rows} of {shown}")
        assert tab.locator(".stage .world").evaluate("(world) => [world.clientWidth, world.clientHeight]") == before
        assert tab.evaluate("document.documentElement.scrollWidth <= innerWidth")
        tab.get_by_role("button", name="States before these").click()
