"""How numbers are written in sentences."""

from __future__ import annotations

import math

_RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def ten_to(exponent: int) -> str:
    """A power of ten: `10⁷`, `10⁻⁵`."""
    return f"10{str(exponent).translate(_RAISED)}"


def _figures(size: float, digits: int) -> tuple[str, int]:
    """A positive number rounded to so many significant figures, but not within its whole part: its decimals, without
    zeros at their end, and 0; or the mantissa and the exponent of a power of ten.

    Whatever writes numbers, here and in the browser (`shared/format.js`), uses a power of ten for what is smaller than
    10⁻⁴ when it is rounded, and for what has more than six figures before the point.
    """
    mantissa, power = f"{size:.{digits - 1}e}".split("e")
    exponent = int(power)
    if exponent < -4 or size >= 999_999.5:
        return _trimmed(mantissa), exponent
    if exponent >= digits:
        return str(math.floor(size + 0.5)), 0
    return _trimmed(f"{size:.{digits - 1 - exponent}f}"), 0


def _trimmed(decimals: str) -> str:
    return decimals.rstrip("0").rstrip(".") if "." in decimals else decimals


def number(value: float, digits: int = 3) -> str:
    """A number as people write it, without zeros at the end of its decimals: `0.569`, `−1`, `∞`, `3.4·10³⁸`, `10⁷`."""
    value = float(value)
    if math.isnan(value):
        return "no number"
    sign = "−" if value < 0 else ""
    if math.isinf(value):
        return f"{sign}∞"
    if value == 0:
        return "0"
    made, exponent = _figures(abs(value), digits)
    if exponent:
        made = ten_to(exponent) if made == "1" else f"{made}·{ten_to(exponent)}"
    return sign + made


def tex(value: float, digits: int = 4) -> str:
    r"""A number in LaTeX, without zeros at the end of its decimals: `0.5`, `-1`, `\infty`, `3.4\cdot 10^{38}`."""
    if math.isnan(value):
        return r"\mathrm{NaN}"
    sign = "-" if value < 0 else ""
    if math.isinf(value):
        return rf"{sign}\infty"
    if value == 0:
        return "0"
    made, exponent = _figures(abs(value), digits)
    if exponent:
        made = f"10^{{{exponent}}}" if made == "1" else rf"{made}\cdot 10^{{{exponent}}}"
    return sign + made
