// A film: the policy of the step that is looked at walks its world. The episodes come from the real environment,
// played in the run's worker, or of a recording in the page, by the world that it carries; here they are only shown.
// While training goes on each episode that ends is followed by one of the newest policy, from the same start and with
// the same dice; while it stands the film is that of the step on the timeline.

import { fieldsOf } from "../run/wire.js";
import { clearCanvas, h, iconButton, reducedMotion, setIcon, setText } from "../shared/dom.js";
import { integer, number } from "../shared/format.js";
import { Episode } from "./episode.js";
import { pictureFor } from "./pictures.js";
import { play } from "./playing.js";

/**
 * @import { FilmHeader, FilmMessage, Refused } from "../run/protocol.d.ts"
 * @import { Frame } from "../run/frames.js"
 * @import { Playback } from "../run/playback.js"
 * @import { Session } from "../run/session.js"
 * @import { Store } from "../run/store.js"
 * @import { Theme } from "../shared/types.d.ts"
 * @import { World } from "../world/world.js"
 * @import { Episodes } from "./episode.js"
 * @import { NumberedWorld } from "./playing.js"
 * @import { FilmPicture } from "./types.d.ts"
 */

/**
 * What a film is shown in, and what it follows.
 * @typedef {object} FilmPlace
 * @property {{ world: HTMLElement, film: HTMLButtonElement, filmBar: HTMLElement }} ui
 * @property {Session} session
 * @property {Playback} playback
 * @property {World} world
 * @property {Store} store
 */

const ASK_EVERY = 400;
const PATIENCE = 15_000;
const HOLD = 1100;
// A film that stands while training goes on is asked for again after this time.
const STALE = 3000;
const ANNOUNCE_EVERY = 8000;
const SCRUBBING = 1500;
const LONGEST = 20;

export class Film {
  /** @param {FilmPlace} place */
  constructor({ ui, session, playback, world, store }) {
    this.host = ui.world;
    this.button = ui.film;
    this.bar = ui.filmBar;
    this.session = session;
    this.playback = playback;
    this.world = world;
    this.store = store;
    this.on = false;
    this.playing = false;
    this.seed = 0;
    /** @type {FilmHeader & { episodes: Episode[] } | null} */
    this.shown = null;
    /** The episode, the time in it, and whether it is over. */
    this.index = 0;
    this.at = 0;
    this.over = false;
    /** @type {FilmPicture | null} */
    this.picture = null;
    /** What was asked for and when, and the id of the request until it is answered. */
    this.wish = "";
    this.askedAt = -Infinity;
    /** @type {number | null} */
    this.asked = null;
    /** What was refused, when, and why. @type {{ wish: string, at: number } | null} */
    this.failed = null;
    this.refusal = "";
    /** @type {Frame | null} */
    this.frame = null;
    /** @type {Theme | null} */
    this.theme = null;
    this.resized = false;
    /** When the last film came. */
    this.taken = -Infinity;
    /** When one was last read out. */
    this.announced = -Infinity;
    /** The episode that follows with the next film. @type {number | null} */
    this.queued = null;
    /** The time of the last picture, and when the episode ended. @type {number | null} */
    this.clock = null;
    /** @type {number | null} */
    this.ended = null;
    /** @type {number | null} */
    this.request = null;
    /** @type {number | undefined} */
    this.later = undefined;
    this.canvas = h("canvas", { class: "film-canvas", role: "img", hidden: true });
    this.host.append(this.canvas);
    const look = { class: "button icon-button film-play" };
    this.play = iconButton("pause", "Pause the film", () => this.toggle(), look);
    this.episodes = h("select", {
      class: "film-episode",
      "aria-label": "Episode of the film",
      onchange: () => this.choose(Number(this.episodes.value)),
    });
    this.others = h("button", { type: "button", class: "button small film-others", onclick: () => this.nextSeed() });
    this.line = h("input", {
      type: "range",
      class: "film-line",
      min: "0",
      step: "1",
      value: "0",
      "aria-label": "Step of the episode",
      oninput: () => this.seek(Number(this.line.value)),
    });
    this.text = h("p", { class: "film-text" });
    this.spoken = h("p", { class: "spoken", role: "status", "aria-live": "polite" });
    this.controls = h("div", { class: "film-controls" }, this.play, this.episodes, this.others, this.line);
    this.bar.append(this.controls, this.text, this.spoken);
    this.bar.addEventListener("keydown", (event) => this.key(event));
    this.button.addEventListener("click", () => this.show(!this.on));
    this.begin();
  }

  /** Another run: what was shown belongs to the one before. */
  begin() {
    this.shown = this.asked = this.failed = null;
    this.askedAt = -Infinity;
    this.wish = this.refusal = "";
    this.index = this.at = 0;
    this.over = false;
    const { hello } = this.store;
    this.picture = hello?.film?.world ? pictureFor(hello.layout, hello.film.world) : null;
    this.paint();
  }

  /** @param {boolean} on */
  show(on) {
    this.on = on;
    this.playing = on && !reducedMotion();
    this.button.setAttribute("aria-pressed", String(on));
    this.bar.hidden = !on;
    this.over = true;
    this.ask();
    this.paint();
    this.roll();
  }

