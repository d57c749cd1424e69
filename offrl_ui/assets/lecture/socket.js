// The connection to `/scene`. Of the states that a moving slider asks for, only the newest waits: one is under way, one may follow.

export class SceneSocket {
  constructor(onmessage, onopen, onstate) {
    Object.assign(this, { onmessage, onopen, onstate });
    this.number = 0;
    this.underWay = null;
    this.next = null;
    this.queue = [];
    this.tries = 0;
    this.closed = false;
    this.connect();
  }

  connect() {
    const address = new URL("/scene", location.href);
    address.protocol = address.protocol === "https:" ? "wss:" : "ws:";
    const socket = new WebSocket(address);
    this.socket = socket;
    socket.onopen = () => {
      this.tries = 0;
      this.underWay = null;
      this.onstate(true);
      this.onopen();
      for (const text of this.queue.splice(0)) socket.send(text);
      this.pump();
    };
    socket.onmessage = (event) => {
      const message = JSON.parse(event.data);
      // Even a partial result frees the way: the server drops what is under way when a newer state comes.
      if (message.type === "result" || (message.type === "refused" && message.id !== null)) this.answered(message.id);
      this.onmessage(message);
    };
    socket.onclose = () => {
      if (this.closed) return;
      this.onstate(false);
      if (this.underWay && !this.next) this.next = this.underWay;
      this.underWay = null;
      this.tries += 1;
      this.timer = setTimeout(
        () => this.connect(),
        Math.min(500 * 2 ** this.tries, 15_000) * (0.7 + 0.6 * Math.random()),
      );
    };
  }

  get open() {
    return this.socket.readyState === WebSocket.OPEN;
  }

  // Ask for a state; an older question that was not sent yet is forgotten. `urgent` does not wait for the one under way.
  compute(scene, state, revealed, urgent = false) {
    this.next = { type: "compute", id: ++this.number, scene, state, revealed };
    if (urgent) this.underWay = null;
    this.pump();
    return this.number;
  }

  answered(id) {
    if (this.underWay && this.underWay.id <= id) this.underWay = null;
    this.pump();
  }

  pump() {
    if (!this.open || this.underWay || !this.next) return;
    this.underWay = this.next;
    this.next = null;
    this.socket.send(JSON.stringify(this.underWay));
  }

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
