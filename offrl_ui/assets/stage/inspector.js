// The selected state: one row per action with its numbers and bars. The table is also the text alternative of the picture.

import { h, setText, textWidth } from "../shared/dom.js";
import { integer, number, percent } from "../shared/format.js";
import { modeOf, pictureOf } from "../world/modes.js";
import { drawAction, hatchStyle } from "../shared/palette.js";

// key, heading, help, kind of bar: amount (0 to the largest), share (0 to 1), value (common range of Q, Q*, Qπ), signed; and the
// pixels that its numbers need where many actions share the room (in the page's own font).
const COLUMNS = [
  {
    key: "n",
    head: "n",
    help: "rows of the data with this action in this state",
    bar: "amount",
    text: integer,
    width: 30,
  },
  { key: "beta", head: "π_β", help: "share of this action in the data", bar: "share", text: percent, width: 34 },
  {
    key: "behavior",
    head: "π̂_β",
    help: "the behaviour policy as the system has learned it",
    bar: "share",
    text: percent,
    width: 47,
  },
  {
    key: "allowed",
    head: "Ā",
    help: "whether the target's maximum may choose this action",
    bar: null,
    text: (x) => (x ? "yes" : "no"),
    width: 24,
  },
  { key: "q", head: "Q", help: "learned action value", bar: "value", text: number, width: 42 },
  { key: "truth", head: "Q*", help: "exact optimal action value", bar: "value", text: number, width: 42 },
  { key: "q_pi", head: "Qπ", help: "exact action value of the current policy", bar: "value", text: number, width: 42 },
  { key: "advantages", head: "A", help: "learned advantage", bar: "signed", text: number, width: 46 },
  {
    key: "weights",
    head: "weight",
    help: "mean weight of this pair's rows in the loss",
    bar: "amount",
    text: number,
    width: 46,
  },
  { key: "policy", head: "π_θ", help: "learned policy", bar: "share", text: percent, width: 40 },
];

// With more actions than this the tables get more height, then rows are low, with more than that there are two tables side by side where there is room for both.
const ROOMY = 5;
const DENSE = 6;
const MANY = 12;
const TWO_TABLES = 760;
const NARROW = 480;
// Widths are given for a font whose ten digits are as wide as this at 11 px.
const DIGITS = 54.7;

export class Inspector {
  // side: the column beside, which takes the map of the doses where the tables need all the room.
  constructor(host, store, side) {
    Object.assign(this, { host, store, side });
    this.title = h("h3", { class: "inspector-title" });
    this.detail = h("span", { class: "inspector-detail" });
    this.tables = h("div", {
      class: "inspector-scroll",
      tabindex: "0",
      role: "region",
      "aria-label": "Numbers of the selected state, one row per action",
    });
    this.canvas = h("canvas", { class: "dose", width: "352", height: "352", "aria-hidden": "true" });
    this.caption = h("figcaption");
    this.dose = h("figure", { class: "dose-box", hidden: true }, this.canvas, this.caption);
    this.body = h("div", { class: "inspector-body" }, this.tables, this.dose);
    host.append(h("div", { class: "inspector-head" }, this.title, this.detail), this.body);
    this.shape = "";
  }

  // Numbers of a column for the selected state: an array over actions, or null.
  column(key, frame, state, member) {
    const { store } = this;
    const { nActions: A } = store.hello;
    const fixed = {
      n: store.static.counts,
      beta: store.static.behavior_policy,
      truth: store.truthHolds(member) ? store.static.q_star : null,
    };
    if (key in fixed) return fixed[key] ? fixed[key].subarray(state * A, (state + 1) * A) : null;
    return frame ? store.row(frame, key, member, state) : null;
  }

  scale() {
    return Math.max(textWidth("0123456789", `11px ${this.theme?.font ?? "sans-serif"}`) / DIGITS, 1);
  }

