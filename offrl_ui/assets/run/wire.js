// The wire format (docs/protocol.md) and recordings made of it.

/** @import { BinaryMessage, Dtype, Field, Payload } from "./protocol.d.ts" */

/** @typedef {Float32Array | Int32Array | Uint8Array} Table */
/** @typedef {Float32Array | Int32Array | Uint8Array | Uint16Array} Raw - a field as it was sent */

const utf8 = new TextDecoder();
/** @typedef {{ new (buffer: ArrayBuffer, offset: number, length: number): Raw, BYTES_PER_ELEMENT: number }} RawType */
/** @type {Record<Dtype, RawType>} */
export const TYPES = { f4: Float32Array, i4: Int32Array, u1: Uint8Array, b1: Uint8Array, f2: Uint16Array };

/**
 * A binary message; throws on anything that is not one.
 * @param {ArrayBuffer} buffer
 * @returns {BinaryMessage}
 */
export function decode(buffer) {
  if (buffer.byteLength < 4) throw new Error(`a binary message of ${buffer.byteLength} bytes has no header`);
  const length = new DataView(buffer).getUint32(0, true);
  if (length > buffer.byteLength - 4) throw new Error(`header of ${length} bytes in a message of ${buffer.byteLength}`);
  const header = JSON.parse(utf8.decode(new Uint8Array(buffer, 4, length)));
  // Typed arrays need aligned offsets; the payload begins wherever the header ended.
  const start = 4 + length;
  const payload = start % 4 === 0 ? { buffer, start } : { buffer: buffer.slice(start), start: 0 };
  return { kind: header.kind, header, payload };
}

/**
 * A field as it lies in the payload, nothing copied.
 * @template {Field} F
 * @param {F} field
 * @param {Payload} payload
 */
export function rawField(field, payload) {
  const Type = TYPES[field.dtype];
  if (!Type) throw new Error(`field ${field.name} has the unknown type ${field.dtype}`);
  const count = field.shape.reduce((a, b) => a * b, 1);
  return { ...field, data: new Type(payload.buffer, payload.start + field.offset, count) };
}

/** Steps of a quantised field between its ends; the code after them is missing. */
export const LEVELS = 254;

/** @type {Float32Array | null} */
let halves = null;

/** float16 bits → float32, by a table made once. */
function halfTable() {
  if (halves) return halves;
  halves = new Float32Array(65536);
  for (let bits = 0; bits < 65536; bits++) {
    const sign = bits & 0x8000 ? -1 : 1;
    const exponent = (bits >> 10) & 31;
    const fraction = bits & 1023;
    if (exponent === 31) halves[bits] = fraction ? NaN : sign * Infinity;
    else if (exponent) halves[bits] = sign * 2 ** (exponent - 15) * (1 + fraction / 1024);
    else halves[bits] = sign * 2 ** -14 * (fraction / 1024);
  }
  return halves;
}

/**
 * Numbers of a raw field from `from`, `length` of them.
 * @param {Pick<Field, "dtype" | "lo" | "hi"> & { data: Raw }} field
 * @param {number} [from]
 * @param {number} [length]
 */
export function numbers({ data, dtype, lo, hi }, from = 0, length = data.length) {
  if (data instanceof Float32Array) return data.subarray(from, from + length);
  const out = new Float32Array(length);
  if (dtype === "u1" && typeof lo === "number" && typeof hi === "number") {
    const step = (hi - lo) / LEVELS;
    for (let i = 0; i < length; i++) {
      const code = data[from + i];
      out[i] = code === 255 ? NaN : lo + step * code;
    }
  } else if (dtype === "f2") {
    const table = halfTable();
    for (let i = 0; i < length; i++) out[i] = table[data[from + i]];
  } else {
    for (let i = 0; i < length; i++) out[i] = data[from + i];
  }
  return out;
}

/**
 * All fields of a message as arrays, with their shapes; counts and masks stay whole numbers.
 * @param {{ header: { fields?: Field[] }, payload: Payload }} message
 */
export function fieldsOf({ header, payload }) {
  /** @type {Record<string, Table>} */
  const values = {};
  /** @type {Record<string, number[]>} */
  const shapes = {};
  for (const field of header.fields ?? []) {
    const raw = rawField(field, payload);
    const { data } = raw;
    const mask = raw.dtype === "b1" && data instanceof Uint8Array;
    values[field.name] = mask || data instanceof Int32Array ? data : numbers(raw);
    shapes[field.name] = field.shape;
  }
  return { values, shapes };
}

/**
 * The messages of a recording as a viewer received them: `uint8 0 text, 1 binary | uint32 length | bytes` each.
 * @param {ArrayBuffer} buffer
 * @param {number} [most] - messages
 */
export function unpackRecording(buffer, most = Number.POSITIVE_INFINITY) {
  const view = new DataView(buffer);
  /** @type {(string | ArrayBuffer)[]} */
  const messages = [];
  let at = 0;
  while (at < buffer.byteLength) {
    if (messages.length === most) throw new Error(`it has more than ${most} messages`);
    if (at + 5 > buffer.byteLength) throw new Error("the recording ends within a message's head");
    const binary = view.getUint8(at) === 1;
    const length = view.getUint32(at + 1, true);
    at += 5;
    if (at + length > buffer.byteLength) throw new Error("the recording ends within a message");
    const bytes = buffer.slice(at, at + length);
    messages.push(binary ? bytes : utf8.decode(bytes));
    at += length;
  }
  return messages;
}

/** What is not gzipped is given back as it is. @param {ArrayBuffer} buffer */
export async function gunzip(buffer) {
  const head = new Uint8Array(buffer, 0, 2);
  if (head[0] !== 0x1f || head[1] !== 0x8b) return buffer;
  return new Response(new Blob([buffer]).stream().pipeThrough(new DecompressionStream("gzip"))).arrayBuffer();
}
