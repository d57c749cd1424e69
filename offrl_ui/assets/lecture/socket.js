// The connection to `/scene`. Of the states that a moving slider asks for, only the newest waits: one is under way, one
// may follow.

/** @import { FromBrowser, FromServer, State } from "./protocol.d.ts" */
/** @typedef {Extract<FromBrowser, { type: "compute" }>} Question */

/** A connection that opens itself again when it is lost. */
export class SceneSocket {
  /**
   * @param {(message: FromServer) => void} onmessage
   * @param {() => void} onopen called whenever the connection has been opened, before anything is sent
   * @param {(online: boolean) => void} onstate
   */
  constructor(onmessage, onopen, onstate) {
    this.onmessage = onmessage;
    this.onopen = onopen;
    this.onstate = onstate;
    this.number = 0;
    /** @type {Question | null} */
    this.underWay = null;
    /** @type {Question | null} */
    this.next = null;
    /** @type {string[]} */
    this.queue = [];
    this.tries = 0;
    this.closed = false;
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this.timer = undefined;
    this.socket = this.connect();
  }

  connect() {
    const address = new URL("/scene", location.href);
    address.protocol = address.protocol === "https:" ? "wss:" : "ws:";
    const socket = new WebSocket(address);
    socket.onopen = () => {
      this.tries = 0;
      this.underWay = null;
      this.onstate(true);
      this.onopen();
      for (const text of this.queue.splice(0)) socket.send(text);
      this.pump();
    };
    socket.onmessage = (event) => {
      /** @type {FromServer} */
      const message = JSON.parse(event.data);
      // Even a partial result frees the way: the server drops what is under way when a newer state comes.
      if (message.type === "result" || (message.type === "refused" && message.id !== null)) this.answered(message.id);
      this.onmessage(message);
    };
    socket.onclose = () => {
      if (this.closed) return;
      this.onstate(false);
      this.next ??= this.underWay;
      this.underWay = null;
      this.tries += 1;
      const wait = Math.min(500 * 2 ** this.tries, 15_000) * (0.7 + 0.6 * Math.random());
      this.timer = setTimeout(() => {
        this.socket = this.connect();
      }, wait);
    };
    return socket;
  }

  get open() {
    return this.socket.readyState === WebSocket.OPEN;
  }

  /**
   * Ask for a state; an older question that was not sent yet is forgotten. `urgent` does not wait for the one under
   * way.
   *
   * @param {string} scene
   * @param {State} state
   * @param {boolean} revealed
   * @returns {number} the number of the question
   */
  compute(scene, state, revealed, urgent = false) {
    this.number += 1;
    this.next = { type: "compute", id: this.number, scene, state, revealed };
    if (urgent) this.underWay = null;
    this.pump();
    return this.number;
  }

  /** @param {number | null} id */
  answered(id) {
    if (this.underWay && id !== null && this.underWay.id <= id) this.underWay = null;
    this.pump();
  }

  pump() {
    if (!this.open || this.underWay || !this.next) return;
    this.underWay = this.next;
    this.next = null;
    this.socket.send(JSON.stringify(this.underWay));
  }

  /** @param {FromBrowser} message */
  send(message) {
    const text = JSON.stringify(message);
    if (this.open) this.socket.send(text);
    else this.queue.push(text);
  }

  close() {
    this.closed = true;
    clearTimeout(this.timer);
    this.socket.close();
  }
}
