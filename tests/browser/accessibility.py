"""The rules of WCAG 2.2 A and AA on the page of a tab, by axe-core, and the contrast of all its text."""

from __future__ import annotations

from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Locator, Page, expect

LEVELS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
AXE = """(within, levels) => axe.run(within, { runOnly: { type: "tag", values: levels }, resultTypes: ["violations"] })
  .then(({ violations }) => violations.flatMap(({ id, nodes }) => nodes.map(({ target, html, failureSummary }) =>
    `${id}: ${target.flat().at(-1)} ${html.slice(0, 120)} ${failureSummary}`)))"""

# The contrast of all text in sight, also of what axe-core leaves out: of disabled controls and in drawings. Text in a
# drawing is held against the page. Signs of Streamlit's icon font are pictures.
CONTRAST = """(within) => {
  const parts = (colour) => {
    const [r, g, b, a = 1] = colour.match(/-?[\\d.]+(e-?\\d+)?/g).map(Number);
    return colour.startsWith("color(") ? [255 * r, 255 * g, 255 * b, a] : [r, g, b, a];
  };
  const over = ([r, g, b, a], below) => [r, g, b].map((c, i) => c * a + below[i] * (1 - a));
  const linear = (c) => (c /= 255) <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
  const bright = (rgb) => 0.2126 * linear(rgb[0]) + 0.7152 * linear(rgb[1]) + 0.0722 * linear(rgb[2]) + 0.05;
  const parent = (element) => element.assignedSlot ?? element.parentElement ?? element.getRootNode().host ?? null;
  // The colour behind an element's text and how opaque that is, asked once of each element above it.
  const places = new Map([[null, { below: [255, 255, 255], opacity: 1 }]]);
  const place = (element) => {
    if (!places.has(element)) {
      const { below, opacity } = place(parent(element));
      const style = getComputedStyle(element);
      const behind = over(parts(style.backgroundColor), below);
      places.set(element, { below: behind, opacity: opacity * Number(style.opacity) });
    }
    return places.get(element);
  };
  const low = [];
  const look = (element) => {
    for (const child of element.shadowRoot?.children ?? []) look(child);
    for (const child of element.children) look(child);
    const text = [...element.childNodes].filter((n) => n.nodeType === 3).map((n) => n.data.trim()).join("");
    if (!text || element.matches("style, script, title, desc, option, [data-testid=stIconMaterial]")) return;
    const { width, height } = element.getBoundingClientRect();
    if (!element.checkVisibility({ opacityProperty: true, visibilityProperty: true }) || width * height < 4) return;
    const style = getComputedStyle(element);
    const { below, opacity } = place(element);
    const ink = parts(element instanceof SVGElement && style.fill !== "none" ? style.fill : style.color);
    ink[3] *= opacity;
    const [a, b] = [bright(over(ink, below)), bright(below)];
    const ratio = Math.max(a, b) / Math.min(a, b);
    const named = `${element.tagName} ${element.getAttribute("class")}: ${text.slice(0, 60)}`;
    if (ratio < 4.5) low.push(`${ratio.toFixed(2)} ${named}`);
  };
  look(within);
  return low;
}"""


def rules_broken(tab: Page, within: Locator | None = None) -> list[str]:
    """What is wrong with a page that has been drawn, or with what has opened on it, in dark and in light.

    The tab is light and moves afterwards.
    """
    part = tab.locator("html") if within is None else within
    if not tab.evaluate("typeof axe === 'object'"):
        tab.evaluate(AXE_SCRIPT)
    wrong: list[str] = []
    for scheme in ("dark", "light"):
        tab.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        background = "rgb(16, 21, 27)" if scheme == "dark" else "rgb(255, 255, 255)"
        expect(tab.get_by_test_id("stApp")).to_have_css("background-color", background)
        found: list[str] = []
        for _ in range(15):  # colours change within a moment, those of charts when they are drawn anew
            tab.wait_for_timeout(300)
            found = part.evaluate(AXE, LEVELS) + part.evaluate(CONTRAST)
            if not found:
                break
        wrong += [f"{scheme}: {one}" for one in found]
    tab.emulate_media(color_scheme="light", reduced_motion="no-preference")
    return wrong
