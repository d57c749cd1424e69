import assert from "node:assert/strict";
import { test } from "node:test";
import { Frames } from "../../offrl_ui/assets/run/frames.js";
import { binary, frame } from "./example.js";

const insert = (frames, { header, payload }) => frames.insert(header, payload);
const steps = (frames) => frames.list.map(({ step }) => step);

test("frames stand in the order of their steps, however they arrive", () => {
  const frames = new Frames();
  for (const step of [5, 0, 9, 2]) insert(frames, frame(step, [[0]]));
  assert.deepEqual(steps(frames), [0, 2, 5, 9]);
  assert.deepEqual(
    [-1, 0, 1, 5, 100].map((step) => frames.indexAt(step)),
    [0, 0, 0, 2, 3],
  );
  assert.deepEqual([frames.first.step, frames.last.step, frames.lastSeq], [0, 9, 9]);
});

test("of two frames of one step the later replaces the numbers and keeps other members' tables", () => {
  const frames = new Frames();
  insert(frames, frame(1, [[0.5], [0.5]], { member: 0, q: 10, seq: 1 }));
  insert(frames, frame(1, [[0.75], [0.5]], { member: 1, q: 20, seq: 2 }));
  const [only] = frames.list;
  assert.equal(frames.length, 1);
  assert.equal(only.metrics[0], 0.75);
  assert.deepEqual([only.table("q", 0)[0], only.table("q", 1)[0], only.table("q", 2)], [10, 20, null]);
  assert.equal(frames.bytes, only.bytes);
});

test("several members lie behind each other in one field", () => {
  const frames = new Frames();
  const data = Array.from({ length: 8 }, (_, i) => i);
  insert(frames, binary("frame", { step: 0, members: [3, 7] }, { q: { shape: [2, 2, 2], data } }));
  assert.deepEqual([...frames.last.table("q", 3)], [0, 1, 2, 3]);
  assert.deepEqual([...frames.last.table("q", 7)], [4, 5, 6, 7]);
});

test("the selected state's rows are found by their names", () => {
  const frames = new Frames();
  const selected = { shape: [2, 3], data: [1, 2, 3, 4, 5, 6] };
  insert(frames, binary("frame", { step: 0, member: 0, selected: { state: 4, rows: ["q", "policy"] } }, { selected }));
  assert.deepEqual([...frames.last.selectedRow("policy", 0, 4)], [4, 5, 6]);
  assert.equal(frames.last.selectedRow("policy", 0, 3), null);
  assert.equal(frames.last.selectedRow("weights", 0, 4), null);
});

test("beyond the budget the older half is thinned; first and last stay", () => {
  const frames = new Frames();
  for (let step = 0; step < 16; step++) insert(frames, frame(step, [[0]]));
  frames.thin();
  assert.deepEqual(steps(frames), [0, 2, 4, 6, 8, 9, 10, 11, 12, 13, 14, 15]);
  assert.equal(frames.bytes, 12 * frames.last.bytes);
});

test("the past up to a step shares its frames", () => {
  const frames = new Frames();
  for (const step of [0, 1, 2, 3]) insert(frames, frame(step, [[0]]));
  const past = frames.until(2, 40);
  assert.deepEqual(steps(past), [0, 1, 2]);
  assert.equal(past.lastSeq, 40);
  assert.equal(past.last, frames.list[2]);
});
