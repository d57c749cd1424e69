// What each target reads: from the pair (s', a') whose value enters the target of (s, a) an arrow back to (s, a), the
// way on which value travels. The state s' is the one that most of the pair's rows lead to, the action a' is the one
// that the core's target of this very step reads there.

import { integer, number, percent } from "../shared/format.js";
import { withAlpha } from "../shared/palette.js";
import { extent } from "../shared/scale.js";

/**
 * @import { Frame } from "../run/frames.js"
 * @import { Store } from "../run/store.js"
 * @import { GridCells, GridPlace } from "../shared/grid.js"
 * @import { Pen, Point, Theme } from "../shared/types.d.ts"
 */

/**
 * `state` and `action` whose target it is; `next` and `read`, the pair that it reads; `seen`: whether the data has that
 * pair; `share`: its probability in an expectation, NaN for a maximum, which reads it alone; `rows`: the share of the
 * rows of (s, a) that lead to `next`; `strength`: how much Q(s, a) changed, 0 to 1, NaN where that is not known.
 * @typedef {{ state: number, action: number, next: number, read: number, seen: boolean, share: number, rows: number,
 *   strength: number }} Read
 */

/** From where to where. @typedef {readonly [from: Point, to: Point]} Way */
/** How arrows are drawn, in cells of `size`.
 * @typedef {{ width: number, size: number, seen: boolean, alpha: number, theme: Theme }} Stroke */

/** In a frame's `reads`: nothing. */
const NOTHING = 255;
/** Changes of Q that are smaller than this part of its range are no news, even where none is larger. */
const LEAST_NEWS = 1e-3;

/** What a frame says of the actions read by a member's targets, null where nothing is read.
 * @param {Frame | null} frame @param {number} member */
function readIn(frame, member) {
  const read = frame?.table("reads", member);
  return read?.some((action) => action !== NOTHING) ? read : null;
}

/** The frame before one that has a member's Q, of those that are here. @param {Store} store @param {Frame} frame
 * @param {number} member */
export function frameBefore({ frames }, frame, member) {
  const { list } = frames;
  for (let i = frames.indexAt(frame.step) - 1; i >= 0; i--) if (list[i].has(member)) return list[i];
  return null;
}

/**
 * What every target of a member reads at a frame.
 * @param {Store} store
 * @param {Frame | null} frame
 * @param {number} member
 * @returns {Read[]}
 */
export function readsOf(store, frame, member) {
  const { next_states: following, next_share: rows, counts } = store.static;
  const read = readIn(frame, member);
  if (!frame || !read || !following || !rows || !counts) return [];
  const { nActions: A } = store.run;
  const share = frame.table("reads_share", member);
  const change = changes(store, frame, member);
  /** @type {Read[]} */
  const found = [];
  following.forEach((next, pair) => {
    if (next < 0 || read[next] === NOTHING) return;
    const seen = counts[next * A + read[next]] > 0;
    const [state, action] = [Math.floor(pair / A), pair % A];
    const alone = { share: share?.[next] ?? NaN, rows: rows[pair], strength: change ? change[pair] : NaN };
    found.push({ state, action, next, read: read[next], seen, ...alone });
  });
  return found;
}

/**
 * How much each Q(s, a) changed since the frame before, as a part of the largest change of a pair of the data; null
 * where there is no frame before.
 * @param {Store} store
 * @param {Frame} frame
 * @param {number} member
 */
function changes(store, frame, member) {
  const [now, then] = [frame, frameBefore(store, frame, member)].map((one) => one?.table("q", member));
  if (!now || !then || now.length !== then.length) return null;
  const counts = store.static.counts ?? [];
  const change = now.map((value, i) => {
    const moved = Math.abs(value - then[i]);
    return Number.isNaN(moved) ? 0 : moved;
  });
  const { low, high } = store.scale("value");
  const largest = Math.max(LEAST_NEWS * (high - low), extent(change, (i) => counts[i] > 0)[1]);
  return change.map((moved) => Math.min(moved / (largest || 1), 1));
}

/**
 * Why there is nothing to draw; empty where there is.
 * @param {Store} store
 * @param {Frame | null} frame
 */
