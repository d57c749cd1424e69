// "Follow me", seen from the browser: presenting a room, or following one and leaving it for a while.

const STORE = "offrl-room";

export class Room {
  constructor(app) {
    Object.assign(this, { app, room: null, votes: null, exploring: false, bigCode: false, shown: null, asked: "" });
  }

  get presenting() {
    return this.room?.role === "presenter";
  }
  // What is on screen is the presenter's.
  get led() {
    return this.room?.role === "follower" && !this.room.ended && !this.exploring;
  }

  // A link with a code; a presenter who comes back to his own page takes his room up again.
  option(code) {
    if (code && code !== this.asked) {
      this.asked = code;
      this.app.socket.send({ type: "follow", code });
    } else if (!code && !this.room && !this.resumed) {
      this.resumed = true;
      const saved = this.saved();
      if (saved) this.app.socket.send({ type: "present", ...saved });
    }
  }

  saved() {
    try {
      return JSON.parse(sessionStorage.getItem(STORE) ?? "null");
    } catch {
      return null;
    }
  }

  // After a lost connection the server does not know this tab any more.
  connected() {
    if (!this.wasConnected) {
      this.wasConnected = true;
      return;
    }
    if (this.presenting) this.app.socket.send({ type: "present", ...this.saved() });
    else if (this.room && !this.room.ended) this.app.socket.send({ type: "follow", code: this.room.code });
  }

  open() {
    this.app.socket.send({ type: "present" });
  }

  end() {
    this.app.socket.send({ type: "end" });
    sessionStorage.removeItem(STORE);
    this.room = null;
    this.votes = null;
    this.app.draw();
  }

  receive(message) {
    const { app } = this;
    if (message.type === "presenting") {
      this.room = { role: "presenter", code: message.code, followers: this.room?.followers ?? 0 };
      sessionStorage.setItem(STORE, JSON.stringify({ code: message.code, token: message.token }));
      app.ask(true);
    } else if (message.type === "following") {
      this.room = { role: "follower", code: message.code, away: false, ended: false };
    } else if (message.type === "show") {
      this.shown = message;
      if (!this.exploring) this.take(message);
    } else if (message.type === "scene") {
      app.foreign[message.scene.id] = message.scene;
      if (this.shown && !this.exploring) this.take(this.shown);
    } else if (message.type === "votes") {
      this.votes = message;
      if (this.presenting) this.room.followers = message.followers;
    } else if (message.type === "presence") {
      if (this.room) this.room.away = message.away;
    } else if (message.type === "ended") {
      if (this.room) this.room.ended = true;
    }
    app.draw();
  }

  refused(message) {
    if (/room/.test(message.message) && !this.room) {
      this.app.notes = [message.message];
      if (this.saved() && /no room|another presenter/.test(message.message)) sessionStorage.removeItem(STORE);
    }
  }

  // Show what the presenter shows.
  take(message) {
    const { app } = this;
    if (!app.declared.has(message.scene) && !app.foreign[message.scene]) {
      app.socket.send({ type: "describe", scene: message.scene });
      return;
    }
    if (app.sceneId !== message.scene) app.refusal = null;
    app.sceneId = message.scene;
    app.states[message.scene] = message.state;
    app.results[message.scene] = message.result;
    if (message.revealed) app.revealed[message.scene] = true;
    else delete app.revealed[message.scene];
    // A new round: everybody may predict again.
    if (message.round !== this.round) delete app.committed[message.scene];
    this.round = message.round;
    app.root.dataset.shown = String((Number(app.root.dataset.shown) || 0) + 1);
  }

  // Whoever moves something while following explores on his own from there.
  takeOver() {
    if (this.led) this.exploring = true;
  }

  back() {
    this.exploring = false;
    if (this.shown) this.take(this.shown);
    this.app.draw();
  }

  vote(choice) {
    this.app.socket.send({ type: "vote", scene: this.app.sceneId, choice });
  }
  cleared() {
    if (this.presenting) this.app.socket.send({ type: "clear" });
  }
}
