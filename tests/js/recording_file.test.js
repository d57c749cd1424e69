import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { gunzipSync, gzipSync } from "node:zlib";
import { checkRecording, NoRecording, readRecording } from "../../offrl_ui/assets/run/recording_file.js";
import { decode, unpackRecording } from "../../offrl_ui/assets/run/wire.js";

const FOLDER = new URL("../../offrl_ui/gallery/recordings/", import.meta.url);
const stored = readdirSync(FOLDER).filter((name) => name.endsWith(".gz"));
const packed = (/** @type {string} */ name) => readFileSync(new URL(name, FOLDER));
const small = stored.map(packed).sort((a, b) => a.length - b.length)[0];
const messages = () => unpackRecording(Uint8Array.from(gunzipSync(small)).buffer);
const at = messages().findIndex((message) => typeof message !== "string" && decode(message).header.kind !== "static");

/** @param {(hello: any) => void} change */
const withHello = (change) => {
  const [first, ...rest] = messages();
  const hello = JSON.parse(/** @type {string} */ (first));
  change(hello);
  return [JSON.stringify(hello), ...rest];
};

/** A binary message with another header. @param {ArrayBuffer} message @param {(header: any) => void} change */
const withHeader = (message, change) => {
  const { header, payload } = decode(message);
  change(header);
  const head = Buffer.from(JSON.stringify(header));
  const padded = Buffer.concat([head, Buffer.alloc((4 - (head.length % 4)) % 4, " ")]);
  const length = Buffer.alloc(4);
  length.writeUInt32LE(padded.length);
  return Uint8Array.from(Buffer.concat([length, padded, Buffer.from(payload.buffer, payload.start)])).buffer;
};

for (const name of stored)
  test(`the stored recording ${name} opens`, async () => {
    const opened = await readRecording(new Blob([packed(name)]));
    assert.equal(JSON.parse(/** @type {string} */ (opened[0])).type, "hello");
  });

/** @type {[what: string, change: (hello: any) => void, word: RegExp][]} */
const HELLOS = [
  ["another protocol", (h) => (h.protocol = 2), /hello.protocol must be a whole number from 1 to 1/],
  ["no states", (h) => (h.states = 0), /hello.states must be a whole number/],
  ["far too many states", (h) => (h.states = 1e12), /hello.states must be a whole number/],
  ["a world of no kind", (h) => (h.layout.kind = "constructor"), /hello.layout.kind must be one of grid/],
  ["a layout that is a list", (h) => (h.layout = []), /hello.layout must be an object/],
  ["no members", (h) => (h.members = []), /hello.members must be a list of 1 to/],
  ["a member of no lane", (h) => (h.members[0].lane = 9), /hello.members\[0\].lane must be a whole number from 0 to/],
  ["a title that is none", (h) => (h.run.title = { toString: 1 }), /hello.run.title must be a text/],
  ["an endless title", (h) => (h.run.title = "a".repeat(30_000)), /hello.run.title must be a text of at most/],
  ["a formula that leads away", (h) => (h.metrics[0].formula = "\\href{javascript:alert(1)}{x}"), /must be a formula/],
  ["a formula of markup", (h) => (h.metrics[0].formula = "<img src=x onerror=alert(1)>"), /must be a formula/],
  ["a start that is no state", (h) => (h.initial_states = [h.states]), /hello.initial_states\[0\] must be/],
];
for (const [what, change, word] of HELLOS)
  test(`${what} is refused in words`, () => {
    assert.throws(
      () => checkRecording(withHello(change)),
      (error) => error instanceof NoRecording && word.test(error.message),
    );
  });

/** @type {[what: string, change: (header: any) => void, word: RegExp][]} */
const HEADERS = [
  ["a field that reaches beyond", (h) => (h.frames[0].fields[0].offset = 1e8), /reaches beyond its message/],
  ["a field of a negative size", (h) => (h.frames[0].fields[1].shape[0] = -1), /must be a whole number/],
  ["a field of another shape", (h) => (h.frames[0].fields[0].shape = [1, 1]), /metrics must have the shape/],
  ["an unknown type of numbers", (h) => (h.frames[0].fields[0].dtype = "constructor"), /unknown type of numbers/],
  ["a member that is not there", (h) => (h.frames[0].members = [99_999]), /members\[0\] must be a whole number/],
  ["steps that go back", (h) => (h.frames[1].step = -1), /step must be a whole number/],
  ["a kind that viewers only send", (h) => (h.kind = "film"), /is of a kind that recordings do not have/],
];
for (const [what, change, word] of HEADERS)
  test(`${what} is refused in words, too`, () => {
    const changed = messages().map((message, i) =>
      i === at ? withHeader(/** @type {any} */ (message), change) : message,
    );
    assert.throws(
      () => checkRecording(changed),
      (error) => error instanceof NoRecording && word.test(error.message),
    );
  });

