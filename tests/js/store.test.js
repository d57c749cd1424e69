import assert from "node:assert/strict";
import { test } from "node:test";
import { Frames } from "../../offrl_ui/assets/run/frames.js";
import { Store } from "../../offrl_ui/assets/run/store.js";
import { TableScene } from "../../offrl_ui/assets/world/table.js";
import { binary, frame, hello, store } from "./example.js";

const three = [0, 1, 2].map((seed) => ({ seed }));

test("a hello describes the run, and the start is selected", () => {
  const { run, view, groups } = store();
  assert.deepEqual([run.nStates, run.nActions, run.actionNames], [5, 2, ["left", "right"]]);
  assert.deepEqual([view.state, view.member], [0, 0]);
  assert.equal(groups.length, 1);
});

test("of a log the most visited start is selected; recordings made without a layout have a table by number", () => {
  const layout = { kind: "table", order: [3, 1, 0, 2, 4], by_value: [], value: [], labels: [], terminal: [] };
  assert.equal(store({ layout, initial_states: [0, 1] }).view.state, 1);
  assert.equal(store({ layout, initial_states: [] }).view.state, 3);
  const old = store({ layout: { kind: "none" } });
  assert.deepEqual([old.run.layout.kind, old.run.layout.order], ["table", [0, 1, 2, 3, 4]]);
  assert.equal(new TableScene(old, old.run.layout).sentence, "states 1 to 1 of 5");
});

test("before a hello there is no run to ask", () => {
  assert.throws(() => new Store().run, /has not described itself/);
});

test("what the data never shows has no count to colour", () => {
  const { seenCounts, visits, terminal } = store();
  assert.deepEqual([...seenCounts.slice(0, 4)], [3, 1, NaN, 2]);
  assert.deepEqual([...visits], [4, 2, 4, 2, 0]);
  assert.deepEqual([...terminal], [0, 0, 0, 0, 1]);
});

test("statistics are median and quartiles over the members that have a number", () => {
  const made = store({ members: three }, [
    frame(1, [
      [1, 0, 0],
      [3, 0, 0],
      [NaN, 0, 0],
    ]),
  ]);
  assert.deepEqual([...made.stat(made.frames.last, made.groups[0], 0)], [2, 1.5, 2.5]);
  const alone = store({ members: three }, [
    frame(1, [
      [NaN, 0, 0],
      [NaN, 0, 0],
      [NaN, 0, 0],
    ]),
  ]);
  assert.deepEqual([...alone.stat(alone.frames.last, alone.groups[0], 0)], [NaN, NaN, NaN]);
});

test("a number that was not computed in a frame is that of shortly before", () => {
  const made = store({}, [frame(1, [[0.5, 0, 0]]), frame(2, [[NaN, 0, 0]]), frame(3, [[NaN, 0, 0]])]);
  assert.equal(made.lastStat(made.frames.last, made.groups[0], 0), 0.5);
  assert.equal(made.lastValue(made.frames.last, 0, 0), 0.5);
  assert.equal(made.everyoneHas("return", made.frames.last), false);
  assert.equal(made.everyoneHas("q_data", made.frames.last), true);
  assert.equal(made.everyoneHas("nothing", made.frames.last), false);
});

test("an infinite loss stays infinite", () => {
  const made = store({ members: three }, [
    frame(
      1,
      three.map(() => [0, 0, Infinity]),
    ),
  ]);
  assert.deepEqual([...made.stat(made.frames.last, made.groups[0], 2)], [Infinity, Infinity, Infinity]);
});

test("kept frames hold only where members and metrics are the same", () => {
  const made = store({}, [frame(1, [[0, 0, 0]]), frame(2, [[0, 0, 0]])]);
  made.addMark({ type: "mark", step: 1, lane: 0, what: { rho: [0, 1] } });
  made.addMark({ type: "mark", step: 9, lane: 0, what: { rho: [1, 2] } });
  const kept = made.frames;
  assert.equal(made.begin(hello(), kept), true);
  assert.equal(made.frames, kept);
  assert.deepEqual(
    made.marks.map(({ step }) => step),
    [1],
  );
  assert.equal(made.begin(hello({ members: three }), kept), false);
  assert.equal(made.frames.length, 0);
  assert.deepEqual(made.marks, []);
});

