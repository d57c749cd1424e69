// The connection to `/scene`. Of the states that a moving slider asks for, only the newest waits: one is under way, one
// may follow.

import { Connection, FOREIGN, foreignWords } from "../shared/connection.js";

/** @import { Answer, FromBrowser, FromServer, State } from "./protocol.d.ts" */
/** @typedef {Extract<FromBrowser, { type: "compute" }>} Question */

/** A connection that opens itself again when it is lost. */
export class SceneSocket {
  /**
   * @param {(message: Answer) => void} onmessage
   * @param {() => void} onopen called whenever the connection has been opened, before anything is sent
   * @param {(online: boolean, why: string) => void} onstate `why`: what the server says where it will not have it
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
    this.connection = new Connection(() => "scene", {
      opened: () => this.opened(),
      heard: (data) => this.heard(JSON.parse(/** @type {string} */ (data))),
      lost: ({ code, reason }) => {
        this.next ??= this.underWay;
        this.underWay = null;
        this.onstate(false, code === FOREIGN ? foreignWords(reason) : "");
      },
    });
    this.connection.connect();
  }

  opened() {
    this.underWay = null;
    this.onstate(true, "");
    this.onopen();
    for (const text of this.queue.splice(0)) this.connection.send(text);
    this.pump();
  }

  /** @param {FromServer} message */
  heard(message) {
    if (message.type === "alive") return;
    // Even a partial result frees the way: the server drops what is under way when a newer state comes.
    if (message.type === "result" || (message.type === "refused" && message.id !== null)) this.answered(message.id);
    this.onmessage(message);
  }

  get open() {
    return this.connection.open;
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
    this.connection.send(JSON.stringify(this.underWay));
  }

  /** @param {FromBrowser} message */
  send(message) {
    const text = JSON.stringify(message);
    if (this.open) this.connection.send(text);
    else this.queue.push(text);
  }

  close() {
    this.connection.close();
  }
}
