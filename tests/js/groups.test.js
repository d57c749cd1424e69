import assert from "node:assert/strict";
import { test } from "node:test";
import { axesOf, groupsOf } from "../../offrl_ui/assets/run/groups.js";
import { hello } from "./example.js";

const seeds = (values) => [0, 1].map((seed) => ({ seed, values }));

test("members that differ in their seed only are one group", () => {
  const [group, ...others] = groupsOf(hello({ members: seeds({ rho: 0.1 }) }));
  assert.deepEqual(others, []);
  assert.deepEqual(group.members, [0, 1]);
  assert.equal(group.label, "BCQ");
});

test("a hyperparameter that differs is an axis, and names the groups", () => {
  const models = hello({ members: [...seeds({ rho: 0.1, beta: 2 }), ...seeds({ rho: 0.3, beta: 2 })] });
  const [axis, ...others] = axesOf(models);
  assert.deepEqual(others, []);
  assert.deepEqual([axis.name, axis.symbol, axis.values, axis.numeric], ["rho", "ρ", [0.1, 0.3], true]);
  assert.deepEqual(
    groupsOf(models).map(({ label, members }) => [label, members]),
    [
      ["ρ = 0.1", [0, 1]],
      ["ρ = 0.3", [2, 3]],
    ],
  );
});

test("algorithms side by side are named by their titles, twins by their number too", () => {
  const lane = (title) => ({ algorithm: title, title, approximator: "table", equation: "", hyperparameters: [] });
  const models = hello({
    members: [0, 1, 2].map((index) => ({ seed: 0, lane: index })),
    lanes: [lane("BC"), lane("CQL"), lane("BC")],
  });
  assert.deepEqual(
    groupsOf(models).map(({ label }) => label),
    ["BC (1)", "CQL", "BC (3)"],
  );
});

test("there are two axes at most", () => {
  const members = [0, 1].map((i) => ({ seed: 0, values: { a: i, b: i, c: i } }));
  assert.deepEqual(
    axesOf(hello({ members })).map(({ name }) => name),
    ["a", "b"],
  );
});
