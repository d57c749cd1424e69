// The stage: joins run, pictures and transport, and draws when something visible changed.

import { Curves } from "../curves/curves.js";
import { Outcome } from "../curves/outcome.js";
import { Film } from "../film/film.js";
import { Playback } from "../run/playback.js";
import { Session } from "../run/session.js";
import { Store } from "../run/store.js";
import { bus } from "../shared/bus.js";
import { integer } from "../shared/format.js";
import { readTheme } from "../shared/palette.js";
import { loadPlotly } from "../shared/plotly.js";
import { modeOf, whyMissing } from "../world/modes.js";
import { whyNoReads } from "../world/reads.js";
import { TableScene } from "../world/table.js";
import { World } from "../world/world.js";
import { buildElements, fillPickers, markReads, markRows, markTabs } from "./elements.js";
import { browserStorage, Hints } from "./hints.js";
import { Inspector, memberLabel } from "./inspector.js";
import { bindKeys } from "./keys.js";
import { Notices } from "./notices.js";
import { CurvePace } from "./pace.js";
import { Pinned } from "./pinned.js";
import { save } from "./save.js";
import { Speaker } from "./speaker.js";
import { TopLine } from "./top_line.js";
import { Transport } from "./transport.js";

/**
 * @import { Alarm, Delivered } from "../run/protocol.d.ts"
 * @import { Frame } from "../run/frames.js"
 * @import { Wanted } from "../run/session.js"
 * @import { Viewing } from "../shared/bus.js"
 * @import { Mode } from "../world/modes.js"
 * @import { Rules, StageShare } from "./share.js"
 */

/** @typedef {(name: string, payload: Record<string, unknown>) => void} Emit */
/**
 * What is shown. `member` is looked at first, and again in another `turn`; `reads`: whether arrows show what targets
 * read; `order` of the rows of a table and `axes` of
 * a plane; `step`: of which the picture is shown once the run has come there; `share`: what the open link does to
 * controls, where one can be made; `hints`: whether the first steps are shown; `goes_on`: whether another run goes on
 * as fast as the one before, if that trained; `meanwhile`: words and addresses of what is offered while the run waits
 * for its turn; `emit` tells the page about viewed, moved and gone.
 * @typedef {{ mode?: string, member?: number, turn?: number, state?: number, reads?: boolean, order?: string,
 *   axes?: readonly [x: number, y: number], step?: number, share?: Rules, hints?: boolean,
 *   goes_on?: boolean, meanwhile?: readonly [words: string, address: string][], emit?: Emit }} Looks
 */
/** @typedef {Wanted & Looks} StageOptions */
/** How a run is watched: updates per second, and whether it trains, or has until its end.
 * @typedef {{ speed: number, playing: boolean }} Pace */
/** @typedef {{ state: number, action: number | null, member?: number }} Selection */

/** The part of what is wanted that a world is arranged by. @param {Looks} options */
const sorted = ({ order = "visits", axes }) => ({ order, axes: axes ?? null });

