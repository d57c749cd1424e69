import assert from "node:assert/strict";
import { test } from "node:test";
import { Undo } from "../../offrl_ui/assets/shared/undo.js";

/** Controls that report as they are let go, also when they are put. @param {Undo} undo @param {Record<string, any>} at */
const controls = (undo, at) => {
  const absent = new Set();
  /** @param {string} name @param {any} value */
  const set = (name, value) => {
    const before = at[name];
    at[name] = value;
    const put = (/** @type {any} */ one) => {
      if (!absent.has(name)) set(name, one);
      return !absent.has(name);
    };
    undo.add({ what: name, before, after: value, put });
  };
  return { set, absent };
};

test("changes are taken back one by one and made again, and taking back is no change of its own", () => {
  const undo = new Undo();
  const at = { rho: 0.1, seeds: 4 };
  const { set } = controls(undo, at);
  set("rho", 0.5);
  set("seeds", [1, 2]);
  set("rho", 0);
  assert.deepEqual(
    [undo.undo(), undo.undo(), at],
    [
      { what: "rho", value: 0.5 },
      { what: "seeds", value: 4 },
      { rho: 0.5, seeds: 4 },
    ],
  );
  assert.deepEqual(
    [undo.redo(), at],
    [
      { what: "seeds", value: [1, 2] },
      { rho: 0.5, seeds: [1, 2] },
    ],
  );
  set("rho", 0.9);
  assert.equal(undo.redo(), null, "another change has taken the place of what was taken back");
  assert.equal(undo.undo()?.value, 0.5);
  undo.undo();
  undo.undo();
  assert.deepEqual([undo.undo(), at], [null, { rho: 0.1, seeds: 4 }]);
});

test("what is not at hand is left where it is, and comes back with its control", () => {
  const undo = new Undo();
  const at = { alpha: 1, gamma: 0.9 };
  const { set, absent } = controls(undo, at);
  set("gamma", 0.95);
  set("alpha", 3);
  absent.add("alpha");
  assert.deepEqual([undo.undo(), undo.undo()], [{ what: "gamma", value: 0.9 }, null]);
  absent.clear();
  assert.deepEqual(
    [undo.undo(), at],
    [
      { what: "alpha", value: 1 },
      { alpha: 1, gamma: 0.9 },
    ],
  );
});

test("a change of the whole page is told in words, and the next one waits until the page has followed", () => {
  const undo = new Undo();
  const { set } = controls(undo, { rho: 0 });
  set("rho", 1);
  let picked = { id: "bcq" };
  const put = (/** @type {typeof picked} */ one) => {
    picked = one;
    undo.unsettled();
    return true;
  };
  undo.add({ what: "algorithm", before: { id: "cql" }, after: picked, told: ({ id }) => id.toUpperCase(), put });
  /** @type {unknown[]} */
  const told = [];
  const back = () => undo.when(() => told.push(undo.undo()));
  back();
  back();
  assert.deepEqual([told, picked.id], [[{ what: "algorithm", value: "CQL" }], "cql"]);
  undo.settled();
  assert.deepEqual(told[1], { what: "rho", value: 0 });
  undo.redo();
  undo.redo();
  undo.when(back);
  undo.when(() => told.push("later"));
  assert.equal(told.length, 2);
  undo.settled();
  assert.deepEqual([told.length, told[2]], [3, { what: "algorithm", value: "CQL" }]);
  undo.settled();
  assert.equal(told[3], "later");
});

test("whoever shows it hears of every step, until it listens no more", () => {
  const undo = new Undo();
  let heard = 0;
  const off = undo.on(() => (heard += 1));
  const { set } = controls(undo, { rho: 0 });
  set("rho", 1);
  undo.undo();
  undo.undo();
  off();
  set("rho", 1);
  assert.equal(heard, 2);
});
