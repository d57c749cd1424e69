// The stage: joins run, pictures and transport, and draws when something visible changed.

import { bus } from "../shared/bus.js";
import { Curves } from "../curves/curves.js";
import { Film } from "../film/film.js";
import { integer } from "../shared/format.js";
import { Inspector, memberLabel } from "./inspector.js";
import { bindKeys } from "../shared/keys.js";
import { availability, modeOf } from "../world/modes.js";
import { Outcome } from "../curves/outcome.js";
import { readTheme } from "../shared/palette.js";
import { Player } from "../run/player.js";
import { loadPlotly } from "../shared/plotly.js";
import { save } from "../shared/save.js";
import { Session } from "../run/session.js";
import { buildSkeleton, fillPickers, markTabs } from "./skeleton.js";
import { Store } from "../run/store.js";
import { Notices, Speaker, TopLine } from "./summary.js";
import { Transport } from "./transport.js";
import { World } from "../world/world.js";

// Lines move with every frame (about twelve a second), half as often with many of them; they come to rest when nothing has
// arrived for a while.
const CURVES_EVERY = 80;
const MANY_TRACES = 40;
const REST_AFTER = 450;

export class Stage {
  // options: run, recording (address or list of messages), live (address of the sockets), assets, mode, member, state;
  // emit(name, payload) tells the page about selected, viewed, moved and gone.
  constructor(root, options) {
    Object.assign(this, { root, options, emit: options.emit ?? (() => {}) });
    const store = (this.store = new Store());
    const session = (this.session = new Session(store, {
      began: (again) => this.began(again),
      firstFrame: () => this.firstFrame(),
      changed: (message) => this.heard(message),
      emit: (name, payload) => this.emit(name, payload),
    }));
    const player = (this.player = new Player(store, {
      send: (command) => session.send(command),
      speed: () => this.transport.value,
      live: () => session.live,
      onChange: () => this.invalidate(),
    }));
    const ui = (this.ui = buildSkeleton(root, {
      mode: (key) => this.setMode(key),
      member: (member) => this.setMember(member),
      many: (many) => this.setMany(many),
      outcome: (shown) => this.showOutcome(shown),
      save: (what) => save(this, what),
      dimensions: (x, y) => this.setDimensions(x, y),
      panel: (key) => this.setPanel(key),
      logSteps: () => this.toggleLogSteps(),
      present: () => this.present(!this.presenting),
    }));
    this.world = new World(ui.world, store, {
      onSelect: (hit) => this.select(hit),
      onOpen: (member) => this.open(member),
      onHover: () => this.invalidate(),
    });
    this.curves = new Curves(ui.curves, store, {
      onSeek: (step) => player.seek(step),
      onHover: () => this.invalidate(),
    });
    this.film = new Film(this);
    this.outcome = new Outcome(ui.outcome, store, {
      onPick: (member) => this.setMember(member),
      onOpen: (member) => this.open(member),
    });
    this.inspector = new Inspector(ui.inspector, store, ui.notices);
    this.top = new TopLine(ui.top, store, ui.member);
    this.speaker = new Speaker(ui.live, this.world.canvas, store, () => this.invalidate());
    this.notices = new Notices(ui.notices, store, {
      onShow: (alarm) => this.showAlarm(alarm),
      onRestart: () => session.send({ cmd: "restart" }),
      onContinue: () => {
        player.newest();
        session.send({ cmd: "play" });
      },
    });
    this.transport = new Transport(ui.transport, store, {
      reset: () => player.reset(),
      back: () => player.back(),
      toggle: () => player.toggle(),
      forward: (unit) => player.forward(unit),
      speed: (value) => {
        if (session.live) session.send({ cmd: "speed", value });
      },
      seek: (step) => player.seek(step),
      newest: () => player.newest(),
      branch: () => session.send({ cmd: "branch", step: player.frame.step, lane: 0, values: {} }),
    });
    this.unbind = bindKeys(this);
    this.off = bus.on("choose", (what) => this.select(what, true));
    this.observer = new ResizeObserver(() => this.resize());
    this.observer.observe(ui.world);
    this.observer.observe(ui.curves);
    this.scheme = matchMedia("(prefers-color-scheme: dark)");
    this.onScheme = () => this.retheme();
    this.scheme.addEventListener("change", this.onScheme);
    this.asked = options.mode ?? null; // the mode that was asked for, by the page or by hand
    Object.assign(store.view, { mode: this.asked, member: options.member ?? 0, state: options.state ?? null });
    this.retheme();
    this.onFullscreen = () => {
      if (!document.fullscreenElement) this.present(false);
    };
    document.addEventListener("fullscreenchange", this.onFullscreen);
    session.connect(options);
    loadPlotly(options.assets).then(
      (plotly) => {
        if (!this.gone) {
          this.curves.attach(plotly);
          this.invalidate();
        }
      },
      (error) => this.curves.fail(error.message),
    );
  }

