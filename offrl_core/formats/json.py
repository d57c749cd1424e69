"""JSON: records one after the other or in a list, columns of lists, episodes with their steps, and RLlib's batches."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import suppress
from functools import lru_cache, partial
from itertools import islice
from typing import Any

import pyarrow as pa

from offrl_core.formats.base import Context, FileError
from offrl_core.formats.mapping import ColumnMapping
from offrl_core.formats.names import NAMES, plain_name
from offrl_core.formats.source import Source
from offrl_core.formats.table import FIRST_ROWS, Loaded, Table
from offrl_core.formats.values import column_of, joined

_BLOCK_ROWS = 20_000
_DEEPEST = 6
_BLANK = re.compile(r"[\s,]*")
_FLAGS = ("done", "timeout", "end")
_EPISODE = "episode"
"""The column that numbers the lists of steps, where the file has none of its own."""

Record = dict[str, Any]
Placed = tuple[Record, int, int]
"""A record, the number of the list of steps it stands in, and that of the value at the top of the file."""


def open_table(source: Source, context: Context) -> Table:
    """The records of a file as a table; nested values are lists and structures.

    Read are: records one after the other (JSON Lines), a list of records, an object of columns (also as pandas writes
    it), lists of episodes, each a list of records or an object of columns, and RLlib's `SampleBatch` objects. A list of
    states that is one longer than the rewards beside it ends with the final state.

    Source: RFC 8259; `rllib.offline.json_writer` of Ray 2; the orients of `pandas.DataFrame.to_json`.
    """
    text = _decoded(source)
    first = _First(_records(text), context)
    if not first.names:
        raise FileError("there is no row of data")
    add = first.lists_are_episodes()
    names = (*first.names, *([_EPISODE] if add else []))
    shown: dict[str, pa.ChunkedArray] = {}
    for name in first.names:
        with suppress(FileError):  # whoever reads it is told
            values = [record.get(name) for record in first.rows[:FIRST_ROWS]]
            shown[name] = pa.chunked_array([column_of(values, name)])
    if add:
        shown[_EPISODE] = pa.chunked_array([pa.array(first.groups[:FIRST_ROWS])])
        context.note("lists-are-episodes", "no column tells episodes apart", "Each list of steps was taken as one.")
    load = partial(_load, text, frozenset(names), add, context)
    return Table(names, shown, load, len(first.rows) if first.whole else None)


def _load(text: str, names: frozenset[str], add: bool, context: Context, mapping: ColumnMapping) -> Loaded:
    parts: dict[str, list[pa.Array]] = {name: [] for name in mapping.columns}
    rows, place, late = 0, [0], set[str]()
    records = _records(text, place)
    while block := list(islice(records, _BLOCK_ROWS)):
        context.limits.check("rows", rows + len(block))
        for record, _, _ in block:
            if not record.keys() <= names:
                late |= record.keys() - names
                context.limits.check("columns", len(names) + len(late))
        for name, pieces in parts.items():
            if add and name == _EPISODE:
                piece = pa.array([group for _, group, _ in block])
            else:
                piece = column_of([record.get(name) for record, _, _ in block], name, rows)
            context.unpack(piece.nbytes, name)
            pieces.append(piece)
        rows += len(block)
        context.progress(0.5 * place[0] / len(text), "parse the text")
    if late:
        context.note(
            "late-columns",
            f"{', '.join(sorted(late)[:20])} first stand after row {FIRST_ROWS:,}",
            f"They were not used; name them in a record of the first {FIRST_ROWS:,}, with null, if they matter.",
            severity="warning",
            count=len(late),
        )
    return rows, lambda name: joined(parts.pop(name), name)


class _First:
    """The first records, the names in them, and the list that each of them stands in."""

    def __init__(self, records: Iterator[Placed], context: Context) -> None:
        self.rows: list[Record] = []
        self.groups: list[int] = []
        self.whole, begun = True, 0
        names: dict[str, None] = {}
        for record, group, value in records:
            begun = begun or value
            if len(self.rows) >= FIRST_ROWS and value != begun:
                self.groups.append(group)
                self.whole = False
                break
            if not record.keys() <= names.keys():
                names.update(dict.fromkeys(record))
                context.limits.check("columns", len(names))
            self.rows.append(record)
            self.groups.append(group)
            context.limits.check("rows", len(self.rows))
        try:
            "".join(names).encode()
        except UnicodeEncodeError as error:
            raise FileError("a name of a column is not valid Unicode") from error
        self.names = tuple(names)

    def lists_are_episodes(self) -> bool:
        """Whether episodes are told by nothing but the lists that their steps stand in."""
        if len(set(self.groups)) < 2 or any(_speaks(name, "episode") for name in self.names):
            return False
        flags = [name for name in self.names if any(_speaks(name, role) for role in _FLAGS)]
        inside = zip(self.rows, self.groups, self.rows[1:], self.groups[1:], strict=False)
        ended = (
            any(record.get(name) in (True, 1) for name in flags)
            for record, group, after, following in inside
            if group == following and any(_speaks(name, "reward") for name in after)
        )
        return not any(ended)


def _decoded(source: Source) -> str:
    data = source.read()
    try:
        return data.decode(json.detect_encoding(data))
    except UnicodeDecodeError as error:
        raise FileError("this is not UTF-8 text; save it as UTF-8") from error


def _records(text: str, place: list[int] | None = None) -> Iterator[Placed]:
    """Every record; `place[0]` tells how far the text has been read."""
    decode = json.JSONDecoder(object_pairs_hook=_object).raw_decode
    unfold = _Unfolding()
    at, end, listed = _skip(text, 0), len(text), False
    if at == end:
        raise FileError("there is no row of data")
    while at < end or listed:
        if not listed and text[at] == "[":
            listed, at = True, _skip(text, at + 1)
            unfold.group += 1
            continue
        if listed and text[at : at + 1] == "]":
            listed, at = False, _skip(text, at + 1)
            continue
        try:
            value, at = decode(text, at)
        except json.JSONDecodeError as error:
            raise FileError(f"this is not JSON: {error.msg} in line {error.lineno}, column {error.colno}") from error
        except RecursionError as error:
            raise FileError("its lists and structures are nested too deeply") from error
        at = _skip(text, at)
        if place is not None:
            place[0] = at
        unfold.value += 1
        yield from unfold.rows(value)


def _skip(text: str, at: int) -> int:
    found = _BLANK.match(text, at)
    return at if found is None else found.end()


def _object(pairs: list[tuple[str, Any]]) -> Record:
    record = dict(pairs)
    if len(record) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise FileError(f"{twice[:80]!r} stands twice in one object")
    return record


class _Unfolding:
    """From the values in a file to records, one per decision."""

    def __init__(self) -> None:
        self.group = self.value = 0
        self._usual: Record = {}  # the last decision, and the name of its reward
        self._reward = ""

    def rows(self, value: Any, above: Record | None = None, depth: int = 0) -> Iterator[Placed]:
        """The records in a value, with what stands `above` them."""
        if depth > _DEEPEST:
            raise FileError("its lists and structures are nested too deeply")
        if isinstance(value, list):
            self.group += 1
            for part in value:
                yield from self.rows(part, above, depth + 1)
            return
        if not isinstance(value, dict):
            raise FileError(
                f'{json.dumps(value)[:40]} stands where a record is needed, such as {{"state": 0, "action": 1, '
                '"reward": 0.5}'
            )
        record = {**above, **value} if above else value
        # Most records are decisions like the one before.
        if record.keys() == self._usual.keys() and not isinstance(record.get(self._reward), (list, dict)):
            yield record, self.group, self.value
            return
        columns = _columns(record)
        if columns is not None:
            self.group += 1
            for row in _of_columns(columns):
                yield row, self.group, self.value
            return
        inner = _steps(record)
        if inner is None:
            reward = next((name for name in record if _speaks(name, "reward")), None)
            if reward is not None:
                self._usual, self._reward = record, reward
            yield record, self.group, self.value
        else:
            single = {name: held for name, held in record.items() if not isinstance(held, (list, dict))}
            yield from self.rows(inner, single, depth + 1)


def _steps(record: Record) -> Any:
    """The list of records that a record wraps; None where it is a decision itself."""
    if any(_speaks(name, role) for name in record for role in ("action", "reward")):
        return None
    if record.keys() >= {"columns", "data"} and isinstance(record["columns"], list):  # pandas' `split`
        return [dict(zip(map(str, record["columns"]), row, strict=True)) for row in record["data"]]
    parts = list(record.values())
    if all(_are_records(held) for held in parts):  # episodes by their names
        return parts
    inner = [held for held in parts if isinstance(held, dict) and held]
    if len(inner) == len(parts) and all(any(_speaks(name, "reward") for name in held) for held in inner):
        return parts  # records or episodes by an index
    columns = [held for held in inner if _columns(held) is not None]
    if len(columns) == 1:
        return columns[0]
    wrapped = [
        held for held in record.values() if isinstance(held, list) and held and isinstance(held[0], (dict, list))
    ]
    return wrapped[0] if len(wrapped) == 1 and not _is_array(wrapped[0]) else None


def _are_records(held: Any) -> bool:
    return isinstance(held, list) and bool(held) and all(isinstance(part, dict) for part in held)


def _is_array(values: list[Any]) -> bool:
    """Whether this is a list of lists of numbers, and not one of records."""
    while isinstance(values, list) and values:
        values = values[0]
    return not isinstance(values, dict)


def _columns(record: Record) -> dict[str, Any] | None:
    """The columns that a record holds as lists; None where it is a single decision."""
    if record.get("type") == "MultiAgentBatch":
        batches = record.get("policy_batches")
        if not isinstance(batches, dict) or len(batches) != 1:
            raise FileError("this RLlib batch is of several policies; write the rows of one policy into a file")
        record = next(iter(batches.values()))
        if not isinstance(record, dict):
            raise FileError("this RLlib batch has no columns")
    rewards = next((held for name, held in record.items() if _speaks(name, "reward")), None)
    if isinstance(rewards, dict) and rewards and all(_same_keys(held, rewards) for held in record.values()):
        return {name: list(held.values()) for name, held in record.items()}  # pandas' `columns`
    if isinstance(rewards, list):
        lengths = {len(held) for held in record.values() if isinstance(held, list)}
        if len(rewards) == 1 and not lengths <= {1, 2}:
            return None  # a single reward in brackets
    elif not (
        rewards is None
        and len(record) > 1
        and all(isinstance(held, list) for held in record.values())
        and len(lengths := {len(held) for held in record.values()}) == 1
        and min(lengths) > 1
        and not any(isinstance(part, dict) for held in record.values() for part in held[:1])
    ):
        return None
    return {name: held for name, held in record.items() if name != "type"}


def _same_keys(held: Any, other: Record) -> bool:
    return isinstance(held, dict) and held.keys() == other.keys()


def _of_columns(columns: dict[str, Any]) -> Iterator[Record]:
    """The rows of columns; states that are one more than the rewards end with the final state."""
    lists = {name: held for name, held in columns.items() if isinstance(held, list)}
    rows = next((len(held) for name, held in lists.items() if _speaks(name, "reward")), None)
    if rows is None:
        rows = len(next(iter(lists.values())))
    longer = [name for name, held in lists.items() if _speaks(name, "state") and len(held) == rows + 1]
    for name, held in columns.items():
        if isinstance(held, str) and _speaks(name.removeprefix("new_"), "state"):
            raise FileError(
                "RLlib packed it as a pickle, which is never opened because it can run code; write the file with "
                "output_compress_columns=[]",
                column=name,
            )
        if name in lists and name not in longer and len(held) != rows:
            raise FileError(f"its list holds {len(held)} values, that of the rewards {rows}", column=name)
    single = {name: held for name, held in columns.items() if name not in lists}
    flags = [name for name in columns if any(_speaks(name, role) for role in (*_FLAGS, "start"))]
    inside = {**single, **{name: False for name in flags if name in single and not _speaks(name, "start")}}
    row: Record = {}
    for index, values in enumerate(zip(*(held[:rows] for held in lists.values()), strict=True)):
        above = single if index == rows - 1 else inside  # the flag of a whole list is that of its last step
        row = {**above, **dict(zip(lists, values, strict=True))}
        yield row
    if longer and rows:
        # The final state shares the flags of the step before it.
        yield {**single, **{name: row[name] for name in flags}, **{name: lists[name][rows] for name in longer}}


@lru_cache(maxsize=10_000)
def _speaks(name: str, role: str) -> bool:
    return plain_name(name) in NAMES[role]
