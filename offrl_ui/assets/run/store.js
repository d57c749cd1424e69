// What the stage knows: the run's description, its frames, the curves' statistics, the ghost of the run before,
// what is looked at, and the colour scales shared by every picture.

import { niceBeyond } from "../shared/format.js";
import { Frames } from "./frames.js";
import { axesOf, groupsOf } from "./groups.js";
import { Scale, extent } from "../shared/scale.js";
import { fieldsOf } from "./wire.js";

const GHOST_BYTES = 24e6;
const MOST_WORLDS = 16;

export class Store {
  constructor() {
    this.ghost = null;
    this.view = { mode: null, member: 0, many: true, state: null, action: null };
    this.clear();
  }

  clear() {
    this.hello = null;
    this.static = {};
    this.frames = new Frames();
    this.stats = new WeakMap();
    this.rows = null;
    this.tables = null;
    this.marks = [];
    this.alarms = [];
    this.state = null;
    this.scales = new Map();
    this.groups = [];
    this.axes = [];
  }

  // A hello begins a run. `kept` are frames of the past that the server will not send again (a reconnection, or a branch
  // that shares its past); they hold only if members and metrics are the same. Returns whether they were taken.
  begin(hello, kept = null) {
    const { view, ghost, state, marks, alarms } = this;
    const before = this.hello;
    this.clear();
    this.hello = describe(hello);
    this.state = state;
    const same = kept && before && sameShape(before, this.hello);
    if (same) {
      this.frames = kept;
      const last = kept.last?.step ?? 0;
      this.marks = marks.filter((mark) => mark.step <= last);
      this.alarms = alarms.filter((alarm) => (alarm.step ?? 0) <= last);
    }
    this.groups = groupsOf(this.hello);
    this.axes = axesOf(this.hello);
    this.view = view;
    // A curve of another dataset says nothing about this one.
    this.ghost = ghost && ghost.hello.run?.config?.dataset === this.hello.run?.config?.dataset ? ghost : null;
    if (view.member >= this.hello.members.length) view.member = 0;
    if (view.state !== null && view.state >= this.hello.nStates) view.state = null;
    if (view.state === null) view.state = startOf(this.hello);
    return Boolean(same);
  }

  setStatic(message) {
    const { values, shapes } = fieldsOf(message);
    this.static = values;
    this.staticShapes = shapes;
    const { counts } = this.static;
    const { nStates: S, nActions: A } = this.hello;
    // Where nothing was seen there is no number to colour.
    this.seenCounts = counts ? Float32Array.from(counts, (n) => n || NaN) : null;
    this.visits = new Float64Array(S);
    if (counts) for (let s = 0; s < S; s++) for (let a = 0; a < A; a++) this.visits[s] += counts[s * A + a];
    this.terminal = new Uint8Array(S);
    for (const s of this.hello.layout.terminal ?? []) this.terminal[s] = 1;
    if (this.static.terminal) this.terminal = this.static.terminal;
    this.scales.clear();
  }

  // Frames of a `frame`, `backlog` or `history` message.
  addFrames({ header, payload }) {
    let latest = null;
    for (const one of header.frames ?? [header]) {
      latest = this.frames.insert(one, payload);
      this.stats.delete(latest);
      // Large worlds send few tables, and the selected state's rows of every table that there is.
      if (one.selected) this.tables = new Set(one.selected.rows);
    }
    return latest;
  }

  // What was changed at one step of a lane is one mark, and a later word about it replaces the earlier.
  addMark(mark) {
    this.marks = [...this.marks.filter((known) => known.step !== mark.step || known.lane !== mark.lane), mark];
  }

  // The selected state's rows in every stored frame, in full precision: the answer to `select` in large worlds.
  setRows({ header, payload }) {
    const { values, shapes } = fieldsOf({ header, payload });
    const [, rows, actions] = shapes.selected;
    const at = new Map(header.steps.map((step, i) => [step, i]));
    this.rows = {
      state: header.state,
      member: header.member,
      names: header.rows,
      at,
      size: rows * actions,
      actions,
      data: values.selected,
    };
  }