  nextSeed() {
    this.seed += 1;
    this.ask();
  }

  /** Why nothing can be shown; empty where something can. */
  get whyNot() {
    const known = this.store.hello?.film;
    if (known?.why_not) return `No film: ${known.why_not}.`;
    if (this.session.recording && !this.store.world)
      return "A film needs the live run: this recording holds the policy, but not the world it walks in.";
    return known || !this.store.hello ? "" : "No film: this run does not say what world it comes from.";
  }

  get following() {
    return this.playback.training && this.playback.atEnd;
  }

  /** Called whenever the stage draws: the step or the model may be another one.
   * @param {Frame | null} frame @param {Theme} theme */
  update(frame, theme) {
    const changed = frame !== this.frame || theme !== this.theme || this.resized;
    this.frame = frame;
    this.theme = theme;
    this.resized = false;
    if (!this.on) return;
    this.ask();
    if (changed) this.paint();
    this.roll();
  }

  /** Ask for the film that belongs on screen, not more often than it can be taken in. */
  ask() {
    const { frame, session, shown, seed, following } = this;
    const { member } = this.store.view;
    if (!this.on || !frame || this.whyNot || !session.connected) return;
    const now = performance.now();
    if (this.asked && now - this.askedAt < PATIENCE) return;
    const fresh = !this.over && (this.playing || now - this.taken < STALE);
    const same = shown !== null && shown.member === member && shown.seed === seed;
    const fits = same && (following ? fresh : shown.step === frame.step);
    const wish = `${following ? "now" : frame.step}/${member}/${seed}`;
    if (fits || (this.failed?.wish === wish && now - this.failed.at < PATIENCE)) return;
    clearTimeout(this.later);
    if (now - this.askedAt < ASK_EVERY) {
      this.later = setTimeout(() => this.ask(), ASK_EVERY);
      return;
    }
    this.askedAt = now;
    this.wish = wish;
    if (session.recording) this.playHere(frame, member);
    else this.asked = session.send({ cmd: "film", member, seed, ...(following ? {} : { step: frame.step }) });
    this.say();
  }

  /** Without a run the episodes are played here. @param {Frame} frame @param {number} member */
  playHere(frame, member) {
    const { store, seed } = this;
    const policy = frame.table("policy", member);
    if (!store.world) return;
    if (!policy) {
      this.fail("the policy of this step was not stored");
      return;
    }
    const world = /** @type {NumberedWorld} */ (
      /** @type {unknown} */ ({ ...fieldsOf(store.world).values, endings: store.world.header.endings })
    );
    const horizon = store.run.film?.horizon ?? 0;
    const film = play(world, policy, { actions: store.run.nActions, horizon, seed });
    if (film)
      this.screen({
        ...film,
        header: { ...film.header, id: 0, step: frame.step, member, gamma: store.gammaOf(member) },
      });
    else this.fail("the policy's probabilities are not finite numbers: it cannot act");
  }

  /** The answer. @param {FilmMessage} message */
  take(message) {
    if (message.header.id !== this.asked) return;
    this.asked = null;
    this.screen({ header: message.header, ...fieldsOf(message) });
  }

  /**
   * Show a film. One that stands, or is one of many while scrubbing, shows its whole way at once: ways are compared
   * then.
   * @param {Episodes & { header: FilmHeader }} film
   */
  screen(film) {
    const { header } = film;
    const lately = performance.now() - this.taken < SCRUBBING;
    const scrubbing = this.shown !== null && !this.following && this.shown.step !== header.step && lately;
    const episodes = header.lengths.map((_, i) => new Episode(film, i));
    this.shown = { ...header, episodes };
    this.refusal = "";
    this.failed = null;
    this.over = false;
    this.taken = performance.now();
    const names = episodes.map((_, i) => `episode ${i + 1} of ${episodes.length}`);
    this.episodes.replaceChildren(...names.map((name, i) => h("option", { value: String(i) }, name)));
    setText(this.others, `seed ${header.seed} ›`);
    this.others.setAttribute("aria-label", `Seed ${header.seed}: show the episodes of the next seed`);
    this.others.title = "Other episodes: the next seed";
    this.choose(Math.min(this.queued ?? this.index, episodes.length - 1));
    this.queued = null;
    if (scrubbing) this.seek(episodes[this.index].length);
    this.ask();
  }

  /** Whether a refusal was meant for the film. @param {Refused} message */
  refused({ id, message }) {
    if (id === null || id === undefined || id !== this.asked) return false;
    this.asked = null;
    this.fail(message);
    return true;
  }

  /** @param {string} why */
  fail(why) {
    this.shown = null;
    this.refusal = why;
    this.failed = { wish: this.wish, at: performance.now() };
    this.paint();
  }

  /** @param {number} index - of an episode */
  choose(index) {
    this.index = index;
    const { episode } = this;
    if (!episode) return;
    this.episodes.value = String(index);
    this.line.max = String(episode.length);
    this.seek(this.playing ? 0 : episode.length);
    this.announce();
  }

  get episode() {
    return this.shown?.episodes[this.index] ?? null;
  }

