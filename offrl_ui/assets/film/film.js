// A film: the policy of the step that is looked at walks its world. The episodes come from the real environment, played in the
// run's worker; here they are only shown. While training goes on each episode that ends is followed by one of the newest policy,
// from the same start and with the same dice; while it stands the film is that of the step on the timeline.

import { h, icon, iconButton, reducedMotion, setText } from "../shared/dom.js";
import { pictureFor } from "./film_pictures.js";
import { integer, number } from "../shared/format.js";
import { fieldsOf } from "../run/wire.js";

const ASK_EVERY = 400;
const PATIENCE = 15_000;
const HOLD = 1100;
// A film that stands while training goes on is asked for again after this time.
const STALE = 3000;
const ANNOUNCE_EVERY = 8000;
const SCRUBBING = 1500;
const LONGEST = 20;

// One episode of a film: `header` with lengths and endings, arrays over (episode, time) in `values` and their `shapes`.
export class Episode {
  constructor({ header, values, shapes }, index) {
    const [, times, width = 0] = shapes.observations;
    const steps = times - 1;
    this.width = width;
    this.seen = values.observations.subarray(index * times * (width || 1), (index + 1) * times * (width || 1));
    this.actions = values.actions.subarray(index * steps, (index + 1) * steps);
    this.rewards = values.rewards.subarray(index * steps, (index + 1) * steps);
    this.length = header.lengths[index];
    this.ending = header.endings[index];
  }

  state(t) {
    return this.seen[t];
  }
  action(t) {
    return this.actions[t] ?? -1;
  }
  observation(t) {
    return this.seen.subarray(t * this.width, (t + 1) * this.width);
  }

  // The observation at a time between two steps.
  between(at) {
    const t = Math.min(Math.floor(at), this.length);
    const [now, next] = [this.observation(t), this.observation(Math.min(t + 1, this.length))];
    return Array.from(now, (value, d) => value + (next[d] - value) * (at - t));
  }

  // What the first `steps` steps have brought.
  earned(steps, gamma) {
    let [sum, discounted] = [0, 0];
    for (let t = 0; t < steps; t++) {
      sum += this.rewards[t];
      discounted += gamma ** t * this.rewards[t];
    }
    return { sum, discounted };
  }
}

