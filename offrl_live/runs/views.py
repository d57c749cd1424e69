"""What one viewer sees of a run's frames, as messages of the wire."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from offrl_live.runs.timeline import Frame
from offrl_live.runs.wire import Packer, Quantised, encode, quantise

Array = npt.NDArray[Any]

MODES = ("q", "v", "policy", "data", "weights", "advantages", "truth", "behavior")
_TABLE_OF_MODE = {"truth": "q_pi", "data": "q"}
_ROWS = ("q", "policy", "advantages", "weights", "q_pi", "behavior", "allowed")

LARGE_BYTES = 48_000
MANY_BYTES = 256_000
CHUNK_BYTES = 256_000


@dataclass(frozen=True, slots=True)
class View:
    """What a viewer looks at.

    Attributes:
        member: the member whose numbers are read.
        members: the members drawn as worlds side by side; empty for `member` alone.
        mode: which table the world shows; decides what large worlds send.
        state: the selected state.
        reads: whether it is shown what targets read; what is sent of a frame is the same either way.
    """

    member: int = 0
    members: tuple[int, ...] = ()
    mode: str = "q"
    state: int | None = None
    reads: bool = field(default=False, compare=False)

    @property
    def watched(self) -> tuple[int, ...]:
        """Every member looked at."""
        return self.members or (self.member,)


Cache = dict[Any, Any]


def frame_message(frame: Frame, view: View, cache: Cache | None = None) -> bytes:
    """Binary `frame`; `cache` shares the work between the viewers of one frame."""
    cache = {} if cache is None else cache
    if (message := cache.get(view)) is None:
        packer = Packer()
        message = packer.message({"kind": "frame", **_pack(packer, frame, view, cache)})
        cache[view] = message
    return bytes(message)


def frames_messages(kind: str, frames: Iterable[Frame], view: View, **header: Any) -> Iterator[bytes]:
    """Binary `backlog` or `history` messages of many frames, oldest first, about 256 kB each."""
    packer, headers = Packer(), []
    for frame in frames:
        headers.append(_pack(packer, frame, view, {}))
        if len(packer) >= CHUNK_BYTES:
            yield packer.message({"kind": kind, **header, "frames": headers})
            packer, headers = Packer(), []
    yield packer.message({"kind": kind, **header, "frames": headers})


def frames_recorded(frames: Iterable[Frame], members: Sequence[int]) -> Iterator[bytes]:
    """Binary `backlog` messages of many frames with all tables of `members`, for a recording."""
    packer, headers = Packer(), []
    for frame in frames:
        there = [m for m in members if m in frame.members]
        at = [frame.members.index(m) for m in there]
        header = {"seq": frame.seq, "step": frame.step, "member": there[0] if there else 0, "members": there}
        entries = [packer.add("metrics", frame.metrics)]
        for name, table in frame.fields.items() if there else ():
            entries.append(packer.add(name, table[at]))
        headers.append({**header, "time": frame.time, "rate": round(frame.rate, 1), "fields": entries})
        if len(packer) >= CHUNK_BYTES:
            yield packer.message({"kind": "backlog", "frames": headers})
            packer, headers = Packer(), []
    yield packer.message({"kind": "backlog", "frames": headers})


def selected_message(frames: Sequence[Frame], view: View, **header: Any) -> bytes:
    """Binary `selected`: the selected state's rows `(F, rows, A)` in every frame that has the viewed member."""
    known = [frame for frame in frames if view.member in frame.members]
    names = [n for n in _ROWS if any(n in frame.fields for frame in known)]
    width = next((frame.fields[n].shape[2] for frame in known for n in names if n in frame.fields), 0)
    rows = np.full((len(known), len(names), width), np.nan, np.float32)
    for f, frame in enumerate(known):
        slot = frame.members.index(view.member)
        for r, name in enumerate(names):
            if name in frame.fields:
                rows[f, r] = frame.fields[name][slot, view.state]
    described = {"state": view.state, "member": view.member, "rows": names, "steps": [frame.step for frame in known]}
    return encode({"kind": "selected", **header, **described}, {"selected": rows})


def is_large(frame: Frame) -> bool:
    """Whether one member's tables are too large to be sent whole."""
    return _member_bytes(frame) > LARGE_BYTES


def _member_bytes(frame: Frame) -> int:
    return sum(table.nbytes for table in frame.fields.values()) // max(1, len(frame.members))


def _pack(packer: Packer, frame: Frame, view: View, cache: Cache) -> dict[str, Any]:
    """Add what `view` sees of a frame and return the frame's header."""
    header: dict[str, Any] = {
        "seq": frame.seq,
        "step": frame.step,
        "member": view.member,
        "time": frame.time,
        "rate": round(frame.rate, 1),
    }
    watched = [m for m in view.watched if m in frame.members]
    fields: list[tuple[str, Array | Quantised]] = [("metrics", frame.metrics)]
    if not watched:
        header["members"] = []
    else:
        if view.members:
            header["members"] = watched
            at: Any = [frame.members.index(m) for m in watched]
        else:
            at = frame.members.index(view.member)
        total = _member_bytes(frame) * len(watched)
        if is_large(frame) or total > MANY_BYTES:
            names = _shown(frame, view.mode, alone=not view.members)
            fields += [(name, _small(name, frame, at, cache)) for name in names]
            if view.state is not None:
                rows = [n for n in _ROWS if n in frame.fields]
                stack = np.stack([frame.fields[n][at][..., view.state, :].astype(np.float32) for n in rows], axis=-2)
                fields.append(("selected", stack))
                header["selected"] = {"state": view.state, "rows": rows}
        else:
            fields += [(name, table[at]) for name, table in frame.fields.items()]
    header["fields"] = [packer.add(name, array) for name, array in fields]
    return header


def _shown(frame: Frame, mode: str, *, alone: bool) -> list[str]:
    """The tables of a large world that fit into a frame: what the mode shows first."""
    wanted = _TABLE_OF_MODE.get(mode, mode)
    names = [wanted, "v", "q", "policy"] if alone else [wanted]
    if alone and wanted in ("q", "v", "policy"):
        names += ["allowed", "reads", "reads_share"]
    return [name for name in dict.fromkeys(names) if name in frame.fields]


def _small(name: str, frame: Frame, at: Any, cache: Cache) -> Array | Quantised:
    """A table for a picture: 255 levels. Its numbers are not to be read; those of the selected state are sent whole."""
    key = (name, str(at))
    if key not in cache:
        table = frame.fields[name][at]
        cache[key] = quantise(table) if table.dtype == np.float32 and name != "v" else table
    found: Array | Quantised = cache[key]
    return found
