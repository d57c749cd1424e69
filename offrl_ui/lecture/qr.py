"""QR codes of addresses."""

from __future__ import annotations

import io
from functools import lru_cache
from typing import TypeGuard

import qrcode
import qrcode.image.svg

MAX_URL = 1500


def is_of(url: object, site: str) -> TypeGuard[str]:
    """Whether this is an address below `site` that is not too long for a code."""
    return isinstance(url, str) and len(url) <= MAX_URL and url.isascii() and url.startswith(f"{site}/")


@lru_cache(256)
def qr_svg(url: str) -> str:
    """The code as an SVG element."""
    buffer = io.BytesIO()
    qrcode.make(url, image_factory=qrcode.image.svg.SvgPathImage, border=2).save(buffer)
    return buffer.getvalue().decode().partition("?>")[2].strip()
