r"""Rich text of scenes: `**strong**`, `*emphasis*`, `` `code` ``, `$LaTeX$`, blank lines between paragraphs.

`html` is for everything set as a paragraph or a heading (mathematics becomes MathML, which the browser typesets and a
screen reader reads; in paragraphs the glossary's terms lead to what they mean), `runs` for labels inside drawings,
`plain` for text alternatives.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence
from functools import lru_cache
from html import escape

from latex2mathml.converter import convert

from offrl_core import writing
from offrl_core.glossary import linked

ROLES = (
    *(f"a{i}" for i in range(1, 9)),
    *("learned", "truth", "behavior", "data", "missing", "good", "bad", "muted"),
    *(f"c{i}" for i in range(1, 9)),
)

_MARKUP = re.compile(r"\$(?P<math>[^$]+)\$|\*\*(?P<strong>.+?)\*\*|\*(?P<em>[^*]+?)\*|`(?P<code>[^`]+)`")
_SIGNS = """
alpha α beta β gamma γ delta δ epsilon ε varepsilon ε zeta ζ eta η theta θ kappa κ lambda λ mu μ nu ν xi ξ pi π rho ρ
sigma σ tau τ phi φ chi χ psi ψ omega ω Delta Δ Sigma Σ Phi Φ Omega Ω ell ℓ infty ∞ leftarrow ← rightarrow → to →
mapsto ↦ Rightarrow ⇒ cdot · times × pm ± propto ∝ ge ≥ geq ≥ le ≤ leq ≤ ne ≠ neq ≠ approx ≈ in ∈ notin ∉ subset ⊂
cup ∪ cap ∩ emptyset ∅ sum Σ sqrt √ partial ∂ nabla ∇ sim ~ mid | vert | lvert | rvert | Vert ‖ dots … ldots … prime ′
star * ast *
"""
# What only sets or spaces its argument disappears.
_SETTING = (
    *("mathbb", "mathrm", "mathbf", "mathcal", "text", "textstyle", "operatorname"),
    *("left", "right", "bigl", "bigr", "big", "hat", "frac", "tfrac"),
)
_COMMANDS = {
    **dict(re.findall(r"(\w+) (\S+)", _SIGNS)),
    **dict.fromkeys(_SETTING, ""),
    "quad": "  ",
    "qquad": "   ",
    "log": " log ",
    "max": " max ",
    "min": " min ",
}
# A function's name stands apart from its argument, unless a bracket follows.
_FUNCTION = re.compile(r"<mi>(log|exp|arg)</mi>(?!<mo[^>]*>(?:&#x00028;|\())")
# A sign with a line above it, as in Ā.
_OVERLINED = re.compile(r"\\bar\s*(?:\{(\w)\}|(\w))")
# A bar of an absolute value is no operator with room on both sides.
_BAR = re.compile(r'<mo(?: stretchy="false")?>&#x0007C;</mo>')
# The glyph of a prime is raised already; as an exponent it would float.
_PRIME = re.compile(r"<msup>(<mi>[^<]*</mi>)<mi>(&#x0203[23];)</mi></msup>")
_MATHCOLOR = re.compile(r'mathcolor="([^"]*)"')


@lru_cache(4096)
def mathml(latex: str) -> str:
    """MathML for a piece of LaTeX; `\\color{role}{…}` takes the picture roles as colours."""
    known = convert(latex).replace(r"<mi>\arg</mi>", "<mi>arg</mi>")  # the one function that the converter lacks
    made = _BAR.sub(r'<mo stretchy="false" lspace="0" rspace="0">|</mo>', known)
    made = _PRIME.sub(r'<mrow>\1<mo lspace="0" rspace="0">\2</mo></mrow>', made)
    made = _FUNCTION.sub(r'<mi>\1</mi><mspace width="0.16em" />', made)
    return _MATHCOLOR.sub(lambda m: f'class="role-{m[1]}"' if m[1] in ROLES else "", made)


@lru_cache(4096)
def html(text: str, *, block: bool = False) -> str:
    """Safe HTML of a rich text; `block=True` wraps paragraphs, in which terms can be looked up."""
    if not block:
        return _html(text, _escaped)
    seen: set[str] = set()

    def words(part: str) -> str:
        return linked(_escaped(part), seen)

    return "".join(f"<p>{_html(part, words)}</p>" for part in re.split(r"\n\s*\n", text.strip()) if part.strip())


def _escaped(text: str) -> str:
    return escape(text, quote=False)


def _html(text: str, words: Callable[[str], str]) -> str:
    """HTML of a rich text; `words` makes that of what stands between the markup."""
    made, end = [], 0
    for found in _MARKUP.finditer(text):
        before = text[end : found.start()]
        end = found.end()
        if found["math"]:
            # A line may break beside a formula, but not between it and the signs that enclose or end it.
            plain_before, after = before.rstrip("(["), text[end:]
            opening, closing = before[len(plain_before) :], after[: len(after) - len(after.lstrip(").,:;?!]"))]
            made.append(words(plain_before))
            end += len(closing)
            formula = mathml(found["math"])
            made.append(f'<span class="tied">{opening}{formula}{closing}</span>' if opening or closing else formula)
            continue
        made.append(words(before))
        if found["strong"]:
            made.append(f"<strong>{_html(found['strong'], words)}</strong>")
        elif found["em"]:
            made.append(f"<em>{_html(found['em'], words)}</em>")
        else:
            made.append(f"<code>{_escaped(found['code'])}</code>")
    made.append(words(text[end:]))
    return "".join(made)


@lru_cache(4096)
def runs(text: str) -> str | list[list[str]]:
    """A label for a drawing: the text, or pieces `[text, "" | "i" | "sub" | "sup"]` where it holds mathematics."""
    if "$" not in text:
        return plain(text)
    pieces: list[list[str]] = []
    end = 0
    for found in re.finditer(r"\$([^$]+)\$", text):
        if found.start() > end:
            pieces.append([plain(text[end : found.start()], strip=False), ""])
        pieces += _latex_runs(found[1])
        end = found.end()
    if end < len(text):
        pieces.append([plain(text[end:], strip=False), ""])
    return pieces


@lru_cache(4096)
def plain(text: str, *, strip: bool = True) -> str:
    """The text without markup, mathematics in Unicode: for text alternatives."""

    def put(found: re.Match[str]) -> str:
        if found["math"]:
            said = ""
            for piece, kind in _latex_runs(found["math"]):
                # A lowered sign is a word of its own: what follows must not run into it.
                apart = " " if re.search(r" sub \S+$", said) and piece[:1].isalnum() else ""
                said += apart + _said(piece, kind)
            return said
        return plain(found["strong"] or found["em"] or found["code"])

    made = _MARKUP.sub(put, text)
    return " ".join(made.split()) if strip else made


def _said(piece: str, kind: str) -> str:
    if kind == "sub":
        return f" sub {piece}"
    if kind == "sup" and piece not in "+−*′":
        return f"^{piece}" if len(piece) == 1 else f"^({piece})"
    return piece


def _fraction(found: re.Match[str]) -> str:
    above, below = found[1] or found[2], found[3] or found[4]
    return "/".join(part if re.fullmatch(r"\w+", part) else f"({part})" for part in (above, below))


def _latex_runs(latex: str) -> list[list[str]]:
    flat = re.sub(r"\\color\{[a-z0-9]+\}", "", latex).replace(r"\|", "‖")
    flat = re.sub(r"\\[dt]?frac(?:\{([^{}]*)\}|(\w))(?:\{([^{}]*)\}|(\w))", _fraction, flat)
    flat = _OVERLINED.sub(lambda m: unicodedata.normalize("NFC", (m[1] or m[2]) + "\u0304"), flat)
    flat = re.sub(r"\\([,;:! ])", " ", flat).replace("\\{", "{{").replace("\\}", "}}")
    flat = re.sub(r"\\([A-Za-z]+)\s*", lambda m: _COMMANDS.get(m[1], m[1]), flat)
    flat = re.sub(r"\s*([←→⇒↦∝≥≤≠≈])\s*", r" \1 ", flat).replace("-", "−").replace("'", "′")
    made: list[list[str]] = []
    for found in re.finditer(r"([_^])(?:\{([^{}]*)\}|(.))|([^_^]+)", flat):
        if found[4] is None:
            made.append([found[2] if found[2] is not None else found[3], "sub" if found[1] == "_" else "sup"])
        else:
            made.append([re.sub(r"[{}]", "", found[4]), "i" if re.search(r"[A-Za-zα-ω]", found[4]) else ""])
    return made


def listed(names: Sequence[str]) -> str:
    """Names in a sentence: `A`, `A and B`, `A, B and C`."""
    return " and ".join([", ".join(names[:-1]), *names[-1:]] if len(names) > 1 else names)


def number(value: float, digits: int = 4) -> str:
    """A number as people write it: `0.8182`, `−1`, `∞`, `3.4·10³⁸`; four digits, to be compared with a closed form."""
    return writing.number(value, digits)