export function whyNoReads(store, frame) {
  if (!store.hello || !frame) return "";
  if (store.run.layout.kind !== "grid") return "they are drawn where the world is a grid";
  const members = store.shownMembers();
  const there = members.filter((member) => frame.has(member));
  if (!there.length) return "";
  if (!store.static.next_states) return "this recording was made before frames told what targets read";
  const lanes = there.map((member) => store.run.lanes[store.run.members[member].lane ?? 0]);
  // Of networks it is told when it is asked for: whether it is here does not say whether it can be.
  if (lanes.some((lane) => lane?.reads)) return "";
  return `no target of ${lanes[0]?.title ?? "this system"} reads Q of an action at s′`;
}

/** In words, for the pair under the pointer. @param {Read} read @param {readonly string[]} actionNames
 * @param {(state: number) => string} name */
export function readLine({ next, read, seen, share, rows }, actionNames, name) {
  const of = `its target reads${Number.isNaN(share) ? "" : ` most of all, π ${number(share, 2)},`}`;
  const where = `${actionNames[read]} in ${name(next)}${seen ? "" : ", not in the data"}`;
  return `${of} ${where}${rows < 1 ? `; s′ of ${percent(rows)} of its rows` : ""}`;
}

/** The colour of an arrow: whether the data has the pair. @param {boolean} seen @param {Theme} theme */
const colourOf = (seen, theme) => theme.series[seen ? 0 : 1];

/**
 * @param {Pen} pen
 * @param {GridCells} grid
 * @param {GridPlace} place
 * @param {readonly Read[]} reads
 * @param {Theme} theme
 * @param {{ pointed: number | null, still: boolean }} how - the state whose arrows stand out; whether all are as strong
 */
export function drawReads(pen, grid, place, reads, theme, { pointed, still }) {
  const { size } = place;
  /** Arrows that are drawn alike lie in one path. @type {Map<string, { how: Stroke, ways: Way[] }>} */
  const groups = new Map();
  for (const one of reads) {
    const alpha = strengthOf(one, pointed, still);
    const share = Number.isNaN(one.share) ? 1 : 0.35 + 0.65 * (Math.round(4 * one.share) / 4);
    const width = Math.max(Math.min(Math.max(size * (0.05 + 0.035 * alpha), 2), 5.5) * share, 1.4);
    const key = `${alpha} ${share} ${one.seen}`;
    const group = groups.get(key) ?? { how: { width, size, seen: one.seen, alpha, theme }, ways: [] };
    const from = grid.middle(place, one.next, one.read);
    const itself = one.next === one.state && one.read === one.action;
    group.ways.push([from, itself ? from : headOf(grid, place, one)]);
    groups.set(key, group);
  }
  const drawn = [...groups.values()].sort((one, other) => one.how.alpha - other.how.alpha);
  for (const { how, ways } of drawn) arrows(pen, ways, how);
}

/** How strongly an arrow is drawn, in eighths. @param {Read} read @param {number | null} pointed
 * @param {boolean} still */
function strengthOf({ state, strength }, pointed, still) {
  if (state === pointed) return 1;
  // By the root: the front of small changes that runs ahead is seen, too.
  const own = still || Number.isNaN(strength) ? 0.875 : 0.625 + 0.375 * Math.sqrt(strength);
  return Math.max(Math.round(8 * (pointed === null ? own : 0.4 * own)), 1) / 8;
}

/** Where an arrow ends: half way from the middle of the cell to that of the action's part, so that arrows between parts
 * side by side have a length. @param {GridCells} grid @param {GridPlace} place @param {Read} read @returns {Point} */
export function headOf(grid, place, { state, action }) {
  const [x, y] = grid.corner(place, state);
  const [mx, my] = grid.middle(place, state, action);
  return [(x + place.size / 2 + mx) / 2, (y + place.size / 2 + my) / 2];
}

/**
 * From dots to heads; a ring where both are the same place.
 * @param {Pen} pen
 * @param {readonly Way[]} ways
 * @param {Stroke} how
 */
