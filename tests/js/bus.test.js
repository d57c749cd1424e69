import assert from "node:assert/strict";
import { mock, test } from "node:test";
import { Bus } from "../../offrl_ui/assets/shared/bus.js";
import { hello } from "./example.js";

test("late subscribers hear the last hello at once, others only what follows", () => {
  const bus = new Bus();
  const heard = [];
  bus.receive(hello());
  bus.receive({ type: "mark", step: 1, lane: 0, what: {} });
  const off = bus.on("hello", ({ type }) => heard.push(type));
  bus.on("mark", ({ type }) => heard.push(type));
  assert.deepEqual(heard, ["hello"]);
  off();
  bus.receive(hello());
  assert.deepEqual(heard, ["hello"]);
});

test("a listener that fails does not keep the others from hearing", () => {
  const bus = new Bus();
  const said = mock.method(console, "error", () => {});
  const heard = [];
  bus.on("state", () => {
    throw new Error("broken");
  });
  bus.on("state", ({ state }) => heard.push(state));
  bus.receive({ type: "state", state: "running" });
  said.mock.restore();
  assert.deepEqual([heard, said.mock.callCount()], [["running"], 1]);
});

test("a live change reaches the declared value, once", () => {
  const bus = new Bus();
  const heard = [];
  bus.receive(hello());
  bus.on("hyperparameters", (change) => heard.push(change));
  for (const value of [0.5, 0.5, 0.7]) bus.receive({ type: "mark", step: 1, lane: 0, what: { rho: [0, value] } });
  assert.deepEqual(
    heard.map(({ value }) => value),
    [0.5, 0.7],
  );
  assert.equal(bus.hyperparameters()[0].value, 0.7);
  assert.deepEqual(bus.hyperparameters(3), []);
  assert.equal(bus.marks.length, 1);
});

test("another source begins with nothing; one that left before does not take the next one away", () => {
  const bus = new Bus();
  const [first, second] = [{ open: true }, { open: true }];
  bus.attach(first);
  bus.receive(hello());
  bus.attach(second);
  assert.equal(bus.hello, null);
  bus.detach(first);
  assert.equal(bus.connected, true);
  bus.detach(second);
  assert.equal(bus.connected, false);
});

test("the values in force at a step are those of now without what was changed later", () => {
  const bus = new Bus();
  const rho = { name: "rho", value: 0.9 };
  const gamma = { name: "gamma", value: 0.5 };
  bus.receive({ type: "hello", lanes: [{ hyperparameters: [{ ...rho }] }, { hyperparameters: [rho, gamma] }] });
  for (const [step, lane, what] of [
    [10, 1, { gamma: [0.95, 0.5] }],
    [1215, 1, { rho: [0.1, 0.3] }],
    [1300, 1, { rho: [0.3, 0.9] }],
    [1300, 0, { rho: [0.2, 0.9] }],
  ])
    bus.receive({ type: "mark", step, lane, what });
  assert.deepEqual(bus.valuesAt(1, 119), { rho: 0.1, gamma: 0.5 });
  assert.deepEqual(bus.valuesAt(1, 9), { rho: 0.1, gamma: 0.95 });
  // What was changed at a step acts on the update after it.
  assert.deepEqual(bus.valuesAt(1, 1215), { rho: 0.3, gamma: 0.5 });
  assert.deepEqual(bus.valuesAt(1, 1300), { rho: 0.9, gamma: 0.5 });
  assert.deepEqual(bus.valuesAt(0, 1299), { rho: 0.2 });
});
