"""The lens in the playground: an axis by its ends, count and scale; and which visits are branches."""

from __future__ import annotations

import numpy as np
from playwright.sync_api import Page, expect

from tests.browser.playground import BUS, open_playground
from tests.browser.waiting import settled
from tests.serving import Server

VALUES = f"{BUS}.hello.members.map((member) => member.values.rho)"


def test_an_axis_is_written_by_ends_count_and_scale_and_a_picked_card_is_no_branch(tab: Page, server: Server):
    open_playground(tab, server, "?algo=bcq&seeds=1&x.seed=54")
    row = tab.locator('.settings [data-name="rho"]').first
    row.get_by_role("button", name="Open into an axis").click()
    tab.wait_for_function(f"{BUS}?.hello?.members.length === 8")
    settled(tab)
    row.get_by_label("threshold: from").fill("0.01")
    row.get_by_label("threshold: from").press("Enter")
    settled(tab)
    row.get_by_label("threshold: to").fill("0.64")
    row.get_by_label("threshold: to").press("Enter")
    settled(tab)
    row.get_by_label("threshold: scale").select_option("log")
    settled(tab)
    row.get_by_label("threshold: count").fill("4")
    row.get_by_label("threshold: count").press("Enter")
    tab.wait_for_function(f"{BUS}?.hello?.members.length === 4")
    np.testing.assert_allclose(tab.evaluate(VALUES), [0.01, 0.04, 0.16, 0.64], rtol=1e-6)
    expect(row.locator(".number")).to_have_value("0.01, 0.04, 0.16, 0.64")
    row.get_by_label("threshold: from").fill("0")
    row.get_by_label("threshold: from").press("Enter")
    expect(row.locator(".message")).to_have_text("A logarithmic axis begins above 0.")
    settled(tab)
    # Other cards and other axes are other runs, but nothing has branched.
    tab.locator('.picker [data-id="iql"]').click()
    tab.wait_for_function(f"{BUS}?.hello?.lanes[0].algorithm === 'iql'")
    settled(tab)
    expect(tab.get_by_text("each branch is kept here")).to_be_visible()
    tab.locator('.picker [data-id="bcq"]').click()
    tab.wait_for_function(f"{BUS}?.hello?.lanes[0].algorithm === 'bcq'")
    settled(tab)
    expect(tab.locator(".tree [role=treeitem]")).to_have_count(0)
