import assert from "node:assert/strict";
import { test } from "node:test";
import { tooltipLines } from "../../offrl_ui/assets/world/tooltip.js";
import { binary, store } from "./example.js";

const place = { state: 0, action: 1, member: 0 };

test("a table of 255 levels is a picture: its numbers are not written beside exact ones", () => {
  const made = store();
  const coarse = { name: "q", dtype: "u1", shape: [5, 2], offset: 0, lo: 0, hi: 1 };
  const payload = { buffer: new ArrayBuffer(12), start: 0 };
  made.addFrames({ kind: "frame", header: { step: 1, seq: 1, member: 0, fields: [coarse] }, payload });
  made.view.mode = "q";
  assert.deepEqual(tooltipLines(made, made.frames.last, () => "s", place).slice(2), [
    "Q* 1",
    "click for the learned numbers",
  ]);
  const selected = { shape: [1, 2], data: [0.25, 0.5] };
  made.addFrames(binary("frame", { step: 2, seq: 2, member: 0, selected: { state: 0, rows: ["q"] } }, { selected }));
  assert.equal(tooltipLines(made, made.frames.last, () => "s", place)[2], "Q 0.500 · Q* 1");
});
