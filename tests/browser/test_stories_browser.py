"""A teacher writes a story and passes it on; a student opens the link and follows it."""

from __future__ import annotations

from playwright.sync_api import Browser, Page, expect

from tests.browser.playground import value
from tests.browser.waiting import visit
from tests.conftest import PATIENCE
from tests.serving import Server

STORY = """title = "Trust <b>less</b>"
sentence = "One threshold, two clicks."
[[steps]]
text = "Watch the return."
link = "algo=bcq&seeds=1&x.seed=61"
speed = 20
until = [{ what = "return", above = 0.5 }]
done = "Joined."
[[steps]]
text = "And without the threshold?"
set = { rho = 0.0 }
until = [{ what = "return", below = 0.1 }]
done = "Lost."
"""


def test_a_teacher_writes_a_story_and_a_student_follows_it(tab: Page, browser: Browser, server: Server) -> None:
    visit(tab, f"{server.url}/stories")
    field = tab.get_by_label("The story, as TOML text")
    field.fill(STORY.replace("above = 0.5", "over = 0.5"))
    field.press("Control+Enter")
    expect(tab.get_by_text("step 1, condition 1 has no 'over'")).to_be_visible()
    field.fill(STORY)
    field.press("Control+Enter")
    expect(tab.get_by_text("can be told: 2 steps")).to_be_visible()
    code = tab.locator(".drawing figure").filter(has_text="QR code of this link").locator("svg")
    expect(code).to_be_visible()
    assert min(code.bounding_box()[side] for side in ("width", "height")) > 100
    link = tab.get_by_test_id("stCode").inner_text().strip()
    assert link.startswith(f"{server.url}/?story=")

    context = browser.new_context(viewport={"width": 390, "height": 844}, has_touch=True)
    student = context.new_page()
    student.set_default_timeout(PATIENCE)
    student.goto(link)
    told = student.locator(".story")
    expect(told.get_by_role("heading")).to_have_text("Trust <b>less</b>")
    expect(student.locator(".stage canvas").first).to_be_visible()
    told.get_by_role("button", name="Begin").click()
    expect(told.get_by_role("status")).to_have_text("Joined.")
    told.get_by_role("button", name="Next: rho = 0").click()
    expect(told.get_by_role("status")).to_have_text("Lost.")
    assert value(student, "rho") == 0
    told.get_by_role("button", name="Explore on your own").click()
    expect(told).to_have_count(0)
    student.wait_for_url(lambda url: "story" not in url)
    context.close()
