// What the stage knows: the run's description, its frames, the ghost of the run before, what is looked at, and the
// colour scales shared by every picture.

import { niceBeyond } from "../shared/format.js";
import { Scale, extent } from "../shared/scale.js";
import { Frames } from "./frames.js";
import { axesOf, groupsOf } from "./groups.js";
import { Ghost, RunHistory } from "./history.js";
import { fieldsOf } from "./wire.js";

/**
 * @import { Alarm, FramesMessage, Hello, Layout, Mark } from "./protocol.d.ts"
 * @import { SelectedMessage, StateMessage, StaticMessage, TableLayout, WorldMessage } from "./protocol.d.ts"
 * @import { Frame } from "./frames.js"
 * @import { Axis, Group } from "./groups.js"
 * @import { Run } from "./history.js"
 */

/**
 * What never changes in a run: counts of the data, and the truth where it is known.
 * @typedef {object} Static
 * @property {Int32Array} [counts] - (S, A)
 * @property {Float32Array} [behavior_policy] - (S, A)
 * @property {Uint8Array} [terminal] - (S)
 * @property {Float32Array} [q_star] - (S, A)
 * @property {Float32Array} [v_star] - (S)
 * @property {Float32Array} [probes] - (S, D)
 * @property {Int32Array} [probe_actions] - (S), what was done there
 * @property {Int32Array} [next_states] - (S, A), where most rows of a pair lead; -1: no target asks for it
 * @property {Float32Array} [next_share] - (S, A), the share of the pair's rows that do
 */

/**
 * The selected state's rows in every stored frame, in full precision: the answer to `select` in large worlds.
 * @typedef {object} SelectedRows
 * @property {number} state
 * @property {number} member
 * @property {string[]} names
 * @property {Map<number, number>} at - step → place
 * @property {number} size
 * @property {number} actions
 * @property {Float32Array} data
 */

const GHOST_BYTES = 24e6;
const MOST_WORLDS = 16;

export class Store extends RunHistory {
  constructor() {
    super();
    /** @type {Ghost | null} */
    this.ghost = null;
    /**
     * What is looked at.
     * `reads`: whether arrows show what targets read; `order`: of the rows of a table; `axes`: of a plane, null for
     * those that its layout begins with.
     * @type {{ mode: string | null, member: number, many: boolean, state: number | null, action: number | null,
     *   reads: boolean, order: string, axes: readonly [x: number, y: number] | null }}
     */
    this.view = {
      mode: null,
      member: 0,
      many: true,
      state: null,
      action: null,
      reads: false,
      order: "visits",
      axes: null,
    };
    /** @type {StateMessage | null} */
    this.state = null;
    /** Why there is no connection. @type {string | null} */
    this.closed = null;
    /** @type {Mark[]} */
    this.marks = [];
    /** @type {Alarm[]} */
    this.alarms = [];
    /** @type {Axis[]} */
    this.axes = [];
    /** @type {Static} */
    this.static = {};
    /** @type {Record<string, number[]>} */
    this.staticShapes = {};
    /** Counts, NaN where nothing was seen: there is no number to colour. @type {Float32Array | null} */
    this.seenCounts = null;
    /** Rows of the data in each state. */
    this.visits = new Float64Array(0);
    /** 1 for a state that ends the episode. @type {Uint8Array} */
    this.terminal = new Uint8Array(0);
    /** What a recording knows of its world. @type {WorldMessage | null} */
    this.world = null;
    /** @type {SelectedRows | null} */
    this.rows = null;
    /** Large worlds: the tables that the selected state's rows come from. @type {Set<string> | null} */
    this.tables = null;
    /** @type {Map<string, Scale>} */
    this.scales = new Map();
  }

  /**
   * A hello begins a run. `kept` are frames of the past that the server will not send again (a reconnection, or a
   * branch
   * that shares its past); they hold only if members and metrics are the same. Returns whether they were taken.
   * @param {Hello} hello
   * @param {Frames | null} [kept]
   */
  begin(hello, kept = null) {
    const { hello: before, ghost } = this;
    const run = describe(hello);
    const same = Boolean(kept && before && sameShape(before, run));
    const last = kept?.last?.step ?? 0;
    this.hello = run;
    this.frames = same && kept ? kept : new Frames();
    this.stats = new WeakMap();
    this.marks = same ? this.marks.filter((mark) => mark.step <= last) : [];
    this.alarms = same ? this.alarms.filter((alarm) => (alarm.step ?? 0) <= last) : [];
    this.groups = groupsOf(run);
    this.axes = axesOf(run);
    Object.assign(this, {
      static: {},
      staticShapes: {},
      seenCounts: null,
      world: null,
      rows: null,
      tables: null,
      scales: new Map(),
    });
    // A curve of another dataset says nothing about this one.
    if (ghost && ghost.run.run?.config?.dataset !== run.run?.config?.dataset) this.ghost = null;
    const { view } = this;
    if (view.member >= run.members.length) view.member = 0;
    if (view.state !== null && view.state >= run.nStates) view.state = null;
    if (view.state === null) view.state = startOf(run);
    return same;
  }

