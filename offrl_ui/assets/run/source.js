// Where messages come from: a live run over a WebSocket, or a recording in memory. Both are a `Source` (protocol.d.ts):
// `receive` gets text messages as objects and binary messages as `decode` gives them.

import { decode, gunzip, unpackRecording } from "./wire.js";

/** @import { Delivered, Sent, Source } from "./protocol.d.ts" */
/** @typedef {(message: Delivered) => void} Receive */

/** @param {string | ArrayBuffer} data @param {Receive} receive */
function deliver(data, receive) {
  receive(typeof data === "string" ? JSON.parse(data) : decode(data));
}

/** @implements {Source} */
export class SocketSource {
  /**
   * @param {string} runId
   * @param {object} [options]
   * @param {string} [options.base] - address of the live runs
   * @param {() => number} [options.after] - number of the newest frame that is already here; only newer ones are sent,
   *   also
   *   after a lost connection
   */
  constructor(runId, { base = "/live/", after = () => -1 } = {}) {
    this.runId = runId;
    this.live = true;
    this.open = false;
    this.closed = false;
    this.attempt = 0;
    this.url = new URL(base + encodeURIComponent(runId), location.href);
    this.url.protocol = this.url.protocol === "https:" ? "wss:" : "ws:";
    this.after = after;
    /** @type {Receive} */
    this.receive = () => {};
    /** @type {WebSocket | null} */
    this.socket = null;
    /** @type {number | undefined} */
    this.retry = undefined;
  }

  /** @param {Receive} receive */
  start(receive) {
    this.receive = receive;
    this.connect();
  }

  connect() {
    if (this.closed) return;
    const after = this.after();
    if (after >= 0) this.url.searchParams.set("after", String(after));
    else this.url.searchParams.delete("after");
    const socket = new WebSocket(this.url);
    socket.binaryType = "arraybuffer";
    this.socket = socket;
    socket.onopen = () => {
      this.open = true;
      this.attempt = 0;
      this.receive({ type: "open" });
    };
    socket.onmessage = ({ data }) => {
      if (this.closed || this.socket !== socket) return;
      try {
        deliver(data, this.receive);
      } catch (error) {
        console.error("offrl: a message could not be read", error);
      }
    };
    socket.onclose = ({ code, reason }) => {
      if (this.socket !== socket) return;
      this.open = false;
      // 4000–4999 are the server's own words (an unknown run, a refused origin): asking again would not help.
      const final = this.closed || (code >= 4000 && code < 5000) || code === 1008 || code === 1013;
      this.receive({ type: "close", code, reason, final });
      if (!final) this.retry = setTimeout(() => this.connect(), Math.min(8000, 400 * 2 ** this.attempt++));
    };
  }

  /** @param {Sent} command */
  send(command) {
    this.socket?.send(JSON.stringify(command));
  }

  close() {
    this.closed = true;
    clearTimeout(this.retry);
    this.open = false;
    this.socket?.close();
  }
}

/** @implements {Source} */
export class RecordingSource {
  /** @param {(string | ArrayBuffer)[]} messages - in the order in which a viewer received them */
  constructor(messages) {
    this.messages = messages;
    this.live = false;
    this.open = false;
    /** @type {Receive} */
    this.receive = () => {};
  }

  /** @param {string} url */
  static async fetch(url) {
    const response = await fetch(url);
    if (!response.ok) throw new Error(`the recording could not be loaded (${response.status})`);
    return new RecordingSource(unpackRecording(await gunzip(await response.arrayBuffer())));
  }

  /** @param {Receive} receive */
  start(receive) {
    this.receive = receive;
    this.open = true;
    receive({ type: "open" });
    for (const message of this.messages) {
      if (!this.open) return;
      deliver(message, receive);
    }
    // Whatever state the run had when it was recorded: here it stands still and can only be watched.
    receive({ type: "recorded" });
  }

  /** Looking needs no answer: everything is in the recorded frames already. @param {Sent} command */
  send(command) {
    if (["select", "view", "history", "pause"].includes(command.cmd)) return;
    const message =
      "This is a recording: it can be played, scrubbed and looked at. To change something, open it as a live run.";
    queueMicrotask(() => this.receive({ type: "refused", id: command.id ?? null, message }));
  }

  close() {
    this.open = false;
  }
}
