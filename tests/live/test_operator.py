"""What an operator sees: health, figures for whoever has the token, a page, and a log that names nobody."""

from __future__ import annotations

import json
import logging
import sys
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from typing import NamedTuple

import pytest
import uvicorn
from prometheus_client.parser import text_string_to_metric_families
from starlette.applications import Starlette

from offrl_live.runs.datasets import kept_bytes
from offrl_live.runs.live_runs import Limits
from offrl_live.runs.run import WINDOW
from offrl_live.runs.timeline import Frame
from offrl_live.serving import logs
from offrl_live.serving.counted import REFUSALS
from offrl_live.serving.environment import logs_as_json, operator_token
from offrl_live.serving.hub import Hub
from offrl_live.serving.operator import STANDS_STILL, Operator
from tests.live.test_live_runs import OneThread
from tests.live.watching import CQL, until

TOKEN = "a-token-of-the-operator"


class Answer(NamedTuple):
    status: int
    headers: dict[str, str]
    text: str


class Asked:
    """The operator's routes of a hub on a real server, and a browser without a memory."""

    def __init__(self) -> None:
        self.hub = Hub(Limits(workers=1)).start()
        app = Starlette(routes=[*Operator(lambda: self.hub, TOKEN).routes()])
        self.server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_level="warning"))
        self.thread = threading.Thread(target=self.server.run, daemon=True)
        self.thread.start()
        while not self.server.started:
            time.sleep(0.01)
        self.site = f"http://127.0.0.1:{self.server.servers[0].sockets[0].getsockname()[1]}"

    def get(self, path: str, form: dict[str, str] | None = None, **headers: str) -> Answer:
        data = urllib.parse.urlencode(form).encode() if form is not None else None
        opener = urllib.request.build_opener(_Stays)
        try:
            with opener.open(urllib.request.Request(self.site + path, data, headers), timeout=20) as answer:
                return Answer(answer.status, dict(answer.headers), answer.read().decode())
        except urllib.error.HTTPError as error:
            return Answer(error.code, dict(error.headers), error.read().decode())

    def figures(self) -> dict[tuple[str, ...], float]:
        text = self.get("/metrics", Authorization=f"Bearer {TOKEN}").text
        return {
            (sample.name, *sample.labels.values()): sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
        }

    def close(self) -> None:
        self.server.should_exit = True
        self.thread.join(10)
        self.hub.close()


class _Stays(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: object) -> None:
        return None


@pytest.fixture(scope="module")
def asked() -> Iterator[Asked]:
    running = Asked()
    yield running
    running.close()


def test_health_is_told_to_everybody_and_while_the_hub_is_busy(asked: Asked) -> None:
    with asked.hub.lock:
        assert asked.get("/healthz")[::2] == (200, '{"status":"ok"}')


def test_a_clock_that_stands_still_is_not_healthy(asked: Asked) -> None:
    with asked.hub.lock:  # nobody else sets it now
        asked.hub._ticked_at -= STANDS_STILL + 1
        answer = asked.get("/healthz")
    assert answer.status == 503
    assert "the clock of the runs has stood still for 11 s" in answer.text
    until(lambda: asked.get("/healthz").status == 200)


@pytest.mark.parametrize(
    "headers", [{}, {"Authorization": "Bearer "}, {"Authorization": f"Basic {TOKEN}"}, {"Authorization": "Bearer a"}]
)
def test_figures_need_the_token(asked: Asked, headers: dict[str, str]) -> None:
    answer = asked.get("/metrics", **headers)
    assert answer.status == 401
    assert "offrl_" not in answer.text
    assert asked.get(f"/metrics?token={TOKEN}").status == 401, "an address is remembered, so it holds no token"


def test_figures_are_those_of_the_hub(asked: Asked) -> None:
    hub = asked.hub
    run_id = hub.open(CQL, private=True, title="a <b>bold</b> run")
    viewers = [hub.join(run_id, lambda: None) for _ in range(3)]
    until(lambda: hub.info(run_id)["state"] == "paused")
    before = asked.figures()
    assert before["offrl_viewers",] == 3
    assert before["offrl_runs", "paused"] == 1
    assert before["offrl_workers",] == 2
    assert before["offrl_updates_per_second",] == 0
    assert before["offrl_memory_bytes", "timelines"] == hub.nbytes > 0
    assert before["offrl_memory_bytes", "uploads"] == kept_bytes()
    if sys.platform == "linux":
        assert min(before["offrl_memory_bytes", of] for of in ("server", "workers")) > 20e6
    REFUSALS.labels("something").inc(2)
    hub.play(run_id)
    until(lambda: asked.figures()["offrl_updates_per_second",] > 0)
    now = asked.figures()
    assert now["offrl_runs", "running"] == 1
    assert now["offrl_refusals_total", "something"] == 2
    page = asked.get("/operator", Cookie=_visit(asked)).text
    assert "a &lt;b&gt;bold&lt;/b&gt; run" in page
    assert "<td" in page.partition("something")[2]
    assert TOKEN not in page
    for viewer in viewers:
        hub.leave(viewer)
    hub.drop(run_id)
    assert asked.figures()["offrl_viewers",] == 0


def _visit(asked: Asked) -> str:
    answer = asked.get("/operator", {"token": TOKEN})
    assert answer.status == 303
    assert answer.headers["location"] == "operator", "below whatever path a proxy puts before it"
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly; SameSite=Strict" in cookie
    assert "Path" not in cookie, "nor does it go to what else the site has"
    assert TOKEN not in cookie
    return cookie.partition(";")[0]


