// Where messages come from: a live run over a WebSocket, or a recording in memory. Both have the same face:
//   start(receive), send(command), close(), open (boolean), live (whether it can train on)
// `receive` gets text messages as objects and binary messages as decoded { kind, header, payload }.

import { decode, gunzip, unpackRecording } from "./wire.js";

function deliver(data, receive) {
  if (typeof data === "string") receive(JSON.parse(data));
  else receive(decode(data));
}

export class SocketSource {
  // after: number of the newest frame that is already here; only newer ones are sent, also after a lost connection.
  constructor(runId, { base = "/live/", after = () => -1 } = {}) {
    this.runId = runId;
    this.live = true;
    this.open = false;
    this.closed = false;
    this.attempt = 0;
    const url = new URL(base + encodeURIComponent(runId), location.href);
    url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
    this.url = url;
    this.after = after;
  }

  start(receive) {
    this.receive = receive;
    this.connect();
  }

  connect() {
    if (this.closed) return;
    const after = this.after();
    if (after >= 0) this.url.searchParams.set("after", after);
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

  send(command) {
    this.socket.send(JSON.stringify(command));
  }

  close() {
    this.closed = true;
    clearTimeout(this.retry);
    this.open = false;
    this.socket?.close();
  }
}

export class RecordingSource {
  // messages: strings (JSON) and ArrayBuffers, in the order in which a viewer received them.
  constructor(messages) {
    this.messages = messages;
    this.live = false;
    this.open = false;
  }

  static async fetch(url) {
    const response = await fetch(url);
    if (!response.ok) throw new Error(`the recording could not be loaded (${response.status})`);
    return new RecordingSource(unpackRecording(await gunzip(await response.arrayBuffer())));
  }

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

  // Looking (select, view) needs no answer: everything is in the recorded frames already.
  send(command) {
    if (["select", "view", "history", "pause"].includes(command.cmd)) return;
    const message =
      "This is a recording: it can be played, scrubbed and looked at. To change something, open it as a live run.";
    queueMicrotask(() => this.receive({ type: "refused", id: command.id, message }));
  }

  close() {
    this.open = false;
  }
}
