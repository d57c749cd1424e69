// What the world can show. A mode says where its numbers come from, per action or per state, and on which scale.

import { rounding } from "../shared/axis.js";

/**
 * @import { Frame } from "../run/frames.js"
 * @import { Store } from "../run/store.js"
 * @import { Numbers } from "../shared/types.d.ts"
 */

/**
 * @typedef {object} Mode
 * @property {string} key - its name in links
 * @property {string} label
 * @property {string} title - what it shows, on its tab and beside the colours
 * @property {string} wire - its name in messages
 * @property {string} scale
 * @property {boolean} [perState]
 */

/** @type {Mode[]} */
export const MODES = [
  { key: "q", label: "Q", title: "Q(s,a): learned value of each action", wire: "q", scale: "value" },
  { key: "v", label: "V", title: "V(s): learned value of each state", wire: "v", scale: "value", perState: true },
  {
    key: "policy",
    label: "π",
    title: "π(a|s): learned policy, size is probability",
    wire: "policy",
    scale: "probability",
  },
  { key: "data", label: "data", title: "n(s,a): rows of the data with each action", wire: "data", scale: "count" },
  {
    key: "weights",
    label: "w",
    title: "w: mean weight of a pair's rows in the loss",
    wire: "weights",
    scale: "weight",
  },
  {
    key: "advantage",
    label: "A",
    title: "A(s,a): learned advantage of each action",
    wire: "advantages",
    scale: "advantage",
  },
  { key: "truth", label: "Q*", title: "Q*(s,a): exact value of each action", wire: "truth", scale: "value" },
  { key: "error", label: "Q − Q*", title: "Q − Q*: orange too high, blue too low", wire: "q", scale: "error" },
  {
    key: "ghost",
    label: "Q − before",
    title: "Q − Q of the previous run, at the same step",
    wire: "q",
    scale: "ghost",
  },
];

/** By its key, or by its name on the wire. @param {string | null} name */
export const modeOf = (name) =>
  MODES.find(({ key }) => key === name) ?? MODES.find(({ wire }) => wire === name) ?? MODES[0];

/** @param {Float32Array | null | undefined} a @param {Float32Array | null | undefined} b */
function minus(a, b) {
  return a && b && a.length === b.length ? a.map((value, i) => value - b[i]) : null;
}

/**
 * Differences of a state's values that are no larger than this are rounding: the mean of Q over `actions` actions takes
 * a rounding for each and one more, the last update of Q (r + γ·Q', y − Q, times the step, plus Q) five.
 * @param {Numbers} values - Q, or V, in the state
 * @param {number} actions
 * @param {number} usual - size of values, where these are none
 */
export function roundingOf(values, actions, usual) {
  let size = values.length ? 0 : usual;
  for (let i = 0; i < values.length; i++) if (Number.isFinite(values[i])) size = Math.max(size, Math.abs(values[i]));
  return rounding(size, actions + 6);
}

/**
 * Differences of values without those that are rounding, made when they were computed or on their way here.
 * @param {Store} store
 * @param {Frame} frame
 * @param {number} member
 * @param {Float32Array | null} table
 * @param {string} wire - the table's name
 */
function withoutRounding(store, frame, member, table, wire) {
  const { nActions: A } = store.run;
  const out = table && Float32Array.from(table);
  const [q, v] = ["q", "v"].map((name) => frame.table(name, member));
  for (let s = 0; out && s < out.length / A; s++) {
    const values = q?.subarray(s * A, (s + 1) * A) ?? v?.subarray(s, s + 1) ?? [];
    const size = Math.max(0, ...values.map(Math.abs));
    const least = roundingOf(values, A, store.usual) + frame.error(wire, member, size);
    for (let i = s * A; i < (s + 1) * A; i++) if (Math.abs(out[i]) <= least) out[i] = 0;
  }
  return out;
}

/**
 * V; where the system learns none but has Q and a policy, the mean of Q over the policy.
 * @param {Frame} frame
 * @param {number} member
 * @param {number} A
 */