/** A binary message. @param {object} header @param {[string, string, number[]][]} arrays - name, type, numbers */
const message = (header, arrays) => {
  const Type = { i4: Int32Array, f4: Float32Array, u1: Uint8Array };
  let offset = 0;
  const parts = arrays.map(([name, dtype, data]) => {
    const bytes = Buffer.from(Type[/** @type {keyof typeof Type} */ (dtype)].from(data).buffer);
    const padded = Buffer.concat([bytes, Buffer.alloc((4 - (bytes.length % 4)) % 4)]);
    const field = { name, dtype, shape: ["reads", "theta"].includes(name) ? [1, data.length] : [data.length], offset };
    offset += padded.length;
    return { field, padded };
  });
  const head = Buffer.alloc(4);
  const text = Buffer.from(JSON.stringify({ ...header, fields: parts.map(({ field }) => field) }));
  const padded = Buffer.concat([text, Buffer.alloc((4 - (text.length % 4)) % 4, " ")]);
  head.writeUInt32LE(padded.length);
  return Uint8Array.from(Buffer.concat([head, padded, ...parts.map((part) => part.padded)])).buffer;
};

const [described] = messages();
const { states, actions: names } = JSON.parse(/** @type {string} */ (described));
const pairs = states * names.length;

/** A world in which everything leads to state 0. @param {Record<string, number[]>} [other] */
const world = (other = {}) => {
  const each = Array.from({ length: pairs }, () => 0);
  const numbers = {
    initial: each.slice(0, states).fill(1, 0, 1),
    first: Array.from({ length: pairs + 1 }, (_, i) => i),
    next: each,
    probability: each.map(() => 1),
    reward: each,
    ...other,
  };
  const whole = ["first", "next"];
  return message(
    { kind: "world", endings: { 1: "the end" } },
    Object.entries(numbers).map(([name, data]) => [name, whole.includes(name) ? "i4" : "f4", data]),
  );
};

/** @param {ArrayBuffer} more */
const withMore = (more) => checkRecording([described, messages()[1], more, ...messages().slice(2)]);
const none = Array.from({ length: pairs }, () => 0);

test("a world and what targets read are taken where their numbers lead somewhere", () => {
  withMore(world());
  withMore(message({ kind: "frame", step: 0, member: 0 }, [["reads", "u1", [255, ...none.slice(1, states)]]]));
});

test("a linear Q may have more parameters than there are states", () => {
  withMore(message({ kind: "frame", step: 0, member: 0 }, [["theta", "f4", none.concat(none)]]));
});

/** @type {[what: string, more: () => ArrayBuffer, word: RegExp][]} */
const LEADING = [
  ["a transition to no state", () => world({ next: [...none.slice(1), states] }), /next\[\d+\] has a number/],
  ["pairs in no order", () => world({ first: Array.from({ length: pairs + 1 }, (_, i) => pairs - i) }), /first\[\d+\]/],
  ["transitions that are missing", () => world({ next: none.slice(1) }), /must have \d+ numbers/],
  ["a world where nothing begins", () => world({ initial: none.slice(0, states) }), /lets no episode begin/],
  ["a chance below 0", () => world({ probability: none.map(() => -1) }), /probability\[0\]/],
  ["a reward without end", () => world({ reward: none.map(() => Infinity) }), /reward\[0\]/],
  [
    "an action that is read and not there",
    () => message({ kind: "frame", step: 0, member: 0 }, [["reads", "u1", none.slice(0, states).fill(200)]]),
    /reads\[0\]/,
  ],
];
for (const [what, more, word] of LEADING)
  test(`${what} is refused`, () => {
    assert.throws(
      () => withMore(more()),
      (error) => error instanceof NoRecording && word.test(error.message),
    );
  });

test("messages of other kinds, second descriptions and names that nothing may have are refused", () => {
  const [hello, ...rest] = messages();
  for (const more of [
    hello,
    '{"type":"moved","run_id":"x"}',
    '{"type":"state","__proto__":{"x":1}}',
    "no JSON",
    "null",
  ])
    assert.throws(() => checkRecording([hello, more, ...rest]), NoRecording);
  assert.throws(() => checkRecording(rest), NoRecording);
  assert.throws(() => checkRecording([hello]), /holds no snapshot/);
});

test("a file that is no recording, is cut, or unpacks without end is refused", async () => {
  const blob = (/** @type {Buffer} */ bytes) => new Blob([bytes]);
  await assert.rejects(readRecording(blob(Buffer.from("PK.."))), /not gzipped/);
  await assert.rejects(readRecording(blob(Buffer.alloc(0))), /not gzipped/);
  await assert.rejects(readRecording(blob(small.subarray(0, small.length - 20))), /damaged/);
  await assert.rejects(readRecording(blob(gzipSync("hello"))), /This is not a recording/);
  await assert.rejects(readRecording(blob(gzipSync(Buffer.alloc(3_000_000))), { unpacked: 1e6 }), /more than 1 MB/);
  await assert.rejects(readRecording(blob(small), { packed: 10 }), /is larger than/);
  await assert.rejects(readRecording(blob(gzipSync(Buffer.alloc(5 * 30_000)))), /more than 20000 messages/);
});

test("whatever byte is changed, the file opens or is refused in words", () => {
  const [hello, ...rest] = messages();
  const text = /** @type {string} */ (hello);
  for (let i = 0; i < 400; i++) {
    const place = Math.floor((text.length * i) / 400);
    const changed = `${text.slice(0, place)}${String.fromCharCode(32 + ((i * 37) % 95))}${text.slice(place + 1)}`;
    try {
      checkRecording([changed, ...rest]);
    } catch (error) {
      assert.ok(error instanceof NoRecording, String(error));
    }
  }
});
