// Who answers this page: the server that it came from, or whoever a page puts in its place (the static edition has a
// worker for it). Every connection and every question of the page's modules goes through here.

import { siteAddress, socketAddress } from "./site.js";

/** @import { Server, Socket } from "./serving.d.ts" */

/** @type {Server} */
let server = {
  open: (path) => new WebSocket(socketAddress(path)),
  async ask(path, body) {
    const headers = { "Content-Type": "application/json" };
    const answer = await fetch(siteAddress(path), { method: "POST", headers, body: JSON.stringify(body) });
    if (!answer.ok) throw new Error(`${path} was answered with ${answer.status}`);
    return answer.json();
  },
};

/** @param {Server} other */
export const answeredBy = (other) => {
  server = other;
};

/** Open a connection. @param {string} path - below the place where the app is served: `scene` @returns {Socket} */
export const openSocket = (path) => server.open(path);

/** Ask for a piece of data; `body` as JSON can hold it. @param {string} path @param {unknown} body
 * @returns {Promise<unknown>} */
export const ask = (path, body) => server.ask(path, body);