export class Stage {
  /** @param {HTMLElement} root @param {StageOptions} options */
  constructor(root, options) {
    this.root = root;
    this.options = options;
    /** @type {Emit} */
    this.emit = options.emit ?? (() => {});
    this.gone = false;
    this.dirty = false;
    this.presenting = false;
    this.outcomeShown = false;
    /** @type {number | null} */
    this.request = null;
    /** The frame whose tables are held decoded. @type {Frame | null} */
    this.held = null;
    /** What other parts of the page were last told is on screen. @type {Omit<Viewing, "name" | "measure"> | null} */
    this.viewing = null;
    /** What the run was last told that is looked at. @type {{ key: string, source: object | null }} */
    this.watched = { key: "", source: null };
    /** The member that is to be looked at in the run to come. @type {number | null} */
    this.turned = null;
    /** The step that is to be shown once it is here. @type {number | null} */
    this.awaited = options.step ?? null;
    /** The mode that was asked for, by the page or by hand. */
    this.asked = options.mode ?? null;
    /** What is taken along to the run of another choice: how fast, and whether it trains. @type {Pace | null} */
    this.carried = null;
    this.theme = readTheme(root);
    root.dataset.theme = this.theme.dark ? "dark" : "light";
    this.store = new Store();
    const { mode = null, member = 0, state = null, reads = false } = options;
    Object.assign(this.store.view, { mode, member, state, reads, ...sorted(options) });
    this.session = new Session(this.store, {
      began: (again) => this.began(again),
      firstFrame: () => this.firstFrame(),
      changed: (message) => this.heard(message),
      emit: (name, payload) => this.emit(name, payload),
    });
    const { store, session } = this;
    const invalidate = () => this.invalidate();
    this.playback = new Playback(store, {
      send: (command) => {
        this.awaited = null; // who plays or steps has other plans
        session.send(command);
      },
      speed: () => this.transport.value,
      live: () => session.live,
      onChange: invalidate,
    });
    const { playback } = this;
    this.ui = buildElements(root, {
      mode: (key) => this.chooseMode(modeOf(key)),
      member: (chosen) => this.setMember(chosen),
      many: (many) => this.setMany(many),
      reads: () => this.toggleReads(),
      outcome: (shown) => this.showOutcome(shown),
      save: (what) => save(this, what),
      dimensions: (x, y) => this.arrange({ axes: [x, y] }),
      order: (order) => this.arrange({ order }),
      turn: (pages) => this.turn(pages),
      panel: (key) => this.setPanel(key),
      logSteps: () => this.toggleLogSteps(),
      present: () => this.present(!this.presenting),
      keys: () => this.keys.list.show(),
      share: () => this.openShare(),
    });
    const { ui } = this;
    /** What shares, once that was asked for. @type {StageShare | null} */
    this.share = null;
    ui.share.hidden = !options.share;
    this.hints = new Hints(browserStorage(), options.hints ?? false);
    const lane = () => (store.groups.length ? store.groupOf(store.view.member).lane : 0);
    this.pinned = new Pinned(ui.pinned, lane, () => Object.values(this.options.share ?? {}).flat());
    this.world = new World(ui.world, store, {
      onSelect: (hit) => this.select(hit),
      onOpen: (chosen) => this.open(chosen),
      onHover: invalidate,
    });
    this.curves = new Curves(ui.curves, store, { onSeek: (step) => playback.seek(step), onHover: invalidate });
    this.pace = new CurvePace(this.curves, playback, invalidate);
    this.film = new Film(this);
    this.outcome = new Outcome(ui.outcome, store, {
      onPick: (chosen) => this.setMember(chosen),
      onOpen: (chosen) => this.open(chosen),
    });
    this.inspector = new Inspector(ui.inspector, store, ui.notices);
    this.top = new TopLine(ui.top, store, ui.member);
    this.speaker = new Speaker(ui.live, this.world.canvas, store, invalidate);
    this.notices = new Notices(ui.notices, store, {
      onShow: (alarm) => this.showAlarm(alarm),
      onRestart: () => session.send({ cmd: "restart" }),
      onContinue: () => {
        playback.newest();
        session.send({ cmd: "play" });
      },
    });
    this.notices.offer(options.meanwhile);
    this.transport = new Transport(ui.transport, store, {
      reset: () => playback.reset(),
      back: () => playback.back(),
      toggle: () => playback.toggle(),
      forward: (unit) => playback.forward(unit),
      speed: (value) => {
        if (session.live) session.send({ cmd: "speed", value });
      },
      seek: (step) => playback.seek(step),
      newest: () => playback.newest(),
      branch: () => session.send({ cmd: "branch", step: playback.frame?.step ?? 0, lane: 0, values: {} }),
    });
    this.keys = bindKeys(this);
    this.letGo = this.listen();
    this.curves.build(this.theme);
    session.connect(options);
    /** Whether the chart library was asked for. */
    this.charting = false;
  }

  /** Ask for the chart library: it is large, and a page that evaluates it draws nothing meanwhile. */
  chart() {
    this.charting = true;
    loadPlotly().then(
      (plotly) => {
        if (this.gone) return;
        this.curves.attach(plotly);
        this.invalidate();
      },
      (error) => this.curves.fail(error.message),
    );
  }

