"""The colours of pictures: the same meanings as on the live stage (`assets/shared/palette.js`)."""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt

Ramp = Literal["value", "amount"]

VIRIDIS = (
    *("#440154", "#482878", "#3e4989", "#31688e", "#26828e"),
    *("#1f9e89", "#35b779", "#6ece58", "#b5de2b", "#fde725"),
)
CIVIDIS = (
    *("#00224e", "#123570", "#3b496c", "#575d6d", "#707173"),
    *("#8a8678", "#a59c74", "#c3b369", "#e1cc55", "#fee838"),
)
ACTIONS_LIGHT = (
    *("#0072b2", "#d98200", "#008f68", "#b85c92", "#c44e00"),
    *("#3a9fd6", "#8a7a00", "#6b6b6b", "#6a4fb3", "#00a0a0"),
)
ACTIONS_DARK = (
    *("#4aa8e0", "#f0a93a", "#2cc295", "#dd93bd", "#f07b3a"),
    *("#7cc7f0", "#d8cb3e", "#a6a6a6", "#b3a1ec", "#3ed0d0"),
)
DIVERGING_LIGHT = (
    *("#0b3c7d", "#1f6fb4", "#6aaed6", "#b9d6ea", "#f3f2f0"),
    *("#f8d3ab", "#f2a057", "#d2691e", "#8a3a06"),
)
DIVERGING_DARK = (
    *("#9ccdf2", "#5ba7dd", "#3179b3", "#2a4c69", "#2c3036"),
    *("#66472d", "#ad6a28", "#e58f3c", "#ffc486"),
)
RAMPS = {"value": VIRIDIS, "amount": CIVIDIS}


def ramp(kind: Ramp, at: npt.ArrayLike) -> npt.NDArray[np.uint8]:
    """`(…, 3)` RGB of a sequential scale at positions in [0, 1]: `value` for values, `amount` for counts and shares."""
    stops = np.array([[int(stop[i : i + 2], 16) for i in (1, 3, 5)] for stop in RAMPS[kind]], dtype=np.float64)
    position = np.clip(np.asarray(at, dtype=np.float64), 0, 1) * (len(stops) - 1)
    below = np.minimum(position.astype(int), len(stops) - 2)
    part = (position - below)[..., None]
    colours: npt.NDArray[np.uint8] = np.round(stops[below] * (1 - part) + stops[below + 1] * part).astype(np.uint8)
    return colours
