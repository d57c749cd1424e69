"""Numbers in sentences: three figures, a real minus, powers of ten where digits would mislead."""

import math

import pytest

from offrl_core.writing import number, tex


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.56884, "0.569"),
        (-1.0, "−1"),
        (0.0, "0"),
        (32768.0, "32768"),
        (2.0**127, "1.7·10³⁸"),
        (-1.234e-5, "−1.23·10⁻⁵"),
        (math.inf, "∞"),
        (-math.inf, "−∞"),
        (math.nan, "no number"),
    ],
)
def test_a_number_is_written_as_people_write_it(value: float, text: str) -> None:
    assert number(value) == text


def test_more_figures_where_they_are_the_point() -> None:
    assert (number(0.81818, 4), number(0.25, 1)) == ("0.8182", "0.2")


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (0.5, "0.5"),
        (-1.0, "-1"),
        (-0.0, "0"),
        (12345.6, r"1.235\cdot 10^{4}"),
        (2.5e-7, r"2.5\cdot 10^{-7}"),
        (float("inf"), r"\infty"),
        (float("nan"), r"\mathrm{NaN}"),
    ],
)
def test_a_number_in_latex_has_its_power_of_ten_set(value: float, said: str) -> None:
    assert tex(value) == said