test("a later word about a change replaces the earlier", () => {
  const made = store();
  made.addMark({ type: "mark", step: 1, lane: 0, what: { rho: [0, 1] } });
  made.addMark({ type: "mark", step: 1, lane: 0, what: { rho: [0, 2] } });
  made.addMark({ type: "mark", step: 1, lane: 1, what: { rho: [0, 3] } });
  assert.deepEqual(
    made.marks.map(({ what }) => what.rho[1]),
    [2, 3],
  );
});

test("a row comes in full precision where it was sent, else from the table", () => {
  const made = store({}, [frame(1, [[0, 0, 0]]), frame(2, [[0, 0, 0]])]);
  const selected = { shape: [1, 1, 2], data: [0.125, 0.25] };
  made.setRows(binary("selected", { state: 3, member: 0, rows: ["q"], steps: [2] }, { selected }));
  const [first, second] = made.frames.list;
  assert.deepEqual([...made.row(second, "q", 0, 3)], [0.125, 0.25]);
  assert.deepEqual([...made.row(first, "q", 0, 3)], [6, 7]);
  assert.deepEqual([...made.row(second, "q", 0, 1)], [2, 3]);
  assert.equal(made.row(second, "weights", 0, 3), null);
});

test("the truth holds for members with its discount", () => {
  const gammas = [{ gamma: 0.9 }, { gamma: 0.5 }, {}];
  const made = store({ members: gammas.map((values) => ({ seed: 0, values })) });
  assert.deepEqual(
    [0, 1, 2].map((member) => made.truthHolds(member)),
    [true, false, true],
  );
  assert.equal(made.truthHoldsForAll, false);
});

test("one world of each group is shown, of the seed that is looked at", () => {
  const members = [0.1, 0.2].flatMap((rho) => [0, 1].map((seed) => ({ seed, values: { rho } })));
  const made = store({ members });
  made.view.member = 3;
  assert.deepEqual(made.shownMembers(), [1, 3]);
  made.view.many = false;
  assert.deepEqual(made.shownMembers(), [3]);
});

test("a run of its own leaves a ghost that can be compared; one of another dataset goes", () => {
  const made = store({}, [frame(1, [[0, 0, 0]]), frame(2, [[1, 0, 0]])]);
  made.keepGhost("before");
  made.begin(hello());
  assert.equal(made.ghost.label, "before");
  assert.equal(made.ghost.frames.length, 2);
  assert.equal(made.comparable, true);
  const ghost = made.ghost;
  assert.equal(ghost.stat(ghost.frames.last, ghost.groups[0], 0)[0], 1);
  made.begin(hello({ run: { id: "other", config: { dataset: "elsewhere" } } }));
  assert.equal(made.ghost, null);
});

test("a ghost that is too large is thinned, its last frame kept", () => {
  const made = store(
    {},
    Array.from({ length: 64 }, (_, step) => frame(step, [[0, 0, 0]])),
  );
  made.frames.bytes = 96e6;
  made.keepGhost("before");
  const { list } = made.ghost.frames;
  assert.ok(list.length <= 18 && list.length >= 16);
  assert.deepEqual([list[0].step, list.at(-1).step], [0, 63]);
});

test("a run of a single frame leaves no ghost", () => {
  const made = store({}, [frame(1, [[0, 0, 0]])]);
  made.keepGhost("before");
  assert.equal(made.ghost, null);
});

test("the truth sets the scale of values and their usual size; that of counts is fixed", () => {
  const made = store();
  const value = made.scale("value");
  assert.deepEqual([value.low, value.high, made.scale("value") === value], [0, 1, true]);
  assert.equal(value.usual, 1);
  assert.equal(store({ truth: { optimal: -3, q_bound: 0 } }).usual, 3);
  assert.equal(store({ truth: { optimal: 0, q_bound: 0 } }).usual, 1, "where every value is 0");
  const count = made.scale("count");
  assert.deepEqual([count.axis.kind, count.low, count.high], ["linear", 0, 4]);
  assert.equal(count.include(1, 1000, 3), false);
  assert.equal(made.scale("error").kind, "diverging");
});

test("an empty ring has neither first nor last", () => {
  const frames = new Frames();
  assert.deepEqual([frames.first, frames.last, frames.indexAt(3)], [null, null, 0]);
});
