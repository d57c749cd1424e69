// The connection of a stage to its run: which source is current, what it says, and where the viewer is moved to.

import { bus } from "../shared/bus.js";
import { FOREIGN, foreignWords } from "../shared/connection.js";
import { RecordingSource, SocketSource } from "./source.js";

/**
 * @import { BinaryMessage, Command, Delivered, Hello, Moved, Source } from "./protocol.d.ts"
 * @import { Frames } from "./frames.js"
 * @import { Lost } from "../shared/connection.js"
 * @import { Store } from "./store.js"
 */

/**
 * run: id of a live run; recording: address of one, or its messages; where both are given, the recording is of that run
 * and is shown until the run is there.
 * @typedef {{ run?: string, recording?: string | (string | ArrayBuffer)[] }} Wanted
 */

/**
 * @typedef {object} SessionEvents
 * @property {(again: boolean) => void} began - `again`: the same run, after a lost connection
 * @property {() => void} firstFrame
 * @property {(message?: Delivered) => void} changed
 * @property {(name: string, payload: Record<string, unknown>) => void} emit
 */

/** Attempts after which it is said that nobody answers. */
const MANY_ATTEMPTS = 3;
/** The page may not hear of it at once: after a restart of the server it connects anew, too. */
const TELL_AGAIN = 2000;
/** @type {Record<number, string>} */
const CLOSED = {
  4404: "The server was restarted or has dropped this run; asking for it again …",
  4429: "This page sent too many messages that were refused. Reload it to connect again.",
  1013: "There is no place for another viewer at the moment; trying again …",
};

export class Session {
  /** @param {Store} store @param {SessionEvents} on */
  constructor(store, on) {
    this.store = store;
    this.on = on;
    /** @type {Source | null} */
    this.source = null;
    /** @type {string | null} */
    this.runId = null;
    /** Frames that the server need not send again. @type {Frames | null} */
    this.kept = null;
    this.ready = false;
    this.again = false;
    this.acknowledged = -1;
    this.generation = 0;
    /** What was on screen of a run that is to be computed again, the step that it had come to, and which run it is.
     * @type {{ frames: Frames, step: number, is: (run: Hello["run"]) => boolean } | null} */
    this.lost = null;
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this.telling = undefined;
    /** Ids of the stage's own commands. @type {Set<number>} */
    this.own = new Set();
  }

  get live() {
    return Boolean(this.source?.live);
  }

  get recording() {
    return Boolean(this.source && !this.source.live);
  }

  get connected() {
    return Boolean(this.source?.open);
  }

  /** A command of the stage itself; answers to those of other parts are not its business. @param {Command} command */
  send(command) {
    const id = bus.send(command);
    if (id !== null) this.own.add(id);
    return id;
  }

  /** Everything up to this frame is on screen: the server sends no more than a few frames ahead of it.
   * @param {number} seq */
  drawn(seq) {
    // Before the run is ready, the frames on screen are still those of the run before.
    if (!this.source?.live || !this.connected || !this.ready || !(seq > this.acknowledged)) return;
    this.acknowledged = seq;
    this.source.send({ cmd: "ack", seq });
  }

  /** @param {Wanted} wanted @param {Frames | null} [kept] */
  async connect({ run, recording }, kept = null) {
    this.disconnect();
    const generation = ++this.generation;
    this.runId = run ?? null;
    this.kept = kept;
    this.ready = false;
    this.acknowledged = -1;
    this.store.closed = this.store.state = null;
    let source = null;
    try {
      if (run) source = new SocketSource(run, () => this.newest());
      else if (Array.isArray(recording)) source = new RecordingSource(recording);
      else if (recording) source = await RecordingSource.fetch(recording);
    } catch (error) {
      this.store.closed = error instanceof Error ? error.message : String(error);
    }
    if (generation !== this.generation) return;
    this.on.changed();
    if (!source) return;
    this.source = source;
    bus.attach(source);
    source.start((message) => {
      if (this.source === source) this.receive(message);
    });
  }

  disconnect() {
    this.generation += 1;
    clearTimeout(this.telling);
    const { source } = this;
    if (!source) return;
    this.source = null;
    source.close();
    bus.detach(source);
  }

