// The wire format (docs/architecture.md, protocol version 1) and recordings made of it.

const utf8 = new TextDecoder();
const TYPES = { f4: Float32Array, i4: Int32Array, u1: Uint8Array, b1: Uint8Array, f2: Uint16Array };

// binary message → { kind, header, payload }; throws on anything that is not one.
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

const count = (shape) => shape.reduce((a, b) => a * b, 1);

// A field as it lies in the payload: { data, shape, dtype, lo, hi }, nothing copied.
export function rawField(field, payload) {
  const Type = TYPES[field.dtype];
  if (!Type) throw new Error(`field ${field.name} has the unknown type ${field.dtype}`);
  return { ...field, data: new Type(payload.buffer, payload.start + field.offset, count(field.shape)) };
}

let halves = null;

// float16 bits → float32, by a table made once.
function halfTable() {
  if (halves) return halves;
  halves = new Float32Array(65536);
  for (let bits = 0; bits < 65536; bits++) {
    const sign = bits & 0x8000 ? -1 : 1;
    const exponent = (bits >> 10) & 31;
    const fraction = bits & 1023;
    halves[bits] =
      exponent === 31
        ? fraction
          ? NaN
          : sign * Infinity
        : exponent
          ? sign * 2 ** (exponent - 15) * (1 + fraction / 1024)
          : sign * 2 ** -14 * (fraction / 1024);
  }
  return halves;
}

// Numbers of a raw field from `from`, `length` of them, as Float32Array.
export function numbers(field, from = 0, length = field.data.length) {
  const { data, dtype, lo, hi } = field;
  if (dtype === "f4") return data.subarray(from, from + length);
  const out = new Float32Array(length);
  if (dtype === "u1" && lo !== undefined && lo !== null) {
    const step = (hi - lo) / 254;
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

// All fields of a message as arrays: { name: Float32Array | Int32Array, … }, with their shapes in `shapes`.
export function fieldsOf({ header, payload }) {
  const values = {};
  const shapes = {};
  for (const field of header.fields ?? []) {
    const raw = rawField(field, payload);
    values[field.name] = raw.dtype === "i4" || raw.dtype === "b1" ? raw.data : numbers(raw);
    shapes[field.name] = field.shape;
  }
  return { values, shapes };
}

// A recording: messages as a viewer received them, `uint8 0 text, 1 binary | uint32 length | bytes` each.
export function unpackRecording(buffer) {
  const view = new DataView(buffer);
  const messages = [];
  let at = 0;
  while (at < buffer.byteLength) {
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

export async function gunzip(buffer) {
  const head = new Uint8Array(buffer, 0, 2);
  if (head[0] !== 0x1f || head[1] !== 0x8b) return buffer;
  return new Response(new Blob([buffer]).stream().pipeThrough(new DecompressionStream("gzip"))).arrayBuffer();
}
