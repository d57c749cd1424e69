import assert from "node:assert/strict";
import { test } from "node:test";
import { GridCells } from "../../offrl_ui/assets/shared/grid.js";
import { sentences } from "../../offrl_ui/assets/stage/speaker.js";
import { SvgContext } from "../../offrl_ui/assets/shared/svg.js";
import {
  drawReads,
  drawReadsLegend,
  headOf,
  readLine,
  readsLegend,
  readsOf,
  whyNoReads,
} from "../../offrl_ui/assets/world/reads.js";
import { binary, hello, known, store, THEME } from "./example.js";

const NONE = 255;
const still = { pointed: null, still: true };

// Cells 0 1 # / 2 3 G: the data has (0, right) → 1, (1, right) → 1 twice of three times, (2, left) → 3, (3, left) → 2.
const FOLLOWING = [-1, 1, -1, 1, 3, -1, 2, -1, -1, -1];
const ROWS = [0, 1, 0, 2 / 3, 1, 0, 1, 0, 0, 0];

function told(step, q, reads, share = null) {
  const tables = {
    q: { shape: [5, 2], data: q },
    reads: { shape: [5], dtype: "u1", data: reads },
    ...(share ? { reads_share: { shape: [5], data: share } } : {}),
  };
  return binary("frame", { step, seq: step, member: 0 }, tables);
}

function run(frames, options = {}) {
  const made = store(options);
  const message = known();
  const shape = [5, 2];
  const { counts, terminal } = { counts: [3, 1, 0, 2, 4, 0, 1, 1, 0, 0], terminal: [0, 0, 0, 0, 1] };
  made.setStatic(
    binary(
      "static",
      { kind: message.kind },
      {
        counts: { shape, dtype: "i4", data: counts },
        terminal: { shape: [5], dtype: "b1", data: terminal },
        next_states: { shape, dtype: "i4", data: FOLLOWING },
        next_share: { shape, data: ROWS },
      },
    ),
  );
  for (const one of frames) made.addFrames(one);
  return made;
}

const ZERO = new Array(10).fill(0);
const READS = [NONE, 0, 1, 0, NONE];

test("every pair whose next state is read has the pair that its target reads", () => {
  const made = run([told(7, ZERO, READS)]);
  const found = readsOf(made, made.frames.last, 0);
  const short = found.map(({ state, action, next, read, seen }) => [state, action, next, read, seen]);
  assert.deepEqual(short, [
    [0, 1, 1, 0, false],
    [1, 1, 1, 0, false],
    [2, 0, 3, 0, true],
    [3, 0, 2, 1, false],
  ]);
  assert.ok(Math.abs(found[1].rows - 2 / 3) < 1e-6);
  assert.ok(found.every(({ share, strength }) => Number.isNaN(share) && Number.isNaN(strength)));
});

test("an arrow is as strong as its Q changed, beside the largest change and the size of values", () => {
  const q = [...ZERO];
  q[1] = 0.4; // (0, right)
  q[3] = -0.1; // (1, right)
  q[5] = 9; // a pair that is not in the data tells nothing
  const made = run([told(5, ZERO, READS), told(7, q, READS)]);
  const strengths = readsOf(made, made.frames.last, 0).map(({ strength }) => Math.round(1000 * strength) / 1000);
  assert.deepEqual(strengths, [1, 0.25, 0, 0]);
  const settled = q.map((value) => value * (1 + 1e-9));
  made.addFrames(told(9, settled, READS));
  assert.ok(readsOf(made, made.frames.last, 0).every(({ strength }) => strength < 1e-4));
  made.addFrames(told(11, [...ZERO.slice(0, 4), Infinity, ...ZERO.slice(5)], READS));
  const [first, , infinite] = readsOf(made, made.frames.last, 0);
  assert.equal(infinite.strength, 1);
  assert.equal(first.strength, 1);
});

