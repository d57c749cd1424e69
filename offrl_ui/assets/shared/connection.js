// A connection that opens itself again when it is lost, also when it only fell silent: a network that swallows packets
// closes nothing. The server speaks at least every two seconds.

import { openSocket } from "./server.js";

/** @import { Socket } from "./serving.d.ts" */

/** @typedef {{ code: number, reason: string, final: boolean, attempt: number }} Lost */

/**
 * @typedef {object} ConnectionEvents
 * @property {() => void} opened
 * @property {(data: string | ArrayBuffer) => void} heard
 * @property {(lost: Lost) => void} lost - `final`: the server will not have it; `attempt`: how often it was tried since
 *   something was heard
 */

export const SILENCE = 5000;
const FIRST_WORD = 15_000;
const LONGEST_SILENCE = 60_000;
/** What lies in the queue already is read before a connection is given up: the page may have been busy. */
const SECOND_CHANCE = 250;
/** The server's code for a page that does not come from its address. */
export const FOREIGN = 4403;

/** What to say of a connection that the server will not have from this page's address. @param {string} reason */
export const foreignWords = (reason) =>
  `The server refuses a connection from this page: ${reason}. Whoever runs the server can allow it: the proxy must ` +
  "pass the page's address on in X-Forwarded-Host, or server.corsAllowedOrigins must name it.";

export class Connection {
  /** @param {() => string} path - asked for at every attempt @param {ConnectionEvents} on */
  constructor(path, on) {
    this.path = path;
    this.on = on;
    this.closed = false;
    this.attempt = 0;
    /** A slow line may need longer for one large message: what fell silent is waited for longer next time. */
    this.patience = SILENCE;
    /** @type {Socket | null} */
    this.socket = null;
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this.silence = undefined;
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this.retry = undefined;
  }

  get open() {
    return this.socket?.readyState === 1;
  }

  connect() {
    if (this.closed) return;
    const socket = openSocket(this.path());
    socket.binaryType = "arraybuffer";
    this.socket = socket;
    this.wait(FIRST_WORD);
    socket.onopen = () => {
      if (this.socket === socket) this.on.opened();
    };
    socket.onmessage = ({ data }) => {
      if (this.socket !== socket) return;
      this.attempt = 0;
      this.wait(this.patience);
      this.on.heard(data);
    };
    socket.onclose = ({ code, reason }) => {
      if (this.socket === socket) this.lost(code, reason);
    };
  }

  /** Give the connection up after so long without a word. @param {number} ms */
  wait(ms) {
    clearTimeout(this.silence);
    if (this.socket?.steady) return;
    this.silence = setTimeout(() => {
      this.silence = setTimeout(() => {
        const { socket } = this;
        this.patience = Math.min(LONGEST_SILENCE, 2 * this.patience);
        this.lost(1006, "the server stopped answering");
        socket?.close();
      }, SECOND_CHANCE);
    }, ms);
  }

  /** @param {number} code @param {string} reason */
  lost(code, reason) {
    clearTimeout(this.silence);
    this.socket = null;
    this.attempt += 1;
    // 4000 to 4999 are the server's own words (an unknown run, a foreign page): asking again would not help.
    const final = this.closed || (code >= 4000 && code < 5000) || code === 1008;
    if (!final) {
      // Not all at once, after a restart that cut everybody off.
      const wait = Math.min(8000, 400 * 2 ** (this.attempt - 1)) * (0.7 + 0.6 * Math.random());
      this.retry = setTimeout(() => this.connect(), wait);
    }
    this.on.lost({ code, reason, final, attempt: this.attempt });
  }

  /** @param {string} text */
  send(text) {
    if (this.open) this.socket?.send(text);
  }

  close() {
    const { socket } = this;
    this.closed = true;
    this.socket = null;
    clearTimeout(this.retry);
    clearTimeout(this.silence);
    socket?.close();
  }
}
