"""Numbers in sentences and formulas: so many figures, a real minus, powers of ten where digits would mislead."""

import json
import math
from pathlib import Path

import pytest

from offrl_core.writing import number, tex

# A value, how many figures, and how it is written in text and in LaTeX. The browser's writer is held against it, too.
WRITTEN = json.loads((Path(__file__).parents[1] / "written_numbers.json").read_text())


@pytest.mark.parametrize(("value", "digits", "text", "latex"), WRITTEN)
def test_a_number_is_written_as_people_write_it(value: str, digits: int, text: str, latex: str) -> None:
    assert number(float(value), digits) == text
    assert tex(float(value), digits) == latex


def test_how_many_figures_there_are_if_nobody_says() -> None:
    assert (number(0.123456), tex(0.123456)) == ("0.123", "0.1235")


def test_what_is_no_number_and_zero_with_a_sign() -> None:
    assert (number(math.nan), tex(math.nan)) == ("no number", r"\mathrm{NaN}")
    assert (number(-0.0), tex(-0.0)) == ("0", "0")