test("what has nothing to draw says why", () => {
  const bare = store();
  bare.addFrames(told(1, ZERO, READS));
  assert.match(whyNoReads(bare, bare.frames.last), /recording was made before/);
  assert.deepEqual(readsOf(bare, bare.frames.last, 0), []);
  const frame = told(1, ZERO, new Array(5).fill(NONE));
  const [lane] = hello().lanes;
  const cloned = run([frame], { lanes: [{ ...lane, title: "BC", reads: false }] });
  assert.equal(whyNoReads(cloned, cloned.frames.last), "no target of BC reads Q of an action at s′");
  const network = run([frame], { lanes: [{ ...lane, approximator: "mlp", reads: true }] });
  assert.equal(whyNoReads(network, network.frames.last), "");
  assert.match(readsLegend(readsOf(network, network.frames.last, 0), null)[0][1], /not stored at this step/);
});

test("words under the pointer and in the legend tell a maximum from an expectation", () => {
  const made = run([told(3, ZERO, READS, [NaN, 0.7, 0.5, 1, NaN])]);
  const reads = readsOf(made, made.frames.last, 0);
  const name = (state) => `cell ${state}`;
  assert.equal(
    readLine(reads[1], ["left", "right"], name),
    "its target reads most of all, π 0.70, left in cell 1, not in the data; s′ of 67 % of its rows",
  );
  assert.equal(readLine({ ...reads[2], share: NaN }, ["left", "right"], name), "its target reads left in cell 3");
  assert.equal(readsLegend(reads, null).length, 3);
  assert.deepEqual(readsLegend(reads, 1200).at(-1), [null, "strong: Q changed since step 1\u2009200"]);
});

test("who cannot see the arrows is told how many targets read what the data lacks", () => {
  const made = run([told(3, ZERO, READS)]);
  const said = () => sentences(made, made.frames.last, "Paused", "cell (0, 0)");
  assert.ok(!said().includes("Arrows"));
  made.view.reads = true;
  assert.ok(said().includes("Arrows: 1 of 4 targets read a pair that is in the data."));
});

test("an arrow ends in the pair whose target it is; what the data lacks is dashed, what reads itself is a ring", () => {
  const { layout } = hello();
  const grid = new GridCells(layout, 2, 0);
  const place = grid.fit({ x: 0, y: 0, width: 300, height: 200 });
  const one = { state: 0, action: 1, next: 1, read: 0, seen: true, share: NaN, rows: 1, strength: NaN };
  const draw = (...reads) => {
    const pen = new SvgContext(300, 200, "#fff");
    drawReads(pen, grid, place, reads, THEME, still);
    return pen.parts.join("\n");
  };
  const [x, y] = headOf(grid, place, one);
  const drawn = draw(one);
  const tips = [...drawn.matchAll(/M([\d.-]+) ([\d.-]+)L[^"]*Z/g)].map(([, a, b]) => [Number(a), Number(b)]);
  assert.equal(tips.length, 2, "a head and what lies beneath it");
  assert.ok(Math.hypot(tips[1][0] - x, tips[1][1] - y) <= 0.05 * place.size);
  assert.ok(!drawn.includes("stroke-dasharray"));
  assert.ok(draw({ ...one, seen: false }).includes("stroke-dasharray"));
  const ring = draw({ ...one, next: 0, read: 1 });
  assert.ok(ring.includes("A") && !ring.includes("Z"));
  assert.ok(!/NaN|Infinity/.test(drawn + ring));
});

test("the legend takes as many rows as its width needs", () => {
  const measure = (text) => 6 * text.length;
  const made = run([told(7, ZERO, READS)]);
  const legend = readsLegend(readsOf(made, made.frames.last, 0), 100);
  const rows = (width) => drawReadsLegend(null, legend, THEME, { x: 4, y: 0, width, font: 11 }, measure);
  assert.equal(rows(900), 1);
  assert.equal(rows(340), 2);
  const pen = new SvgContext(340, 60, "#fff");
  drawReadsLegend(pen, legend, THEME, { x: 4, y: 0, width: 340, font: 11 }, measure);
  assert.ok(pen.parts.join("").includes("not in the data"));
});