  /** @param {StaticMessage} message */
  setStatic(message) {
    const { values, shapes } = fieldsOf(message);
    this.static = /** @type {Static} */ (/** @type {unknown} */ (values));
    this.staticShapes = shapes;
    const { counts } = this.static;
    const { nStates: S, nActions: A, layout } = this.run;
    this.seenCounts = counts ? Float32Array.from(counts, (n) => n || NaN) : null;
    this.visits = new Float64Array(S);
    if (counts) for (let s = 0; s < S; s++) for (let a = 0; a < A; a++) this.visits[s] += counts[s * A + a];
    this.terminal = this.static.terminal ?? new Uint8Array(S);
    if (!this.static.terminal) for (const s of layout.terminal ?? []) this.terminal[s] = 1;
    this.scales.clear();
  }

  /** Take in all frames of a message; the newest of them. @param {FramesMessage} message @returns {Frame | null} */
  addFrames({ header, payload }) {
    let latest = null;
    for (const one of "frames" in header ? header.frames : [header]) {
      latest = this.frames.insert(one, payload);
      this.stats.delete(latest);
      if (one.selected) this.tables = new Set(one.selected.rows);
    }
    return latest;
  }

  /**
   * What was changed at one step of a lane is one mark; a later word about it replaces the earlier.
   * @param {Mark} mark
   */
  addMark(mark) {
    this.marks = [...this.marks.filter((known) => known.step !== mark.step || known.lane !== mark.lane), mark];
  }

  /** @param {SelectedMessage} message */
  setRows({ header, payload }) {
    const { values, shapes } = fieldsOf({ header, payload });
    const [, rows, actions] = shapes.selected;
    const at = new Map(header.steps.map((step, i) => [step, i]));
    const { state, member, rows: names } = header;
    const data = /** @type {Float32Array} */ (values.selected);
    this.rows = { state, member, names, at, size: rows * actions, actions, data };
  }

  /**
   * Row `name` of state `s` at a frame: in full precision where that was sent, else from the (quantised) table.
   * @param {Frame} frame
   * @param {string} name
   * @param {number} member
   * @param {number} s
   */
  row(frame, name, member, s) {
    const exact = this.exactRow(frame, name, member, s);
    if (exact) return exact;
    const { nActions: A } = this.run;
    const table = frame.table(name, member);
    return table && table.length >= (s + 1) * A ? table.subarray(s * A, (s + 1) * A) : null;
  }

  /** The same where it is to be read as numbers: a table of 255 levels is a picture only.
   * @param {Frame} frame @param {string} name @param {number} member @param {number} s */
  exactRow(frame, name, member, s) {
    const { nActions: A } = this.run;
    const exact = frame.selectedRow(name, member, s);
    if (exact) return exact;
    const { rows } = this;
    const at = rows?.state === s && rows.member === member ? rows.at.get(frame.step) : undefined;
    if (rows && at !== undefined && rows.names.includes(name)) {
      const from = at * rows.size + rows.names.indexOf(name) * rows.actions;
      return rows.data.subarray(from, from + rows.actions);
    }
    const table = frame.coarse(name, member) ? null : frame.table(name, member);
    return table && table.length >= (s + 1) * A ? table.subarray(s * A, (s + 1) * A) : null;
  }

  /** Whether every model that is drawn has a metric at a frame. @param {string} name @param {Frame} frame */
  everyoneHas(name, frame) {
    const metric = this.metricIndex(name);
    return metric >= 0 && this.shownMembers().every((member) => !Number.isNaN(this.value(frame, member, metric)));
  }

  /**
   * The truth (Q*, best and behaviour returns) is told at one discount: it says nothing about members with another.
   * @param {number} member
   */
  truthHolds(member) {
    const { truth, members } = this.run;
    const own = members[member]?.values?.gamma;
    return typeof own !== "number" || typeof truth.gamma !== "number" || Math.abs(own - truth.gamma) < 1e-9;
  }

  /** The discount of a member: its own, or the data's for systems that have none. @param {number} member */
  gammaOf(member) {
    const { truth, members } = this.run;
    const own = members[member]?.values?.gamma;
    return typeof own === "number" ? own : (truth.gamma ?? 1);
  }

  get truthHoldsForAll() {
    return this.run.members.every((_, member) => this.truthHolds(member));
  }

  /** @param {number} member @returns {Group} */
  groupOf(member) {
    return this.groups.find((group) => group.members.includes(member)) ?? this.groups[0];
  }

