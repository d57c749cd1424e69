"""How numbers are written in sentences."""

from __future__ import annotations

_RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def ten_to(exponent: int) -> str:
    """A power of ten: `10⁷`, `10⁻⁵`."""
    return f"10{str(exponent).translate(_RAISED)}"
