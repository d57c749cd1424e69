// One page of the lecture: its scenes, one at a time. Sliders ask the server over a socket, and the answer is drawn in place;
// Streamlit only learns where the viewer is once a slider is let go, for the link.

import { v, patch } from "../shared/patch.js";
import { readTheme } from "../shared/palette.js";
import { controls, nudged, snap } from "./controls.js";
import { drawRows, rowsOf } from "./rows.js";
import { Reader } from "./reader.js";
import { measures } from "./labels.js";
import { SceneSocket } from "./socket.js";
import { roomStrip, shareDialog } from "./share.js";
import { rolesOf } from "./colours.js";
import { answerCard, header, predictionCard } from "./cards.js";
import { bindKeys } from "./keys.js";
import { Room } from "./room.js";

let instances = 0;

class Lecture {
  constructor(root, component) {
    Object.assign(this, {
      root,
      component,
      uid: `lecture-${++instances}`,
      online: false,
      frame: 0,
      reported: 0,
      playing: null,
      results: {},
      states: {},
      committed: {},
      revealed: {},
    });
    Object.assign(this, {
      notes: [],
      refusal: null,
      sharing: false,
      share: { present: true, embed: false, revealed: false, rules: {} },
      qr: {},
      copied: "",
      helped: null,
      foreign: {},
    });
    this.observer = new ResizeObserver(() => this.draw());
    this.media = matchMedia("(prefers-color-scheme: dark)");
    this.redraw = () => this.draw();
    this.media.addEventListener("change", this.redraw);
    document.fonts.addEventListener("loadingdone", this.redraw);
    this.unbind = bindKeys(this);
    this.follow = new Room(this);
    this.reader = new Reader(this);
    this.socket = new SceneSocket(
      (m) => this.receive(m),
      () => this.follow.connected(),
      (online) => {
        this.online = online;
        this.draw();
      },
    );
    this.update(component);
  }

  // --- what Streamlit says ---
  update(component) {
    this.component = component;
    const data = component.data;
    this.declared = new Map(data.scenes.map((s) => [s.id, s]));
    this.options = data.options;
    const opening = data.opening;
    if (opening.number !== this.opened) {
      this.opened = opening.number;
      this.reported = Math.max(this.reported, Date.now());
      this.sceneId = opening.scene;
      this.states[opening.scene] = { ...opening.state };
      if (opening.result) this.results[opening.scene] = JSON.parse(opening.result);
      if (opening.revealed) this.revealed[opening.scene] = true;
      this.notes = [...opening.notes, ...data.notes];
      if (!opening.result || this.results[opening.scene].partial || this.follow.presenting) this.ask();
    }
    this.follow.option(this.options.follow);
    this.draw();
  }

  // Tell the page where the viewer is; only after a control was let go. Without a socket (some proxies refuse them) the page
  // answers with the picture.
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

  // --- the current scene ---
  get scene() {
    return this.declared.get(this.sceneId) ?? this.foreign[this.sceneId];
  }
  get state() {
    return (
      this.states[this.sceneId] ??
      (this.states[this.sceneId] = Object.fromEntries(this.scene.controls.map((c) => [c.name, c.default])))
    );
  }
  get result() {
    return this.results[this.sceneId];
  }
  get isRevealed() {
    return !this.scene.prediction || Boolean(this.revealed[this.sceneId]);
  }
  get room() {
    return this.follow.room;
  }
  get exploring() {
    return this.follow.exploring;
  }
  get bigCode() {
    return this.follow.bigCode;
  }

  ask(urgent = false) {
    const id = this.socket.compute(this.sceneId, { ...this.state }, this.isRevealed, urgent);
    performance.mark(`ask-${id}`);
  }

  receive(message) {
    if (message.type === "result") {
      if (message.id < (this.drawnId ?? 0) || this.follow.led) return;
      this.drawnId = message.id;
      this.results[message.scene] = message.result;
      this.refusal = null;
      this.pendingDrawn = message.id;
      this.draw();
    } else if (message.type === "refused") {
      const name = this.scene?.controls.find((c) => message.message.startsWith(`${c.name} = `))?.name;
      this.refusal = { name, message: message.message };
      this.follow.refused(message);
      this.draw();
    } else if (message.type === "qr") {
      this.qr[message.url] = message.svg;
      this.draw();
    } else this.follow.receive(message);
  }

  // `exact`: values as they are (settings and special values), else snapped to the control's steps.
  set(values, final, exact = false) {
    this.follow.takeOver();
    const state = { ...this.state };
    for (const [name, value] of Object.entries(values)) {
      // What the link fixes stays, also where a named setting says otherwise.
      if (this.frozen(name)) continue;
      const control = this.scene.controls.find((c) => c.name === name);
      state[name] = exact ? value : snap(control, value);
    }
    const same = Object.keys(state).every((k) => state[k] === this.state[k]);
    this.states[this.sceneId] = state;
    if (!same) this.ask();
    if (final) this.report();
    this.draw();
  }

