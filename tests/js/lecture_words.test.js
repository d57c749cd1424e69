import assert from "node:assert/strict";
import { test } from "node:test";
import { rowsOf } from "../../offrl_ui/assets/lecture/rows.js";
import { changed } from "../../offrl_ui/assets/lecture/words.js";

const scene = {
  aside: ["numbers"],
  layout: [
    [
      { name: "a", width: 2 },
      { name: "gone", width: 1 },
    ],
  ],
  stand_in: { a: "data" },
};
const result = { pictures: { a: {}, b: {}, numbers: {}, data: {} } };
const names = (rows) => rows.map((row) => row.map(({ name, width }) => `${name}:${width}`));

test("pictures stand where the layout says, the others below", () => {
  assert.deepEqual(names(rowsOf(scene, result, false, true)), [["a:2"], ["b:1"], ["numbers:1"]]);
});

test("a projector leaves out what stands aside, and until the reveal another picture stands in", () => {
  assert.deepEqual(names(rowsOf(scene, result, true, true)), [["a:2"], ["b:1"]]);
  assert.deepEqual(names(rowsOf(scene, result, true, false)), [["data:2"], ["b:1"]]);
});

test("lines that only one of two programs has are found", () => {
  const lists = (sets) => sets.map((set) => [...set]);
  assert.deepEqual(lists(changed(["a", "b", "c"], ["a", "x", "c"])), [[1], [1]]);
  assert.deepEqual(lists(changed(["a"], ["b", "a", "c"])), [[], [0, 2]]);
  assert.deepEqual(lists(changed(["same"], ["same"])), [[], []]);
});