  toggle() {
    this.playing = !this.playing;
    if (this.playing && this.episode && this.at >= this.episode.length) this.seek(0);
    this.paint();
    this.roll();
  }

  /** @param {number} at */
  seek(at) {
    this.at = at;
    this.ended = null;
    this.paint();
    this.roll();
  }

  /** @param {KeyboardEvent} event */
  key(event) {
    if (event.key !== " " || (event.target instanceof Element && event.target.matches("button, select"))) return;
    event.preventDefault();
    this.toggle();
  }

  roll() {
    if (!this.request && this.on && this.playing && this.episode)
      this.request = requestAnimationFrame((now) => this.tick(now));
  }

  /** @param {number} now */
  tick(now) {
    this.request = null;
    const { episode, picture } = this;
    const passed = Math.min((now - (this.clock ?? now)) / 1000, 0.1);
    this.clock = now;
    if (!this.on || !this.playing || !episode || !picture) {
      this.clock = null;
      return;
    }
    if (this.at < episode.length) {
      this.at = Math.min(this.at + passed * Math.max(picture.speed, episode.length / LONGEST), episode.length);
      this.paint();
      if (this.at >= episode.length) this.announce();
    } else {
      this.ended ??= now;
      if (now - this.ended > HOLD) this.next();
    }
    this.roll();
    if (!this.request) this.clock = null;
  }

  /**
   * After an episode: while training goes on, the next one by the newest policy; else the film's next, up to its last.
   */
  next() {
    const last = this.index === (this.shown?.episodes.length ?? 0) - 1;
    if (this.following) {
      this.over = true;
      this.queued = last ? 0 : this.index + 1;
      this.ask();
    } else if (!last) this.choose(this.index + 1);
    else {
      this.playing = false;
      this.paint();
    }
  }

  /** In words: which policy, where in the episode, what it did and earned, and how it ended. */
  get words() {
    const { shown, episode, at } = this;
    if (this.whyNot) return this.whyNot;
    if (!shown || !episode) return this.refusal || "Playing the policy …";
    const t = Math.min(Math.floor(at), episode.length);
    const { sum, discounted } = episode.earned(t, shown.gamma);
    const parts = [`policy of step ${integer(shown.step)}`, `step ${t} of ${episode.length}`];
    if (t < episode.length) parts.push(this.store.run.actionNames[episode.action(t)]);
    parts.push(`reward so far ${number(sum)}${shown.gamma < 1 ? ` (discounted ${number(discounted)})` : ""}`);
    if (t >= episode.length) parts.push(episode.ending);
    if (this.session.recording) parts.push("drawn in this page");
    return parts.join(" · ");
  }

  say() {
    setText(this.text, this.words);
    this.text.classList.toggle("waits", Boolean(this.asked) && !this.shown);
  }

  announce() {
    const { shown, episode } = this;
    const now = performance.now();
    // While training goes on a new film comes every few seconds: not all of them are read out.
    if (!shown || !episode || (this.following && now - this.announced < ANNOUNCE_EVERY)) return;
    this.announced = now;
    const { sum, discounted } = episode.earned(episode.length, shown.gamma);
    const here = this.session.recording ? ", drawn in this page" : "";
    const which = `Film${here} of the policy of step ${shown.step}, episode ${this.index + 1}, seed ${shown.seed}`;
    const reward = `reward ${number(sum)}, discounted ${number(discounted)}`;
    const summary = `${which}: ${episode.length} steps, ${reward}, ${episode.ending}.`;
    setText(this.spoken, summary);
    this.canvas.setAttribute("aria-label", summary);
  }

  paint() {
    const { canvas, host, theme, shown, episode, picture, world } = this;
    const drawn = this.on && theme && shown && episode && picture && !this.whyNot && world.scene;
    canvas.hidden = !drawn;
    canvas.classList.toggle("replaces", Boolean(drawn && !picture.overlay));
    this.controls.hidden = Boolean(this.whyNot);
    if (!this.on) return;
    this.say();
    setIcon(this.play, this.playing ? "pause" : "play", this.playing ? "Pause the film" : "Play the film");
    if (!drawn) return;
    this.line.value = String(Math.min(Math.floor(this.at), episode.length));
    const [width, height] = [host.clientWidth, host.clientHeight];
    const pen = clearCanvas(canvas, width, height, Math.min(window.devicePixelRatio || 1, 2));
    const pane = world.panes.find(({ member }) => member === shown.member) ?? world.panes[0];
    if (picture.overlay && !pane) return;
    const { layout, actionNames: names } = this.store.run;
    const at = reducedMotion() ? Math.floor(this.at) : this.at;
    const box = picture.overlay ? pane.box : { x: 4, y: 4, width: width - 8, height: height - 8 };
    const steps = Math.max(...shown.lengths);
    picture.draw(pen, {
      episode,
      at,
      theme,
      layout,
      names,
      steps,
      box,
      scene: world.scene ?? undefined,
      geo: pane?.geo,
    });
  }

  destroy() {
    this.on = false;
    if (this.request) cancelAnimationFrame(this.request);
    clearTimeout(this.later);
  }
}