function arrows(pen, ways, { width, size, seen, alpha, theme }) {
  const placed = ways.map((way) => placedArrow(way, width, size));
  const lines = () => {
    pen.beginPath();
    for (const { length, x0, y0, x1, y1, ux, uy, head } of placed) {
      if (length) {
        pen.moveTo(x0, y0);
        pen.lineTo(x1 - ux * head * 0.8, y1 - uy * head * 0.8);
      } else {
        pen.moveTo(x0 + 0.09 * size, y0);
        pen.arc(x0, y0, 0.09 * size, 0, 2 * Math.PI);
      }
    }
    pen.stroke();
  };
  const heads = (/** @type {number} */ more) => {
    pen.beginPath();
    for (const { length, x1, y1, ux, uy, head } of placed) {
      if (!length) continue;
      pen.moveTo(x1 + ux * more, y1 + uy * more);
      for (const side of [1, -1])
        pen.lineTo(
          x1 - ux * (head + more) - side * uy * (0.55 * head + more),
          y1 - uy * (head + more) + side * ux * (0.55 * head + more),
        );
      pen.closePath();
    }
    pen.fill();
  };
  pen.strokeStyle = pen.fillStyle = withAlpha(theme.background, Math.sqrt(alpha));
  pen.lineWidth = width + 2.8;
  lines();
  heads(1.4);
  pen.strokeStyle = pen.fillStyle = withAlpha(colourOf(seen, theme), alpha);
  pen.lineWidth = width;
  pen.setLineDash(seen ? [] : [Math.max(2 * width, 3), Math.max(1.4 * width, 2)]);
  lines();
  pen.setLineDash([]);
  heads(0);
  pen.beginPath();
  for (const { length, x0, y0 } of placed) {
    if (!length) continue;
    pen.moveTo(x0 + width, y0);
    pen.arc(x0, y0, width, 0, 2 * Math.PI);
  }
  pen.fill();
}

/** An arrow's ends, direction and head: beside the straight line, so that two pairs that read each other have two
 * arrows. @param {Way} way @param {number} width @param {number} size */
function placedArrow([[x0, y0], [x1, y1]], width, size) {
  const [dx, dy] = [x1 - x0, y1 - y0];
  const length = Math.hypot(dx, dy);
  const [ux, uy] = length ? [dx / length, dy / length] : [0, 0];
  const aside = Math.min(0.04 * size, 0.2 * length);
  const [ax, ay] = [-uy * aside, ux * aside];
  const head = Math.min(Math.max(2.8 * width, 6), 0.6 * length);
  return { length, x0: x0 + ax, y0: y0 + ay, x1: x1 + ax, y1: y1 + ay, ux, uy, head };
}

/**
 * The words of the legend, each with its sign: an arrow, or none.
 * @param {readonly Read[]} reads
 * @param {number | null} before - the step of the frame before; null: strength tells nothing
 * @returns {[seen: boolean | null, text: string][]}
 */
export function readsLegend(reads, before) {
  if (!reads.length)
    return [[null, "What targets read is not stored at this step: the arrows were off, or there is too much."]];
  /** @type {ReturnType<typeof readsLegend>} */
  const legend = [
    [true, "value that a target reads, in the data"],
    [false, "not in the data"],
  ];
  if (reads.some(({ share }) => !Number.isNaN(share)))
    legend.push([null, "likeliest action of an expectation, width π(a′|s′)"]);
  if (before !== null) legend.push([null, `strong: Q changed since step ${integer(before)}`]);
  return legend;
}

/**
 * The legend, in rows within a width; how many rows it takes.
 * @param {Pen | null} pen - null: only counted
 * @param {readonly [seen: boolean | null, text: string][]} legend
 * @param {Theme} theme
 * @param {{ x: number, y: number, width: number, font: number }} place
 * @param {(text: string) => number} measure
 */
export function drawReadsLegend(pen, legend, theme, { x, y, width, font }, measure) {
  let [left, row] = [x, 0];
  for (const [seen, text] of legend) {
    const sign = seen === null ? 0 : 2.6 * font;
    const wide = sign + measure(text);
    if (left > x && left + wide > x + width) [left, row] = [x, row + 1];
    if (pen) {
      const middle = y + (row * 1.4 + 0.6) * font;
      if (seen !== null)
        arrows(
          pen,
          [
            [
              [left + 2, middle],
              [left + 2.1 * font, middle],
            ],
          ],
          { width: 2, size: 0, seen, alpha: 1, theme },
        );
      pen.font = `${font}px ${theme.font}`;
      pen.textAlign = "left";
      pen.textBaseline = "middle";
      pen.fillStyle = theme.muted;
      pen.fillText(text, left + sign, middle);
    }
    left += wide + 1.2 * font;
  }
  return row + 1;
}
