"""What is offered to those whose run waits for its turn: the gallery's run of the same kind, and their own browser."""

from __future__ import annotations

from urllib.parse import urlencode

from offrl_live.runs.config import RunConfig
from offrl_live.runs.datasets import UPLOAD
from offrl_ui.gallery.presets import Preset, presets
from offrl_ui.setup import links

_tabs: dict[str, str] = {}


def trains_in_tabs(address: str) -> None:
    """The static edition is served at this address, below the place of the app: it takes the same links."""
    _tabs["address"] = address


def offers(config: RunConfig) -> list[tuple[str, str]]:
    """What to look at while this run waits: the words of each link, and its address below the app's own."""
    found = []
    if (preset := alike(config)) is not None:
        found.append((f"Meanwhile, watch “{preset.title}”", f"gallery?{urlencode({'preset': preset.id})}"))
    if "address" in _tabs and not config.dataset.startswith(UPLOAD) and not config.files:
        found.append(("Train it in this browser instead", f"{_tabs['address']}?{urlencode(links.link(config))}"))
    return found


def alike(config: RunConfig) -> Preset | None:
    """The gallery's run with most in common: the same algorithm, if it can be on the same data in the same way."""
    algorithms = {lane.algorithm for lane in config.lanes}

    def shared(preset: Preset) -> tuple[int, bool, bool]:
        lanes = preset.config.lanes
        approximators = {lane.approximator for lane in config.lanes}
        return (
            len(algorithms & {lane.algorithm for lane in lanes}),
            preset.config.dataset == config.dataset,
            bool(approximators & {lane.approximator for lane in lanes}),
        )

    best = max(presets().values(), key=shared)
    return best if shared(best)[0] else None
