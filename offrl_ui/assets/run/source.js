// Where messages come from: a live run over a WebSocket, or a recording in memory. Both are a `Source` (protocol.d.ts):
// `receive` gets text messages as objects and binary messages as `decode` gives them.

import { Connection } from "../shared/connection.js";
import { siteAddress } from "../shared/site.js";
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
   * @param {() => number} [after] - number of the newest frame that is already here; only newer ones are sent, also
   *   after a lost connection
   */
  constructor(runId, after = () => -1) {
    this.live = true;
    /** @type {Receive} */
    this.receive = () => {};
    const path = () => {
      const newest = after();
      return `live/${encodeURIComponent(runId)}${newest >= 0 ? `?after=${newest}` : ""}`;
    };
    this.connection = new Connection(path, {
      opened: () => this.receive({ type: "open" }),
      heard: (data) => {
        try {
          deliver(data, this.receive);
        } catch (error) {
          console.error("offrl: a message could not be read", error);
        }
      },
      lost: (lost) => this.receive({ type: "close", ...lost }),
    });
  }

  get open() {
    return this.connection.open;
  }

  /** @param {Receive} receive */
  start(receive) {
    this.receive = receive;
    this.connection.connect();
  }

  /** @param {Sent} command */
  send(command) {
    this.connection.send(JSON.stringify(command));
  }

  close() {
    this.connection.close();
  }
}

/** Recordings that a file of the viewer's own has brought. */
const lent = /** @type {{ offrlLent?: Map<string, (string | ArrayBuffer)[]> }} */ (globalThis);
lent.offrlLent ??= new Map();

/** Have a recording at an address on this page; only the newest stays. @param {(string | ArrayBuffer)[]} messages */
export function lend(messages) {
  const address = `opened:${Date.now()}`;
  lent.offrlLent = new Map([[address, messages]]);
  return address;
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

  /** @param {string} path - its address, below the place where the app is served */
  static async fetch(path) {
    if (path.startsWith("opened:")) {
      const messages = lent.offrlLent?.get(path);
      if (!messages) throw new Error("this page no longer has the file: open it again");
      return new RecordingSource(messages);
    }
    const response = await fetch(siteAddress(path));
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
