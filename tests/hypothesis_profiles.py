"""How many random examples are drawn: all of them where `HYPOTHESIS_PROFILE=full` is set, as `.ci/run` does."""

from __future__ import annotations

import os

from hypothesis import settings

settings.register_profile("full", max_examples=100)
settings.register_profile("quick", max_examples=20)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "quick"))


def examples(full: int) -> int:
    """`full` examples in the full profile, a fifth of them (at least 4) in the quick one."""
    return min(full, max(4, full * settings.default.max_examples // 100))