  // Row `name` of state `s` at a frame: in full precision where that was sent, else from the (quantised) table.
  row(frame, name, member, s) {
    const { nActions: A } = this.hello;
    const exact = frame.selectedRow(name, member, s);
    if (exact) return exact;
    const { rows } = this;
    if (rows && rows.state === s && rows.member === member && rows.at.has(frame.step) && rows.names.includes(name)) {
      const from = rows.at.get(frame.step) * rows.size + rows.names.indexOf(name) * rows.actions;
      return rows.data.subarray(from, from + rows.actions);
    }
    const table = frame.table(name, member);
    return table && table.length >= (s + 1) * A ? table.subarray(s * A, (s + 1) * A) : null;
  }

  // Statistics over a group's members of one metric at one frame: [median, lower quartile, upper quartile].
  stat(frame, group, metric) {
    const K = this.hello.metrics.length;
    let stats = this.stats.get(frame);
    if (!stats) {
      stats = {
        done: new Uint8Array(this.groups.length * K),
        values: new Float32Array(this.groups.length * K * 3).fill(NaN),
      };
      this.stats.set(frame, stats);
    }
    const at = group.index * K + metric;
    if (!stats.done[at]) {
      stats.done[at] = 1;
      const values = [];
      for (const member of group.members) {
        const value = frame.metrics?.[member * K + metric];
        if (value !== undefined && !Number.isNaN(value)) values.push(value);
      }
      if (values.length) {
        values.sort((a, b) => a - b);
        [0.5, 0.25, 0.75].forEach((q, i) => {
          stats.values[at * 3 + i] = quantile(values, q);
        });
      }
    }
    return stats.values.subarray(at * 3, at * 3 + 3);
  }

  // The statistics at a frame or, where they were not computed then (exact returns of large worlds), shortly before.
  lastStats(frame, group, metric) {
    return this.lately(
      frame,
      (one) => this.stat(one, group, metric),
      ([median]) => median,
    );
  }

  // The same for a single member.
  lastValue(frame, member, metric) {
    const at = member * this.hello.metrics.length + metric;
    return this.lately(
      frame,
      (one) => one.metrics?.[at] ?? NaN,
      (value) => value,
    );
  }

  lately(frame, read, number) {
    const { list } = this.frames;
    const from = this.frames.indexAt(frame.step);
    for (let i = from; i >= 0 && i > from - 60; i--) {
      const found = read(list[i]);
      if (!Number.isNaN(number(found))) return found;
    }
    return read(frame);
  }

  lastStat(frame, group, metric) {
    return this.lastStats(frame, group, metric)[0];
  }

  // Whether every model that is drawn has a metric at a frame.
  everyoneHas(name, frame) {
    const [metric, K] = [this.metricIndex(name), this.hello.metrics.length];
    return (
      metric >= 0 && this.shownMembers().every((member) => !Number.isNaN(frame.metrics?.[member * K + metric] ?? NaN))
    );
  }

  metricIndex(name) {
    return this.hello.metrics.findIndex((metric) => metric.name === name);
  }

  // The truth (Q*, best and behaviour returns) is told at one discount: it says nothing about members with another.
  truthHolds(member) {
    const { truth, members } = this.hello;
    const own = members[member]?.values?.gamma;
    return own === undefined || !Number.isFinite(truth.gamma) || Math.abs(own - truth.gamma) < 1e-9;
  }

  get truthHoldsForAll() {
    return this.hello.members.every((_, member) => this.truthHolds(member));
  }

  groupOf(member) {
    return this.groups.find((group) => group.members.includes(member)) ?? this.groups[0];
  }

  // Members that are drawn as worlds: the chosen one, or one of each group (of the same seed).
  shownMembers() {
    const { member, many } = this.view;
    if (!many || this.groups.length < 2) return [member];
    const seed = this.hello.members[member]?.seed;
    // Always with the one that is looked at.
    const from = Math.max(this.groups.findIndex((group) => group.members.includes(member)) - MOST_WORLDS + 1, 0);
    return this.groups
      .slice(from, from + MOST_WORLDS)
      .map((group) =>
        group.members.includes(member)
          ? member
          : (group.members.find((m) => this.hello.members[m].seed === seed) ?? group.members[0]),
      );
  }

