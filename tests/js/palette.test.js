import assert from "node:assert/strict";
import { test } from "node:test";
import { actionColour, colourAt, luminance, mix, rampOf, withAlpha } from "../../offrl_ui/assets/shared/palette.js";
import { THEME } from "./example.js";

test("colours are read in every notation", () => {
  assert.equal(withAlpha("#fff", 0.5), "rgba(255,255,255,0.5)");
  assert.equal(withAlpha("#0072b2", 1), "rgba(0,114,178,1)");
  assert.equal(mix("rgb(0, 0, 0)", "#ffffff", 0.5), "rgb(128,128,128)");
});

for (const kind of ["value", "amount"]) {
  test(`the ramp of a ${kind} grows lighter all the way`, () => {
    const light = rampOf(kind, false).css.map(luminance);
    assert.equal(light.length, 256);
    for (let i = 1; i < 256; i++) assert.ok(light[i] >= light[i - 1] - 0.01);
  });
}

test("the diverging ramp has its neutral colour in the middle", () => {
  for (const dark of [false, true]) {
    const { table } = rampOf("diverging", dark);
    const [r, g, b] = table.slice(3 * 127, 3 * 128);
    assert.ok(Math.max(r, g, b) - Math.min(r, g, b) < 14);
  }
});

test("any number of actions and lanes have colours of their own", () => {
  for (const colours of [THEME.actions, THEME.lanes, THEME.series]) {
    const all = Array.from({ length: 3 * colours.length }, (_, i) => colourAt(colours, i, THEME));
    assert.deepEqual(all.slice(0, colours.length), colours);
    assert.equal(new Set(all).size, all.length);
  }
});

test("actions that form a grid have a hue for each row and a depth for each column", () => {
  const colours = Array.from({ length: 25 }, (_, a) => actionColour({ ...THEME, actions: THEME.series }, a, [5, 5]));
  assert.equal(new Set(colours).size, 25);
});
