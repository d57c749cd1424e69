"""QR codes of addresses, for a phone's camera."""

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
    """The code of an address as an SVG, on white in the dark, too; a long one takes a tenth of a second.

    Raises:
        ValueError: the address is too long for a code (`qrcode` takes up to 2,953 bytes).
    """
    buffer = io.BytesIO()
    qrcode.make(url, image_factory=qrcode.image.svg.SvgPathImage, border=2).save(buffer)
    opening, end, rest = buffer.getvalue().decode().partition("?>")[2].strip().partition(">")
    return f'{opening}{end}<rect width="100%" height="100%" fill="#fff"/>{rest}'
