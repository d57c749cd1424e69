"""The kernel for matrix products gives what numpy gives, whatever the strides."""

from __future__ import annotations

import base64
import json
import subprocess

import numpy as np
import pytest

from offrl_core.learning import products
from offrl_web.products.assembler import signed, unsigned
from offrl_web.products.in_tab import product_of
from offrl_web.products.kernel import DATA, SHAPE, STRIDES, kernel, scratch_bytes

# Puts the arrays and their records into a memory, calls the kernel, and gives back everything from where C begins.
IN_NODE = """
const { module, cases } = JSON.parse(require("fs").readFileSync(0, "utf8"));
const memory = new WebAssembly.Memory({ initial: 64 });
const made = new WebAssembly.Module(Buffer.from(module, "base64"));
const { multiply } = new WebAssembly.Instance(made, { env: { memory } }).exports;
const answers = cases.map(({ image, records, out, size, scratch }) => {
  Buffer.from(memory.buffer).fill(0xff);
  Buffer.from(image, "base64").copy(Buffer.from(memory.buffer));
  multiply(...records, scratch);
  return Buffer.from(memory.buffer, out, size).toString("base64");
});
process.stdout.write(JSON.stringify(answers));
"""

SHAPES = [
    (1, 1, 1),
    (3, 5, 2),
    (4, 8, 16),
    (5, 7, 9),
    (64, 65, 256),
    (64, 512, 65),
    (2, 300, 3),
    (9, 8, 1),
    (17, 41, 33),
]


def _laid(rng: np.random.Generator, lead: int, rows: int, columns: int, turned: bool) -> np.ndarray:
    """Numbers inside a larger array, as slices of a network's layers lie, or the transpose of such."""
    shape = (lead, columns, rows) if turned else (lead, rows, columns)
    inside = rng.normal(size=(shape[0], shape[1] + 1, shape[2] + 3)).astype(np.float32)[:, 1:, 1:-2]
    return inside.swapaxes(1, 2) if turned else inside


class Memory:
    """A copy of arrays as they lie, with records as numpy has them on 32 bits."""

    def __init__(self) -> None:
        self.image = bytearray(64)

    def put(self, data: bytes) -> int:
        place = len(self.image)
        self.image += data + bytes(-len(data) % 16)
        return place

    def record(self, array: np.ndarray) -> int:
        root = array
        while isinstance(root.base, np.ndarray):
            root = root.base
        start = self.put(root.tobytes()) + array.ctypes.data - root.ctypes.data
        where = {
            DATA: start,
            SHAPE: self.put(np.array(array.shape, "<i4").tobytes()),
            STRIDES: self.put(np.array(array.strides, "<i4").tobytes()),
        }
        words = np.zeros(6, "<i4")
        for place, value in where.items():
            words[place // 4] = value
        return self.put(words.tobytes())


@pytest.mark.parametrize("members", [1, 3])
def test_products_are_numpys(members: int):
    """Members with their own matrix or with one for all, transposed or not, wide, narrow and tiny."""
    rng = np.random.default_rng(0)
    cases, known = [], []
    for m, n, k in SHAPES:
        for a_lead, b_lead, a_turned, b_turned in [
            (members, members, False, False),
            (1, members, True, False),
            (members, 1, False, True),
            (members, members, True, True),
        ]:
            a, b = _laid(rng, a_lead, m, k, a_turned), _laid(rng, b_lead, k, n, b_turned)
            memory, room = Memory(), np.full((members, m + 1, n + 3), 7, np.float32)
            records = [memory.record(a), memory.record(b)]
            out = len(memory.image)
            records.append(memory.record(room[:, :m, :n]))
            scratch = memory.put(bytes(scratch_bytes(m, k)))
            image = base64.b64encode(memory.image).decode()
            cases.append({"image": image, "records": records, "out": out, "size": room.nbytes, "scratch": scratch})
            room[:, :m, :n] = a.astype(np.float64) @ b
            known.append(room)
    order = {"module": base64.b64encode(kernel()).decode(), "cases": cases}
    done = subprocess.run(
        ["node", "-e", IN_NODE], input=json.dumps(order), capture_output=True, text=True, timeout=60, check=True
    )
    for answer, expected in zip(json.loads(done.stdout), known, strict=True):
        found = np.frombuffer(base64.b64decode(answer), np.float32).reshape(expected.shape)
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-4)  # beside the product, nothing was written


def test_what_is_small_is_left_to_numpy():
    called = []
    product = product_of(lambda *records: called.append(records))
    a, b, out = np.ones((1, 2, 3), np.float32), np.ones((1, 3, 4), np.float32), np.empty((1, 2, 4), np.float32)
    product(a, b, out)
    assert (out == 3).all()
    assert not called
    large = np.ones((1, 64, 64), np.float32)
    product(large, large, np.empty_like(large))
    ((*records, scratch),) = called
    assert records[:2] == [id(large), id(large)]
    assert scratch > 0


def test_networks_multiply_with_numpy_unless_told_otherwise():
    assert products.product is np.matmul


@pytest.mark.parametrize(
    ("number", "as_unsigned", "as_signed"),
    [(0, "00", "00"), (63, "3f", "3f"), (64, "40", "c000"), (127, "7f", "ff00"), (128, "8001", "8001")],
)
def test_numbers_are_written_in_leb128(number: int, as_unsigned: str, as_signed: str):
    assert (unsigned(number).hex(), signed(number).hex()) == (as_unsigned, as_signed)
    assert (signed(-1).hex(), signed(-64).hex(), signed(-65).hex(), signed(-128).hex()) == ("7f", "40", "bf7f", "807f")
