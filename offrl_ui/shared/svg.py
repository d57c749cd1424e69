"""Small pictures as SVG text that follows the page's theme: drawn from arrays, never from icons."""

from __future__ import annotations

import base64
import struct
import zlib
from collections.abc import Iterable, Sequence
from html import escape

import numpy as np
import numpy.typing as npt

from offrl_core.worlds.layout import GridLayout, PlaneLayout
from offrl_core.worlds.lecture_grids import LABELS
from offrl_ui.shared.colours import ACTIONS_LIGHT, Ramp, ramp

TEXT = "var(--st-text-color,#1c2530)"
PAGE = "var(--st-background-color,#fff)"
WALL = f"color-mix(in srgb,{TEXT} 18%,{PAGE})"
FLOOR = f"color-mix(in srgb,{TEXT} 5%,{PAGE})"

_LETTERS = {label: letter for letter, label in LABELS.items()}
"""What a kind of cell is called in the text of a grid."""

Points = Sequence[tuple[float, float]]


def marked(number: int) -> str:
    """The colour of an action or a behaviour policy in a picture; the same on a light and on a dark page."""
    return ACTIONS_LIGHT[number % len(ACTIONS_LIGHT)]


def drawing(width: float, height: float, body: Iterable[str], *, description: str = "") -> str:
    """A picture of `width × height` units that scales to its box and keeps its proportions."""
    label = f'role="img" aria-label="{escape(description)}"' if description else 'aria-hidden="true"'
    return (
        f'<svg viewBox="0 0 {width:g} {height:g}" preserveAspectRatio="xMidYMid meet" {label} '
        f'xmlns="http://www.w3.org/2000/svg">{"".join(body)}</svg>'
    )


def raster(shares: npt.ArrayLike, kind: Ramp, x: float, y: float, width: float, height: float) -> str:
    """A matrix of shares in [0, 1] as coloured pixels; NaN is left transparent."""
    values = np.asarray(shares, dtype=np.float64)
    missing = np.isnan(values)
    pixels = np.dstack([ramp(kind, np.where(missing, 0, values)), np.where(missing, 0, 255).astype(np.uint8)])
    data = base64.b64encode(_png(pixels)).decode()
    return (
        f'<image href="data:image/png;base64,{data}" x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" '
        'preserveAspectRatio="none" style="image-rendering:pixelated"/>'
    )


