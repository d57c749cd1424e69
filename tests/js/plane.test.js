import assert from "node:assert/strict";
import { test } from "node:test";
import { Store } from "../../offrl_ui/assets/run/store.js";
import { SvgContext } from "../../offrl_ui/assets/shared/svg.js";
import { inWords, ownNames } from "../../offrl_ui/assets/shared/vectors.js";
import { PlaneScene } from "../../offrl_ui/assets/world/plane.js";
import { THEME, binary, hello } from "./example.js";
import { close } from "./help.js";

// Two probes of three numbers, and two projections of them.
const LAYOUT = {
  kind: "plane",
  names: ["age (y)", "pulse", "lactate", "PC 1 (60 %)", "PC 2 (30 %)"],
  low: [0, 0, 0, -10, -10],
  high: [100, 200, 10, 10, 10],
  x: 3,
  y: 4,
  projection: [
    [0.1, 0, 1],
    [0, -0.05, 0],
  ],
  origin: [6, -4],
};
const PROBES = [50, 80, 2, 70, 120, 0.5];

function scene(axes = null, layout = LAYOUT) {
  const made = new Store();
  made.view.axes = axes;
  made.begin(hello({ layout, states: 2 }));
  made.setStatic(binary("static", {}, { probes: { shape: [2, 3], data: PROBES } }));
  return new PlaneScene(made, layout);
}

test("axes are the numbers of an observation, and after them its projections", () => {
  const one = scene();
  assert.deepEqual(ownNames(LAYOUT), ["age (y)", "pulse", "lactate"]);
  assert.deepEqual(
    [0, 1, 2].map((d) => one.coordinate(1, d)),
    [70, 120, 0.5],
  );
  close(one.coordinate(0, 3), 0.1 * 50 + 2 - 6, 1e-6);
  close(one.coordinate(1, 4), -0.05 * 120 + 4, 1e-6);
});

test("a plane of projections alone has no other axes, and one without them only its own", () => {
  const digits = { ...LAYOUT, names: ["x", "y"], low: [-9, -9], high: [9, 9], x: 0, y: 1, origin: undefined };
  const one = scene(null, digits);
  assert.deepEqual(ownNames(digits), []);
  close(one.coordinate(0, 0), 0.1 * 50 + 2, 1e-6);
  const bare = { ...LAYOUT, names: LAYOUT.names.slice(0, 3), projection: null, origin: [], x: 0, y: 1 };
  assert.equal(scene(null, bare).coordinate(1, 2), 0.5);
});

test("the axes that were chosen are drawn, unless this plane does not have them", () => {
  const chosen = scene([2, 0]);
  assert.deepEqual([chosen.x, chosen.y], [2, 0]);
  const begun = scene([2, 7]);
  assert.deepEqual([begun.x, begun.y], [3, 4]);
  const pen = new SvgContext(400, 300, "#fff");
  const geo = chosen.geometry({ x: 0, y: 0, width: 400, height: 300 });
  chosen.drawStatic(pen, geo, THEME, 1, false);
  assert.match(pen.toString(), />lactate</);
  assert.match(pen.toString(), />age \(y\)</);
});

test("a probe is named by its numbers with their units", () => {
  assert.equal(scene().name(0), "probe 0: age 50 y, pulse 80, lactate 2");
  assert.equal(scene().name(1), "probe 1: age 70 y, pulse 120, lactate 0.50");
  assert.equal(inWords([1.5, 2], ["a"], 2), "a 1.5, 2");
});
