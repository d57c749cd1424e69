// The connection of a stage to its run: which source is current, what it says, and where the viewer is moved to.

import { bus } from "../shared/bus.js";
import { RecordingSource, SocketSource } from "./source.js";

const CLOSED = {
  4404: "This run is gone: nobody watched it for a while.",
  4429: "The server refused too many messages from this page. Reload to connect again.",
  1013: "Too many viewers watch this run at the moment. Reload to try again.",
  1008: "The server refused the connection.",
};
const FRAMES = new Set(["frame", "backlog", "history"]);

export class Session {
  // on: { began(), firstFrame(), changed(message), emit(name, payload) }
  constructor(store, on) {
    Object.assign(this, { store, on });
    this.source = null;
    this.runId = null;
    this.ready = false;
    this.generation = 0;
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

  // A command of the stage itself; answers to those of other parts of the page are not its business.
  send(command) {
    const id = bus.send(command);
    if (id !== null) this.own.add(id);
    return id;
  }

  // Everything up to this frame is on screen: the server sends no more than a few frames ahead of it.
  drawn(seq) {
    // Before the run is ready, the frames on screen are still those of the run before.
    if (!this.live || !this.connected || !this.ready || !(seq > this.acknowledged)) return;
    this.acknowledged = seq;
    this.source.send({ cmd: "ack", seq });
  }

  // run: id of a live run; recording: address of one, or its messages. kept: frames that the server need not send again.
  async connect({ run, recording, live }, kept = null) {
    this.disconnect();
    const generation = ++this.generation;
    Object.assign(this, {
      runId: run ?? null,
      base: live ?? this.base,
      kept,
      ready: false,
      source: null,
      acknowledged: -1,
    });
    Object.assign(this.store, { closed: null, state: null });
    let source = null;
    try {
      if (run) source = new SocketSource(run, { base: this.base, after: () => this.newest() });
      else if (Array.isArray(recording)) source = new RecordingSource(recording);
      else if (recording) source = await RecordingSource.fetch(recording);
    } catch (error) {
      this.store.closed = error.message;
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
    const { source } = this;
    if (!source) return;
    this.source = null;
    source.close();
    bus.detach(source);
  }

  // Number of the newest frame that is here; -1 to receive all of them.
  newest() {
    if (this.kept) return this.kept.lastSeq;
    return this.ready ? this.store.frames.lastSeq : -1;
  }

  receive(message) {
    const { store } = this;
    // An alarm has a kind too: what tells the binary messages apart is their payload.
    if (message.payload) this.binary(message);
    else {
      const { type } = message;
      if (type === "hello") this.hello(message);
      else if (type === "state") store.state = message;
      else if (type === "mark") store.addMark(message);
      else if (type === "alarm") store.alarms.push(message);
      else if (type === "truth" && store.hello) store.hello.truth = message.truth;
      else if (type === "equation" && store.hello)
        Object.assign(store.hello.lanes[message.lane], { equation: message.equation, formulas: message.formulas });
      else if (type === "moved") this.moved(message);
      else if (type === "close" && message.final) this.closed(message);
      bus.receive(message);
    }
    this.on.changed(message);
  }

  binary(message) {
    const { store } = this;
    if (!store.hello) return;
    if (message.kind === "static") {
      store.setStatic(message);
      this.begin();
      bus.emit("static", store.static);
    } else if (FRAMES.has(message.kind)) {
      if (!this.ready) this.begin();
      const first = store.frames.length === 0;
      const frame = store.addFrames(message);
      if (first && frame) this.on.firstFrame();
      if (frame && message.kind !== "history")
        bus.emit("frame", { step: frame.step, seq: frame.seq, time: frame.time });
    } else if (message.kind === "selected") store.setRows(message);
  }

  hello(message) {
    const { store } = this;
    const again = !this.kept && this.ready && store.hello?.run?.id === message.run?.id;
    const wanted = this.kept;
    const taken = store.begin(message, wanted ?? (again ? store.frames : null));
    this.kept = null;
    this.ready = false;
    this.again = again;
    // The branch has other members than its parent: what was kept cannot be continued, so everything is asked for.
    if (wanted && !taken) this.connect({ run: this.runId });
  }

  begin() {
    this.ready = true;
    this.on.began(this.again);
  }

  // The viewer has a run of his own now: what was seen stays behind as a ghost, the common past is kept.
  moved({ run_id: run, reason = "", step, after }) {
    const { store, runId: previous } = this;
    store.keepGhost(reason || "the run before");
    const kept = Number.isFinite(after) && Number.isFinite(step) ? store.frames.until(step, after) : null;
    this.connect({ run }, kept?.length ? kept : null);
    this.on.emit("moved", { run_id: run, previous, reason });
  }

  closed({ code, reason }) {
    this.store.closed = CLOSED[code] ?? (reason || "The connection was closed.");
    if (code === 4404) this.on.emit("gone", { run_id: this.runId });
  }
}
