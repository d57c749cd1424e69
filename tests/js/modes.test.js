import assert from "node:assert/strict";
import { test } from "node:test";
import { MODES, coarse, greedy, modeOf, pictureOf, roundingOf, whyMissing } from "../../offrl_ui/assets/world/modes.js";
import { binary, frame, hello, store } from "./example.js";
import { close } from "./help.js";

const made = store({}, [frame(1, [[0, 0, 0]])]);
const { last } = made.frames;
const picture = (key, member = 0) => pictureOf(made, modeOf(key), last, member);

test("modes are found by their name in links and on the wire", () => {
  assert.equal(modeOf("advantage").key, "advantage");
  assert.equal(modeOf("advantages").key, "advantage");
  assert.equal(modeOf("nonsense"), MODES[0]);
  assert.equal(modeOf(null), MODES[0]);
});

test("a mode's numbers are the frame's table, the data's counts or the truth", () => {
  assert.equal(picture("q")[3], 3);
  assert.equal(picture("policy")[1], 0.75);
  assert.deepEqual([...picture("data").slice(0, 3)], [3, 1, NaN]);
  assert.equal(picture("truth")[1], 1);
  assert.equal(picture("error")[1], 0);
  assert.equal(picture("error")[3], 2.75);
  assert.equal(picture("weights"), null);
});

test("values that no system learns are the mean of Q over the policy", () => {
  assert.deepEqual([...picture("v")], [0.75, 2.75, 4.75, 6.75, 8.75]);
});

test("the run before is subtracted at the same step", () => {
  const now = store({}, [frame(1, [[0, 0, 0]], { q: 1 }), frame(2, [[0, 0, 0]], { q: 5 })]);
  assert.equal(whyMissing(now, modeOf("ghost"), now.frames.last), "there is no previous run to compare with");
  now.keepGhost("before");
  now.begin(hello());
  now.addFrames(frame(1, [[0, 0, 0]], { q: 3 }));
  assert.deepEqual([...new Set(pictureOf(now, modeOf("ghost"), now.frames.last, 0))], [2]);
});

test("advantages that are rounding are no advantages, at whatever size the values have", () => {
  const advantages = (size, difference) => {
    const q = { shape: [5, 2], data: Array.from({ length: 10 }, (_, i) => size * (i % 2 ? 1 : 1 - 1e-8)) };
    const own = { shape: [5, 2], data: Array.from({ length: 10 }, (_, i) => (i % 2 ? 0 : -difference * size)) };
    const now = store();
    now.addFrames(binary("frame", { step: 1, seq: 1, member: 0 }, { q, advantages: own }));
    return pictureOf(now, modeOf("advantage"), now.frames.last, 0)[0];
  };
  for (const size of [0.57, 1e20]) {
    assert.equal(advantages(size, 1e-8), 0);
    close(advantages(size, 1e-5), -1e-5 * size, 1e-6);
  }
  // Eight roundings of half a unit in the last place, for two actions.
  assert.equal(roundingOf([-2, 1, Infinity], 2, 1), 8 * 2 ** -24 * 2);
  assert.equal(roundingOf([], 2, 0.5), 8 * 2 ** -24 * 0.5);
});

test("a difference to the truth is not told from half a step of a quantised table", () => {
  const now = store();
  const q = { name: "q", dtype: "u1", shape: [5, 2], offset: 0, lo: -1, hi: 1 };
  // The truth of the first state is 0 and 1; 127 stands for 0, 253 for 0.992.
  const payload = { buffer: Uint8Array.of(127, 253, ...Array(10).fill(127)).buffer, start: 0 };
  now.addFrames({ kind: "frame", header: { step: 1, seq: 1, member: 0, fields: [q] }, payload });
  const error = pictureOf(now, modeOf("error"), now.frames.last, 0);
  assert.equal(error[0], 0);
  close(error[1], -1 / 127, 1e-4);
});

test("what has nothing to show says why", () => {
  const why = (key) => whyMissing(made, modeOf(key), last);
  assert.equal(why("q"), "");
  assert.equal(why("weights"), "this system has none");
  const elsewhere = store({ members: [{ seed: 0, values: { gamma: 0.5 } }] }, [frame(1, [[0, 0, 0]])]);
  assert.equal(whyMissing(elsewhere, modeOf("truth"), elsewhere.frames.last), "the truth is known at another discount");
  elsewhere.setStatic(binary("static", {}, {}));
  assert.equal(whyMissing(elsewhere, modeOf("truth"), elsewhere.frames.last), "the truth is not known for this data");
  assert.equal(whyMissing(elsewhere, modeOf("data"), elsewhere.frames.last), "counts exist only where states repeat");
});

test("greedy actions are those within rounding of the largest probability", () => {
  assert.deepEqual(greedy([0.5, 0.495, 0.005], 0, 3), [0, 1]);
  assert.deepEqual(greedy([0, 1, 0.9, 0.1], 1, 2), [0]);
});

test("numbers that come from a quantised table are not to be read, those of the data and in full precision are", () => {
  const now = store();
  const q = { name: "q", dtype: "u1", shape: [5, 2], offset: 0, lo: -1, hi: 1 };
  const v = { name: "v", dtype: "f4", shape: [5], offset: 12 };
  const payload = { buffer: new ArrayBuffer(32), start: 0 };
  now.addFrames({ kind: "frame", header: { step: 1, seq: 1, member: 0, fields: [q] }, payload });
  const read = (key) => !coarse(now.frames.last, modeOf(key), 0);
  assert.deepEqual(["q", "error", "v", "data"].map(read), [false, false, false, true]);
  now.addFrames({ kind: "frame", header: { step: 2, seq: 2, member: 0, fields: [q, v] }, payload });
  assert.ok(read("v"));
  assert.ok(!coarse(last, modeOf("q"), 0));
});
