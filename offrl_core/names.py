"""Names that are looked up: what is said of one that nothing has."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import TypeVar

_LONGEST = 60

Found = TypeVar("Found")


def did_you_mean(name: object, known: Iterable[str]) -> str:
    """` (did you mean 'learning_rate'?)` where a known name is like `name`, else nothing.

    Capitals and what parts words do not count, and initials (`lr`) stand for their words.
    """
    if not isinstance(name, str) or not 0 < len(name) <= _LONGEST:
        return ""
    names = list(known)
    bare = {re.sub(r"[\W_]", "", one.lower()): one for one in reversed(names)}
    initials = {"".join(re.findall(r"(?:^|[\W_])([^\W_])", one.lower())): one for one in reversed(names)}
    asked = re.sub(r"[\W_]", "", name.lower())
    found = bare.get(asked) or (initials.get(asked) if len(asked) > 1 else None)
    if found is None:
        # Letters in another order are nearer than letters left out.
        near = sorted(get_close_matches(asked, bare), key=lambda one: sorted(one) != sorted(asked))
        found = bare[near[0]] if near else None
    return f" (did you mean {found!r}?)" if found else ""


def unknown(kind: str, name: object, known: Iterable[str]) -> str:
    """What is said of a name that nothing has: `unknown metric 'retrun' (did you mean 'return'?); there are …`."""
    names = list(known)
    return f"unknown {kind} {name!r}{did_you_mean(name, names)}; there are {', '.join(names) or 'none'}"


class Named(dict[str, Found]):
    """Things of one kind by name; a name that is not there is answered with the names that are."""

    def __init__(self, kind: str, entries: Mapping[str, Found]) -> None:
        super().__init__(entries)
        self.kind = kind

    def __missing__(self, name: object) -> Found:
        raise KeyError(unknown(self.kind, name, self))
