import assert from "node:assert/strict";
import { test } from "node:test";
import { GridCells } from "../../offrl_ui/assets/shared/grid.js";
import { SvgContext } from "../../offrl_ui/assets/shared/svg.js";
import { GridScene } from "../../offrl_ui/assets/world/grid.js";
import { arrange } from "../../offrl_ui/assets/world/panes.js";
import { hello, store, THEME } from "./example.js";

const FOUR = [
  [-1, 0],
  [0, 1],
  [1, 0],
  [0, -1],
];
// A ring of walls around 2 × 3 cells, the middle of the first row a wall too.
const RINGED = {
  rows: 4,
  cols: 5,
  cells: "######.#.##...######",
  state_of_cell: [-1, -1, -1, -1, -1, -1, 0, -1, 1, -1, -1, 2, 3, 4, -1, -1, -1, -1, -1, -1],
  directions: FOUR,
};
const box = { x: 0, y: 0, width: 400, height: 300 };

test("rings of wall are left out but for the margin", () => {
  assert.deepEqual(new GridCells(RINGED, 4, 0).crop, { top: 1, left: 1, rows: 2, cols: 3 });
  assert.deepEqual(new GridCells(RINGED, 4, 0.5).crop, { top: 0.5, left: 0.5, rows: 3, cols: 4 });
});

test("cells fill the box and stand in its middle", () => {
  const grid = new GridCells(RINGED, 4, 0.5);
  const place = grid.fit(box);
  assert.deepEqual(place, { size: 100, x: -50, y: -50, frame: { x: 0, y: 0, width: 400, height: 300 } });
  assert.deepEqual(grid.corner(place, 3), [150, 150]);
});

test("a point hits the state and the part that belongs to the action's direction", () => {
  const grid = new GridCells(RINGED, 4, 0.5);
  const place = grid.fit(box);
  assert.deepEqual(grid.hit(place, [200, 160]), { state: 3, action: 0 });
  assert.deepEqual(grid.hit(place, [240, 200]), { state: 3, action: 1 });
  assert.deepEqual(grid.hit(place, [200, 240]), { state: 3, action: 2 });
  assert.deepEqual(grid.hit(place, [160, 200]), { state: 3, action: 3 });
  assert.equal(grid.hit(place, [200, 100]), null, "a wall");
  assert.equal(grid.hit(place, [-60, 0]), null, "outside");
});

test("a resting action lies in the middle, on top", () => {
  const grid = new GridCells({ ...RINGED, directions: [...FOUR, [0, 0]] }, 5, 0.5);
  const place = grid.fit(box);
  assert.equal(grid.hit(place, [200, 200]).action, 4);
  assert.equal(grid.hit(place, [200, 155]).action, 0);
});

test("actions without directions of their own are bars from left to right", () => {
  const grid = new GridCells({ ...RINGED, directions: [] }, 4, 0.5);
  assert.equal(grid.asBars, true);
  assert.equal(grid.hit(grid.fit(box), [160, 200]).action, 0);
  assert.equal(grid.hit(grid.fit(box), [240, 200]).action, 3);
});

test("the next state in a direction may lie behind walls; at the edge there is none", () => {
  const grid = new GridCells(RINGED, 4, 0);
  assert.equal(grid.neighbour(0, 1, 0), 1);
  assert.equal(grid.neighbour(0, 0, 1), 2);
  assert.equal(grid.neighbour(4, 1, 0), 4);
});

test("walls are the frame with a hole for each cell that is none", () => {
  const grid = new GridCells(RINGED, 4, 0.5);
  const svg = new SvgContext(400, 300, "#fff");
  grid.drawWalls(svg, grid.fit(box), THEME);
  assert.equal(svg.parts.length, 1);
  assert.equal(svg.parts[0].match(/Z/g).length, 1 + 5);
});

test("a grid world says where a state is and what stands there", () => {
  const made = store();
  const scene = new GridScene(made, hello().layout);
  assert.equal(scene.name(0), "cell (0, 0) S");
  assert.equal(scene.name(4), "cell (1, 2) G, goal");
  assert.equal(scene.name(9), "state 9");
  const geo = scene.geometry(box);
  const [x, y] = scene.corner(geo, 4);
  assert.deepEqual(scene.hit(geo, x + 1, y + 1), { state: 4, action: null }, "nothing is done at the end");
});

test("colours are drawn for seen and unseen actions, arrows by probability", () => {
  const made = store();
  const scene = new GridScene(made, hello().layout);
  const geo = scene.geometry(box);
  const scale = made.scale("value");
  const parts = (what) => {
    const svg = new SvgContext(400, 300, "#fff");
    scene.draw(svg, geo, {
      values: made.static.q_star,
      scale,
      theme: THEME,
      perState: false,
      arrows: false,
      policy: null,
      ...what,
    });
    return svg.parts.length;
  };
  assert.equal(parts({}), 8, "four living states, two actions each");
  assert.equal(parts({ values: made.static.q_star.map((v, i) => (i ? v : NaN)) }), 7);
  assert.equal(parts({ perState: true, values: [1, 2, NaN, 4, 5] }), 3);
  assert.equal(parts({ arrows: true, policy: [1, 0, 0.5, 0.5, 0, 1, 0.995, 0.005, 1, 0] }), 5);
});

test("panes are arranged so that pictures are large, each with its title", () => {
  const scene = { aspect: 2, geometry: (place) => place };
  const [alone] = arrange(scene, [7], 400, 200, 1);
  assert.deepEqual(alone, { member: 7, box: { x: 0, y: 0, width: 400, height: 200 }, title: null, geo: alone.box });
  const four = arrange(scene, [0, 1, 2, 3], 400, 234, 1);
  assert.deepEqual([...new Set(four.map(({ box: { y } }) => y))].length, 2);
  for (const pane of four) assert.ok(pane.title.y + 17 === pane.box.y && pane.box.x + pane.box.width <= 400);
});