def _png(pixels: npt.NDArray[np.uint8]) -> bytes:
    """`(height, width, 4)` RGBA as a PNG file: a header, rows that each begin with the number of no filter, an end."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    height, width, _ = pixels.shape
    rows = np.concatenate([np.zeros((height, 1), np.uint8), pixels.reshape(height, 4 * width)], axis=1)
    header = struct.pack(">IIBBBBB", width, height, 8, 6, 0, 0, 0)
    parts = ((b"IHDR", header), (b"IDAT", zlib.compress(rows.tobytes(), 9)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(kind, data) for kind, data in parts)


def rectangles(boxes: Iterable[tuple[float, float, float, float]], fill: str, *, gap: float = 0.0) -> str:
    """Boxes `(x, y, width, height)` of one colour, as one path."""
    path = "".join(f"M{x + gap:g} {y + gap:g}h{w - 2 * gap:g}v{h - 2 * gap:g}h{2 * gap - w:g}z" for x, y, w, h in boxes)
    return f'<path d="{path}" style="fill:{fill}"/>' if path else ""


def line(points: Points, colour: str, width: float, opacity: float = 1.0) -> str:
    """A polyline with round joins."""
    path = "M" + "L".join(f"{x:.4g} {y:.4g}" for x, y in points)
    return (
        f'<path d="{path}" style="fill:none;stroke:{colour};stroke-width:{width:g};stroke-opacity:{opacity:g};'
        'stroke-linejoin:round;stroke-linecap:round"/>'
    )


def text(x: float, y: float, content: str, size: float, *, bold: bool = False, colour: str = TEXT) -> str:
    """Centred text."""
    weight = 700 if bold else 400
    return (
        f'<text x="{x:g}" y="{y:g}" text-anchor="middle" dominant-baseline="central" '
        f'style="font:{weight} {size:g}px sans-serif;fill:{colour}">{escape(content)}</text>'
    )


def cells(layout: GridLayout, shares: npt.ArrayLike | None = None, kind: Ramp = "amount") -> list[str]:
    """The cells of a grid, one unit each: walls, floor, and per state a share in [0, 1] as colour (NaN: the floor)."""
    states = np.array(layout.state_of_cell)
    at = [divmod(i, layout.cols) for i in range(len(states))]
    body = [
        rectangles(((c, r, 1, 1) for i, (r, c) in enumerate(at) if states[i] < 0), WALL),
        rectangles(((c, r, 1, 1) for i, (r, c) in enumerate(at) if states[i] >= 0), FLOOR),
    ]
    if shares is not None:
        values = np.where(states >= 0, np.asarray(shares, dtype=np.float64)[np.maximum(states, 0)], np.nan)
        body.append(raster(values.reshape(layout.rows, layout.cols), kind, 0, 0, layout.cols, layout.rows))
    return body


def letters(layout: GridLayout) -> list[str]:
    """The letters of a grid's special cells (start, goal, …), each on a light disc."""
    body = []
    for i, letter in enumerate(layout.cells):
        if letter not in "#. ":
            r, c = divmod(i, layout.cols)
            body.append(f'<circle cx="{c + 0.5:g}" cy="{r + 0.5:g}" r=".62" style="fill:{PAGE};fill-opacity:.86"/>')
            body.append(text(c + 0.5, r + 0.54, letter, 0.9, bold=True))
    return body


def cell_centre(layout: GridLayout) -> npt.NDArray[np.float64]:
    """`(S, 2)`: x and y of the middle of each state's cell."""
    states = np.array(layout.state_of_cell)
    cells = np.flatnonzero(states >= 0)
    centre = np.zeros((states.max() + 1, 2))
    centre[states[cells]] = np.stack([cells % layout.cols, cells // layout.cols], axis=1) + 0.5
    return centre


def walks(
    paths: Sequence[tuple[npt.NDArray[np.float64], int]], width: float, *, spread: float = 0.5, opacity: float = 0.75
) -> list[str]:
    """Trajectories `((T, 2) points, colour number)`, shifted within `spread` so that lines on one way stay apart."""
    body = []
    for i, (points, colour) in enumerate(paths):
        shift = spread * ((i * 0.618) % 1 - 0.5) if len(paths) > 1 else 0.0
        body.append(line([(x + shift, y + shift) for x, y in points], marked(colour), width, opacity))
    return body


def plane_frame(layout: PlaneLayout, width: float, height: float) -> tuple[list[str], npt.NDArray[np.float64]]:
    """Walls and goals of a plane drawn in `width × height`, and the `(2, 2)` affine `[scale, shift]` of x and y."""
    low = np.array([layout.low[layout.x], layout.low[layout.y]])
    high = np.array([layout.high[layout.x], layout.high[layout.y]])
    scale = np.array([width, -height]) / (high - low)
    shift = np.array([0.0, height]) - low * scale

    def box(x0: float, y0: float, x1: float, y1: float) -> tuple[float, float, float, float]:
        (left, bottom), (right, top) = scale * (x0, y0) + shift, scale * (x1, y1) + shift
        return min(left, right), min(top, bottom), abs(right - left), abs(top - bottom)

    body = [rectangles([(0, 0, width, height)], FLOOR), rectangles([box(*wall) for wall in layout.walls], WALL)]
    for label, *corners in layout.regions:
        x, y, w, h = box(*corners)
        body.append(rectangles([(x, y, w, h)], f"color-mix(in srgb,{ACTIONS_LIGHT[2]} 45%,{PAGE})"))
        body.append(text(x + w / 2, y + h / 2, _LETTERS.get(label, label[:1].upper()), min(h, height / 6), bold=True))
    return body, np.stack([scale, shift])
