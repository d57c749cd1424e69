// "Follow me", seen from the browser: presenting a room, or following one and leaving it for a while.

/** @import { Lecture } from "./scene.js" */
/** @import { RefusedMessage, RoomMessage, ShowMessage, VotesMessage } from "./protocol.d.ts" */

const STORE = "offrl-room";
/** A follower asks for a room that the server does not know after 2, 4, 6 … s: for nearly two minutes. */
const SEARCHES = 9;
const SEARCH_AFTER = 2000;

/** @typedef {{ role: "presenter", code: string, followers: number, ended: false, away: false }} Presented */
/** @typedef {{ role: "follower", code: string, away: boolean, ended: boolean }} Followed */

/** The room that this tab presents or follows, if any. */
export class Room {
  /** @param {Lecture} app */
  constructor(app) {
    this.app = app;
    /** @type {Presented | Followed | null} */
    this.room = null;
    /** @type {VotesMessage | null} */
    this.votes = null;
    /** What was predicted before the discussion, by scene. @type {Record<string, readonly number[]>} */
    this.first = {};
    /** The presenter's counts of each round when most had predicted, in order. @type {Map<string, VotesMessage>} */
    this.record = new Map();
    /** The presenter looks at the predictions before the answer is revealed. */
    this.peeks = false;
    this.exploring = false;
    this.bigCode = false;
    /** What the presenter shows. @type {ShowMessage | null} */
    this.shown = null;
    /** @type {number | null} */
    this.round = null;
    /** The code that was followed last. */
    this.asked = "";
    this.resumed = false;
    this.wasConnected = false;
    /** The connection was lost, and with it this follower's prediction. */
    this.lapsed = false;
    /** How often a room that the server does not know was asked for. */
    this.searches = 0;
  }

  get presenting() {
    return this.room?.role === "presenter";
  }

  /** What is on screen is the presenter's. */
  get led() {
    return this.room?.role === "follower" && !this.room.ended && !this.exploring;
  }

  /**
   * A link with a code; a presenter who comes back to their own page takes their room up again.
   * @param {string} code
   */
  option(code) {
    if (code && code !== this.asked) {
      this.asked = code;
      this.app.foldMenu();
      this.app.socket.send({ type: "follow", code });
    } else if (!code && !this.room && !this.resumed) {
      this.resumed = true;
      const saved = this.saved();
      if (saved) this.app.socket.send({ type: "present", ...saved });
    }
  }

  /** @returns {{ code: string, token: string } | null} */
  saved() {
    try {
      return JSON.parse(sessionStorage.getItem(STORE) ?? "null");
    } catch {
      return null;
    }
  }

  /** After a lost connection the server does not know this tab any more. */
  connected() {
    if (!this.wasConnected) {
      this.wasConnected = true;
      return;
    }
    if (this.presenting) {
      const { scene, round } = this.votes ?? {};
      this.app.socket.send({ type: "present", ...this.saved(), scene, round });
    } else if (this.room && !this.room.ended) {
      this.lapsed = true;
      this.app.socket.send({ type: "follow", code: this.room.code });
    }
  }

  open() {
    this.app.socket.send({ type: "present" });
  }

  end() {
    this.app.socket.send({ type: "end" });
    sessionStorage.removeItem(STORE);
    this.room = null;
    this.forget();
    this.app.draw();
  }

  /** Nothing is kept of what was predicted in another room. */
  forget() {
    this.votes = null;
    this.first = {};
    this.record.clear();
    this.peeks = false;
  }

  /** Keep the counts of a round; whoever leaves afterwards has predicted all the same. @param {VotesMessage} votes */
  remember(votes) {
    const round = `${votes.scene}/${votes.round}`;
    if (votes.predicted >= (this.record.get(round)?.predicted ?? 1)) this.record.set(round, votes);
  }

