/** A WebSocket that the test opens, speaks on and closes. */
export class FakeSocket {
  /** @type {FakeSocket[]} */
  static all = [];
  steady = false;
  constructor(address) {
    Object.assign(this, { address, readyState: 0, sent: [] });
    FakeSocket.all.push(this);
  }
  open() {
    this.readyState = 1;
    this.onopen();
  }
  say(data) {
    this.onmessage({ data });
  }
  send(text) {
    this.sent.push(text);
  }
  close(code = 1006, reason = "") {
    this.readyState = 3;
    this.onclose({ code, reason });
  }
}
globalThis.WebSocket = FakeSocket;

export const newest = () => FakeSocket.all.at(-1);
