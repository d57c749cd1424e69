import assert from "node:assert/strict";
import { test } from "node:test";
import { wedges } from "../../offrl_ui/assets/shared/grid.js";
import { close } from "./help.js";

const DIRECTIONS = {
  four: [
    [-1, 0],
    [0, 1],
    [1, 0],
    [0, -1],
  ],
  two: [
    [0, -1],
    [0, 1],
  ],
  five: [
    [-1, 0],
    [0, 1],
    [1, 0],
    [0, -1],
    [0, 0],
  ],
  eight: [
    [-1, 0],
    [-1, 1],
    [0, 1],
    [1, 1],
    [1, 0],
    [1, -1],
    [0, -1],
    [-1, -1],
  ],
  corner: [
    [-1, 0],
    [0, 1],
  ],
  one: [[1, 0]],
};

const area = (shape) => {
  const twice = shape.map(([x, y], i) => {
    const [nextX, nextY] = shape[(i + 1) % shape.length];
    return x * nextY - nextX * y;
  });
  return Math.abs(twice.reduce((a, b) => a + b, 0)) / 2;
};
const mean = (numbers) => numbers.reduce((a, b) => a + b, 0) / numbers.length;

for (const [name, directions] of Object.entries(DIRECTIONS)) {
  test(`${name} wedges share the cell, and each lies in its direction`, () => {
    const shapes = wedges(directions);
    for (const point of shapes.flat(2)) assert.ok(point >= -1e-9 && point <= 1 + 1e-9);
    const moving = directions.flatMap(([row, col], i) => (row || col ? [i] : []));
    close(
      moving.map((i) => area(shapes[i])).reduce((a, b) => a + b, 0),
      1,
      1e-6,
    );
    if (moving.length === 1) return;
    for (const i of moving) {
      const [row, col] = directions[i];
      const [x, y] = [0, 1].map((axis) => mean(shapes[i].map((point) => point[axis])) - 0.5);
      assert.ok(x * col + y * row > 0, `wedge ${i} points elsewhere`);
    }
  });
}

for (const directions of [
  [
    [0, 1],
    [0, 1],
  ],
  [
    [0, 0],
    [0, 0],
    [1, 0],
  ],
  [[0, 0]],
]) {
  test(`actions ${JSON.stringify(directions)} have no directions of their own`, () => {
    assert.equal(wedges(directions), null);
  });
}