  /** Members that are drawn as worlds: the chosen one, or one of each group (of the same seed). */
  shownMembers() {
    const { member, many } = this.view;
    if (!many || this.groups.length < 2) return [member];
    const { members } = this.run;
    const seed = members[member]?.seed;
    // Always with the one that is looked at.
    const from = Math.max(this.groups.findIndex((group) => group.members.includes(member)) - MOST_WORLDS + 1, 0);
    return this.groups.slice(from, from + MOST_WORLDS).map((group) => {
      if (group.members.includes(member)) return member;
      return group.members.find((m) => members[m].seed === seed) ?? group.members[0];
    });
  }

  /** The run so far stays behind: its curves, and a thinned copy of its tables. @param {string} label */
  keepGhost(label) {
    if (this.frames.length >= 2) this.ghost = new Ghost(label, this, GHOST_BYTES);
  }

  /** Whether the ghost's tables can be subtracted from this run's (same states and actions). */
  get comparable() {
    const [a, b] = [this.ghost?.hello, this.hello];
    if (!a || !b || a.nStates !== b.nStates || a.nActions !== b.nActions) return false;
    return JSON.stringify(a.layout) === JSON.stringify(b.layout);
  }

  /** Size of the true values: of the bound on them, of the best return. */
  get usual() {
    const { q_bound: bound, optimal, given_optimal: given = optimal } = this.run.truth;
    return Math.max(Math.abs(bound ?? 0), Math.abs(given ?? 0)) || 1;
  }

  /** One scale per meaning, shared by all modes and members that show it. @param {string} name */
  scale(name) {
    const scale = this.scales.get(name) ?? newScale(name, this.static, this.usual);
    this.scales.set(name, scale);
    return scale;
  }
}

/** @param {string} name @param {Static} known @param {number} usual */
function newScale(name, { counts, q_star: truth }, usual) {
  if (name === "value") {
    // The truth sets the scale, so that a learned value and its truth have the same colour.
    const [least, most] = truth ? extent(truth) : [0, 0];
    const low = Number.isFinite(least) ? Math.min(least, 0) : 0;
    const high = Number.isFinite(most) ? niceBeyond(Math.max(most, 0)) : 0;
    return new Scale({ kind: "value", low, high, usual });
  }
  if (name === "count") {
    const scale = new Scale({ kind: "amount" });
    if (counts) scale.include(...extent(counts, (i) => counts[i] > 0), 0);
    scale.fixed = true;
    return scale;
  }
  if (name === "probability") return new Scale({ kind: "amount", sort: "plain", low: 0, high: 1, fixed: true });
  if (name === "weight") return new Scale({ kind: "amount", low: 0, high: 1 });
  return new Scale({ kind: "diverging", usual });
}

/** @param {Run} a @param {Run} b */
function sameShape(a, b) {
  if (a.nStates !== b.nStates || a.nActions !== b.nActions || a.members.length !== b.members.length) return false;
  return JSON.stringify(a.metrics.map((m) => m.name)) === JSON.stringify(b.metrics.map((m) => m.name));
}

/**
 * The state selected first: the world's own start where the picture names it, the most visited start of a log without a
 * world, else the first start in the data.
 * @param {{ layout: Layout, initial_states: number[] }} run
 */
function startOf({ layout, initial_states: starts }) {
  if (layout?.kind === "table") {
    const known = new Set(starts);
    return layout.order.find((state) => known.has(state)) ?? layout.order[0];
  }
  const cell = layout?.kind === "grid" ? layout.cells.indexOf("S") : -1;
  const state = layout?.kind === "grid" && cell >= 0 ? layout.state_of_cell[cell] : -1;
  return state >= 0 ? state : (starts[0] ?? 0);
}

/** A table of states by number. @param {number} states @returns {TableLayout} */
function unordered(states) {
  const order = Array.from({ length: states }, (_, state) => state);
  return { kind: "table", order, by_value: [], value: [], labels: [], terminal: [] };
}

/** The hello with the few things that everything asks for. @param {Hello} hello @returns {Run} */
function describe(hello) {
  const { actions, states } = hello;
  const names = Array.isArray(actions) ? actions : Array.from({ length: actions }, (_, a) => `action ${a}`);
  // Recordings of logs were once made without a layout.
  const bare = /** @type {string} */ (hello.layout?.kind) === "none";
  return {
    ...hello,
    ...(bare ? { layout: unordered(hello.states) } : {}),
    actionNames: names,
    nActions: names.length,
    nStates: Array.isArray(states) ? states.length : states,
    initial_states: hello.initial_states ?? [],
    truth: hello.truth ?? {},
    metrics: hello.metrics ?? [],
    members: hello.members?.length ? hello.members : [{ index: 0, lane: 0, label: "", values: {}, seed: 0 }],
    lanes: hello.lanes ?? [],
  };
}