  build(columns, two, narrow) {
    const { store, theme } = this;
    const { actionNames, layout } = store.hello;
    const many = actionNames.length > MANY;
    const short = many ? shorten(actionNames) : null;
    const shown = short?.names ?? actionNames;
    const font = (px) => `${px}px ${theme.font}`;
    const scale = this.scale();
    const tight = many || narrow;
    const longest = Math.max(...shown.map((name) => textWidth(name, font(tight ? 11 : 13))));
    const nameWidth = tight ? Math.min(longest + 18, 110) : Math.min(longest + 40, 176);
    const widths = [nameWidth, ...columns.map((column) => (tight ? column.width * scale : 52))];
    const least = widths.reduce((sum, width) => sum + width, 0);
    this.rows = actionNames.map((name, a) => {
      const cells = columns.map((column) => {
        const bar = column.bar ? h("i", { class: `bar ${column.bar}` }) : null;
        const text = h("span", { class: "cell-text" });
        return { td: h("td", {}, bar, text), bar, text, share: -1 };
      });
      const row = h(
        "tr",
        {},
        h(
          "th",
          { scope: "row", title: name, "aria-label": name },
          actionGlyph(a, layout, theme),
          h("span", {}, shown[a]),
        ),
        ...cells.map((cell) => cell.td),
      );
      return { row, cells };
    });
    const half = two ? Math.ceil(this.rows.length / 2) : this.rows.length;
    const parts = [this.rows.slice(0, half), this.rows.slice(half)].filter((part) => part.length);
    this.tables.replaceChildren(
      ...parts.map((part) =>
        h(
          "table",
          { class: "inspector-table", style: `min-width:${two ? 0 : (narrow ? 0.86 : 0.92) * least}px` },
          h(
            "colgroup",
            {},
            ...widths.map((width, i) =>
              h("col", { style: tight ? `width:${(100 * width) / least}%` : i ? "" : `width:${width}px` }),
            ),
          ),
          h(
            "thead",
            {},
            h(
              "tr",
              {},
              h("th", { scope: "col", title: short?.title ?? "" }, short?.head ?? "action"),
              ...columns.map((column) => h("th", { scope: "col", title: column.help }, column.head)),
            ),
          ),
          h("tbody", {}, ...part.map(({ row }) => row)),
        ),
      ),
    );
    this.host.classList.toggle("dense", actionNames.length > DENSE);
    this.host.classList.toggle("tight", tight);
    const stage = this.host.closest(".stage").classList;
    stage.toggle("dense-actions", actionNames.length > ROOMY && !many);
    stage.toggle("many-actions", many);
    this.dose.hidden = !layout.action_grid && !layout.image;
    (many ? this.side : this.body).append(this.dose);
    setText(
      this.caption,
      layout.action_grid
        ? `the selected state: ${short?.title.replace(" · ", " ↓, ") ?? "rows × columns of the actions"} →`
        : "",
    );
  }

  update(frame, scene, theme) {
    const { store } = this;
    const { state, action, member } = store.view;
    if (!store.hello || state === null) return;
    const data = COLUMNS.map((column) => ({ column, values: this.column(column.key, frame, state, member) }));
    // A column that was there once stays: frames without exact values must not make the table jump.
    this.seen = this.hello === store.hello ? this.seen : new Set();
    this.hello = store.hello;
    for (const { column, values } of data) if (values) this.seen.add(column.key);
    const shown = data.filter(({ column }) => this.seen.has(column.key));
    const two = store.hello.nActions > MANY && this.host.clientWidth >= TWO_TABLES * this.scale();
    const narrow = this.host.clientWidth < NARROW;
    const shape = shown.map(({ column }) => column.key).join() + store.hello.actionNames.join() + two + narrow;
    if (shape !== this.shape || theme !== this.theme) {
      Object.assign(this, { shape, theme });
      this.build(
        shown.map(({ column }) => column),
        two,
        narrow,
      );
    }
    this.heading(frame, scene.name(state), state, member);
    const values = shown
      .filter(({ column, values: v }) => column.bar === "value" && v)
      .flatMap(({ values: v }) => [...v])
      .filter(Number.isFinite);
    const ranges = { value: [Math.min(0, ...values), Math.max(0, ...values)] };
    const counts = store.static.counts;
    const { nActions: A } = store.hello;
    if (!this.dose.hidden) this.drawDose(frame, theme, scene);
    this.rows.forEach(({ row, cells }, a) => {
      const unseen = Boolean(counts && !counts[state * A + a]) && !store.terminal[state];
      row.classList.toggle("unseen", unseen);
      row.classList.toggle("picked", a === action);
      cells.forEach((cell, c) => {
        const { column, values: v } = shown[c];
        const value = v ? v[a] : NaN;
        setText(cell.text, column.text(value));
        if (cell.bar) this.bar(cell, column.bar, value, v, ranges);
      });
    });
  }

