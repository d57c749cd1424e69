// One bus per page: the stage, the hyperparameter panel in the sidebar and any other part of the page
// talk through it, without a script rerun. It knows the current source (a live run or a recording), keeps
// the last message of each sticky type for late subscribers, and carries commands to the run.
//
//   import { bus } from "./bus.js"
//   const off = bus.on("hello", (hello) => …)     // called at once if a hello has already arrived
//   bus.send({ cmd: "set", lane: 0, values: { rho: 0.2 } })   // the message's id, or null when nothing is connected
//   bus.hyperparameters(0)                         // declarations of lane 0 with their current `value`
//
// The events are those of BusEvents. After "moved" the stage reconnects by itself; subscribers only see the next hello.

/**
 * @import { Alarm, Command, Hyperparameter, Mark, Message, Source, Value } from "../run/protocol.d.ts"
 * @import { Hello, StateMessage } from "../run/protocol.d.ts"
 * @import { SharedControl } from "./share_dialog.js"
 */

/**
 * What is on screen; `past`: an earlier step than the newest one; `name` says a state in words, `measure` a number.
 * @typedef {object} Viewing
 * @property {string | null} mode
 * @property {number} member
 * @property {number | null} state
 * @property {number | null} action
 * @property {number | null} step
 * @property {boolean} past
 * @property {(state: number) => string | undefined} name
 * @property {(what: string, algorithm: number) => number} measure - the step, or a metric's median over the models of
 *   an algorithm, as it is at the step that is looked at
 */

import { Undo } from "./undo.js";

/** One of the first steps: its number, and what to do. @typedef {{ number: number, text: string }} Hint */

/**
 * Messages of the protocol by their type, and what parts of the page tell each other. `choose` asks the stage to
 * select; `hints` are the first steps that have not been taken, by name, and `hint` names one that is over; `look`
 * asks the stage for a mode.
 * @typedef {{ [M in Message as M["type"]]: M } & {
 *   static: import("../run/store.js").Static,
 *   frame: { step: number, seq?: number, time?: number },
 *   viewing: Viewing,
 *   hyperparameters: { lane: number, name: string, value: Value },
 *   choose: { state: number, action: number | null },
 *   hints: Record<string, Hint>,
 *   hint: string,
 *   look: string,
 * }} BusEvents
 */

const STICKY = new Set(["hello", "static", "state", "frame", "viewing", "hints"]);

export class Bus {
  constructor() {
    /** @type {Map<string, Set<(payload: any) => void>>} */
    this.listeners = new Map();
    /** @type {Partial<BusEvents>} */
    this.last = {};
    /** @type {Source | null} */
    this.source = null;
    this.lastId = 0;
    /** @type {Mark[]} */
    this.marks = [];
    /** @type {Alarm[]} */
    this.alarms = [];
    /** What can be moved on the page, by the panel that it stands in. @type {Map<object, SharedControl[]>} */
    this.controls = new Map();
    /** What was changed by hand. */
    this.undo = new Undo();
  }

  get connected() {
    return Boolean(this.source?.open);
  }

  /** @returns {Hello | null} */
  get hello() {
    return this.last.hello ?? null;
  }

  /** @returns {StateMessage | null} */
  get state() {
    return this.last.state ?? null;
  }

  /**
   * Subscribe; returns the function that unsubscribes.
   * @template {keyof BusEvents} T
   * @param {T} type
   * @param {(payload: BusEvents[T]) => void} listener
   */
  on(type, listener) {
    const listeners = this.listeners.get(type) ?? new Set();
    this.listeners.set(type, listeners.add(listener));
    const last = this.last[type];
    if (last) tell(type, listener, last);
    return () => {
      listeners.delete(listener);
    };
  }

  /**
   * @template {keyof BusEvents} T
   * @param {T} type
   * @param {BusEvents[T]} payload
   */
  emit(type, payload) {
    if (STICKY.has(type)) Object.assign(this.last, { [type]: payload });
    for (const listener of [...(this.listeners.get(type) ?? [])]) tell(type, listener, payload);
  }

  /** Declarations of a lane's hyperparameters, each with its current `value`. @returns {Hyperparameter[]} */
  hyperparameters(lane = 0) {
    return this.hello?.lanes?.[lane]?.hyperparameters ?? [];
  }

  /** The values of a lane's hyperparameters that were in force at a step. @param {number} lane @param {number} step */
  valuesAt(lane, step) {
    const values = Object.fromEntries(this.hyperparameters(lane).map(({ name, value }) => [name, value]));
    const later = this.marks.filter((mark) => (mark.lane ?? 0) === lane && mark.step > step);
    for (const mark of later.sort((a, b) => b.step - a.step))
      for (const [name, [before]] of Object.entries(mark.what ?? {})) values[name] = before;
    return values;
  }

  /**
   * Send a command to the run. The answer to a message that was not accepted is a "refused" event with this id.
   * @param {Command} command
   */
  send(command) {
    const id = ++this.lastId;
    if (!this.source?.open) {
      this.emit("refused", { type: "refused", id, message: "There is no connection to a run at the moment." });
      return null;
    }
    this.source.send({ ...command, id });
    return id;
  }

  // The stage calls these: the source that is current, and each message it received.

  /** @param {Source} next */
  attach(next) {
    if (this.source === next) return;
    Object.assign(this, { source: next, marks: [], alarms: [], last: {} });
  }

  /** @param {Source} old */
  detach(old) {
    if (this.source !== old) return;
    this.source = null;
    this.last = {};
  }

  /** @param {Message} message */
  receive(message) {
    if (message.type === "hello") Object.assign(this, { marks: [], alarms: [] });
    if (message.type === "mark") {
      const { step, lane = 0, what = {} } = message;
      this.marks = [...this.marks.filter((known) => known.step !== step || known.lane !== message.lane), message];
      for (const [name, [, value]] of Object.entries(what)) this.setValue(lane, name, value);
    }
    if (message.type === "alarm") this.alarms.push(message);
    this.emit(message.type, /** @type {any} */ (message)); // the event of a message's type is that message
  }

  /** @param {number} lane @param {string} name @param {Value} value */
  setValue(lane, name, value) {
    const declared = this.hyperparameters(lane).find((h) => h.name === name);
    if (!declared || Object.is(declared.value, value)) return;
    declared.value = value;
    this.emit("hyperparameters", { lane, name, value });
  }
}

/**
 * One part of the page must not stop the others from hearing a message.
 * @template T
 * @param {string} type
 * @param {(payload: T) => void} listener
 * @param {T} payload
 */
function tell(type, listener, payload) {
  try {
    listener(payload);
  } catch (error) {
    console.error(`offrl: a listener of "${type}" failed`, error);
  }
}

const page = /** @type {{ offrlBus?: Bus }} */ (globalThis);
page.offrlBus ??= new Bus();
// The singleton lives on the window: copies of this module loaded from different addresses share it.
export const bus = page.offrlBus;
