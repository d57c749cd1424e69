"""The lecture's text: typeset, read out as words, and written beside pictures."""

from __future__ import annotations

import pytest

from offrl_lecture.base import text
from offrl_lecture.base.encode import picture_json
from offrl_lecture.base.pictures import Axis, Bar, Bars, Check, Checks, Line, Lines, Words


def test_rich_text_is_safe_and_typeset() -> None:
    made = text.html(r"**a** *b* `c*d*` <script> $\pi_\theta \color{good}{0.9}$")
    assert made.startswith("<strong>a</strong> <em>b</em> <code>c*d*</code> &lt;script&gt; <math")
    assert 'class="role-good"' in made
    assert text.html("one\n\ntwo", block=True) == "<p>one</p><p>two</p>"
    assert "<mi>arg</mi>" in text.mathml(r"\arg\max_a Q")
    assert "evil" not in text.mathml(r"\color{evil}{1}")


def test_a_formula_is_not_parted_from_the_signs_around_it() -> None:
    made = text.html("now ($x$), and $y$ too: $z$.")
    assert made.startswith('now <span class="tied">(<math')
    assert "</math>),</span> and <math" in made
    assert made.endswith("</math>.</span>")
    assert text.plain("now ($x$), and $y$.") == "now (x), and y."


def test_names_are_listed_as_in_a_sentence() -> None:
    assert [text.listed(names) for names in ([], ["A"], ["A", "B"], ["A", "B", "C"])] == [
        "",
        "A",
        "A and B",
        "A, B and C",
    ]


def test_mathematics_is_read_as_words() -> None:
    assert text.plain(r"$\gamma=\tfrac12$ and $\frac{a+b}{2}$") == "γ=1/2 and (a+b)/2"
    assert text.plain(r"$\mathrm{KL}(\pi_\beta\|\pi_\theta)$") == "KL(π sub β‖π sub θ)"
    assert text.plain(r"$\pi\propto\pi_\beta\,r$") == "π ∝ π sub β r"
    assert text.plain(r"$\textstyle\sum_b Q$") == "Σ sub b Q"
    assert text.plain(r"$|\bar A(s)|$ and $\bar{x}_1$") == "|Ā(s)| and x̄ sub 1"


def test_labels_and_text_alternatives_are_unicode() -> None:
    assert (
        text.plain(r"the **gap** $\theta_1 \leftarrow \gamma\max_{a'} Q(s',a')$")
        == "the gap θ sub 1 ← γ max sub a′ Q(s′,a′)"
    )
    assert text.runs(r"$\pi_\beta$ now") == [["π", "i"], ["β", "sub"], [" now", ""]]
    assert text.runs("plain") == "plain"


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (0.8181818, "0.8182"),
        (-1, "−1"),
        (float("inf"), "∞"),
        (3.4e38, "3.4·10³⁸"),
        (0, "0"),
        (1e-5, "10⁻⁵"),
        (1234.5, "1234"),
    ],
)
def test_numbers_are_written_as_people_write_them(value: float, said: str) -> None:
    assert text.number(value) == said


def test_numbers_without_a_value_survive_encoding() -> None:
    line = Line("growth", (0, 1, 2), (1.0, float("nan"), float("inf")))
    made = picture_json(Lines(title="T", x=Axis("x"), y=Axis("y"), lines=(line,)))
    assert made["lines"][0]["y"] == [1.0, None, "inf"]
    assert "∞" in made["alt"]


def test_the_text_alternative_reads_the_drawn_numbers() -> None:
    bars = Bars(
        title="Policy",
        categories=("$a^+$", "$a^-$"),
        y=Axis("p"),
        bars=(Bar("learned", (0.9, 0.1), targets=(0.5, 0.5)),),
    )
    assert picture_json(bars)["alt"] == "Policy. learned: a+ 0.9 (exact 0.5), a− 0.1 (exact 0.5)."
    assert picture_json(Words(title="T", text="own", alt="said better"))["alt"] == "T. said better"
    checks = Checks(title="Does it work?", checks=(Check(True, "**Positive**: yes."), Check(None, "flat.")))
    assert picture_json(checks)["alt"] == "Does it work? yes: Positive: yes; not applicable: flat."
