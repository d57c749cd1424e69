import assert from "node:assert/strict";
import { test } from "node:test";
import { Scale } from "../../offrl_ui/assets/shared/scale.js";
import { SvgContext } from "../../offrl_ui/assets/shared/svg.js";
import { BarsScene, onlyState, thetaText } from "../../offrl_ui/assets/world/bars.js";
import { binary, hello, THEME } from "./example.js";
import { Store } from "../../offrl_ui/assets/run/store.js";

const layout = { kind: "matrix", order: [0], row_title: "state", column_title: "action", row_value: [], terminal: [1] };
function world({ seen = [100, 0] } = {}) {
  const made = new Store();
  made.begin(hello({ layout, states: 2, actions: ["a₁", "a₂"], truth: { optimal: 0, q_bound: 0 } }));
  const counts = { shape: [2, 2], dtype: "i4", data: [...seen, 0, 0] };
  const terminal = { shape: [2], dtype: "b1", data: [0, 1] };
  made.setStatic(binary("static", {}, { counts, terminal }));
  return made;
}
const painted = (values, more = {}) => {
  const made = world();
  const scene = new BarsScene(made, 0);
  const scale = new Scale({ kind: "value", usual: 1 });
  scale.include(0, Math.max(...values.filter(Number.isFinite)), 0);
  const pen = new SvgContext(500, 400, "#fff");
  const geo = scene.geometry({ x: 0, y: 0, width: 500, height: 400 });
  scene.draw(pen, geo, {
    values,
    scale,
    theme: THEME,
    perState: false,
    arrows: false,
    policy: null,
    theta: null,
    ...more,
  });
  return { text: pen.toString(), geo, scene };
};
const bars = (svg) =>
  [...svg.matchAll(/<rect x="[\d.]+" y="([\d.]+)" width="[\d.]+" height="([\d.]+)" fill="(#[0-9a-f]+)"/g)]
    .map(([, y, height, fill]) => ({ y: Number(y), height: Number(height), fill }))
    .filter(({ fill }) => [...THEME.actions, "#c2187e"].includes(fill));

test("a world with one living state is drawn as bars", () => {
  assert.equal(onlyState(world(), layout), 0);
  assert.equal(onlyState(world(), { ...layout, order: [0, 1, 2] }), null);
});

test("bars are as long as their numbers on the axis, and have them written on", () => {
  const { text, geo } = painted([1, 4]);
  const [one, four] = bars(text);
  assert.ok(Math.abs(four.height / one.height - 4) < 0.05);
  assert.equal(Math.round(four.y), geo.y);
  assert.match(text, />1</);
  assert.match(text, />4</);
});

test("a doubling is a step that can be seen, at every size", () => {
  const heights = [10, 60, 120].map((k) => bars(painted([2 ** k, 2 ** 126]).text)[0].height);
  assert.ok(heights[0] > 0.05 * heights[2] && heights[1] > 0.4 * heights[2] && heights[1] < 0.6 * heights[2]);
});

test("what is infinite reaches the end in a colour of its own, zero has no bar", () => {
  const { text, geo } = painted([8, Infinity]);
  const [, infinite] = bars(text);
  assert.deepEqual([infinite.fill, Math.round(infinite.height)], ["#c2187e", geo.height]);
  assert.match(text, />∞</);
  assert.equal(bars(painted([0, 4]).text)[0].height, 0);
});

test("the pointer finds the action of a bar, and nothing beside them", () => {
  const { geo, scene } = painted([1, 4]);
  assert.deepEqual(scene.hit(geo, geo.x + 1.5 * geo.slot, geo.y + 50), { state: 0, action: 1 });
  assert.equal(scene.hit(geo, geo.x - 2, geo.y + 50), null);
});

test("the parameters of a linear Q are written with the picture", () => {
  assert.equal(thetaText([1024]), "θ = 1\u2009024");
  assert.equal(thetaText([4e-45]), "θ ≈ 0");
  assert.equal(thetaText([1, -2.5]), "θ = (1, −2.50)");
  assert.match(painted([1, 2], { theta: [1] }).text, />θ = 1</);
});