  // Another run or another view, as the page asks for it; what did not change is left alone.
  update(options) {
    const before = this.options;
    Object.assign(this, { options, emit: options.emit ?? this.emit });
    this.retheme();
    const changed = (name) => JSON.stringify(options[name]) !== JSON.stringify(before[name]);
    // The page may still name the run that this viewer was moved away from: only another name is a wish.
    const elsewhere = options.run ? options.run !== this.session.runId && changed("run") : changed("recording");
    if (elsewhere) this.session.connect(options);
    if (changed("mode") && options.mode) this.setMode(options.mode, true);
    if (changed("member") && Number.isInteger(options.member)) this.setMember(options.member, true);
    if (changed("state") && Number.isInteger(options.state)) this.select({ state: options.state, action: null }, true);
  }

  heard(message) {
    if (this.gone) return;
    const { store } = this;
    this.arrived = performance.now();
    if (message?.kind === "film") this.film.take(message);
    else if (message?.payload) this.world.revise();
    else if (message?.type === "state") this.transport.follow(message);
    else if (message?.type === "mark") this.curves.placeMarks();
    else if (message?.type === "moved") this.notices.refuse(`A run of your own: ${message.reason}.`, "calm");
    else if (message?.type === "truth") {
      this.top.begin();
      this.curves.build();
    } else if (message?.type === "refused" && this.film.refused(message)) return;
    else if (message?.type === "refused" && this.session.own.has(message.id)) this.notices.refuse(message.message);
    else if (message?.type === "hello" && store.hello) {
      fillPickers(this.ui, store, (member) => memberLabel(store, member));
      this.top.begin();
      this.root.classList.add("has-run");
    }
    this.invalidate();
  }

  began(again) {
    if (!again) this.player.begin();
    this.world.begin();
    this.film.begin();
    this.outcome.begin();
    this.showOutcome(false);
    this.curves.build();
    this.watch();
  }

  firstFrame() {
    const { store, player } = this;
    const asked = this.asked && !availability(store, modeOf(this.asked), player.frame) ? this.asked : null;
    // Every model has a policy, but not every one has Q.
    store.view.mode = asked ?? (store.everyoneHas("q_data", player.frame) ? "q" : "policy");
    // The rest of the backlog arrives within this turn: the curves are drawn once it is there.
    queueMicrotask(() => {
      this.curves.build();
      this.invalidate();
    });
  }

  // Tell the run what this viewer looks at; the past of members that were not watched is asked for.
  watch() {
    const { store, session } = this;
    if (!session.live || !session.ready) return;
    const { member, mode, state } = store.view;
    const members = store.shownMembers();
    const command = {
      cmd: "view",
      member,
      ...(members.length > 1 ? { members } : {}),
      ...(mode ? { mode: modeOf(mode).wire } : {}),
    };
    const key = JSON.stringify(command);
    if (key === this.watched?.key && this.watched.source === session.source) return;
    this.watched = { key, source: session.source };
    session.send(command);
    session.send({ cmd: "select", state });
    const { list } = store.frames;
    const wanted = store.tables?.has(modeOf(mode).wire) ? modeOf(mode).wire : null;
    const missing = members.filter((m) => list.some((frame) => !frame.has(m) || (wanted && !frame.holds(m, wanted))));
    for (const m of missing) session.send({ cmd: "history", member: m });
  }

  invalidate() {
    this.dirty = true;
    if (!this.request && !this.gone) this.request = requestAnimationFrame((now) => this.tick(now));
  }

  tick(now) {
    this.request = null;
    const filming = this.player.tick(now);
    if (this.dirty || filming) {
      this.dirty = false;
      this.render(now);
    }
    if (filming) this.invalidate();
  }

  render(now) {
    const { store, player, session } = this;
    const frame = player.frame;
    const info = { connected: session.connected, filming: player.film !== null, recording: session.recording };
    const name = (session.ready && this.world.scene?.name(store.view.state)) || "";
    if (session.ready) {
      // Marks on the browser's timeline, for whoever measures.
      if (this.world.draw(frame, this.theme) && this.world.draws === 1) performance.mark("offrl:world");
      this.world.showTip(frame);
      this.film.update(frame, this.theme);
      this.top.update(frame);
      markTabs(this.ui, store, frame);
      if (frame) {
        if (this.world.scene) this.inspector.update(frame, this.world.scene, this.theme);
        if (this.outcomeShown) this.outcome.update(frame, this.theme);
        this.curves.show(frame);
        this.moveCurves(now);
      }
    }
    this.notices.update(info, frame?.step ?? 0);
    this.transport.update({
      frame,
      playing: player.playing,
      following: player.atEnd || info.filming,
      live: session.live,
      stepText: this.stepText(frame),
    });
    this.speaker.update(now, frame, name, { ...info, standing: !player.playing });
    if (frame !== this.released) {
      this.released?.release();
      this.released = frame;
    }
    session.drawn(store.frames.lastSeq);
    const { mode, member, state, action } = store.view;
    const viewing = { mode, member, state, action, step: frame?.step ?? null, past: !(player.atEnd || player.playing) };
    if (JSON.stringify(viewing) !== JSON.stringify(this.viewing)) {
      this.viewing = viewing;
      bus.emit("viewing", { ...viewing, name: (s) => this.world.scene?.name(s) });
    }
  }