export class Film {
  // ui: { world, film (button), filmBar }; stage: its session, player, world, store
  constructor({ ui, session, player, world, store }) {
    Object.assign(this, { host: ui.world, button: ui.film, bar: ui.filmBar, session, player, world, store });
    this.canvas = h("canvas", { class: "film-canvas", role: "img", hidden: true });
    this.host.append(this.canvas);
    this.play = iconButton("pause", "Pause the film", () => this.toggle(), { class: "button icon-button film-play" });
    this.episodes = h("select", {
      class: "film-episode",
      "aria-label": "Episode of the film",
      onchange: () => this.choose(Number(this.episodes.value)),
    });
    this.others = h("button", {
      type: "button",
      class: "button small film-others",
      onclick: () => {
        this.seed += 1;
        this.ask();
      },
    });
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

  // Another run: what was shown belongs to the one before.
  begin() {
    Object.assign(this, {
      shown: null,
      asked: null,
      failed: null,
      refusal: "",
      askedAt: -Infinity,
      index: 0,
      at: 0,
      over: false,
      seed: this.seed ?? 0,
    });
    this.picture = this.store.hello?.film?.world ? pictureFor(this.store.hello) : null;
    this.paint();
  }

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

  // Why nothing can be shown; empty where something can.
  get whyNot() {
    const known = this.store.hello?.film;
    if (known?.why_not) return `No film: ${known.why_not}.`;
    if (this.session.recording)
      return "A film needs the live run: a recording holds the policy, but not the world it walks in.";
    return known || !this.store.hello ? "" : "No film: this run does not say what world it comes from.";
  }

  get following() {
    return this.player.training && this.player.atEnd;
  }

  // Called whenever the stage draws: the step or the model may be another one.
  update(frame, theme) {
    const changed = frame !== this.frame || theme !== this.theme || this.resized;
    Object.assign(this, { frame, theme, resized: false });
    if (!this.on) return;
    this.ask();
    if (changed) this.paint();
    this.roll();
  }

  // Ask for the film that belongs on screen, not more often than it can be taken in.
  ask() {
    const {
      frame,
      session,
      shown,
      store: {
        view: { member },
      },
      seed,
      following,
    } = this;
    if (!this.on || !frame || this.whyNot || !session.connected) return;
    const now = performance.now();
    if (this.asked && now - this.askedAt < PATIENCE) return;
    const fresh = !this.over && (this.playing || now - this.taken < STALE);
    const fits =
      shown && shown.member === member && shown.seed === seed && (following ? fresh : shown.step === frame.step);
    const wish = `${following ? "now" : frame.step}/${member}/${seed}`;
    if (fits || (this.failed?.wish === wish && now - this.failed.at < PATIENCE)) return;
    clearTimeout(this.later);
    if (now - this.askedAt < ASK_EVERY) {
      this.later = setTimeout(() => this.ask(), ASK_EVERY);
      return;
    }
    Object.assign(this, { askedAt: now, wish });
    this.asked = session.send({ cmd: "film", member, seed, ...(following ? {} : { step: frame.step }) });
    this.say();
  }

  // The answer. A film that stands, or is one of many while scrubbing, shows its whole way at once: ways are compared then.
  take(message) {
    const { header } = message;
    if (header.id !== this.asked) return;
    this.asked = null;
    const scrubbing =
      this.shown && !this.following && this.shown.step !== header.step && performance.now() - this.taken < SCRUBBING;
    const film = { header, ...fieldsOf(message) };
    this.shown = { ...header, episodes: header.lengths.map((_, i) => new Episode(film, i)) };
    Object.assign(this, { refusal: "", failed: null, over: false, taken: performance.now() });
    this.episodes.replaceChildren(
      ...header.lengths.map((_, i) =>
        h("option", { value: String(i) }, `episode ${i + 1} of ${header.lengths.length}`),
      ),
    );
    setText(this.others, `seed ${header.seed} ›`);
    this.others.setAttribute("aria-label", `Seed ${header.seed}: show the episodes of the next seed`);
    this.others.title = "Other episodes: the next seed";
    this.choose(Math.min(this.queued ?? this.index, header.lengths.length - 1));
    this.queued = null;
    if (scrubbing) this.seek(this.episode.length);
    this.ask();
  }

  // Whether a refusal was meant for the film.
  refused({ id, message }) {
    if (id === null || id === undefined || id !== this.asked) return false;
    Object.assign(this, {
      asked: null,
      shown: null,
      refusal: message,
      failed: { wish: this.wish, at: performance.now() },
    });
    this.paint();
    return true;
  }

  choose(index) {
    this.index = index;
    this.episodes.value = String(index);
    this.line.max = String(this.episode.length);
    this.seek(this.playing ? 0 : this.episode.length);
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

  seek(at) {
    this.at = at;
    this.ended = null;
    this.paint();
    this.roll();
  }

  key(event) {
    if (event.key !== " " || event.target.matches("button, select")) return;
    event.preventDefault();
    this.toggle();
  }

  roll() {
    if (!this.request && this.on && this.playing && this.episode)
      this.request = requestAnimationFrame((now) => this.tick(now));
  }

  tick(now) {
    this.request = null;
    const { episode } = this;
    const passed = Math.min((now - (this.clock ?? now)) / 1000, 0.1);
    this.clock = now;
    if (!this.on || !this.playing || !episode) {
      this.clock = null;
      return;
    }
    if (this.at < episode.length) {
      this.at = Math.min(this.at + passed * Math.max(this.picture.speed, episode.length / LONGEST), episode.length);
      this.paint();
      if (this.at >= episode.length) this.announce();
    } else {
      this.ended ??= now;
      if (now - this.ended > HOLD) this.next();
    }
    this.roll();
    if (!this.request) this.clock = null;
  }

  // After an episode: while training goes on, the next one by the newest policy; else the film's next, up to its last.
  next() {
    const last = this.index === this.shown.episodes.length - 1;
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

  // In words: which policy, where in the episode, what it did and earned, and how it ended.
  get words() {
    const { shown, episode, at } = this;
    if (this.whyNot) return this.whyNot;
    if (!episode) return this.refusal || "The policy goes for a walk …";
    const t = Math.min(Math.floor(at), episode.length);
    const { sum, discounted } = episode.earned(t, shown.gamma);
    const parts = [`policy of step ${integer(shown.step)}`, `step ${t} of ${episode.length}`];
    if (t < episode.length) parts.push(this.store.hello.actionNames[episode.action(t)]);
    parts.push(`reward so far ${number(sum)}${shown.gamma < 1 ? ` (discounted ${number(discounted)})` : ""}`);
    if (t >= episode.length) parts.push(episode.ending);
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
    if (!episode || (this.following && now - (this.announced ?? -Infinity) < ANNOUNCE_EVERY)) return;
    this.announced = now;
    const { sum, discounted } = episode.earned(episode.length, shown.gamma);
    const summary = `Film of the policy of step ${shown.step}, episode ${this.index + 1}, seed ${shown.seed}: ${episode.length} steps, reward ${number(sum)}, discounted ${number(discounted)}, ${episode.ending}.`;
    setText(this.spoken, summary);
    this.canvas.setAttribute("aria-label", summary);
  }

  paint() {
    const { canvas, host, theme, episode, picture } = this;
    const drawn = Boolean(this.on && episode && picture && theme && !this.whyNot && this.world.scene);
    canvas.hidden = !drawn;
    canvas.classList.toggle("replaces", drawn && !picture.overlay);
    this.controls.hidden = Boolean(this.whyNot);
    if (!this.on) return;
    this.say();
    this.drawPlay();
    if (!drawn) return;
    this.line.value = String(Math.min(Math.floor(this.at), episode.length));
    const { width, height, ratio } = this.fit();
    const ctx = canvas.getContext("2d");
    ctx.setTransform(ratio, 0, 0, ratio, 0, 0);
    ctx.clearRect(0, 0, width, height);
    const pane = this.world.panes?.find(({ member }) => member === this.shown.member) ?? this.world.panes?.[0];
    if (picture.overlay && !pane) return;
    const { layout, actionNames } = this.store.hello;
    const at = reducedMotion() ? Math.floor(this.at) : this.at;
    picture.draw(ctx, {
      episode,
      at,
      theme,
      layout,
      names: actionNames,
      steps: Math.max(...this.shown.lengths),
      box: picture.overlay ? pane.box : { x: 4, y: 4, width: width - 8, height: height - 8 },
      scene: this.world.scene,
      geo: pane?.geo,
    });
  }

  fit() {
    const { canvas, host } = this;
    const [width, height] = [host.clientWidth, host.clientHeight];
    const ratio = Math.min(window.devicePixelRatio || 1, 2);
    const [w, hgt] = [Math.round(width * ratio), Math.round(height * ratio)];
    if (canvas.width !== w || canvas.height !== hgt) Object.assign(canvas, { width: w, height: hgt });
    return { width, height, ratio };
  }

  drawPlay() {
    const name = this.playing ? "pause" : "play";
    if (this.play.dataset.icon === name) return;
    this.play.dataset.icon = name;
    this.play.replaceChildren(icon(name));
    const label = this.playing ? "Pause the film" : "Play the film";
    this.play.setAttribute("aria-label", label);
    this.play.title = label;
  }

  destroy() {
    this.on = false;
    cancelAnimationFrame(this.request);
    clearTimeout(this.later);
  }
}