  /**
   * Sizes, the look of the page, and what other parts of it ask for; returns the function that lets go of all.
   */
  listen() {
    const offs = [
      bus.on("choose", (what) => this.select(what)),
      bus.on("look", (mode) => {
        if (!whyMissing(this.store, modeOf(mode), this.playback.frame)) this.setMode(mode);
        else this.asked = mode;
      }),
    ];
    const observer = new ResizeObserver(() => this.resize());
    observer.observe(this.ui.world);
    observer.observe(this.ui.curves);
    const scheme = matchMedia("(prefers-color-scheme: dark)");
    const onScheme = () => this.retheme();
    scheme.addEventListener("change", onScheme);
    const onFullscreen = () => {
      if (!document.fullscreenElement) this.present(false);
    };
    document.addEventListener("fullscreenchange", onFullscreen);
    return () => {
      for (const off of offs) off();
      observer.disconnect();
      scheme.removeEventListener("change", onScheme);
      document.removeEventListener("fullscreenchange", onFullscreen);
    };
  }

  /** Another run or another view, as the page asks for it; what did not change is left alone.
   * @param {StageOptions} options */
  update(options) {
    const before = this.options;
    this.options = options;
    this.emit = options.emit ?? this.emit;
    this.retheme();
    /** @param {keyof StageOptions} name */
    const changed = (name) => JSON.stringify(options[name]) !== JSON.stringify(before[name]);
    // The page may still name the run that this viewer was moved away from: only another name is a wish.
    const elsewhere = options.run ? options.run !== this.session.runId && changed("run") : changed("recording");
    const { mode, member, state } = options;
    const turned = (changed("member") || changed("turn")) && member !== undefined;
    if (elsewhere) {
      // Another run has members of its own: it must describe them first.
      this.turned = turned ? member : null;
      if (!options.goes_on) this.carried = null;
      else if (this.session.live && options.run) this.carried ??= this.paceNow;
      Object.assign(this.store.view, sorted(options));
      const live = options.run && options.recording && options.recording === before.recording && !before.run;
      if (live) this.session.takeOver(/** @type {string} */ (options.run));
      else this.session.connect(options);
    } else if (turned) this.setMember(member, true);
    if (!elsewhere && (changed("order") || changed("axes"))) this.arrange(sorted(options), true);
    if (changed("meanwhile")) this.notices.offer(options.meanwhile);
    if (changed("step") && options.step !== undefined) this.awaited = options.step;
    if (!elsewhere) this.arrive();
    if (changed("hints")) this.hints.want(options.hints ?? false);
    if (changed("mode") && mode) this.setMode(mode, true);
    if (changed("reads") && options.reads) this.showReads(true);
    if (changed("state") && state !== undefined) this.select({ state, action: null });
  }

  /** @param {Delivered} [message] */
  heard(message) {
    if (this.gone) return;
    this.pace.arrived = performance.now();
    if (message && "payload" in message) {
      if (message.kind === "film") this.film.take(message);
      else this.world.revise();
      this.arrive();
    } else if (message?.type === "refused") {
      if (this.film.refused(message)) return;
      if (message.id !== null && this.session.own.has(message.id)) this.notices.refuse(message.message);
    } else if (message?.type === "state") this.transport.follow(message);
    else if (message?.type === "mark") this.curves.placeMarks();
    else if (message?.type === "moved") this.notices.moved(message);
    else if (message?.type === "truth") {
      this.top.begin();
      this.curves.build();
    } else if (message?.type === "hello" && this.store.hello) {
      if (this.turned !== null) this.setMember(this.turned, true);
      this.turned = null;
      fillPickers(this.ui, this.store, (member) => memberLabel(this.store, member));
      this.top.begin();
      this.hints.show();
      this.root.classList.add("has-run");
    }
    this.invalidate();
  }

  /** The dialog that shares: most who look at a run never open it, so it is imported here. */
  async openShare() {
    try {
      const { StageShare } = await import("./share.js");
      if (this.gone) return;
      this.share ??= new StageShare(this, this.options.share ?? {});
      this.share.show();
    } catch (error) {
      console.error("offrl: the share dialog could not be loaded", error);
      this.notices.refuse("The share dialog could not be loaded: is the server still there?");
    }
  }

  /** The step that a link names is shown as soon as the run has come there. */
  arrive() {
    const { awaited, playback, session, store } = this;
    if (awaited === null || !session.ready || (store.frames.last?.step ?? -1) < awaited) return;
    this.awaited = null;
    playback.seek(awaited);
    // A viewer is not sent every frame: the run keeps it, and once it is here, it is shown.
    if (session.live && playback.frame?.step !== awaited) session.send({ cmd: "frame", step: awaited });
  }