  /** A run takes the place of its recording: it is computed up to the end of that, and the viewer stays where it is.
   * @param {string} run */
  takeOver(run) {
    const { frames } = this.store;
    const { last } = frames;
    const kept = frames.until(Number.POSITIVE_INFINITY, -1);
    if (last) this.lost = { frames: kept, step: last.step, is: ({ id }) => id === run };
    return this.connect({ run });
  }

  /** Number of the newest frame that is here; -1 to receive all of them. */
  newest() {
    if (this.kept) return this.kept.lastSeq;
    return this.ready ? this.store.frames.lastSeq : -1;
  }

  /** @param {Delivered} message */
  receive(message) {
    const { store } = this;
    // An alarm has a kind too: what tells the binary messages apart is their payload.
    if ("payload" in message) this.binary(message);
    else {
      if (message.type === "hello") this.hello(message);
      else if (message.type === "state") store.state = message;
      else if (message.type === "mark") store.addMark(message);
      else if (message.type === "alarm") store.alarms.push(message);
      else if (message.type === "truth" && store.hello) store.hello.truth = message.truth;
      else if (message.type === "equation" && store.hello) {
        const { lane, equation, formulas } = message;
        Object.assign(store.hello.lanes[lane], { equation, formulas });
      } else if (message.type === "moved") this.moved(message);
      else if (message.type === "open") store.closed = null;
      else if (message.type === "close") this.closed(message);
      bus.receive(message);
    }
    this.on.changed(message);
  }

  /** @param {BinaryMessage} message */
  binary(message) {
    const { store } = this;
    if (!store.hello) return;
    if (message.kind === "static") {
      store.setStatic(message);
      this.begin();
      bus.emit("static", store.static);
    } else if (message.kind === "frame" || message.kind === "backlog" || message.kind === "history") {
      if (!this.ready) this.begin();
      const first = store.frames.length === 0;
      const frame = store.addFrames(message);
      if (first && frame) this.on.firstFrame();
      if (frame && message.kind !== "history")
        bus.emit("frame", { step: frame.step, seq: frame.seq, time: frame.time });
    } else if (message.kind === "world") store.world = message;
    else if (message.kind === "selected") store.setRows(message);
  }

  /** @param {Hello} message */
  hello(message) {
    const { store, lost } = this;
    // The same run computed again has the same frames, with numbers of their own.
    const same = lost?.is(message.run) ?? false;
    const kept = same && lost ? lost.frames : this.kept;
    const again = !kept && this.ready && store.hello?.run?.id === message.run?.id;
    const taken = store.begin(message, kept ?? (again ? store.frames : null));
    this.kept = null;
    this.ready = false;
    this.again = again || (same && taken);
    // The branch has other members than its parent: what was kept cannot be continued, so everything is asked for.
    if (kept && !taken && this.runId) this.connect({ run: this.runId });
  }

  begin() {
    this.ready = true;
    this.on.began(this.again);
    if (this.lost?.step) this.source?.send({ cmd: "catch_up", step: this.lost.step });
    this.lost = null;
  }

  /** The viewer has a run of its own now: what was seen stays behind as a ghost, the common past is kept.
   * @param {Moved} message */
  moved({ run_id: run, reason = "", step, after }) {
    const { store, runId: previous } = this;
    store.keepGhost(reason || "the previous run");
    const kept = step !== undefined && after !== undefined ? store.frames.until(step, after) : null;
    this.connect({ run }, kept?.length ? kept : null);
    this.on.emit("moved", { run_id: run, previous, reason });
  }

  /** @param {Lost} lost */
  closed({ code, reason, final, attempt }) {
    if (code === FOREIGN) this.store.closed = foreignWords(reason);
    else if (final || CLOSED[code]) this.store.closed = CLOSED[code] ?? (reason || "The connection was closed.");
    else if (attempt >= MANY_ATTEMPTS)
      this.store.closed =
        "The server does not answer; trying again … If the page itself loads, the proxy must pass WebSockets on, too.";
    if (code === 4404) this.gone();
  }

  /** Tell the page that the run is gone until another one is connected to. */
  gone() {
    const { store } = this;
    const frames = store.frames.until(Number.POSITIVE_INFINITY, -1);
    const step = frames.list.at(-1)?.step ?? 0;
    const known = store.hello?.run;
    this.lost = known ? { frames, step, is: ({ key }) => key === known.key } : null;
    const tell = () => {
      this.on.emit("gone", { run_id: this.runId });
      this.telling = setTimeout(tell, TELL_AGAIN);
    };
    tell();
  }
}
