"""What the stage offers while its run waits for its turn."""

from __future__ import annotations

from playwright.sync_api import Page

from tests.browser.stage_host import Host, config

OFFERS = """(state) => {
  const { store, notices } = stage;
  store.state = { ...store.state, reason: "", place: null, ...state };
  notices.update({ connected: true, recording: false, replaying: false, past: null }, 0);
  const links = [...notices.offers.querySelectorAll("a")];
  return notices.offers.hidden ? [] : links.map((a) => [a.textContent, a.pathname + a.search, a.target, a.rel]);
}"""


def test_whoever_waits_is_offered_something_else_and_nobody_else_is(bench: Page, host: Host) -> None:
    run = host.hub.open(config({"algorithm": "cql"}), private=True)
    meanwhile = [["Meanwhile, watch “A run”", "gallery?preset=a"], ["Train it in this browser instead", "web/?v=1"]]
    host.open(bench, run=run, meanwhile=meanwhile)
    bench.wait_for_function("stage?.store.state && stage.session.connected")
    new_tab = ["_blank", "noopener"]
    assert bench.evaluate(OFFERS, {"state": "queued", "place": 2}) == [
        ["Meanwhile, watch “A run”", "/gallery?preset=a", *new_tab],
        ["Train it in this browser instead", "/web/?v=1", *new_tab],
    ]
    assert bench.evaluate(OFFERS, {"state": "queued", "place": 1}) == [], "it is next"
    assert bench.evaluate(OFFERS, {"state": "running"}) == []
    bench.evaluate(f"remount({{ meanwhile: {[meanwhile[0]]} }})")
    assert len(bench.evaluate(OFFERS, {"state": "queued", "place": 3})) == 1
