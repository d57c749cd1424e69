"""A guess of which column is what, from the names and kinds of columns."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from offrl_core.formats.mapping import ColumnInfo, ColumnMapping
from offrl_core.formats.names import NAMES, plain_name
from offrl_core.formats.words import look_measured

_STATE_PREFIX = re.compile(r"^(state|states|obs|observation|observations|s|o|x|feature)_?(\d+|_.+)$|^[soxf]_?\d+$")
_NEXT = re.compile(r"^(next|new)_(?P<a>.+)$|^(?P<b>.+)_(next|prime|after)$|^(?P<c>.+)_next(?P<d>_?\d+)$")
_LATER = re.compile(r"^(?P<base>.+_t)(p1|_?1|_plus_1)$")
_SECOND = re.compile(r"^(?P<base>.+?)_?2$")
_NEVER = re.compile(
    r"^(|unnamed.*|index|row|returns?|returns?_to_go|rewards?_to_go|rtg|advantages?|values?|q|v|seed|prob|probability)$"
)
IDENTIFIER = re.compile(r"(^|_)(id|ids|uuid|guid|key|hash|url)$")
_CLOCK = re.compile(r"(^|_)(time|timestamp|datetime|date|ts)$|_at$")
_MEANS_DONE = ("done", "dones", "next_done", "is_done", "d", "end", "ended")
_ROLES = ("action", "reward", "episode", "time", "done", "timeout", "end", "start", "behavior", "propensity")
_PART = re.compile(r"^(actions?|acts?|treatments?|controls?|commands?)_.+$|^a_?\d+$|^.+_action$")
_BEFORE = re.compile(r"^(prev|previous|last)_")
_NO_PART = re.compile(
    r"^(prev|previous|last|next|new)_|_(masks?|space|logits|dist|dist_.*|values?|q|names?|labels?|text)$"
)
FLAGS = ("done", "timeout", "end", "start")


def guess_mapping(columns: Iterable[ColumnInfo]) -> ColumnMapping:
    """A mapping guessed from the columns' names (and kinds); a role that nothing fits stays empty."""
    infos = list(columns)
    plain = {info.name: plain_name(info.name) for info in infos}
    taken = _taken(infos, plain)
    free = [info for info in infos if info.name not in taken.values()]
    parts = [info.name for info in free if _is_action_part(info, plain[info.name])]
    free = [info for info in free if info.name not in parts]
    action = (taken["action"],) if "action" in taken else tuple(parts)
    given = {*plain.values()}
    claimed = {info.name: base for info in free if (base := _next_of(info.name, plain))}
    following = {name: base for name, base in claimed.items() if base in given or _is_state(base)}
    state = [i for i in free if i.name not in following and _is_state(plain[i.name]) and i.kind != "time"]
    # Beside `y2`, `x2` is a coordinate and not the second number of a vector `x`.
    state = [i for i in state if plain[i.name][0] != "x" or f"y{plain[i.name][1:]}" not in given]
    state = [info for info in state if info.kind != "other"] or state
    if not state:
        state = _leftover(free, plain)
        following = {name: base for name, base in claimed.items() if base in {plain[info.name] for info in state}}
        state = [info for info in state if info.name not in following]
    by_base = {base: name for name, base in following.items()}
    next_state = tuple(by_base[plain[info.name]] for info in state if plain[info.name] in by_base)
    if len(state) == len(following) == 1 and {plain[state[0].name], *by_base} <= {*NAMES["state"]}:
        next_state = tuple(following)  # of one thing by two names, as `obs` and `next_state`
    done = taken.get("done")
    return ColumnMapping(
        state=tuple(info.name for info in state),
        action=action or "",
        reward=taken.get("reward", ""),
        next_state=next_state if len(next_state) == len(state) else (),
        both="truncated" if done is not None and "term" not in plain[done] else "terminated",
        **{role: taken.get(role) for role in _ROLES[2:]},  # type: ignore[arg-type]
    )


