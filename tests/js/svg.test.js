import assert from "node:assert/strict";
import { test } from "node:test";
import { drawAction, hatchStyle, shapePath, SHAPES } from "../../offrl_ui/assets/shared/signs.js";
import { SvgContext } from "../../offrl_ui/assets/shared/svg.js";
import { THEME } from "./example.js";

const pen = () => new SvgContext(100, 50, "#fff");

test("what is drawn becomes elements, on the background", () => {
  const svg = pen();
  svg.fillStyle = "#123456";
  svg.fillRect(1, 2.345, 3, 4);
  svg.beginPath();
  svg.moveTo(0, 0);
  svg.lineTo(5, 5);
  svg.setLineDash([4, 3]);
  svg.stroke();
  const text = svg.toString();
  assert.match(text, /^<svg [^>]*viewBox="0 0 100 50"><defs><\/defs><rect width="100" height="50" fill="#fff"\/>/);
  assert.match(text, /<rect x="1" y="2.35" width="3" height="4" fill="#123456"\/>/);
  assert.match(text, /<path d="M0 0L5 5" fill="none" stroke="#000" stroke-width="1" [^>]*stroke-dasharray="4,3"\/>/);
  assert.match(text, /<\/svg>$/);
});

test("text is escaped, anchored and in the font's size", () => {
  const svg = pen();
  svg.font = '600 11.5px "Source Sans"';
  svg.textAlign = "center";
  svg.textBaseline = "middle";
  svg.fillText("a < b & c", 10, 20);
  const [text] = svg.parts;
  assert.match(text, /text-anchor="middle" dominant-baseline="central" font-size="11.5" font-weight="600"/);
  assert.match(text, /font-family="&quot;Source Sans&quot;"/);
  assert.match(text, />a &lt; b &amp; c<\/text>$/);
  assert.equal(svg.measureText("1234").width, 4 * 11.5 * 0.55);
});

test("a full circle is two arcs, a part one", () => {
  const svg = pen();
  svg.beginPath();
  svg.arc(10, 10, 5, 0, 2 * Math.PI);
  assert.equal(svg.path, "M15 10A5 5 0 1 1 5 10A5 5 0 1 1 15 10");
  svg.beginPath();
  svg.arc(10, 10, 5, 0, Math.PI / 2);
  assert.equal(svg.path, "M15 10A5 5 0 0 1 10 15");
});

test("what is moved and turned is grouped, until it is restored", () => {
  const svg = pen();
  svg.save();
  svg.translate(3, 4);
  svg.rotate(-Math.PI / 2);
  svg.fillRect(0, 0, 1, 1);
  svg.restore();
  svg.fillRect(0, 0, 1, 1);
  assert.match(svg.parts[0], /^<g transform="translate\(3 4\)rotate\(-90\)">/);
  assert.match(svg.parts[1], /^<rect/);
});

test("a hatch is one pattern of the file, finer in small cells", () => {
  const svg = pen();
  const [large, again, small] = [hatchStyle(svg, THEME, 2), hatchStyle(svg, THEME, 2), hatchStyle(svg, THEME, 2, 8)];
  assert.equal(large, again);
  assert.notEqual(large, small);
  assert.equal(svg.toString().match(/<pattern /g).length, 2);
});

test("every action has a sign: an arrow where it has a direction, else a shape", () => {
  const signs = (layout, n) =>
    Array.from({ length: n }, (_, action) => {
      const svg = pen();
      drawAction(svg, action, layout, THEME, [10, 10], 5);
      return svg.parts.at(-1).match(/d="([^"]*)"/)[1];
    });
  const arrows = signs(
    {
      kind: "grid",
      directions: [
        [-1, 0],
        [0, 1],
        [1, 0],
        [0, -1],
      ],
    },
    4,
  );
  assert.equal(new Set(arrows).size, 4);
  assert.equal(new Set(signs({ kind: "matrix" }, SHAPES.length)).size, SHAPES.length);
});

test("shapes stay near their radius", () => {
  for (const shape of SHAPES) {
    const svg = pen();
    shapePath(svg, shape, 0, 0, 10);
    const numbers = svg.path
      .replace(/A[^A-Z]*/g, "")
      .match(/-?[\d.]+/g)
      .map(Number);
    assert.ok(numbers.length >= 2);
    for (const number of numbers) assert.ok(Math.abs(number) <= 11);
  }
});
