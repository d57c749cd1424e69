// Pictures made of words and numbers: equations, tiles, checks, tables, code, boards.

import { v } from "../shared/patch.js";
import { amount } from "./axes.js";

const text = (value, unit) =>
  typeof value === "string" && value !== "inf" && value !== "-inf" ? value : amount(value, unit);
const SIGN = { true: ["✓", "good", "holds"], false: ["✗", "bad", "fails"], null: ["–", "muted", "does not apply"] };

export const drawWords = (picture) => [v("div", { class: "words", html: picture.text })];

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

export const drawChecks = (picture) => [
  v(
    "ul",
    { class: "checks" },
    picture.checks.map((c) => {
      const [sign, tone, said] = SIGN[c.ok];
      return v(
        "li",
        { class: tone },
        v("span", { class: "sign", role: "img", "aria-label": said }, sign),
        v("span", { html: c.text }),
      );
    }),
  ),
];

export function drawTable(picture) {
  const cell = (content, k) =>
    typeof content === "string" && content !== "inf" && content !== "-inf"
      ? v(k ? "td" : "th", { html: content, scope: k ? null : "row" })
      : v("td", { class: "figure" }, amount(content));
  // A heading stands where its numbers stand.
  const figures = picture.columns.map((_, k) => picture.rows.some((row) => typeof row[k] === "number"));
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

// The longest common subsequence of lines; what is not in it differs.
function changed(left, right) {
  const n = left.length;
  const m = right.length;
  const length = Array.from({ length: n + 1 }, () => new Array(m + 1).fill(0));
  for (let i = n - 1; i >= 0; i--)
    for (let j = m - 1; j >= 0; j--)
      length[i][j] = left[i] === right[j] ? 1 + length[i + 1][j + 1] : Math.max(length[i + 1][j], length[i][j + 1]);
  const gone = new Set();
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

export function drawCode(picture) {
  const left = picture.left.split("\n");
  const right = picture.right.split("\n");
  const [gone, added] = changed(left, right);
  const side = (title, lines, marked, active, kind, sign) =>
    v(
      "div",
      { class: "program" },
      v("h4", { html: title }),
      v(
        "pre",
        { tabindex: 0 },
        v(
          "code",
          {},
          lines.map((line, i) =>
            v(
              "span",
              { class: ["code-line", marked.has(i) ? kind : "", active.includes(i) ? "active" : ""].join(" ") },
              v("span", { class: "gutter", "aria-hidden": "true" }, marked.has(i) ? sign : " "),
              line || " ",
            ),
          ),
        ),
      ),
    );
  return [
    v(
      "div",
      { class: "code" },
      side(picture.left_title, left, gone, picture.active_left, "gone", "−"),
      side(picture.right_title, right, added, picture.active_right, "added", "+"),
    ),
  ];
}

export function drawBoard(picture, ctx) {
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
                style: `--card:${ctx.colour(card.color)}`,
                "aria-pressed": card.value === picture.selected ? "true" : "false",
                disabled: ctx.frozen(picture.control),
                onclick: () => ctx.set({ [picture.control]: card.value }, true),
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
