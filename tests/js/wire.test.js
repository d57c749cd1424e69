import assert from "node:assert/strict";
import { test } from "node:test";
import { gzipSync } from "node:zlib";
import { decode, fieldsOf, gunzip, numbers, rawField, unpackRecording } from "../../offrl_ui/assets/run/wire.js";
import { close, expected, needsPython } from "./help.js";

const bytesOf = (...values) => Uint8Array.from(values).buffer;

test("reads what Python wrote", needsPython, () => {
  const { message, values, shapes } = expected.wire;
  const { kind, header, payload } = decode(Uint8Array.from(Buffer.from(message, "base64")).buffer);
  assert.equal(kind, "frame");
  assert.equal(header.step, 3);
  const read = fieldsOf({ header, payload });
  assert.deepEqual(read.shapes, shapes);
  assert.deepEqual(Object.keys(read.values).sort(), Object.keys(values).sort());
  for (const [name, wanted] of Object.entries(values)) {
    assert.equal(read.values[name].length, wanted.length, name);
    wanted.forEach((value, i) => {
      close(read.values[name][i], Number(value), 1e-5, 1e-6);
    });
  }
});

for (const damage of [[], [1], [0xff, 0xff, 0xff, 0x7f, 0x7b, 0x7d], [2, 0, 0, 0, 0x7b, 0x5d]]) {
  test(`a damaged message of ${damage.length} bytes raises`, () => {
    assert.throws(() => decode(bytesOf(...damage)));
  });
}

test("a field of an unknown type is named", () => {
  const payload = { buffer: new ArrayBuffer(8), start: 0 };
  assert.throws(() => rawField({ name: "q", dtype: "c8", shape: [1], offset: 0 }, payload), /field q .* c8/);
});

test("quantised bytes are linear between their ends, and 255 is missing", () => {
  const field = { dtype: "u1", lo: -1, hi: 1, data: Uint8Array.of(0, 127, 254, 255) };
  assert.deepEqual([...numbers(field)], [-1, 0, 1, NaN]);
  assert.deepEqual([...numbers(field, 1, 2)], [0, 1]);
});

test("a recording gives its messages back, packed or not", async () => {
  const text = Buffer.from('{"type":"hello"}');
  const head = (binary, length) => Buffer.from([binary, length, 0, 0, 0]);
  const whole = Buffer.concat([head(0, text.length), text, head(1, 3), Buffer.from([7, 8, 9])]);
  for (const file of [whole, gzipSync(whole)]) {
    const [first, second] = unpackRecording(await gunzip(Uint8Array.from(file).buffer));
    assert.equal(first, '{"type":"hello"}');
    assert.deepEqual([...new Uint8Array(second)], [7, 8, 9]);
  }
  const cut = (length) => Uint8Array.from(whole.subarray(0, length)).buffer;
  assert.throws(() => unpackRecording(cut(whole.length - 1)), /within a message$/);
  assert.throws(() => unpackRecording(cut(text.length + 7)), /message's head/);
});
