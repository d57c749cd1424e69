"""Pictures of cards by the address of their content."""

from __future__ import annotations

import gzip
import json
from typing import Any

import pytest
from starlette.requests import Request
from starlette.responses import Response

from offrl_core.recent import Recent
from offrl_ui.setup.dataset_cards import dataset_cards
from offrl_ui.shared import card_pictures
from tests.threads import in_a_loop

PICTURES = {"a": "<svg>1</svg>", "b": "<svg>2</svg>"}


@pytest.fixture(autouse=True)
def _little_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(card_pictures, "_packed", Recent(1000, len))


def get(where: str, encoding: str = "gzip, br") -> Response:
    (route,) = card_pictures.routes()
    scope: dict[str, Any] = {"type": "http", "method": "GET", "path": f"/{where}", "query_string": b""}
    scope["headers"] = [(b"accept-encoding", encoding.encode())]
    match, found = route.matches(scope)
    if match.value != 2:
        return Response(status_code=404)
    return in_a_loop(route.endpoint(Request({**scope, **found})))


def test_pictures_are_where_their_content_says() -> None:
    where = card_pictures.address(PICTURES)
    assert card_pictures.address(dict(PICTURES)) == where
    assert card_pictures.address({**PICTURES, "b": "<svg>3</svg>"}) != where
    answer = get(where)
    assert json.loads(gzip.decompress(answer.body)) == PICTURES
    assert answer.headers["content-encoding"] == "gzip"
    assert answer.headers["cache-control"].startswith("private")
    plain = get(where, "identity")
    assert json.loads(plain.body) == PICTURES
    assert "content-encoding" not in plain.headers


def test_other_addresses_have_none() -> None:
    for where in ("cards/0.json", "cards/..%2Fapp.py.json"):
        answer = get(where)
        assert answer.status_code == 404
        assert answer.headers.get("cache-control", "no-store") == "no-store"


def test_what_is_kept_is_bounded() -> None:
    first = card_pictures.address({"a": "first" * 10})
    for number in range(50):
        card_pictures.address({"a": str(number) * 100})
    assert get(first).status_code == 404
    assert card_pictures._packed.nbytes <= 1000
    assert get(card_pictures.address({"a": "first" * 10})).status_code == 200


def test_the_pictures_of_all_datasets_are_small_once_packed() -> None:
    text = json.dumps({card["id"]: card["picture"] for card in dataset_cards()})
    assert len(gzip.compress(text.encode())) < 40_000
