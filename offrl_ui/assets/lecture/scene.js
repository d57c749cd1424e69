// One page of the lecture: its scenes, one at a time. Sliders ask the server over a socket, and the answer is drawn in
// place; Streamlit only learns where the viewer is once a slider is let go, for the link.

/** @import { Component } from "../shared/component.d.ts" */
/** @import { Control, Answer, PageData, Result, Scene, State, Value } from "./protocol.d.ts" */

import { patch } from "../shared/patch.js";
import { Sharing } from "../shared/sharing.js";
import { skipLink } from "../shared/skip_link.js";
import { bindKeys } from "./keys.js";
import { fontsCame } from "./labels.js";
import { lecturePage } from "./page.js";
import { Player } from "./player.js";
import { Reader } from "./reader.js";
import { Room } from "./room.js";
import { rowsOf } from "./rows.js";
import { SceneSocket } from "./socket.js";
import { nudged, snap } from "./values.js";

let instances = 0;

/** A lecture page: which scene is shown, in which state, and what the viewer may do. */
export class Lecture {
  /** @param {HTMLElement} root @param {Component<PageData>} component */
  constructor(root, component) {
    this.root = root;
    this.component = component;
    instances += 1;
    this.uid = `lecture-${instances}`;
    this.unskip = skipLink(root, "Skip to the scene");
    this.options = component.data.options;
    /** The scenes of this page. @type {Map<string, Scene>} */
    this.declared = new Map();
    /** Scenes of other pages, which a presenter shows. @type {Record<string, Scene>} */
    this.foreign = {};
    this.sceneId = component.data.opening.scene;
    /** @type {number | null} */
    this.opened = null;

    // By scene: the state, its newest result, what was predicted, and whether the answer is shown.
    /** @type {Record<string, State>} */
    this.states = {};
    /** @type {Record<string, Result>} */
    this.results = {};
    /** @type {Record<string, number>} */
    this.committed = {};
    /** @type {Record<string, boolean>} */
    this.revealed = {};

    /** @type {string[]} */
    this.notes = [];
    /** @type {{ name: string | undefined, message: string } | null} */
    this.refusal = null;
    /** @type {string | null} */
    this.helped = null;
    this.online = false;
    this.sideGoesOn = false;
    this.frame = 0;
    /** When Streamlit was told last. */
    this.reported = 0;
    /** The question whose answer is shown, and whether it has just come. */
    this.answered = { id: 0, fresh: false };

    this.observer = new ResizeObserver(() => this.draw());
    this.media = matchMedia("(prefers-color-scheme: dark)");
    this.redraw = () => this.draw();
    this.redrawWords = () => {
      fontsCame();
      this.draw();
    };
    this.media.addEventListener("change", this.redraw);
    document.fonts.addEventListener("loadingdone", this.redrawWords);
    this.keys = bindKeys(this);
    this.follow = new Room(this);
    this.reader = new Reader(this);
    const page = { root, draw: this.redraw, ask: (/** @type {string} */ url) => this.socket.send({ type: "qr", url }) };
    this.sharing = new Sharing(page, { present: true, embed: false, revealed: false });
    this.player = new Player(this);
    this.socket = new SceneSocket(
      (message) => this.receive(message),
      () => this.follow.connected(),
      (online, why) => {
        this.online = online;
        if (why) this.notes = [why];
        this.draw();
      },
    );
    this.update(component);
  }

  // --- Streamlit

  /** @param {Component<PageData>} component */
  update(component) {
    this.component = component;
    const { scenes, options, opening, notes } = component.data;
    this.declared = new Map(scenes.map((scene) => [scene.id, scene]));
    this.options = options;
    if (opening.number !== this.opened) {
      this.opened = opening.number;
      this.reported = Math.max(this.reported, Date.now());
      this.sceneId = opening.scene;
      this.states[opening.scene] = { ...opening.state };
      if (opening.result) this.results[opening.scene] = JSON.parse(opening.result);
      if (opening.revealed) this.revealed[opening.scene] = true;
      this.notes = [...opening.notes, ...notes];
      if (!opening.result || this.results[opening.scene].partial || this.follow.presenting) this.ask();
    }
    this.follow.option(options.follow);
    this.draw();
  }

  /**
   * Tell the page where the viewer is; only after a control was let go. Without a socket (some proxies refuse them) the
   * page answers with the picture.
   */
  report() {
    if (this.follow.led || !this.declared.has(this.sceneId)) return;
    this.reported = Math.max(this.reported + 1, Date.now());
    this.component.setStateValue("view", {
      n: this.reported,
      scene: this.sceneId,
      state: { ...this.state },
      revealed: Boolean(this.revealed[this.sceneId]),
      offline: !this.online,
    });
  }