  nudge(name, steps) {
    const control = this.scene.controls.find((c) => c.name === name);
    this.set({ [name]: nudged(control, this.state[name], steps) }, true, true);
  }

  frozen(name) {
    return this.options.fix.includes(name) || this.options.hide.includes(name);
  }
  hidden(name) {
    return this.options.hide.includes(name);
  }

  go(id) {
    if (!this.scene || id === this.sceneId) return;
    this.pause();
    this.follow.takeOver();
    this.sceneId = id;
    this.notes = [];
    this.refusal = null;
    this.ask(true);
    this.report();
    this.draw();
    this.root.scrollIntoView?.({ block: "start" });
  }

  // Next or previous scene, over the edge of the page too.
  step(by) {
    const ids = [...this.declared.keys()];
    const at = ids.indexOf(this.sceneId) + by;
    if (at >= 0 && at < ids.length) {
      this.go(ids[at]);
      return;
    }
    const pages = this.component.data.pages.map((p) => p.name);
    const page = pages[pages.indexOf(this.component.data.page) + by];
    if (page) this.component.setTriggerValue("go", page);
  }

  commit(choice) {
    if (this.committed[this.sceneId] !== undefined || this.isRevealed) return;
    this.committed[this.sceneId] = choice;
    if (this.follow.led) this.follow.vote(choice);
    else this.reveal();
    this.draw();
  }

  reveal() {
    if (this.isRevealed || this.follow.led) return;
    this.revealed[this.sceneId] = true;
    this.set(this.scene.prediction.at, false, true);
    // Followers learn of the reveal with the next picture.
    this.ask(true);
    this.report();
    this.draw();
  }

  reset() {
    this.pause();
    this.follow.takeOver();
    delete this.revealed[this.sceneId];
    delete this.committed[this.sceneId];
    const kept = this.scene.controls.filter((c) => this.frozen(c.name)).map((c) => [c.name, this.state[c.name]]);
    this.states[this.sceneId] = {
      ...Object.fromEntries(this.scene.controls.map((c) => [c.name, c.default])),
      ...Object.fromEntries(kept),
    };
    this.follow.cleared();
    this.ask(true);
    this.report();
    this.draw();
  }

  // --- playing a control ---
  play() {
    const { play } = this.scene;
    if (!play || this.playing) return;
    const control = this.scene.controls.find((c) => c.name === play.control);
    if (this.state[control.name] >= control.high) this.set({ [control.name]: control.low }, false);
    const tick = () => {
      const value = this.state[control.name];
      if (value >= control.high) {
        this.pause();
        return;
      }
      // Wait for the picture: playing shows every step it can draw, not steps nobody saw.
      if (!this.socket.underWay) this.set({ [control.name]: Math.min(value + play.stride, control.high) }, false);
    };
    this.playing = setInterval(tick, 1000 / play.per_second);
    this.draw();
  }

  pause() {
    if (!this.playing) return;
    clearInterval(this.playing);
    this.playing = null;
    this.report();
    this.draw();
  }

