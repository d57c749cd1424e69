"""Lists and structures that were written into cells of text: JSON, what Python, NumPy, PyTorch and MATLAB print."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from offrl_core.formats.base import FileError

_NUMBER = r"[-+]?(?:\d+(?:\.\d*)?(?:[eE][-+]?\d+)?|\.\d+(?:[eE][-+]?\d+)?|inf(?:inity)?|Infinity|nan|NaN)"
_TOKEN = re.compile(
    r"\s*(?:"
    rf"(?P<number>{_NUMBER})(?![\w.])"
    r"|(?P<word>True|true|False|false|None|null)\b"
    r"|(?P<text>\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*')"
    r"|(?P<open>(?:np\.|numpy\.)?array\(|(?:torch\.)?tensor\(|[\[({])"
    r"|(?P<close>[\])}])"
    r"|(?P<comma>[,;])"
    r"|(?P<colon>:)"
    r"|(?P<kind>dtype=[\w.'<>]+|device='[\w:]+'|requires_grad=\w+)"
    r"|(?P<dots>\.\.\.)"
    r")"
)
_SCALAR = re.compile(r"\b(?:np|numpy)\.(?:float|int|uint|bool)_?\d*\(([^()]*)\)")
"""How NumPy prints a number that stands in a list of Python's."""

_BARE = re.compile(rf"{_NUMBER}(?:(?:\s*[;|]\s*|,?\s+){_NUMBER})+")
_NEGATIVE = re.compile(rf"\(\s*{_NUMBER}\s*\)")  # as accounts write it; a tuple of one number is `(1,)`
_DECIMAL = r"[-+]?\d*\.\d+(?:[eE][-+]?\d+)?"
_BARE_WITH_COMMAS = re.compile(rf"{_DECIMAL}(?:,{_DECIMAL})+")  # `1.234,5` is one number
_WORDS = {"True": "true", "true": "true", "False": "false", "false": "false", "None": "null", "null": "null"}
_PAIRS = {"[": "]", "(": ")", "{": "}"}
_BEGINS, _ENDS = ("number", "word", "text", "dots", "open"), ("number", "word", "text", "dots", "close")
_LONGEST = 200_000
_LEFT_OUT = "numbers were left out ('...') when it was written; write all of them, for instance as JSON"


def is_structured(words: pa.Array) -> bool:
    """Whether one of these texts is a list or a structure: in brackets, and nothing in it but its parts.

    Without brackets, all must be as many numbers, some of them with a decimal point: `10 30` may be a name.
    """
    texts = [word for word in words.to_pylist() if word and not word.isspace()]
    return any(_bracketed(word) and _tokens(word) is not None for word in texts) or _are_bare(texts)


def _are_bare(texts: Sequence[str]) -> bool:
    if not texts or max(map(len, texts)) > _LONGEST:
        return False
    if not all(_BARE.fullmatch(text.strip()) or _BARE_WITH_COMMAS.fullmatch(text) for text in texts):
        return False
    numbers = [re.findall(_NUMBER, text) for text in texts]
    return len({len(row) for row in numbers}) == 1 and any("." in number for row in numbers for number in row)


def parse(words: pa.Array, indices: pa.Array, name: str) -> pa.Array:
    """These texts as lists or structures, null where empty.

    Args:
        words: distinct texts.
        indices: which text stands in which row, to name the row of one that cannot be read.
        name: of the column.

    Raises:
        FileError: one of them is neither, or they do not all have one form.
    """
    found: list[Any] = []
    texts = words.to_pylist()
    bare = _are_bare([word for word in texts if word and not word.isspace()])
    for place, word in enumerate(texts):
        try:
            found.append(_parsed(f"[{word.replace('|', ' ')}]" if bare and word.strip() else word))
        except ValueError as error:
            row = int(np.flatnonzero(np.asarray(indices.fill_null(-1)) == place)[0]) + 1
            shown = word if len(word) <= 40 else f"{word[:40]} …"
            raise FileError(
                f"{shown!r} is not a list or a structure as other cells of this column are: {error}",
                row=row,
                column=name,
            ) from error
    try:
        return pa.array(found)
    except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError) as error:
        raise FileError(
            "its cells hold lists or structures of different forms; each row needs one of the same parts", column=name
        ) from error


def _bracketed(word: str) -> bool:
    text = word.strip()
    return text[:1] in "[({ant" and text[-1:] in "])}" and len(text) <= _LONGEST and _NEGATIVE.fullmatch(text) is None


def _parsed(word: str) -> Any:
    """A list or a dict; None where there is nothing.

    Raises:
        ValueError: it is something else.
    """
    if not word.strip():
        return None
    try:
        found = json.loads(word)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error
    except ValueError:
        if "..." in word:
            raise ValueError(_LEFT_OUT) from None
        found = _printed(word)
    if not isinstance(found, (list, dict)):
        raise ValueError("it is a single value")
    return found


def _printed(word: str) -> Any:
    """What Python or NumPy printed."""
    text = _tokens(word) if _bracketed(word) else None
    try:
        return json.loads(text or "")
    except (ValueError, RecursionError):
        raise ValueError("it is not written as one") from None


def _tokens(word: str) -> str | None:
    """What Python or NumPy printed, written as JSON; None where it is made of anything else."""
    out: list[str] = []
    kinds: list[str] = []
    opened: list[str] = []
    place, values = 0, 0
    text = _SCALAR.sub(r"\1", word.strip())
    while place < len(text):
        match = _TOKEN.match(text, place)
        if match is None:
            return None
        place, kind = match.end(), str(match.lastgroup)
        token = match[kind]
        if kind == "kind":
            continue
        if kind == "open":
            opened.append(token[-1])
        elif kind == "close" and (not opened or _PAIRS[opened.pop()] != token):
            return None  # `(0, 3]` is an interval
        if kinds and kind in _BEGINS and kinds[-1] in _ENDS:
            out.append(",")  # NumPy puts blanks between numbers
        while kind == "close" and out and out[-1] == ",":
            out.pop()
        if kind == "colon" and kinds and kinds[-1] == "number":
            out[-1] = json.dumps(out[-1])  # JSON knows no numbers as keys
        values += kind in ("number", "text", "colon", "dots") or token in ("True", "true", "False", "false")
        kinds.append(kind)
        out.append(_as_json(kind, token))
    return "".join(out) if values or kinds == ["open", "close"] else None


def _as_json(kind: str, token: str) -> str:
    if kind == "word":
        return _WORDS[token]
    if kind == "text":
        return json.dumps(token[1:-1].replace('\\"', '"').replace("\\'", "'"))
    if kind == "number":
        return _number(token)
    if kind == "open":
        return "{" if token == "{" else "["
    if kind == "close":
        return "}" if token == "}" else "]"
    return "," if kind == "comma" else token


def _number(token: str) -> str:
    plain = token.lstrip("+").lower().replace("infinity", "inf")
    if "nan" in plain:
        return "NaN"
    if "inf" in plain:
        return "-Infinity" if plain.startswith("-") else "Infinity"
    sign, digits = ("-", plain[1:]) if plain.startswith("-") else ("", plain)
    whole, dot, rest = digits.partition(".")
    if not dot:
        return sign + (whole if "e" in whole else str(int(whole)))
    fraction = rest if rest[:1].isdigit() else f"0{rest}"
    return f"{sign}{whole or 0}.{fraction}"
