// Pictures made of words and numbers: equations, tiles, checks, tables, code, boards.

/** @import { Env } from "./drawing.d.ts" */
/** @import { Board, Checks, Code, Equation, Html, NumberTiles, Numeral, Table, Words } from "./protocol.d.ts" */

import { v } from "../shared/patch.js";
import { amount } from "./axes.js";

/** @param {Numeral | string} value @returns {value is Numeral} */
const isNumber = (value) => typeof value !== "string" || value === "inf" || value === "-inf";

/** @param {Numeral | string} value @param {string} unit */
const text = (value, unit) => (isNumber(value) ? amount(value, unit) : value);

/** The sign of a condition, its tone, and how it is read out. @param {boolean | null} ok */
const verdict = (ok) =>
  ok === null ? ["–", "muted", "does not apply"] : ok ? ["✓", "good", "holds"] : ["✗", "bad", "fails"];

/** @param {Words} picture */
export const drawWords = (picture) => [v("div", { class: "words", html: picture.text })];

/** @param {Equation} picture */
export const drawEquation = (picture) => [
  v(
    "div",
    { class: "equations" },
    picture.rows.map(([math, note]) =>
      v(
        "div",
        { class: "equation" },
        v("div", { class: "math", html: math }),
        note && v("div", { class: "note", html: note }),
      ),
    ),
  ),
];

/** @param {NumberTiles} picture */
export const drawNumbers = (picture) => [
  v(
    "dl",
    { class: "numbers" },
    picture.numbers.map((n) =>
      v(
        "div",
        { class: `number ${n.tone}` },
        v("dt", { html: n.label }),
        v("dd", {}, text(n.value, n.unit)),
        n.target !== null && v("dd", { class: "exact" }, `${n.target_name} ${text(n.target, n.unit)}`),
        n.help && v("dd", { class: "help", html: n.help }),
      ),
    ),
  ),
];

/** @param {Checks} picture */
export const drawChecks = (picture) => [
  v(
    "ul",
    { class: "checks" },
    picture.checks.map((c) => {
      const [sign, tone, said] = verdict(c.ok);
      return v(
        "li",
        { class: tone },
        v("span", { class: "sign", role: "img", "aria-label": said }, sign),
        v("span", { html: c.text }),
      );
    }),
  ),
];

/** @param {Table} picture */
export function drawTable(picture) {
  // A heading stands where its numbers stand, and so does a word among numbers.
  const figures = picture.columns.map((_, k) => picture.rows.some((row) => typeof row[k] === "number"));
  const cell = (/** @type {Numeral | Html} */ content, /** @type {number} */ k) =>
    isNumber(content)
      ? v("td", { class: "figure" }, amount(content))
      : v(k ? "td" : "th", { class: figures[k] ? "figure" : null, html: content, scope: k ? null : "row" });
  const head = v(
    "thead",
    {},
    v(
      "tr",
      {},
      picture.columns.map((c, k) => v("th", { scope: "col", class: figures[k] ? "figure" : null, html: c })),
    ),
  );
  const body = picture.rows.map((row, i) =>
    v("tr", { class: `${picture.tones[i] ?? ""} ${i === picture.selected ? "selected" : ""}` }, row.map(cell)),
  );
  return [v("div", { class: "table", tabindex: 0, role: "group" }, v("table", {}, head, v("tbody", {}, body)))];
}

/**
 * The numbers of the lines that only one of two programs has: what is not in their longest common subsequence.
 *
 * @param {readonly string[]} left
 * @param {readonly string[]} right
 * @returns {[gone: Set<number>, added: Set<number>]}
 */
export function changed(left, right) {
  const n = left.length;
  const m = right.length;
  /** @type {number[][]} */
  const length = Array.from({ length: n + 1 }, () => new Array(m + 1).fill(0));
  for (let i = n - 1; i >= 0; i--)
    for (let j = m - 1; j >= 0; j--)
      length[i][j] = left[i] === right[j] ? 1 + length[i + 1][j + 1] : Math.max(length[i + 1][j], length[i][j + 1]);
  /** @type {Set<number>} */
  const gone = new Set();
  /** @type {Set<number>} */
  const added = new Set();
  let [i, j] = [0, 0];
  while (i < n || j < m) {
    if (i < n && j < m && left[i] === right[j]) {
      i += 1;
      j += 1;
    } else if (j < m && (i === n || length[i][j + 1] >= length[i + 1][j])) added.add(j++);
    else gone.add(i++);
  }
  return [gone, added];
}

/** @param {Code} picture */
export function drawCode(picture) {
  const left = picture.left.split("\n");
  const right = picture.right.split("\n");
  const [gone, added] = changed(left, right);
  return [
    v(
      "div",
      { class: "code" },
      program(picture.left_title, left, gone, picture.active_left, ["gone", "−"]),
      program(picture.right_title, right, added, picture.active_right, ["added", "+"]),
    ),
  ];
}

/**
 * @param {Html} title
 * @param {readonly string[]} lines
 * @param {Set<number>} marked
 * @param {readonly number[]} active lines that run now
 * @param {[name: string, sign: string]} mark
 */
function program(title, lines, marked, active, [name, sign]) {
  const code = lines.map((line, i) =>
    v(
      "span",
      { class: ["code-line", marked.has(i) ? name : "", active.includes(i) ? "active" : ""].join(" ") },
      v("span", { class: "gutter", "aria-hidden": "true" }, marked.has(i) ? sign : " "),
      line || " ",
    ),
  );
  return v("div", { class: "program" }, v("h4", { html: title }), v("pre", { tabindex: 0 }, v("code", {}, code)));
}

/** @param {Board} picture @param {Env} env */
export function drawBoard(picture, env) {
  const head = [
    v("div", { class: "corner" }),
    picture.columns.map((c) => v("div", { class: "column-name", role: "columnheader", html: c })),
  ];
  const rows = picture.rows.map((name, r) => [
    v("div", { class: "row-name", role: "rowheader", html: name }),
    picture.columns.map((_, c) =>
      v(
        "div",
        { class: "place" },
        picture.cards
          .filter((card) => card.row === r && card.column === c)
          .map((card) =>
            v(
              "button",
              {
                type: "button",
                class: card.value === picture.selected ? "card chosen" : "card",
                style: `--card:${env.colour(card.color)}`,
                "aria-pressed": card.value === picture.selected ? "true" : "false",
                disabled: env.frozen(picture.control),
                onclick: () => env.set({ [picture.control]: card.value }, true),
              },
              v("span", { class: "card-name", html: card.label }),
              card.text && v("span", { class: "card-text", html: card.text }),
            ),
          ),
      ),
    ),
  ]);
  return [
    v("p", { class: "board-axis", html: `${picture.column_title} →` }),
    v(
      "div",
      {
        class: "board",
        style: `grid-template-columns: minmax(4.5em, 0.7fr) repeat(${picture.columns.length}, minmax(0, 1fr))`,
      },
      head,
      rows,
    ),
  ];
}