  // Beside the table: the observation where it is an image; actions that form a grid themselves (doses × doses) as a small
  // map of the selected state, in the world's mode.
  drawDose(frame, theme, scene) {
    const { store } = this;
    const { state, action, member } = store.view;
    const ctx = this.canvas.getContext("2d");
    const ratio = 2;
    ctx.setTransform(ratio, 0, 0, ratio, 0, 0);
    ctx.clearRect(0, 0, 176, 176);
    if (store.hello.layout.image) {
      scene.drawImage(ctx, state, 88, 88, 80, theme);
      return;
    }
    const [rows, cols] = store.hello.layout.action_grid;
    const { nActions: A } = store.hello;
    const mode = modeOf(store.view.mode);
    const table = pictureOf(store, mode, frame, member);
    const scale = store.scale(mode.scale);
    const size = 168 / Math.max(rows, cols);
    const hatch = hatchStyle(ctx, theme, ratio, size);
    const policy = store.row(frame, "policy", member, state);
    for (let a = 0; a < A; a++) {
      const [x, y] = [4 + (a % cols) * size, 4 + Math.floor(a / cols) * size];
      const value = table ? table[mode.perState ? state : state * A + a] : NaN;
      if (Number.isFinite(value)) {
        ctx.fillStyle = scale.colour(value, theme.dark);
        ctx.fillRect(x, y, size - 1, size - 1);
      }
      if (store.static.counts && !store.static.counts[state * A + a]) {
        ctx.fillStyle = hatch;
        ctx.fillRect(x, y, size - 1, size - 1);
      }
      if (policy && policy[a] > 0.01) {
        ctx.strokeStyle = theme.text;
        ctx.lineWidth = 1 + 2.5 * policy[a];
        ctx.strokeRect(x + 2, y + 2, size - 5, size - 5);
      }
      if (a === action) {
        ctx.strokeStyle = theme.accent;
        ctx.lineWidth = 2;
        ctx.strokeRect(x, y, size - 1, size - 1);
      }
    }
  }

  // Length and side of a bar; written only when it moved by a visible amount.
  bar(cell, kind, value, all, ranges) {
    let from = 0;
    let to = 0;
    if (Number.isFinite(value)) {
      if (kind === "share") to = value;
      else if (kind === "amount") to = value / Math.max(...[...all].filter(Number.isFinite), 1e-12);
      else {
        const [low, high] = kind === "value" ? ranges.value : signedRange(all);
        const at = (x) => (x - low) / Math.max(high - low, 1e-12);
        from = at(Math.min(0, value));
        to = at(Math.max(0, value));
      }
    }
    const key = `${from.toFixed(3)},${to.toFixed(3)}`;
    if (cell.share === key) return;
    cell.share = key;
    cell.bar.style.left = `${(100 * from).toFixed(1)}%`;
    cell.bar.style.width = `${(100 * (Math.min(to, 1) - from)).toFixed(1)}%`;
    cell.bar.classList.toggle("negative", value < 0);
  }

  heading(frame, name, state, member) {
    const { store } = this;
    setText(this.title, store.terminal[state] ? `${name} ends the episode` : name);
    const parts = [];
    if (store.groups.length > 1 || store.hello.members.length > 1) parts.push(memberLabel(store, member));
    if (store.static.counts) parts.push(`${integer(store.visits[state])} rows in the data`);
    const v = frame?.table("v", member)?.[state];
    if (Number.isFinite(v)) parts.push(`V ${number(v)}`);
    const best = store.truthHolds(member) ? store.static.v_star?.[state] : NaN;
    if (Number.isFinite(best)) parts.push(`V* ${number(best)}`);
    setText(this.detail, parts.join(" · "));
  }
}

// Names that are the same words with other numbers ("fluids 0, vasopressor 3") in short: their numbers, under the words'
// initials. Null where they are not.
function shorten(names) {
  const parts = names.map((name) => name.split(/,\s*/).map((part) => part.match(/^(\D+?)\s*(\d+)$/)));
  const words = parts[0].map((part) => part?.[1]);
  if (!parts.every((part) => part.length === words.length && part.every((found, i) => found && found[1] === words[i])))
    return null;
  return {
    names: parts.map((part) => part.map((found) => found[2]).join("·")),
    head: words.map((word) => word[0]).join("·"),
    title: words.join(" · "),
  };
}

function signedRange(values) {
  const reach = Math.max(...[...values].filter(Number.isFinite).map(Math.abs), 1e-12);
  return [-reach, reach];
}

export function memberLabel(store, member) {
  const { seed } = store.hello.members[member] ?? {};
  const group = store.groupOf(member);
  const seeds = group.members.length > 1 ? `seed ${seed}` : "";
  return [store.groups.length > 1 ? group.label : "", seeds].filter(Boolean).join(", ");
}

function actionGlyph(action, layout, theme) {
  const canvas = h("canvas", { class: "glyph", width: "32", height: "32", "aria-hidden": "true" });
  drawAction(canvas.getContext("2d"), action, layout, theme, [16, 16], 12);
  return canvas;
}