  /** @returns {Pace} */
  get paceNow() {
    const { training, spent, frame } = this.playback;
    return { speed: this.transport.value, playing: training || (spent && Boolean(frame?.step)) };
  }

  /** @param {boolean} again - the same run, after a lost connection */
  began(again) {
    if (!again) this.playback.begin();
    if (this.carried && this.session.live) {
      const { speed, playing } = this.carried;
      this.carried = null;
      this.session.send({ cmd: "speed", value: speed });
      if (playing) this.session.send({ cmd: "play" });
    }
    this.world.begin();
    this.film.begin();
    this.outcome.begin();
    this.showOutcome(false);
    this.curves.build();
    this.watch();
  }

  firstFrame() {
    const { store, playback } = this;
    const { frame } = playback;
    const missing = this.asked && whyMissing(store, modeOf(this.asked), frame);
    if (missing && this.asked === this.options.mode) this.chooseMode(modeOf(this.asked));
    const asked = missing ? null : this.asked;
    // Every model has a policy, but not every one has Q.
    store.view.mode = asked ?? (frame && store.everyoneHas("q_data", frame) ? "q" : "policy");
    // The rest of the backlog arrives within this turn: the curves are drawn once it is there.
    queueMicrotask(() => {
      this.askForPast();
      this.curves.build();
      this.invalidate();
    });
  }

  /** Tell the run what this viewer looks at; the past of members that were not watched is asked for. */
  watch() {
    const { store, session } = this;
    if (!session.live || !session.ready) return;
    const { member, mode, state, reads } = store.view;
    const members = store.shownMembers();
    const { wire } = modeOf(mode);
    const several = members.length > 1 ? { members } : {};
    const shown = { ...(mode ? { mode: wire } : {}), ...(reads ? { reads } : {}) };
    const command = { cmd: /** @type {const} */ ("view"), member, ...several, ...shown };
    const key = JSON.stringify(command);
    if (key === this.watched.key && this.watched.source === session.source) return;
    this.watched = { key, source: session.source };
    session.send(command);
    session.send({ cmd: "select", state });
    this.askForPast();
  }

  /** The past of the members that are looked at, where what is here was sent for others. */
  askForPast() {
    const { store, session } = this;
    const { wire } = modeOf(store.view.mode);
    const wanted = store.tables?.has(wire) ? wire : null;
    for (const m of session.live ? store.shownMembers() : []) {
      const known = store.frames.list.every((frame) => frame.has(m) && (!wanted || frame.holds(m, wanted)));
      if (!known) session.send({ cmd: "history", member: m });
    }
  }

  invalidate() {
    this.dirty = true;
    if (!this.request && !this.gone) this.request = requestAnimationFrame((now) => this.tick(now));
  }

  /** @param {number} now */
  tick(now) {
    this.request = null;
    const replaying = this.playback.tick(now);
    if (this.dirty || replaying) {
      this.dirty = false;
      this.render(now);
    }
    if (replaying) this.invalidate();
  }

  /** @param {number} now */
  render(now) {
    const { store, playback, session, world } = this;
    const { frame } = playback;
    const replaying = playback.replay !== null;
    const past = playback.atEnd || replaying ? null : (frame?.step ?? null);
    const situation = { connected: session.connected, replaying, recording: session.recording, past };
    if (session.ready) this.renderRun(now, frame);
    this.notices.update(situation, frame?.step ?? 0);
    if (playback.training && frame?.step) this.hints.finish("play");
    if (past !== null) this.hints.finish("back");
    this.transport.update({
      frame,
      playing: playback.playing,
      following: playback.atEnd || replaying,
      live: session.live,
      stepText: this.stepText(frame),
    });
    const { state } = store.view;
    const name = (session.ready && state !== null && world.scene?.name(state)) || "";
    this.speaker.update(now, frame, name, { ...situation, standing: !playback.playing });
    if (frame !== this.held) {
      this.held?.release();
      this.held = frame;
    }
    session.drawn(store.frames.lastSeq);
    this.tellView(frame);
  }