  // --- the lecturer's tools ---
  openShare() {
    this.sharing = true;
    this.draw();
  }
  closeShare() {
    this.sharing = false;
    this.root.querySelector("dialog")?.close();
    this.draw();
  }
  setShare(change) {
    this.share = { ...this.share, ...change };
    this.draw();
  }
  openRoom() {
    this.follow.open();
    this.closeShare();
  }
  endRoom() {
    this.follow.end();
  }
  explore() {
    this.follow.takeOver();
    this.draw();
  }
  returnToRoom() {
    this.follow.back();
  }
  toggleCode() {
    this.follow.bigCode = !this.follow.bigCode;
    this.draw();
  }
  wantQr(url) {
    if (this.qr[url] !== undefined) return;
    this.qr[url] = "";
    this.socket.send({ type: "qr", url });
  }
  async copy(text) {
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      this.root.querySelector(".share-link input")?.select();
      document.execCommand("copy");
    }
    this.copied = text;
    this.draw();
  }

  // --- drawing ---
  draw() {
    if (this.frame) return;
    this.frame = requestAnimationFrame(() => {
      this.frame = 0;
      this.drawNow();
    });
  }

  drawNow() {
    const { root } = this;
    if (!root.isConnected || !this.scene) return;
    const theme = readTheme(root);
    const colours = rolesOf(theme);
    for (const [role, colour] of Object.entries(colours)) root.style.setProperty(`--role-${role}`, colour);
    root.classList.toggle("present", this.options.present);
    root.classList.toggle("dark", theme.dark);
    const env = {
      theme,
      look: JSON.stringify([
        theme.background,
        theme.text,
        this.options.fix,
        this.options.hide,
        getComputedStyle(root).fontSize,
        measures(),
      ]),
      uid: this.uid,
      present: this.options.present,
      colour: (role) => colours[role] ?? theme.muted,
      actions: theme.actions,
      em: parseFloat(getComputedStyle(root).fontSize),
      control: (name) =>
        name && !this.frozen(name) ? (this.scene.controls.find((c) => c.name === name) ?? null) : null,
      revealed: this.isRevealed,
      frozen: (name) => this.frozen(name),
      hidden: (name) => this.hidden(name),
      refusal: this.refusal,
      playing: this.playing !== null,
      set: (values, final, exact) => this.set(values, final, exact),
      nudge: (name, steps) => this.nudge(name, steps),
      reset: () => this.reset(),
      help: (name) => {
        this.helped = this.helped === name ? null : name;
        this.draw();
      },
      helped: this.helped,
      play: () => this.play(),
      pause: () => this.pause(),
      watch: (element) => this.observer.observe(element),
    };
    const { scene, result } = this;
    patch(root, [
      header(this),
      roomStrip(this),
      this.notes.length > 0 &&
        v(
          "div",
          { class: "notes", key: "notes", role: "status" },
          this.notes.map((n) => v("p", {}, n)),
          v(
            "button",
            {
              type: "button",
              class: "round",
              "aria-label": "Dismiss",
              onclick: () => {
                this.notes = [];
                this.draw();
              },
            },
            "×",
          ),
        ),
      v(
        "section",
        { class: this.isRevealed && result ? "scene open" : "scene", key: scene.id, "aria-label": scene.title_text },
        v(
          "div",
          { class: "ask" },
          v("h1", {}, place(this)),
          v("h2", { html: scene.question }),
          scene.setup && !(this.options.present && this.isRevealed) && v("div", { class: "setup", html: scene.setup }),
        ),
        v(
          "div",
          { class: this.sideGoesOn ? "side goes-on" : "side", onscroll: () => this.lookBelow() },
          predictionCard(this),
          controls(scene, this.state, env),
        ),
        answerCard(this),
        v("div", { class: "pictures" }, drawRows(this, env)),
      ),
      v("div", { class: "unseen", key: "live", "aria-live": "polite", draw: (element) => this.reader.look(element) }),
      this.sharing && shareDialog(this),
      !this.online &&
        this.socket.tries > 0 &&
        v(
          "div",
          { class: "offline", key: "offline", role: "status" },
          "No live connection; pictures follow when you let go. Trying again…",
        ),
    ]);
    const dialog = root.querySelector("dialog");
    if (dialog && !dialog.open) dialog.showModal();
    this.lookBelow();
    root.dataset.partial = String(result?.partial ?? "");
    root.dataset.opening = String(this.opened);
    if (this.pendingDrawn) this.drawn();
  }

  // Whether the column of controls goes on below what is seen of it: then it says so.
  lookBelow() {
    const side = this.root.querySelector(".side");
    const goesOn = Boolean(side) && this.options.present && side.scrollHeight - side.scrollTop - side.clientHeight > 6;
    if (goesOn === Boolean(this.sideGoesOn)) return;
    this.sideGoesOn = goesOn;
    this.draw();
  }

  rowsOf(result) {
    return rowsOf(this.scene, result, this.options.present, this.isRevealed);
  }

  // The answer to the newest question is in the document; once this frame has been painted it is on screen, and with it the
  // answers to all older questions, which it replaced. `benchmarks/scenes.py` reads the measures.
  drawn() {
    const id = this.pendingDrawn;
    this.pendingDrawn = null;
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
    this.pause();
    this.unbind();
    this.observer.disconnect();
    this.media.removeEventListener("change", this.redraw);
    document.fonts.removeEventListener("loadingdone", this.redraw);
    cancelAnimationFrame(this.frame);
    this.reader.stop();
    this.socket.close();
  }
}

// "Behaviour cloning with rewards · 2 of 6"
function place(app) {
  const ids = [...app.declared.keys()];
  const at = ids.indexOf(app.sceneId);
  return at < 0 ? "The lecture" : `${app.component.data.title} · ${at + 1} of ${ids.length}`;
}

const lectures = new WeakMap();

export function mount(component) {
  const root = component.parentElement.querySelector(".lecture");
  if (lectures.has(root)) lectures.get(root).update(component);
  else lectures.set(root, new Lecture(root, component));
  return () => {
    lectures.get(root)?.destroy();
    lectures.delete(root);
  };
}