  // --- the scene that is shown

  get scene() {
    const scene = this.declared.get(this.sceneId) ?? this.foreign[this.sceneId];
    if (!scene) throw new Error(`scene ${this.sceneId} is not declared`);
    return scene;
  }

  get defaults() {
    return Object.fromEntries(this.scene.controls.map((c) => [c.name, c.default]));
  }

  get state() {
    this.states[this.sceneId] ??= this.defaults;
    return this.states[this.sceneId];
  }

  /** @returns {Result | undefined} */
  get result() {
    return this.results[this.sceneId];
  }

  get isRevealed() {
    return !this.scene.prediction || Boolean(this.revealed[this.sceneId]);
  }

  /** @param {string} name @returns {Control | undefined} */
  control(name) {
    return this.scene.controls.find((c) => c.name === name);
  }

  /** @param {string} name */
  frozen(name) {
    return this.options.fix.includes(name) || this.hidden(name);
  }

  /** @param {string} name */
  hidden(name) {
    return this.options.hide.includes(name);
  }

  // --- the server

  ask(urgent = false) {
    const id = this.socket.compute(this.sceneId, { ...this.state }, this.isRevealed, urgent);
    performance.mark(`ask-${id}`);
  }

  /** @param {Answer} message */
  receive(message) {
    switch (message.type) {
      case "result":
        if (message.id < this.answered.id || this.follow.led) return;
        this.answered = { id: message.id, fresh: true };
        this.results[message.scene] = message.result;
        this.refusal = null;
        break;
      case "refused": {
        const name = this.scene.controls.find((c) => message.message.startsWith(`${c.name} = `))?.name;
        this.refusal = { name, message: message.message };
        this.follow.refused(message);
        break;
      }
      case "qr":
        this.sharing.codes[message.url] = message.svg;
        break;
      default:
        this.follow.receive(message);
    }
    this.draw();
  }

  // --- what the viewer does

  /**
   * Set controls.
   *
   * @param {Record<string, Value>} values
   * @param {boolean} final the control was let go
   * @param {boolean} exact values as they are (settings and special values), else snapped to the control's steps
   */
  set(values, final, exact = false) {
    this.follow.takeOver();
    const state = { ...this.state };
    for (const [name, value] of Object.entries(values)) {
      const control = this.control(name);
      // What the link fixes stays, also where a named setting says otherwise.
      if (!control || this.frozen(name)) continue;
      state[name] = exact ? value : snap(control, value);
    }
    const same = Object.keys(state).every((name) => state[name] === this.state[name]);
    this.states[this.sceneId] = state;
    if (!same) this.ask();
    if (final) this.report();
    this.draw();
  }

  /** @param {string} name @param {number} steps */
  nudge(name, steps) {
    const control = this.control(name);
    if (control) this.set({ [name]: nudged(control, Number(this.state[name]), steps) }, true, true);
  }

  /** @param {string} name */
  help(name) {
    this.helped = this.helped === name ? null : name;
    this.draw();
  }

  /** Close what was opened last, else leave lecture mode; false: there was nothing. */
  leave() {
    if (this.helped) this.help(this.helped);
    else if (this.player.playing) this.player.pause();
    else if (this.follow.bigCode) this.toggleCode();
    else if (this.options.present) this.component.setTriggerValue("leave", true);
    else return false;
    return true;
  }

  dismiss() {
    this.notes = [];
    this.draw();
  }

  /** @param {string} id */
  go(id) {
    if (id === this.sceneId) return;
    this.player.pause();
    this.follow.takeOver();
    this.sceneId = id;
    this.notes = [];
    this.refusal = null;
    this.ask(true);
    this.report();
    this.draw();
    this.root.scrollIntoView({ block: "start" });
  }

  /** Next or previous scene, over the edge of the page too. @param {number} by */
  step(by) {
    const ids = [...this.declared.keys()];
    const next = ids[ids.indexOf(this.sceneId) + by];
    if (next) {
      this.go(next);
      return;
    }
    const { pages, page } = this.component.data;
    const name = pages[pages.findIndex((p) => p.name === page) + by]?.name;
    if (name) this.component.setTriggerValue("go", name);
  }

  /** On a phone the menu lies over the scene: whoever joined from there wants to see it. */
  foldMenu() {
    if (!matchMedia("(max-width: 640px)").matches) return;
    const open = document.querySelector("[data-testid=stSidebar][data-collapsed=false]");
    const button = open?.querySelector("[data-testid=stSidebarCollapseButton] button");
    if (button instanceof HTMLElement) button.click();
  }