  // The run so far stays behind as a ghost: its curves, and a thinned copy of its tables for the difference map.
  keepGhost(label) {
    if (this.frames.length < 2) return;
    let list = this.frames.list.slice();
    let bytes = this.frames.bytes;
    while (bytes > GHOST_BYTES && list.length > 16) {
      list = list.filter((_, i) => i % 2 === 0 || i === list.length - 1);
      bytes /= 2;
    }
    const frames = new Frames();
    frames.list = list;
    this.ghost = { label, frames, groups: this.groups, hello: this.hello, stats: this.stats, stat: this.stat };
  }

  // Whether the ghost's tables can be subtracted from this run's (same states and actions).
  get comparable() {
    const [a, b] = [this.ghost?.hello, this.hello];
    return Boolean(
      a &&
        b &&
        a.nStates === b.nStates &&
        a.nActions === b.nActions &&
        JSON.stringify(a.layout) === JSON.stringify(b.layout),
    );
  }

  // One scale per meaning, shared by all modes and members that show it.
  scale(name) {
    if (!this.scales.has(name)) this.scales.set(name, this.makeScale(name));
    return this.scales.get(name);
  }

  makeScale(name) {
    const { counts, q_star } = this.static;
    if (name === "value") {
      const [low, high] = q_star ? extent(q_star) : [0, 0];
      // The truth sets the scale, so that a learned value and its truth have the same colour.
      return new Scale({
        kind: "value",
        label: "value",
        unit: "return",
        low: Number.isFinite(low) ? Math.min(low, 0) : 0,
        high: Number.isFinite(high) ? niceBeyond(Math.max(high, 0)) : 0,
      });
    }
    if (name === "count") {
      const scale = new Scale({ kind: "amount", label: "n(s,a)", unit: "rows", log: true });
      if (counts) scale.include(...extent(counts, (i) => counts[i] > 0), 0);
      scale.fixed = true;
      return scale;
    }
    if (name === "probability")
      return new Scale({ kind: "amount", label: "π(a|s)", unit: "probability", low: 0, high: 1, fixed: true });
    if (name === "weight") return new Scale({ kind: "amount", label: "weight", unit: "", low: 0, high: 1 });
    return new Scale({ kind: "diverging", label: name, unit: "return" });
  }
}

export function quantile(sorted, q) {
  const at = (sorted.length - 1) * q;
  const low = Math.floor(at);
  const high = Math.min(low + 1, sorted.length - 1);
  // Infinities are equal to themselves: interpolating between them would give NaN.
  return sorted[low] === sorted[high] ? sorted[low] : sorted[low] + (at - low) * (sorted[high] - sorted[low]);
}

const sameShape = (a, b) =>
  a.nStates === b.nStates &&
  a.nActions === b.nActions &&
  a.members.length === b.members.length &&
  JSON.stringify(a.metrics.map((m) => m.name)) === JSON.stringify(b.metrics.map((m) => m.name));

// The state selected first: the world's own start where the picture names it, else the first start in the data.
function startOf({ layout, initial_states: starts }) {
  const cell = layout?.kind === "grid" ? layout.cells.indexOf("S") : -1;
  const state = cell < 0 ? -1 : layout.state_of_cell[cell];
  return state >= 0 ? state : (starts[0] ?? 0);
}

// The hello with the few things that everything asks for.
function describe(hello) {
  const names = Array.isArray(hello.actions)
    ? hello.actions
    : Array.from({ length: hello.actions }, (_, a) => `action ${a}`);
  return {
    ...hello,
    actionNames: names,
    nActions: names.length,
    nStates: Array.isArray(hello.states) ? hello.states.length : hello.states,
    initial_states: hello.initial_states ?? [],
    truth: hello.truth ?? {},
    metrics: hello.metrics ?? [],
    members: hello.members?.length ? hello.members : [{ index: 0, lane: 0, label: "", values: {}, seed: 0 }],
    lanes: hello.lanes ?? [],
  };
}
