// The ring of frames: every snapshot that the viewer has received, by step, thinned to a budget of bytes.

import { LEVELS, numbers, rawField } from "./wire.js";

/**
 * @import { Field, FrameHeader, Payload } from "./protocol.d.ts"
 * @import { Raw } from "./wire.js"
 */

const BUDGET = 96e6;

/**
 * What a frame holds of one member: it has place `slot` of `of` in the fields.
 * @typedef {object} Held
 * @property {Record<string, Field & { data: Raw }>} fields
 * @property {number} slot
 * @property {number} of
 * @property {FrameHeader["selected"]} selected
 */

/** What was received about one step. */
export class Frame {
  /** @param {FrameHeader} header @param {Payload} payload */
  constructor(header, payload) {
    this.step = header.step;
    this.seq = header.seq;
    this.time = header.time;
    /** @type {Float32Array | null} */
    this.metrics = null;
    /** @type {Map<number, Held>} */
    this.members = new Map();
    /** @type {Map<string, Float32Array>} */
    this.decoded = new Map();
    this.bytes = 0;
    this.merge(header, payload);
  }

  /**
   * Take in a message about this step: the metrics, and the tables of the members it carries.
   * @param {FrameHeader} header
   * @param {Payload} payload
   */
  merge(header, payload) {
    const members = header.members ?? [header.member ?? 0];
    /** @type {Held["fields"]} */
    const fields = {};
    for (const field of header.fields) {
      const raw = rawField(field, payload);
      if (field.name === "metrics") this.metrics = numbers(raw);
      else fields[field.name] = raw;
    }
    members.forEach((member, slot) => {
      this.members.set(member, { fields, slot, of: members.length, selected: header.selected });
    });
    this.decoded.clear();
    const held = new Set([...this.members.values()].map((entry) => entry.fields));
    this.bytes = this.metrics?.byteLength ?? 0;
    for (const entry of held) for (const raw of Object.values(entry)) this.bytes += raw.data.byteLength;
  }

  /** @param {number} member */
  has(member) {
    return this.members.has(member);
  }

  /** @param {number} member @param {string} table */
  holds(member, table) {
    return Boolean(this.members.get(member)?.fields[table]);
  }

  /**
   * Table `name` of a member, as (S·A) or (S) numbers; null where the system has none.
   * @param {string} name
   * @param {number} member
   */
  table(name, member) {
    const entry = this.members.get(member);
    const field = entry?.fields[name];
    if (!entry || !field) return null;
    const key = `${name}:${member}`;
    const length = field.data.length / entry.of;
    const table = this.decoded.get(key) ?? numbers(field, entry.slot * length, length);
    this.decoded.set(key, table);
    return table;
  }

  /** Whether a table was sent in 255 levels. @param {string} name @param {number} member */
  coarse(name, member) {
    return this.members.get(member)?.fields[name]?.dtype === "u1";
  }

  /**
   * How far a number of a size may be off in a table, because of the way in which it was sent.
   * @param {string} name
   * @param {number} member
   * @param {number} size
   */
  error(name, member, size) {
    const { dtype, lo, hi } = this.members.get(member)?.fields[name] ?? {};
    if (dtype === "f2") return 2 ** -11 * size;
    return dtype === "u1" ? ((hi ?? 0) - (lo ?? 0)) / (2 * LEVELS) : 0;
  }

  /**
   * Row `name` of the selected state in full precision, if this frame was made with that state selected.
   * @param {string} name
   * @param {number} member
   * @param {number} state
   */
  selectedRow(name, member, state) {
    const entry = this.members.get(member);
    const selected = entry?.selected;
    const field = entry?.fields.selected;
    if (!entry || !field || !selected || selected.state !== state) return null;
    const row = selected.rows.indexOf(name);
    if (row < 0) return null;
    const actions = field.shape[field.shape.length - 1];
    return numbers(field, (entry.slot * selected.rows.length + row) * actions, actions);
  }

  /** Decoded copies are kept only for the frames on screen. */
  release() {
    this.decoded.clear();
  }
}

export class Frames {
  constructor() {
    /** @type {Frame[]} */
    this.list = [];
    this.bytes = 0;
    this.lastSeq = -1;
    this.version = 0;
  }

  get length() {
    return this.list.length;
  }

  get last() {
    return this.list.at(-1) ?? null;
  }

  get first() {
    return this.list[0] ?? null;
  }

  /** Index of the last frame at or before `step` (0 where none is). @param {number} step */
  indexAt(step) {
    let low = 0;
    let high = this.list.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.list[middle].step <= step) low = middle + 1;
      else high = middle;
    }
    return Math.max(low - 1, 0);
  }

  /** Insert a frame, or merge it into the one of the same step. @param {FrameHeader} header @param {Payload} payload */
  insert(header, payload) {
    const index = this.indexAt(header.step);
    const there = this.list[index];
    this.version += 1;
    if (header.seq !== undefined) this.lastSeq = Math.max(this.lastSeq, header.seq);
    if (there && there.step === header.step) {
      const before = there.bytes;
      there.merge(header, payload);
      this.bytes += there.bytes - before;
      return there;
    }
    const frame = new Frame(header, payload);
    this.bytes += frame.bytes;
    this.list.splice(there && there.step < header.step ? index + 1 : index, 0, frame);
    if (this.bytes > BUDGET) this.thin();
    return frame;
  }

  /** Every second frame of the older half goes, so that recent training stays dense; first and last always stay. */
  thin() {
    const half = Math.floor(this.list.length / 2);
    this.list = this.list.filter((_, i) => i === 0 || i >= half || i % 2 === 0);
    this.bytes = this.list.reduce((sum, frame) => sum + frame.bytes, 0);
  }

  /**
   * The past up to `step`, as a ring of its own; the frames are shared.
   * @param {number} step
   * @param {number} lastSeq
   */
  until(step, lastSeq) {
    const past = new Frames();
    past.list = this.list.filter((frame) => frame.step <= step);
    past.bytes = past.list.reduce((sum, frame) => sum + frame.bytes, 0);
    past.lastSeq = lastSeq;
    return past;
  }
}