  /** A new question comes into view, wherever its follower has scrolled to. */
  askFirst() {
    requestAnimationFrame(() => this.root.querySelector(".scene .ask")?.scrollIntoView({ block: "start" }));
  }

  /** @param {number} choice */
  commit(choice) {
    if (this.committed[this.sceneId] !== undefined || this.isRevealed) return;
    this.committed[this.sceneId] = choice;
    if (this.follow.led) this.follow.vote(choice);
    else this.reveal();
    this.draw();
  }

  reveal() {
    const { prediction } = this.scene;
    if (!prediction || this.isRevealed || this.follow.led) return;
    this.revealed[this.sceneId] = true;
    this.set(prediction.at, false, true);
    // Followers learn of the reveal with the next picture.
    this.ask(true);
    this.report();
    this.draw();
  }

  reset() {
    this.player.pause();
    this.follow.takeOver();
    delete this.revealed[this.sceneId];
    delete this.committed[this.sceneId];
    const kept = Object.entries(this.state).filter(([name]) => this.frozen(name));
    this.states[this.sceneId] = { ...this.defaults, ...Object.fromEntries(kept) };
    this.follow.cleared();
    this.ask(true);
    this.report();
    this.draw();
  }

  /** Open what the scene trains in the playground. */
  openRun() {
    const revealed = Boolean(this.revealed[this.sceneId]);
    this.component.setTriggerValue("open", { scene: this.sceneId, state: { ...this.state }, revealed });
  }

  // --- the lecturer's tools

  openRoom() {
    this.follow.open();
    this.sharing.show(false);
  }

  explore() {
    this.follow.takeOver();
    this.draw();
  }

  toggleCode() {
    this.follow.bigCode = !this.follow.bigCode;
    this.draw();
  }

  // --- drawing

  draw() {
    if (this.frame) return;
    this.frame = requestAnimationFrame(() => {
      this.frame = 0;
      this.drawNow();
    });
  }

  drawNow() {
    const { root } = this;
    if (!root.isConnected) return;
    patch(root, lecturePage(this));
    const dialog = root.querySelector("dialog");
    if (dialog && !dialog.open) dialog.showModal();
    this.lookBelow();
    root.dataset.partial = String(this.result?.partial ?? "");
    root.dataset.opening = String(this.opened);
    if (this.answered.fresh) this.drawn(this.answered.id);
    this.answered.fresh = false;
  }

  /** Whether the column of controls goes on below what is seen of it: then it says so. */
  lookBelow() {
    const side = this.options.present ? this.root.querySelector(".side") : null;
    const goesOn = side !== null && side.scrollHeight - side.scrollTop - side.clientHeight > 6;
    if (goesOn === this.sideGoesOn) return;
    this.sideGoesOn = goesOn;
    this.draw();
  }

  /** @param {Result} result */
  rowsOf(result) {
    return rowsOf(this.scene, result, this.options.present, this.isRevealed);
  }

  /**
   * The answer to the newest question is in the document; once this frame has been painted it is on screen, and with it
   * the answers to all older questions, which it replaced. `benchmarks/scenes.py` reads the measures.
   *
   * @param {number} id
   */
  drawn(id) {
    this.root.dataset.drawn = String(id);
    requestAnimationFrame(() => {
      for (const mark of performance.getEntriesByType("mark")) {
        if (!mark.name.startsWith("ask-") || Number(mark.name.slice(4)) > id) continue;
        performance.measure("scene-answer", { start: mark.startTime, end: performance.now() });
        performance.clearMarks(mark.name);
      }
    });
  }

  destroy() {
    this.player.pause();
    this.keys.unbind();
    this.unskip();
    this.observer.disconnect();
    this.media.removeEventListener("change", this.redraw);
    document.fonts.removeEventListener("loadingdone", this.redrawWords);
    cancelAnimationFrame(this.frame);
    this.reader.stop();
    this.socket.close();
  }
}

/** @type {WeakMap<HTMLElement, Lecture>} */
const lectures = new WeakMap();

/** @param {Component<PageData>} component */
export function mount(component) {
  const root = component.parentElement.querySelector(".lecture");
  if (!(root instanceof HTMLElement)) throw new Error("a lecture has no element to draw into");
  const lecture = lectures.get(root);
  if (lecture) lecture.update(component);
  else lectures.set(root, new Lecture(root, component));
  return () => {
    lectures.get(root)?.destroy();
    lectures.delete(root);
  };
}
