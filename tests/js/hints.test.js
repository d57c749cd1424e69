import assert from "node:assert/strict";
import { test } from "node:test";
import { bus } from "../../offrl_ui/assets/shared/bus.js";
import { Hints, hintsFor } from "../../offrl_ui/assets/stage/hints.js";
import { labelled, slidable } from "../../offrl_ui/assets/stage/pinned.js";

const rho = { name: "rho", symbol: "\\rho", label: "threshold", live: true, value: 0.1, low: 0, high: 1, choices: [] };
const hello = { lanes: [{ hyperparameters: [rho] }], run: { id: "a" } };

function memory(text) {
  const kept = new Map(text === undefined ? [] : [["offrl-hints-done", text]]);
  return { getItem: (key) => kept.get(key) ?? null, setItem: (key, value) => kept.set(key, value) };
}

/** The hints of a visit, as the other parts of the page hear of them. */
function visit(storage) {
  bus.last = {};
  bus.source = { live: true, open: true, send() {}, start() {}, close() {} };
  bus.last.hello = hello;
  const hints = new Hints(storage, true);
  hints.show();
  return [hints, () => Object.entries(bus.last.hints).map(([name, { number }]) => `${number} ${name}`)];
}

test("the first steps are three where rho can be moved, and what was done leaves the others their numbers", () => {
  const numbers = (lanes, done) =>
    Object.entries(hintsFor({ lanes }, new Set(done))).map(([name, h]) => [name, h.number]);
  assert.deepEqual(numbers(hello.lanes, []), [
    ["play", 1],
    ["rho", 2],
    ["back", 3],
  ]);
  assert.deepEqual(numbers(hello.lanes, ["play"]), [
    ["rho", 2],
    ["back", 3],
  ]);
  const fixed = [{ hyperparameters: [{ ...rho, live: false }] }];
  assert.deepEqual(numbers(fixed, []), [
    ["play", 1],
    ["back", 2],
  ]);
});

test("a step that was taken is remembered, and all come back when they are asked for", () => {
  const storage = memory();
  const [hints, shown] = visit(storage);
  assert.deepEqual(shown(), ["1 play", "2 rho", "3 back"]);
  hints.finish("play");
  bus.emit("mark", { type: "mark", step: 3, lane: 0, what: { rho: [0.1, 0.02] } });
  assert.deepEqual(shown(), ["2 rho", "3 back"], "ρ is not at 0 yet");
  bus.emit("mark", { type: "mark", step: 4, lane: 0, what: { rho: [0.02, 0] } });
  bus.emit("hint", "back");
  assert.deepEqual(shown(), []);
  hints.stop();

  const [again, later] = visit(storage);
  assert.deepEqual(later(), []);
  again.again();
  assert.deepEqual(later(), ["1 play", "2 rho", "3 back"]);
  again.stop();
});

test("a browser that keeps nothing, or something else, shows the hints", () => {
  const refusing = {
    getItem: () => "no list",
    setItem() {
      throw new Error("no room");
    },
  };
  const [hints, shown] = visit(refusing);
  assert.deepEqual(shown(), ["1 play", "2 rho", "3 back"]);
  hints.finish("play");
  assert.deepEqual(shown(), ["2 rho", "3 back"]);
  hints.stop();
  for (const odd of ["7", "{}", "null"]) {
    const [one, there] = visit(memory(odd));
    assert.deepEqual(there(), ["1 play", "2 rho", "3 back"]);
    one.stop();
  }
});

test("at hand are numbers that act at once, by the names that they have on screen", () => {
  const others = [
    { ...rho, name: "rule", value: "absolute", choices: ["absolute", "relative"] },
    { ...rho, name: "axis", value: [0.1, 0.2] },
    { ...rho, name: "seeds", live: false },
    { ...rho, name: "double", value: true, low: null, high: null },
  ];
  assert.deepEqual(
    slidable([rho, ...others]).map(({ name }) => name),
    ["rho"],
  );
  assert.equal(labelled(rho), "ρ threshold");
  assert.equal(labelled({ name: "gamma", symbol: "\\gamma", label: "" }), "γ");
  assert.equal(labelled({ name: "learning_rate", symbol: "\\mathrm{lr}" }), "learning rate");
});