  /** @param {RoomMessage} message */
  receive(message) {
    const { app, room } = this;
    switch (message.type) {
      case "presenting": {
        const { code, token } = message;
        const followers = room?.role === "presenter" ? room.followers : 0;
        if (room && room.code !== code) this.forget();
        // After a reload the server knows what this tab has forgotten.
        if (message.scene && message.first) this.first[message.scene] = message.first;
        for (const votes of message.record ?? []) this.remember(votes);
        this.room = { role: "presenter", code, followers, ended: false, away: false };
        sessionStorage.setItem(STORE, JSON.stringify({ code, token }));
        app.ask(true);
        break;
      }
      case "following":
        this.searches = 0;
        this.room = { role: "follower", code: message.code, away: false, ended: false };
        break;
      case "show":
        this.shown = message;
        if (!this.exploring) this.take(message);
        break;
      case "scene":
        app.foreign[message.scene.id] = message.scene;
        if (this.shown && !this.exploring) this.take(this.shown);
        break;
      case "votes":
        this.votes = message;
        if (room?.role === "presenter") {
          room.followers = message.followers;
          this.remember(message);
        }
        break;
      case "presence":
        if (room?.role === "follower") room.away = message.away;
        break;
      case "ended":
        if (room?.role === "follower") room.ended = true;
    }
    app.draw();
  }

  /** @param {RefusedMessage} refused */
  refused({ message }) {
    if (/no room/.test(message) && this.room?.role === "follower") this.lost(this.room);
    else if (/no room|another presenter/.test(message) && this.presenting) this.room = null;
    if (!/room/.test(message) || this.room) return;
    this.app.notes = [message];
    if (this.saved() && /no room|another presenter/.test(message)) sessionStorage.removeItem(STORE);
  }

  /**
   * A server that was restarted knows the room again once its presenter is back: it is asked for a few times.
   * @param {Followed} room
   */
  lost(room) {
    room.away = true;
    this.searches += 1;
    if (this.searches > SEARCHES) room.ended = true;
    else
      setTimeout(() => {
        if (this.room === room && !room.ended) this.app.socket.send({ type: "follow", code: room.code });
      }, SEARCH_AFTER * this.searches);
  }

  /** Show what the presenter shows. @param {ShowMessage} message */
  take(message) {
    const { app } = this;
    const { scene } = message;
    if (!app.declared.has(scene) && !app.foreign[scene]) {
      app.socket.send({ type: "describe", scene });
      return;
    }
    if (app.sceneId !== scene) {
      app.refusal = null;
      app.askFirst();
    }
    if (message.first) this.first[scene] = message.first;
    else delete this.first[scene];
    app.sceneId = scene;
    app.states[scene] = message.state;
    app.results[scene] = message.result;
    app.revealed[scene] = message.revealed;
    // A new round: everybody may predict again.
    if (message.round !== this.round) delete app.committed[scene];
    else if (this.lapsed && app.committed[scene] !== undefined) this.vote(app.committed[scene]);
    this.lapsed = false;
    this.round = message.round;
    app.root.dataset.shown = String((Number(app.root.dataset.shown) || 0) + 1);
  }

  /** A follower who moves something explores on their own from there. */
  takeOver() {
    if (this.led) this.exploring = true;
  }

  back() {
    this.exploring = false;
    if (this.shown) this.take(this.shown);
    this.app.draw();
  }

  /** @param {number} choice */
  vote(choice) {
    this.app.socket.send({ type: "vote", scene: this.app.sceneId, choice });
  }

  /** The presenter begins a new round. */
  cleared() {
    if (!this.presenting) return;
    this.peeks = false;
    delete this.first[this.app.sceneId];
    this.app.socket.send({ type: "clear" });
  }

  /** After a discussion everybody predicts a second time; the first time is kept beside it. */
  again() {
    const { app, votes } = this;
    if (!this.presenting || !votes?.counts || votes.scene !== app.sceneId) return;
    this.first[app.sceneId] = votes.counts;
    this.peeks = false;
    app.socket.send({ type: "clear", again: true });
    app.ask(true);
    app.draw();
  }

  /** The audience's predictions on the screen: not before the answer, unless the presenter wants to see them. */
  get seenVotes() {
    const { app, votes } = this;
    const own = this.room && votes?.scene === app.sceneId ? votes : null;
    return own?.counts && (app.isRevealed || (this.presenting && this.peeks)) ? own : null;
  }
}
