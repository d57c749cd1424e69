"""The generated page about systems, hyperparameters and metrics."""

from __future__ import annotations

import offrl_core as orl
from offrl_core.learning import docs
from offrl_core.learning.metrics import METRICS


def test_the_page_is_current() -> None:
    assert docs.PLACE.read_text(encoding="utf-8") == docs.write(), "run: python -m offrl_core.learning.docs"


def test_the_page_names_everything() -> None:
    page = docs.write()
    for name, kind in orl.algorithms().items():
        assert f"(`{name}`)" in page
        for h in kind.hyperparameters:
            assert f"| `{h.name}` |" in page
            assert h.help in page
    for metric in METRICS:
        assert f"| `{metric.name}` | {metric.title} |" in page
        assert metric.help in page
    for line in page.splitlines():
        if line.startswith("| "):
            assert line.replace(r"\|", "").count("|") in (7, 9)
