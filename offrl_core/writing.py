"""How numbers are written in sentences."""

from __future__ import annotations

import math

_RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def ten_to(exponent: int) -> str:
    """A power of ten: `10⁷`, `10⁻⁵`."""
    return f"10{str(exponent).translate(_RAISED)}"


def number(value: float, digits: int = 3) -> str:
    """A number as people write it, without zeros at the end of its decimals: `0.569`, `−1`, `∞`, `3.4·10³⁸`."""
    value = float(value)
    if math.isnan(value):
        return "no number"
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    if value == 0:
        return "0"
    if not 1e-4 <= abs(value) < 1e6:
        mantissa, exponent = f"{value:.{digits - 1}e}".split("e")
        mantissa = mantissa.rstrip("0").rstrip(".") if "." in mantissa else mantissa
        return f"{mantissa}·{ten_to(int(exponent))}".replace("-", "−")
    made = f"{value:.{digits}g}"
    if "e" in made:
        made = f"{value:.0f}"
    return made.replace("-", "−")


def tex(value: float, digits: int = 4) -> str:
    r"""A number in LaTeX, without zeros at the end of its decimals: `0.5`, `-1`, `\infty`, `3.4\cdot 10^{38}`."""
    if math.isnan(value):
        return r"\mathrm{NaN}"
    if math.isinf(value):
        return r"\infty" if value > 0 else r"-\infty"
    made = f"{value + 0.0:.{digits}g}"
    if "e" in made:
        mantissa, exponent = made.split("e")
        return rf"{mantissa}\cdot 10^{{{int(exponent)}}}"
    return made
