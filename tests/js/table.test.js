import assert from "node:assert/strict";
import { test } from "node:test";
import { SvgContext } from "../../offrl_ui/assets/shared/svg.js";
import { TableScene } from "../../offrl_ui/assets/world/table.js";
import { THEME, store } from "./example.js";

// Five states; the third is visited most, and the last ends the episode. `example.js` counts the rows.
const LAYOUT = {
  kind: "table",
  order: [2, 0, 1, 3, 4],
  by_value: [0, 3, 2, 1, 4],
  value: [0.5, 2, -1, 1, null],
  labels: ["list", "home", "item 7", "4", "paid"],
  terminal: [4],
};
const WIDE = { x: 0, y: 0, width: 500, height: 300 };
// Room for two rows under the head.
const LOW = { x: 0, y: 0, width: 500, height: 70 };

function scene(order = "visits", layout = LAYOUT) {
  const made = store({ layout });
  made.view.order = order;
  return new TableScene(made, layout);
}

const pen = () => new SvgContext(500, 300, "#fff");
const texts = (drawn) => [...drawn.toString().matchAll(/<text[^>]*>([^<]*)</g)].map(([, text]) => text);

test("states have their names in the log, and numbers are called states", () => {
  const one = scene();
  assert.deepEqual(
    [0, 1, 2, 3, 4].map((s) => one.name(s)),
    ["home", "item 7", "list", "state 4", "paid"],
  );
  const bare = scene("visits", { ...LAYOUT, labels: [] });
  assert.equal(bare.name(3), "state 3");
});

test("rows stand in the order that is chosen, with rows or values of the log behind them", () => {
  const visits = scene();
  const geo = visits.geometry(WIDE);
  assert.deepEqual(
    visits.shown(geo).map(([state]) => state),
    LAYOUT.order,
  );
  assert.equal(visits.sentence, "all 5 states");
  const drawn = pen();
  visits.drawStatic(drawn, geo, THEME, 1, false);
  const written = texts(drawn);
  for (const text of ["list", "home", "item 7", "state 4", "paid", "ends the episode", "left", "right", "rows"])
    assert.ok(written.includes(text), `${text} is missing in ${written}`);
  const value = scene("value");
  assert.deepEqual(
    value.shown(value.geometry(WIDE)).map(([state]) => state),
    LAYOUT.by_value,
  );
  const valued = pen();
  value.drawStatic(valued, value.geometry(WIDE), THEME, 1, false);
  assert.ok(texts(valued).includes("−1.00") || texts(valued).includes("−1"));
});

test("what does not fit stands on further pages", () => {
  const one = scene();
  const geo = one.geometry(LOW);
  assert.equal(geo.rows, 2);
  assert.equal(one.sentence, "the 2 most visited of 5 states");
  assert.deepEqual(one.more, [false, true]);
  assert.ok(one.turn(2));
  assert.deepEqual(
    one.shown(geo).map(([state]) => state),
    [1, 3],
  );
  assert.equal(one.sentence, "states 3 to 4 of 5");
  // The last page is full, too.
  assert.ok(one.turn(4));
  assert.equal(one.sentence, "states 4 to 5 of 5");
  assert.deepEqual(one.more, [true, false]);
  assert.ok(!one.turn(40));
  const value = scene("value");
  value.geometry(LOW);
  assert.equal(value.sentence, "the 2 of highest value of 5 states");
});

test("a state is brought into view, and one that is there stays where it is", () => {
  const one = scene();
  const geo = one.geometry(LOW);
  assert.ok(!one.reveal(0));
  assert.ok(one.reveal(3));
  assert.ok(one.top(geo, 3) !== null);
  assert.equal(one.top(geo, 2), null);
  assert.ok(!one.reveal(17));
});

test("a point is a cell, a name the state alone", () => {
  const one = scene();
  const geo = one.geometry(WIDE);
  const y = geo.y + 1.5 * geo.height;
  assert.deepEqual(one.hit(geo, geo.x + 1.5 * geo.width, y), { state: 0, action: 1 });
  assert.deepEqual(one.hit(geo, geo.x - 5, y), { state: 0, action: null });
  assert.deepEqual(one.hit(geo, geo.x + 5, geo.y + 4.5 * geo.height), { state: 4, action: null });
  assert.equal(one.hit(geo, geo.x + 5, geo.y - 5), null);
  assert.equal(one.hit(geo, geo.x + 2 * geo.width + 1, y), null);
});

test("keys go from row to row, and sideways from page to page", () => {
  const one = scene();
  one.geometry(LOW);
  assert.equal(one.neighbour(2, 0, 1), 0);
  assert.equal(one.neighbour(2, 0, -1), 2);
  assert.equal(one.neighbour(2, 1, 0), 1);
  assert.equal(one.neighbour(4, 1, 0), 4);
});

test("what the data never shows is hatched, what ends is not", () => {
  const one = scene();
  const geo = one.geometry(WIDE);
  const drawn = pen();
  const rects = [];
  drawn.rect = (x, y) => rects.push([Math.round((x - geo.x) / geo.width), Math.round((y - geo.y) / geo.height)]);
  drawn.beginPath = () => {
    if (rects.length) drawn.hatched ??= [...rects];
  };
  one.drawStatic(drawn, geo, THEME, 1, true);
  // n = 0 in (1, left), (2, right): rows 2 and 0 of the picture.
  assert.deepEqual(drawn.hatched, [
    [1, 0],
    [0, 2],
  ]);
});

test("many actions have narrow columns, whose names stand upright", () => {
  const layout = LAYOUT;
  const actions = Array.from({ length: 40 }, (_, a) => `dose ${a}`);
  const made = store({ layout, actions });
  const one = new TableScene(made, layout);
  const geo = one.geometry(WIDE);
  assert.ok(!geo.flat);
  assert.ok(geo.x + 40 * geo.width <= WIDE.width);
});