  moveCurves(now) {
    const { curves, player } = this;
    if (curves.version === this.store.frames.version && curves.settled) return;
    const every = curves.traces > MANY_TRACES ? 2 * CURVES_EVERY : CURVES_EVERY;
    if (player.training && now - (this.curvesAt ?? -Infinity) >= every - 8 && curves.update()) this.curvesAt = now;
    clearTimeout(this.rest);
    this.rest = setTimeout(
      () => {
        if (this.gone) return;
        if (player.training && performance.now() - this.arrived < REST_AFTER) curves.update();
        else curves.settle();
        this.invalidate();
      },
      player.training ? REST_AFTER : 120,
    );
  }

  stepText(frame) {
    const last = this.store.frames.last?.step ?? 0;
    const budget = this.store.state?.budget;
    // A recording ends where it ends, whatever the run was allowed.
    const end = !this.player.atEnd ? last : this.session.live && budget > last ? budget : null;
    return `step ${integer(frame?.step ?? 0)}${end ? ` of ${integer(end)}` : ""}`;
  }

  setMode(key, quiet = false) {
    this.asked = this.store.view.mode = key;
    this.watch();
    if (!quiet) this.emit("viewed", { mode: key, member: this.store.view.member });
    this.invalidate();
  }

  setMember(member, quiet = false) {
    const { store } = this;
    if (!store.hello || member < 0 || member >= store.hello.members.length) return;
    Object.assign(store, { rows: null }).view.member = member;
    this.ui.member.value = String(member);
    this.watch();
    if (!quiet) this.emit("viewed", { mode: store.view.mode, member });
    this.invalidate();
  }

  setMany(many) {
    this.store.view.many = many;
    this.world.revise();
    this.watch();
    this.invalidate();
  }

  // One of several worlds alone.
  open(member) {
    this.setMany(false);
    this.setMember(member);
  }

  select({ state, action, member }, quiet = false) {
    const { store, session } = this;
    if (!store.hello || state < 0 || state >= store.hello.nStates) return;
    Object.assign(store.view, { state, action: action ?? null });
    if (member !== undefined && member !== store.view.member) this.setMember(member);
    if (session.live) session.send({ cmd: "select", state });
    if (!quiet)
      this.emit("selected", {
        state,
        action: action ?? null,
        member: store.view.member,
        step: this.player.frame?.step ?? null,
      });
    this.invalidate();
  }

  // The place of an alarm: its step, its model, the view and the curve that show it.
  showAlarm(alarm) {
    this.player.seek(alarm.step);
    if (alarm.member !== this.store.view.member) this.setMember(alarm.member);
    const mode = modeOf(alarm.mode);
    if (!availability(this.store, mode, this.player.frame)) this.setMode(mode.key);
    this.showOutcome(false);
    this.curves.heads.flash(alarm.panel);
    this.ui.world.classList.remove("flash");
    requestAnimationFrame(() => this.ui.world.classList.add("flash"));
  }

  setDimensions(x, y) {
    Object.assign(this.world.scene, { x, y });
    this.world.revise();
    this.invalidate();
  }

  showOutcome(shown) {
    const possible = this.store.groups.length > 1;
    this.outcomeShown = shown && possible;
    this.ui.showOutcome(this.outcomeShown, possible, possible && this.outcome.kind !== "table");
    this.outcome.drawn = "";
    this.invalidate();
  }

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

  // Projector: the world and one chosen curve, type one and a half times as large, on the whole screen where that is allowed.
  present(on) {
    if (on === Boolean(this.presenting)) return;
    this.presenting = on;
    this.root.classList.toggle("present", on);
    this.ui.present.setAttribute("aria-pressed", String(on));
    this.world.scaleFactor = this.curves.scaleFactor = on ? 1.5 : 1;
    this.curves.only = on ? this.ui.panel.value : null;
    if (on) this.root.requestFullscreen?.().catch(() => {});
    else if (document.fullscreenElement) document.exitFullscreen();
    this.resize();
    this.curves.build();
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
    cancelAnimationFrame(this.request);
    clearTimeout(this.rest);
    this.speaker.stop();
    this.film.destroy();
    this.observer.disconnect();
    this.scheme.removeEventListener("change", this.onScheme);
    document.removeEventListener("fullscreenchange", this.onFullscreen);
    this.unbind();
    this.off();
    this.session.disconnect();
    this.curves.destroy();
    this.root.replaceChildren();
  }
}