  /** @param {number} now @param {Frame | null} frame */
  renderRun(now, frame) {
    const { store, world, theme } = this;
    // Marks on the browser's timeline, for whoever measures.
    if (world.draw(frame, theme) && world.draws === 1) performance.mark("offrl:world");
    world.showTip(frame);
    this.film.update(frame, theme);
    this.top.update(frame);
    markTabs(this.ui, store, frame);
    markReads(this.ui, store, frame);
    markRows(this.ui, world.scene);
    if (!frame) return;
    if (world.scene) this.inspector.update(frame, world.scene, theme);
    if (this.outcomeShown) this.outcome.update(frame, theme);
    this.curves.show(frame);
    if (!this.charting) this.chart();
    this.pace.move(now);
  }

  /** Tell other parts of the page what is on screen. @param {Frame | null} frame */
  tellView(frame) {
    const { mode, member, state, action } = this.store.view;
    const past = !this.playback.atEnd;
    const viewing = { mode, member, state, action, step: frame?.step ?? null, past };
    if (JSON.stringify(viewing) === JSON.stringify(this.viewing)) return;
    this.viewing = viewing;
    /** @type {Viewing["name"]} */
    const name = (s) => this.world.scene?.name(s);
    bus.emit("viewing", { ...viewing, name, measure: (what, lane) => this.measure(frame, what, lane) });
  }

  /** The step, or a metric's median over the models of an algorithm. @param {Frame | null} frame @param {string} what
   * @param {number} lane */
  measure(frame, what, lane) {
    const { store } = this;
    const group = store.groups.find((one) => one.lane === lane);
    const metric = store.metricIndex(what);
    if (!frame) return NaN;
    if (what === "step") return frame.step;
    return group && metric >= 0 ? store.lastStat(frame, group, metric) : NaN;
  }

  /** @param {Frame | null} frame */
  stepText(frame) {
    const last = this.store.frames.last?.step ?? 0;
    const budget = this.store.state?.budget ?? 0;
    // A recording ends where it ends, whatever the run was allowed.
    const end = !this.playback.atEnd ? last : this.session.live && budget > last ? budget : null;
    return `step ${integer(frame?.step ?? 0)}${end ? ` of ${integer(end)}` : ""}`;
  }

  /** Look at a mode, or say why it has nothing to show. @param {Mode} mode */
  chooseMode(mode) {
    const missing = whyMissing(this.store, mode, this.playback.frame);
    if (missing) this.notices.refuse(`“${mode.label}” has nothing to show: ${missing}.`);
    else this.setMode(mode.key);
  }

  /** @param {string} key @param {boolean} [quiet] - the page knows already */
  setMode(key, quiet = false) {
    this.asked = this.store.view.mode = key;
    this.watch();
    if (!quiet) this.tellLooks();
    this.invalidate();
  }

  /** @param {number} member @param {boolean} [quiet] */
  setMember(member, quiet = false) {
    const { store } = this;
    if (!store.hello || member < 0 || member >= store.hello.members.length) return;
    store.rows = null;
    store.view.member = member;
    this.ui.member.value = String(member);
    this.watch();
    if (!quiet) this.tellLooks();
    this.invalidate();
  }

  /** Tell the page what is looked at. */
  tellLooks() {
    const { mode, member, order, axes } = this.store.view;
    this.emit("viewed", { mode, member, order, axes });
  }

  /** @param {boolean} many */
  setMany(many) {
    this.store.view.many = many;
    this.world.revise();
    this.watch();
    this.invalidate();
  }

  /** Arrows on or off, or why there are none. */
  toggleReads() {
    const why = whyNoReads(this.store, this.playback.frame);
    if (why) this.notices.refuse(`No arrows: ${why}.`);
    else this.showReads(!this.store.view.reads);
  }

  /** Arrows from what targets read. @param {boolean} shown */
  showReads(shown) {
    this.store.view.reads = shown;
    this.watch();
    this.invalidate();
  }

  /** One of several worlds alone. @param {number} member */
  open(member) {
    this.setMany(false);
    this.setMember(member);
  }

  /** @param {Selection} selection */
  select({ state, action = null, member }) {
    const { store, session } = this;
    if (!store.hello || state < 0 || state >= store.hello.nStates) return;
    store.view.state = state;
    store.view.action = action;
    if (this.world.scene?.reveal?.(state)) this.world.revise();
    if (member !== undefined && member !== store.view.member) this.setMember(member);
    if (session.live) session.send({ cmd: "select", state });
    this.invalidate();
  }

