// One bus per page: the stage, the hyperparameter panel in the sidebar and any other part of the page
// talk through it, without a script rerun. It knows the current source (a live run or a recording), keeps
// the last message of each sticky type for late subscribers, and carries commands to the run.
//
//   import { bus } from "./bus.js"
//   const off = bus.on("hello", (hello) => …)     // called at once if a hello has already arrived
//   bus.send({ cmd: "set", lane: 0, values: { rho: 0.2 } })   // returns the message's id, or null when nothing is connected
//   bus.hyperparameters(0)                         // declarations of lane 0 with their current `value`
//
// Events (payload is the protocol's message as received, see docs/architecture.md):
//   sticky: hello, static, state, frame {step, seq, time},
//     viewing {mode, member, state, action, shown step, past (an earlier step than the newest), name(state)}
//   others: mark, alarm, moved, refused, history, hyperparameters {lane, name, value}, open, close {reason},
//   choose {state, action}: another part of the page wants the stage to select this
// After "moved" the stage reconnects by itself; subscribers only see the next hello.

const STICKY = new Set(["hello", "static", "state", "frame", "viewing"]);

export function createBus() {
  const listeners = new Map();
  const last = new Map();
  let source = null;
  let lastId = 0;
  let marks = [];
  let alarms = [];

  // One part of the page must not stop the others from hearing a message.
  function tell(type, listener, payload) {
    try {
      listener(payload);
    } catch (error) {
      console.error(`offrl: a listener of "${type}" failed`, error);
    }
  }

  function emit(type, payload) {
    if (STICKY.has(type)) last.set(type, payload);
    for (const listener of [...(listeners.get(type) ?? [])]) tell(type, listener, payload);
  }

  function setValue(lane, name, value) {
    const declared = last.get("hello")?.lanes?.[lane]?.hyperparameters?.find((h) => h.name === name);
    if (!declared || Object.is(declared.value, value)) return;
    declared.value = value;
    emit("hyperparameters", { lane, name, value });
  }

  return {
    get source() {
      return source;
    },
    get connected() {
      return source !== null && source.open;
    },
    get hello() {
      return last.get("hello") ?? null;
    },
    get state() {
      return last.get("state") ?? null;
    },
    get marks() {
      return marks;
    },
    get alarms() {
      return alarms;
    },

    // Subscribe; returns the function that unsubscribes.
    on(type, listener) {
      if (!listeners.has(type)) listeners.set(type, new Set());
      listeners.get(type).add(listener);
      if (last.has(type)) tell(type, listener, last.get(type));
      return () => listeners.get(type).delete(listener);
    },
    emit,

    // Declarations of a lane's hyperparameters, each with its current `value`.
    hyperparameters(lane = 0) {
      return last.get("hello")?.lanes?.[lane]?.hyperparameters ?? [];
    },

    // Send a command to the run. The answer to a message that was not accepted is a "refused" event with this id.
    send(command) {
      const id = ++lastId;
      if (!this.connected) {
        emit("refused", { type: "refused", id, message: "There is no connection to a run at the moment." });
        return null;
      }
      source.send({ ...command, id });
      return id;
    },

    // The stage calls these: the source that is current, and each message it received.
    attach(next) {
      if (source === next) return;
      source = next;
      marks = [];
      alarms = [];
      last.clear();
    },
    detach(old) {
      if (source !== old) return;
      source = null;
      last.clear();
    },
    receive(message) {
      if (message.type === "hello") {
        marks = [];
        alarms = [];
      }
      if (message.type === "mark") {
        marks = [...marks.filter((known) => known.step !== message.step || known.lane !== message.lane), message];
        for (const [name, [, value]] of Object.entries(message.what ?? {})) setValue(message.lane ?? 0, name, value);
      }
      if (message.type === "alarm") alarms.push(message);
      emit(message.type, message);
    },
  };
}

// The singleton lives on the window: copies of this module loaded from different addresses share it.
export const bus = globalThis.offrlBus ?? (globalThis.offrlBus = createBus());
