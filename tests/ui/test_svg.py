"""Pictures from arrays."""

from __future__ import annotations

import base64
import io
import re

import numpy as np
from PIL import Image

from offrl_ui.shared import svg
from offrl_ui.shared.colours import ramp


def test_a_matrix_becomes_the_pixels_of_its_colours():
    shares = np.linspace(0, 1, 12).reshape(3, 4)
    shares[1, 2] = np.nan
    found = re.search(r"base64,([^\"]+)", svg.raster(shares, "amount", 0, 0, 1, 1))
    assert found is not None
    with Image.open(io.BytesIO(base64.b64decode(found[1]))) as picture:
        pixels = np.asarray(picture)
    seen = ~np.isnan(shares)
    np.testing.assert_array_equal(pixels[seen, :3], ramp("amount", shares[seen]))
    np.testing.assert_array_equal(pixels[..., 3], np.where(seen, 255, 0))