  /** The place of an alarm: its step, its model, the view and the curve that show it. @param {Alarm} alarm */
  showAlarm(alarm) {
    const { playback, session } = this;
    playback.seek(alarm.step);
    if (alarm.member !== this.store.view.member) this.setMember(alarm.member);
    const mode = modeOf(alarm.mode);
    if (!whyMissing(this.store, mode, playback.frame)) this.setMode(mode.key);
    // A viewer is not sent every frame, but the run has kept this one: once it is here, it is shown.
    if (session.live && playback.frame?.step !== alarm.step) session.send({ cmd: "frame", step: alarm.step });
    this.showOutcome(false);
    this.curves.headers.flash(alarm.panel);
    this.ui.world.classList.remove("flash");
    requestAnimationFrame(() => this.ui.world.classList.add("flash"));
  }

  /**
   * Another order of a table's rows, or other axes of a plane; null: those that it begins with.
   * @param {{ order?: string, axes?: readonly [x: number, y: number] | null }} how
   * @param {boolean} [quiet] - the page knows already
   */
  arrange(how, quiet = false) {
    Object.assign(this.store.view, how);
    if (this.session.ready) this.world.begin();
    if (this.store.hello) fillPickers(this.ui, this.store, (member) => memberLabel(this.store, member));
    if (!quiet) this.tellLooks();
    this.invalidate();
  }

  /** Other rows of a table. @param {number} pages */
  turn(pages) {
    const { scene } = this.world;
    if (scene instanceof TableScene && scene.turn(scene.first + pages * scene.rows)) this.world.revise();
    this.invalidate();
  }

  /** @param {boolean} shown */
  showOutcome(shown) {
    const possible = this.store.groups.length > 1;
    this.outcomeShown = shown && possible;
    this.ui.showOutcome(this.outcomeShown, possible, possible && this.outcome.kind !== "table");
    this.outcome.drawn = "";
    this.invalidate();
  }

  /** @param {string} key */
  setPanel(key) {
    this.curves.only = key;
    this.curves.build();
    this.invalidate();
  }

  toggleLogSteps() {
    this.curves.logSteps = !(this.curves.figure?.steps.logarithmic ?? false);
    this.curves.build();
    this.invalidate();
  }

  /** Projector: the world and one chosen curve, type one and a half times as large, on the whole screen where that is
   * allowed. @param {boolean} on */
  present(on) {
    if (on === this.presenting) return;
    this.presenting = on;
    this.root.classList.toggle("present", on);
    this.ui.present.setAttribute("aria-pressed", String(on));
    this.world.factor = this.curves.factor = on ? 1.5 : 1;
    this.curves.only = on ? this.ui.panel.value : null;
    if (on) this.root.requestFullscreen?.().catch(() => {});
    else if (document.fullscreenElement) document.exitFullscreen();
    this.resize();
    this.curves.build();
  }

  /** Close what was opened last, else leave film and projector, one after the other; false: there was nothing. */
  leave() {
    const { headers } = this.curves;
    if (headers.open) headers.close();
    else if (this.ui.save.open) this.ui.save.open = false;
    else if (this.film.on) this.film.show(false);
    else if (this.presenting) this.present(false);
    else return false;
    return true;
  }

  retheme() {
    const theme = readTheme(this.root);
    if (JSON.stringify(theme) === JSON.stringify(this.theme)) return;
    this.theme = theme;
    this.root.dataset.theme = theme.dark ? "dark" : "light";
    this.outcome.drawn = "";
    this.curves.build(theme);
    this.invalidate();
  }

  resize() {
    this.world.revise();
    this.curves.resize();
    this.film.resized = true;
    this.invalidate();
  }

  destroy() {
    this.gone = true;
    if (this.request) cancelAnimationFrame(this.request);
    this.pace.stop();
    this.speaker.stop();
    this.film.destroy();
    this.keys.unbind();
    this.hints.stop();
    this.share?.stop();
    this.pinned.stop();
    this.transport.off();
    this.letGo();
    this.session.disconnect();
    this.curves.destroy();
    this.root.replaceChildren();
  }
}