def _taken(infos: Sequence[ColumnInfo], plain: Mapping[str, str]) -> dict[str, str]:
    """The column of each role but the states."""
    taken: dict[str, str] = {}
    for role in _ROLES:
        names = NAMES[role]
        named = [i for i in infos if plain[i.name] in names and i.name not in taken.values()]
        # What cannot be read is taken where nothing else has the name: then the refusal says why.
        fitting = [i for i in named if _fits(role, i)] or [i for i in named if i.kind == "other"]
        if fitting:
            taken[role] = min(fitting, key=lambda i: names.index(plain[i.name])).name
    if "done" not in taken and plain.get(taken.get("end", "")) in _MEANS_DONE:
        taken["done"] = taken.pop("end")
    if "time" not in taken:
        clocks = [i for i in infos if i.name not in taken.values() and _is_clock(i, plain[i.name])]
        if clocks:
            taken["time"] = clocks[0].name
    return taken


def _leftover(free: Sequence[ColumnInfo], plain: Mapping[str, str]) -> list[ColumnInfo]:
    """Where no name says state: every number that nothing else claims, or else the one column of labels."""
    spare = {name for names in NAMES.values() for name in names}
    claimed = [_next_of(info.name, plain) for info in free]
    left = [
        info
        for info, base in zip(free, claimed, strict=True)
        if not (base and base in plain.values())
        and plain[info.name] not in spare
        and not _NEVER.match(plain[info.name])
        and not IDENTIFIER.search(plain[info.name])
        and not _is_clock(info, plain[info.name])
        and not (_PART.match(plain[info.name]) and not _BEFORE.match(plain[info.name]))
        and (info.distinct or not info.missing)
    ]
    # A column of numbers in which some cell is none is not left out: reading it names that cell.
    numbers = [i for i in left if i.kind in ("integer", "number", "list") or (i.kind == "text" and _measured(i))]
    labels = [info for info in left if info.kind == "text"]
    return numbers or (labels if len(labels) == 1 else [])


def _measured(info: ColumnInfo) -> bool:
    return look_measured([example for example in info.examples if example])


def _is_action_part(info: ColumnInfo, plain: str) -> bool:
    """Whether this is one of several columns of the action, such as `action_x` or `a_0`."""
    if not _PART.match(plain) or _NO_PART.search(plain) or any(plain in names for names in NAMES.values()):
        return False
    return info.kind not in ("time", "other") and not _is_clock(info, plain) and not IDENTIFIER.search(plain)


def _fits(role: str, info: ColumnInfo) -> bool:
    if info.kind == "other" or (info.kind == "time" and role in ("reward", "propensity", *FLAGS)):
        return False
    if role == "propensity":
        return info.kind in ("number", "integer")
    return info.kind != "list" or role not in ("episode", "time", "behavior")


def _is_clock(info: ColumnInfo, plain: str) -> bool:
    return info.kind == "time" or (info.kind in ("integer", "number") and _CLOCK.search(plain) is not None)


def _is_state(plain: str) -> bool:
    if plain in NAMES["state"]:
        return True
    return _STATE_PREFIX.match(plain) is not None and not IDENTIFIER.search(plain)


def _next_of(name: str, plain: Mapping[str, str]) -> str:
    """`next_x` → `x`, and beside `x` also `x_`, `x2`, `x_t+1`; empty where the name does not speak of a next state."""
    if match := _NEXT.match(plain[name]):
        return match["a"] or match["b"] or match["c"] + match["d"]
    others = {short for other, short in plain.items() if other != name}
    if name.endswith("_") and plain[name] in others:
        return plain[name]
    if match := _LATER.match(plain[name]):
        return next((base for base in (match["base"], plain[name].removesuffix("_tp1")) if base in others), "")
    if (match := _SECOND.match(plain[name])) and match["base"] in others & {*NAMES["state"]}:
        counted = any(re.fullmatch(rf"{match['base']}_?[013]", other) for other in others)
        return "" if counted else match["base"]
    return ""