function valuesOf(frame, member, A) {
  const own = frame.table("v", member);
  if (own) return own;
  const q = frame.table("q", member);
  const policy = frame.table("policy", member);
  if (!q || !policy) return null;
  const out = new Float32Array(q.length / A);
  for (let s = 0; s < out.length; s++)
    for (let a = 0; a < A; a++) out[s] += policy[s * A + a] > 0 ? policy[s * A + a] * q[s * A + a] : 0;
  return out;
}

/**
 * Numbers of a mode at a frame for a member: (S·A), or (S) for a mode per state; null where there are none.
 * @param {Store} store
 * @param {Mode} mode
 * @param {Frame | null} frame
 * @param {number} member
 */
export function pictureOf(store, mode, frame, member) {
  const { q_star: truth } = store.static;
  if (mode.key === "data") return store.seenCounts;
  if ((mode.key === "truth" || mode.key === "error") && !store.truthHolds(member)) return null;
  if (mode.key === "truth") return truth ?? null;
  if (!frame) return null;
  if (mode.key === "v") return valuesOf(frame, member, store.run.nActions);
  const own = frame.table(mode.wire, member);
  /** @param {Float32Array | null} table */
  const told = (table) => withoutRounding(store, frame, member, table, mode.wire);
  if (mode.key === "advantage") return told(own);
  if (mode.key === "error") return told(minus(own, truth));
  return mode.key === "ghost" ? told(minus(own, ghostTable(store, frame, member, mode.wire))) : own;
}

/**
 * A table of the ghost at the same step (or its last), of the member in the same place.
 * @param {Store} store
 * @param {Frame} frame
 * @param {number} member
 * @param {string} name
 */
function ghostTable(store, frame, member, name) {
  const { ghost } = store;
  if (!ghost || !store.comparable) return null;
  const { frames } = ghost;
  const then = frames.list[frames.indexAt(frame.step)];
  if (!then) return null;
  return then.table(name, member) ?? then.table(name, [...then.members.keys()][0]);
}

/**
 * Whether a mode's numbers at a frame come from a table of 255 levels, which is a picture and not to be read.
 * @param {Frame | null} frame
 * @param {Mode} mode
 * @param {number} member
 */
export function coarse(frame, mode, member) {
  if (!frame) return false;
  const made = mode.key === "v" && !frame.table("v", member);
  return made ? frame.coarse("q", member) : frame.coarse(mode.wire, member);
}

/**
 * Why a mode has nothing to show in this run; empty where it has.
 * @param {Store} store
 * @param {Mode} mode
 * @param {Frame | null} frame
 */
export function whyMissing(store, mode, frame) {
  if (!store.hello || !frame) return "";
  const members = store.shownMembers();
  if (members.some((member) => pictureOf(store, mode, frame, member))) return "";
  if (!members.some((member) => frame.has(member))) return ""; // another model's tables are on their way
  if (mode.key === "truth" || mode.key === "error") {
    if (!store.static.q_star) return "the truth is not known for this data";
    const holds = members.some((member) => store.truthHolds(member));
    return holds ? "this system learns no Q" : "the truth is known at another discount";
  }
  if (mode.key === "ghost") return "there is no previous run to compare with";
  if (mode.key === "data") return "counts exist only where states repeat";
  // Large worlds send few tables at a time: what is one number for each state may come when it is asked for.
  if (store.tables && mode.perState) return "";
  return store.tables?.has(mode.wire) ? "" : "this system has none";
}

/**
 * Actions that are greedy in state s of a policy table: those within rounding of the largest probability.
 * @param {Numbers} policy
 * @param {number} s
 * @param {number} A
 */
export function greedy(policy, s, A) {
  let best = -Infinity;
  for (let a = 0; a < A; a++) best = Math.max(best, policy[s * A + a]);
  const chosen = [];
  for (let a = 0; a < A; a++) if (policy[s * A + a] >= best - 0.01) chosen.push(a);
  return chosen;
}
