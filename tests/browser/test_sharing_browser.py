"""Sharing in the playground: the dialog's link shows somebody else this very step, view, model and state."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest
from playwright.sync_api import Browser, Page, expect

from offrl_live.runs.engine import Engine
from offrl_ui.setup import links
from tests.browser.playground import BUS, open_playground
from tests.browser.waiting import settled
from tests.serving import Server

LINK = "?algo=bcq&seeds=2&x.seed=51"
VIEWING = f"{BUS}?.last.viewing"
MOMENT = f"(({{ step, mode, member, state }}) => ({{ step, mode, member, state }}))({VIEWING})"


@pytest.fixture
def other(browser: Browser, server: Server) -> Iterator[Page]:
    """Somebody else's browser."""
    context = browser.new_context(viewport={"width": 1024, "height": 768})
    yield context.new_page()
    context.close()


def test_a_shared_link_opens_at_this_step_view_model_and_state(tab: Page, server: Server, other: Page):
    open_playground(tab, server, LINK)
    tab.evaluate(f"void {BUS}.send({{ cmd: 'speed', value: 200 }})")
    tab.locator(".stage").get_by_role("button", name="Play", exact=False).first.click()
    tab.wait_for_function(f"{BUS}.state.step > 150")
    tab.locator(".stage").get_by_role("button", name="Pause", exact=False).first.click()
    tab.locator(".stage .member").select_option("1")
    tab.locator(".stage [data-mode=policy]").click()
    settled(tab)
    tab.evaluate(f"{BUS}.emit('choose', {{ state: 17, action: null }})")
    tab.locator(".timeline").focus()
    for _ in range(3):
        tab.keyboard.press("ArrowLeft")
    tab.wait_for_function(f"{VIEWING}.past && {VIEWING}.state === 17 && {VIEWING}.member === 1")
    seen = tab.evaluate(MOMENT)
    tab.keyboard.press("a")
    tab.keyboard.press("s")
    dialog = tab.get_by_role("dialog", name="A link to this run")
    expect(dialog.locator(".qr svg")).to_be_visible()
    dialog.get_by_label("Dataset", exact=True).select_option("hide")
    dialog.get_by_label("seed of the data", exact=True).select_option("hide")
    dialog.locator(".rule", has_text="ρ").get_by_role("combobox").select_option("fix")
    link = dialog.get_by_label("link", exact=True).input_value()
    parts = {name: values[0] for name, values in parse_qs(urlsplit(link).query).items()}
    moment = {"step": str(seen["step"]), "view": "policy", "model": "2", "state": "17", "arrows": "1"}
    assert parts.items() >= {**moment, "hide": "data,x.seed", "fix": "rho"}.items()
    tab.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    expect(tab.locator(".timeline")).to_be_focused()

    other.goto(link)
    other.wait_for_function(f"{VIEWING} && {VIEWING}.step === {seen['step']} && {VIEWING}.state === 17")
    assert other.evaluate(MOMENT) == seen
    expect(other.locator(".reads-button")).to_have_attribute("aria-pressed", "true")
    # What stands on the stage is what the core computes for that step.
    config, _ = links.parse({name: [parts[name]] for name in ("data", "algo", "seeds", "x.seed")})
    engine = Engine(config)
    engine.advance(seen["step"])
    expected = engine.snapshot().tables["policy"][1][17]
    other.wait_for_function(f"{VIEWING}.measure('step', 0) === {seen['step']}")
    shown = other.locator(".stage").evaluate(
        "(section, [s, n]) => [...section.stage.playback.frame.table('policy', 1).slice(s * n, (s + 1) * n)]",
        [17, len(expected)],
    )
    np.testing.assert_allclose(shown, expected, atol=1e-6)
    expect(other.locator('.settings [data-name="rho"] input[type=range]')).to_be_disabled()
    expect(other.locator('.settings [data-name="seed"]')).to_be_hidden()
    expect(other.locator('.picker [data-id="double-crossing"]')).to_have_count(0)
