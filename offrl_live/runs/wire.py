"""Binary messages: a JSON header that names its arrays, then the arrays' bytes.

`uint32 little-endian header length | JSON header | payload`. The header's `fields` list each array's name, dtype, shape
and offset from the payload's start; arrays are little-endian, C-ordered and 4-byte aligned. One format serves the pipe
between worker and server and the socket between server and viewer (docs/protocol.md).
"""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

_LENGTH = struct.Struct("<I")
_CODES = {"float32": "f4", "float16": "f2", "uint8": "u1", "int32": "i4", "bool": "b1"}
_DTYPES = {code: np.dtype(name).newbyteorder("<") for name, code in _CODES.items()}
_NARROW = {"float64": np.float32, "int64": np.int32}
MAX_HEADER_BYTES = 64_000_000

# A quantised array keeps 255 for NaN, so its numbers span 0 … 254.
_LEVELS = 254


class WireError(ValueError):
    """Bytes that are not a message of this protocol; the message says what is wrong."""


def json_data(value: Any) -> Any:
    """`value` as plain JSON data: numpy turned into Python, tuples into lists, numbers that JSON lacks into None."""
    if isinstance(value, Mapping):
        return {str(key): json_data(item) for key, item in value.items()}
    if isinstance(value, np.ndarray):
        return json_data(value.tolist())
    if isinstance(value, (list, tuple, set, frozenset)):
        return [json_data(item) for item in value]
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def dumps(value: Any) -> str:
    """Compact JSON of plain data; raises ValueError where a number is not finite."""
    return json.dumps(value, separators=(",", ":"), allow_nan=False, ensure_ascii=False)


class Quantised(NamedTuple):
    """An array already on its linear scale of bytes (see `quantise`)."""

    data: Array
    lo: float
    hi: float

    @property
    def nbytes(self) -> int:
        """Bytes on the wire."""
        return int(self.data.nbytes)


def quantise(array: Array) -> Quantised:
    """`array` as bytes on a linear scale: `lo + (hi − lo)·byte/254`, 255 for NaN; infinities take the ends.

    The scale's ends are the smallest and the largest finite value, 0 and 1 when there is none.
    """
    finite = array[np.isfinite(array)]
    lo, hi = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 1.0)
    span = (hi - lo) or 1.0
    with np.errstate(invalid="ignore"):
        # In float64: a diverging Q spans more than float32 holds, a vanished one less than it can divide by.
        levels = np.clip(np.rint((array.astype(np.float64) - lo) / span * _LEVELS), 0, _LEVELS)
    return Quantised(np.where(np.isnan(levels), 255, levels).astype(np.uint8), lo, hi)


class Packer:
    """Collects arrays into one payload, with the header entries that find them again."""

    def __init__(self) -> None:
        self._parts: list[bytes | memoryview] = []
        self._size = 0

    def add(self, name: str, array: Array | Quantised) -> dict[str, Any]:
        """Append one array and return its header entry; float64 and int64 are narrowed to 4 bytes."""
        entry: dict[str, Any] = {"name": name}
        if isinstance(array, Quantised):
            array, entry["lo"], entry["hi"] = array
        kind = array.dtype.name
        if kind in _NARROW:
            with np.errstate(over="ignore"):
                array = array.astype(_NARROW[kind])
            kind = array.dtype.name
        if kind not in _CODES:
            raise WireError(f"{name} is {kind}; the wire carries {', '.join(_CODES)}")
        entry |= {"dtype": _CODES[kind], "shape": list(array.shape), "offset": self._size}
        data = np.ascontiguousarray(array, dtype=_DTYPES[_CODES[kind]])
        self._append(data.data.cast("B") if data.size else b"")
        return entry

    def _append(self, data: bytes | memoryview) -> None:
        padding = -len(data) % 4
        self._parts.append(data)
        if padding:
            self._parts.append(bytes(padding))
        self._size += len(data) + padding

    def __len__(self) -> int:
        return self._size

    def message(self, header: Mapping[str, Any]) -> bytes:
        """The whole message under `header`."""
        head = dumps(header).encode()
        head += b" " * (-len(head) % 4)  # so that the payload, too, begins 4-byte aligned
        return b"".join([_LENGTH.pack(len(head)), head, *self._parts])


def encode(header: Mapping[str, Any], fields: Mapping[str, Array | Quantised]) -> bytes:
    """One message of `header` (its `fields` are filled in) and the arrays in `fields`."""
    packer = Packer()
    return packer.message({**header, "fields": [packer.add(name, array) for name, array in fields.items()]})


def unpack(entries: Sequence[Mapping[str, Any]], payload: memoryview) -> dict[str, Array]:
    """The arrays that header `entries` name in `payload`, quantised ones back on their scale (float32).

    Raises:
        WireError: an entry has an unknown dtype or a negative size, or reaches beyond the payload.
    """
    arrays = {}
    for entry in entries:
        try:
            dtype, shape, offset = _DTYPES[entry["dtype"]], [int(n) for n in entry["shape"]], int(entry["offset"])
            name = str(entry["name"])
        except (KeyError, TypeError, ValueError) as error:
            raise WireError(f"a field's entry is not understood: {entry!r}") from error
        count = math.prod(shape)
        if min(shape, default=0) < 0 or offset < 0 or offset + count * dtype.itemsize > len(payload):
            raise WireError(f"field {name!r} reaches beyond the message")
        array = np.frombuffer(payload, dtype=dtype, count=count, offset=offset).reshape(shape)
        if "lo" in entry:
            lo, hi = float(entry["lo"]), float(entry["hi"])
            values = lo + (hi - lo) * (array.astype(np.float64) / _LEVELS)
            array = np.where(array == 255, np.float32(np.nan), values).astype(np.float32)
        arrays[name] = array
    return arrays


def split(message: bytes | memoryview) -> tuple[dict[str, Any], memoryview]:
    """A message's header and its payload, without copying.

    Raises:
        WireError: the bytes are cut short or the header is not a JSON object.
    """
    view = memoryview(message)
    if len(view) < 4:
        raise WireError("a message needs at least 4 bytes")
    (length,) = _LENGTH.unpack(view[:4])
    if length > min(len(view) - 4, MAX_HEADER_BYTES):
        raise WireError(f"the header claims {length} bytes, the message has {len(view) - 4}")
    try:
        header = json.loads(bytes(view[4 : 4 + length]))
    except ValueError as error:
        raise WireError("the header is not JSON") from error
    if not isinstance(header, dict):
        raise WireError("the header is not a JSON object")
    return header, view[4 + length :]


def decode(message: bytes | memoryview) -> tuple[dict[str, Any], dict[str, Array]]:
    """A message's header and arrays; the inverse of `encode`."""
    header, payload = split(message)
    return header, unpack(header.get("fields", []), payload)