def test_the_page_asks_for_the_token_and_forgets_who_had_it_after_a_day(asked: Asked, monkeypatch) -> None:
    form = asked.get("/operator").text
    assert '<form method="post" action="operator">' in form
    assert "Settings in force" not in form
    monkeypatch.setattr("offrl_live.serving.operator.WRONG_SECONDS", 0.01)
    assert asked.get("/operator", {"token": TOKEN[:-1] + "x"}).status == 403
    assert asked.get("/operator", {}).status == 403
    assert asked.get("/operator", {"token": "ü" * 20}).status == 403
    assert asked.get("/operator", {"token": "x" * 2000}).status == 413
    assert "Settings in force" not in asked.get("/operator", Cookie="offrl_operator=guessed-by-somebody").text
    visit = _visit(asked)
    assert "Settings in force" in asked.get("/operator", Cookie=visit).text
    clock = time.monotonic() + 86_400
    monkeypatch.setattr(asked.server.config.app.routes[2].endpoint.__self__, "_now", lambda: clock)
    assert "Settings in force" not in asked.get("/operator", Cookie=visit).text


def test_without_a_token_there_is_health_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OFFRL_OPERATOR_TOKEN", raising=False)
    assert [route.path for route in Operator().routes()] == ["/healthz"]
    monkeypatch.setenv("OFFRL_OPERATOR_TOKEN", TOKEN)
    assert [route.path for route in Operator().routes()] == ["/healthz", "/metrics", "/operator"]


@pytest.mark.parametrize(
    "token", ["short", "x" * 19, "with a space in the middle", "a tab\tand a line\n------", "ü" * 30]
)
def test_a_token_that_can_be_guessed_is_refused_and_not_repeated(monkeypatch: pytest.MonkeyPatch, token: str) -> None:
    monkeypatch.setenv("OFFRL_OPERATOR_TOKEN", token)
    with pytest.raises(ValueError, match="at least 20 visible ASCII characters") as refusal:
        operator_token()
    assert token not in str(refusal.value)


def test_a_line_of_the_log_is_an_object_that_names_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    root = logging.getLogger()
    handler = logging.StreamHandler()
    monkeypatch.setattr(root, "handlers", [handler])
    said = logging.getLogger("uvicorn.error")
    monkeypatch.setattr(said, "filters", [])
    monkeypatch.setenv("OFFRL_LOG", "json")
    logs.set_up()
    try:
        raise RuntimeError("two\nlines")
    except RuntimeError:
        record = root.makeRecord("offrl", logging.ERROR, __file__, 1, "run %s… broke", ("abc",), sys.exc_info())
    line = handler.format(record)
    assert "\n" not in line
    told = json.loads(line)
    assert (told["level"], told["logger"], told["message"]) == ("error", "offrl", "run abc… broke")
    assert told["time"].endswith("+00:00")
    assert told["error"].endswith("RuntimeError: two\nlines")
    accepted = said.makeRecord("uvicorn.error", logging.INFO, "", 1, '%s - "WebSocket %s" [accepted]', (), None)
    assert not said.filter(accepted)
    assert said.filter(said.makeRecord("uvicorn.error", logging.INFO, "", 1, "Started server process", (), None))
    monkeypatch.setenv("OFFRL_LOG", "xml")
    with pytest.raises(ValueError, match="OFFRL_LOG = 'xml' is not allowed: it must be text or json"):
        logs_as_json()


def _watched() -> tuple[OneThread, object]:
    alone = OneThread()
    watcher = alone.watch(alone.runs.open(CQL))
    watcher.wait_for("paused")
    watcher.viewer.acknowledge(0)
    return alone, watcher.viewer


def _frame(seq: int, computed: float) -> Frame:
    return Frame(seq, seq, computed, 0.0, (0,), None, {}, 0)


def test_a_slow_line_is_sent_one_frame_at_a_time_until_it_is_quick_again() -> None:
    alone, viewer = _watched()
    seq = 1000

    def round_trip(seconds: float, at_once: int = 1) -> None:
        nonlocal seq
        for _ in range(at_once):
            seq += 1
            viewer.sends(_frame(seq, alone.time - 0.5), live=True)
        alone.time += seconds
        viewer.acknowledge(seq)

    round_trip(0.3)  # a line of 300 ms
    assert viewer.delay == pytest.approx(0.8), "since it was computed"
    for number in range(WINDOW):
        assert viewer.takes_more, f"{number} are on their way"
        seq += 1
        viewer.sends(_frame(seq, alone.time), live=True)
    assert not viewer.takes_more
    alone.time += 0.9  # the four have queued up
    viewer.acknowledge(seq)
    assert viewer.takes_more
    seq += 1
    viewer.sends(_frame(seq, alone.time), live=True)
    assert not viewer.takes_more, "one at a time"
    alone.time += 0.35
    viewer.acknowledge(seq)
    viewer.sends(_frame(seq + 1, alone.time), live=True)
    assert viewer.takes_more, "the queue is empty again"
    viewer.sends(_frame(seq + 2, alone.time), live=False)
    viewer.acknowledge(seq + 2)
    assert viewer.delay is None, "what was sent later than it could be tells nothing of the line"
