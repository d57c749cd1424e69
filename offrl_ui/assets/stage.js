// The stage: joins source, store, pictures and transport, and draws when something visible changed.

import { bus } from "./bus.js";
import { Curves } from "./curves.js";
import { download } from "./dom.js";
import { integer } from "./format.js";
import { Frames } from "./frames.js";
import { Inspector, memberLabel } from "./inspector.js";
import { bindKeys } from "./keys.js";
import { MODES, availability } from "./modes.js";
import { Outcome } from "./outcome.js";
import { readTheme } from "./palette.js";
import { Player } from "./player.js";
import { loadPlotly } from "./plotly.js";
import { buildSkeleton, fillPickers, markTabs } from "./skeleton.js";
import { RecordingSource, SocketSource } from "./source.js";
import { Store } from "./store.js";
import { Notices, TopLine, describe, stateText } from "./summary.js";
import { SvgContext } from "./svg.js";
import { Transport } from "./transport.js";
import { World } from "./world.js";

const CURVE_PERIOD = 100;
const REST_AFTER = 450;
const SPOKEN_EVERY = 5000;
const CLOSED = {
  4404: "This run is gone: nobody watched it for a while.",
  4429: "The server refused too many messages from this page. Reload to connect again.",
  1013: "Too many viewers watch this run at the moment. Reload to try again.",
  1008: "The server refused the connection.",
};

export class Stage {
  // options: run, recording (address or list of messages), live (address of the sockets), assets, mode, member, state,
  // present, panel; emit(name, payload) tells the page about selected, viewed, moved and gone.
  constructor(root, options) {
    this.root = root;
    this.options = options;
    this.emit = options.emit ?? (() => {});
    this.store = new Store();
    this.dirty = true;
    this.spokenAt = 0;
    this.shown = {};
    const { store } = this;
    this.player = new Player(store, {
      send: (command) => bus.send(command), speed: () => this.transport.value, live: () => Boolean(this.source?.live), onChange: () => this.invalidate(),
    });
    this.ui = buildSkeleton(root, {
      mode: (key) => this.setMode(key), member: (member) => this.setMember(member), many: (many) => this.setMany(many),
      outcome: (shown) => this.showOutcome(shown), save: (what) => this.save(what), dimensions: (x, y) => this.setDimensions(x, y),
      panel: (key) => this.setPanel(key),
    });
    this.world = new World(this.ui.world, store, { onSelect: (hit) => this.select(hit), onOpen: (member) => this.open(member) });
    this.world.onHover = () => this.invalidate();
    this.curves = new Curves(this.ui.curves, store, { onSeek: (step) => this.player.seek(step), only: options.present ? options.panel ?? "return" : null });
    this.curves.onHover = () => this.invalidate();
    this.outcome = new Outcome(this.ui.outcome, store, { onPick: (member) => this.setMember(member) });
    this.inspector = new Inspector(this.ui.inspector, store);
    this.top = new TopLine(this.ui.top, store, this.ui.member);
    this.notices = new Notices(this.ui.notices, store, {
      onShow: (alarm) => this.showAlarm(alarm), onRestart: () => bus.send({ cmd: "restart" }),
      onContinue: () => { this.player.newest(); bus.send({ cmd: "play" }); },
    });
    this.transport = new Transport(this.ui.transport, store, {
      reset: () => this.player.reset(), back: () => this.player.back(), toggle: () => this.player.toggle(),
      forward: (unit) => this.player.forward(unit), speed: (value) => { if (this.source?.live) bus.send({ cmd: "speed", value }); },
      seek: (step) => this.player.seek(step), live: () => this.player.newest(),
      branch: () => bus.send({ cmd: "branch", step: this.player.frame.step, lane: 0, values: {} }),
    });
    this.unbind = bindKeys(this);
    this.observer = new ResizeObserver(() => this.resize());
    this.observer.observe(this.ui.world);
    this.observer.observe(this.ui.curves);
    this.scheme = matchMedia("(prefers-color-scheme: dark)");
    this.onScheme = () => this.retheme();
    this.scheme.addEventListener("change", this.onScheme);
    Object.assign(store.view, { mode: options.mode ?? null, member: options.member ?? 0, state: options.state ?? null });
    this.retheme();
    this.present(options.present);
    this.connect(options);
    loadPlotly(options.assets).then((plotly) => { if (!this.gone) { this.curves.attach(plotly); this.invalidate(); } }, (error) => {
      this.curves.wait.textContent = `The curves cannot be drawn: ${error.message}`;
    });
  }

  // Another run or another view, as the page asks for it; what did not change is left alone.
  update(options) {
    const before = this.options;
    this.options = { ...options, emit: undefined };
    this.emit = options.emit ?? this.emit;
    this.retheme();
    const changed = (name) => JSON.stringify(options[name]) !== JSON.stringify(before[name]);
    const elsewhere = options.run ? options.run !== this.runId && changed("run") : changed("recording");
    if (elsewhere) {
      if (options.run && this.ready) this.store.keepGhost(this.store.hello?.run?.title || "the run before");
      this.connect(options);
    }
    if (changed("mode") && options.mode) this.setMode(options.mode, true);
    if (changed("member") && options.member !== undefined) this.setMember(options.member, true);
    if (changed("state") && options.state !== undefined && options.state !== null) this.select({ state: options.state, action: null }, true);
    if (changed("present") || changed("panel")) this.present(options.present);
  }

  async connect({ run, recording, live }, { kept = null } = {}) {
    this.disconnect();
    const token = (this.token = (this.token ?? 0) + 1);
    this.runId = run ?? null;
    this.kept = kept;
    this.store.closed = null;
    this.store.state = null;
    let source = null;
    try {
      if (run) {
        const known = () => (this.kept ? this.kept.lastSeq : this.ready && this.runId === run ? this.store.frames.lastSeq : -1);
        source = new SocketSource(run, { base: live, after: known });
      } else if (Array.isArray(recording)) source = new RecordingSource(recording);
      else if (recording) source = await RecordingSource.fetch(recording);
    } catch (error) {
      this.store.closed = error.message;
      this.invalidate();
    }
    if (!source || this.gone || token !== this.token) return;
    this.source = source;
    this.ready = false;
    bus.attach(source);
    source.start((message) => { if (this.source === source) this.receive(message); });
  }

  disconnect() {
    if (!this.source) return;
    const { source } = this;
    this.source = null;
    source.close();
    bus.detach(source);
  }

  receive(message) {
    const { store } = this;
    if (message.kind) this.receiveBinary(message);
    else if (message.type === "hello") this.hello(message);
    else if (message.type === "state") {
      const sped = message.speed !== undefined && message.speed !== store.state?.speed;
      store.state = message;
      if (sped && document.activeElement !== this.transport.speed) this.transport.setSpeed(message.speed);
    } else if (message.type === "mark") { store.marks.push(message); this.curves.placeMarks(); }
    else if (message.type === "alarm") store.alarms.push(message);
    else if (message.type === "refused") this.notices.refuse(message.message);
    else if (message.type === "truth") { store.hello.truth = message.truth ?? store.hello.truth; this.top.begin(); this.curves.build(this.theme); }
    else if (message.type === "moved") this.move(message);
    else if (message.type === "close" && message.final) {
      store.closed = CLOSED[message.code] ?? message.reason ?? "The connection was closed.";
      if (message.code === 4404) this.emit("gone", { run_id: this.runId });
    }
    if (!message.kind) bus.receive(message.type === "hello" ? { ...message } : message);
    this.invalidate();
  }

  receiveBinary(message) {
    const { store } = this;
    if (!store.hello) return;
    if (message.kind === "static") {
      store.setStatic(message);
      this.begin();
      bus.emit("static", store.static);
    } else if (["frame", "backlog", "history"].includes(message.kind)) {
      if (!this.ready) this.begin();
      const first = store.frames.length === 0;
      const frame = store.addFrames(message);
      this.arrived = performance.now();
      if (first) this.firstFrame();
      if (message.kind !== "history" && frame) bus.emit("frame", { step: frame.step, seq: frame.seq, time: frame.time });
    } else if (message.kind === "selected") store.setRows(message);
    this.world.revision = (this.world.revision ?? 0) + 1;
  }

  hello(message) {
    const { store } = this;
    const wanted = this.kept;
    const again = !wanted && this.ready && store.hello?.run?.id === message.run?.id;
    const taken = store.begin(message, wanted ?? (again ? store.frames : null));
    this.kept = null;
    if (wanted && !taken) {
      // The branch has other members than its parent: what was kept cannot be continued, everything is asked for anew.
      this.connect({ run: this.runId, live: this.options.live });
      return;
    }
    this.ready = false;
    if (!again) this.player.begin();
    if (this.options.member === undefined && !again && store.hello.members.length <= store.view.member) store.view.member = 0;
    fillPickers(this.ui, store, (member) => memberLabel(store, member));
    this.top.begin();
    this.root.classList.add("has-run");
  }

  begin() {
    this.ready = true;
    this.world.begin();
    this.outcome.begin();
    this.outcomeShown = false;
    this.showOutcome(false);
    this.curves.build(this.theme, false);
    if (this.source.live) this.watch();
  }

  firstFrame() {
    const { store, player } = this;
    if (!store.view.mode || availability(store, MODES.find((mode) => mode.key === store.view.mode), player.frame)) {
      store.view.mode = availability(store, MODES[0], player.frame) ? "policy" : "q";
    }
    if (!this.source.live) this.transport.setSpeed(0);
    queueMicrotask(() => { this.curves.build(this.theme); this.invalidate(); });
  }

  // Tell the run what this viewer looks at; the past of members that were not watched is asked for.
  watch() {
    const { store } = this;
    const members = store.shownMembers();
    const mode = MODES.find(({ key }) => key === store.view.mode);
    const command = { cmd: "view", member: store.view.member, ...(members.length > 1 ? { members } : {}), ...(mode ? { mode: mode.wire } : {}) };
    const key = JSON.stringify(command);
    if (key === this.watched?.key && this.watched.source === this.source) return;
    this.watched = { key, source: this.source };
    bus.send(command);
    bus.send({ cmd: "select", state: store.view.state });
    const missing = members.filter((member) => store.frames.length && !store.frames.list.every((frame) => frame.has(member)));
    for (const member of missing) bus.send({ cmd: "history", member });
  }

  // The viewer has a run of his own now. What was seen stays behind as a ghost; the common past is kept.
  move(message) {
    const { store } = this;
    store.keepGhost(message.reason ?? "the run before");
    const kept = Number.isFinite(message.after) && Number.isFinite(message.step) ? store.frames.until(message.step, message.after) : null;
    const previous = this.runId;
    this.connect({ run: message.run_id, live: this.options.live }, { kept: kept instanceof Frames && kept.length ? kept : null });
    this.emit("moved", { run_id: message.run_id, previous, reason: message.reason ?? "" });
  }

  invalidate() {
    this.dirty = true;
    if (this.request || this.gone) return;
    this.request = requestAnimationFrame((now) => this.tick(now));
  }

  tick(now) {
    this.request = null;
    const { store, player } = this;
    const filming = player.tick(now);
    if (this.dirty || filming) {
      this.dirty = false;
      this.render(now);
    }
    if (filming) this.invalidate();
  }

  render(now) {
    const { store, player, curves } = this;
    const frame = player.frame;
    const recording = Boolean(this.source && !this.source.live);
    const info = { connected: Boolean(this.source?.open), filming: player.film !== null, recording };
    if (store.hello && this.ready) {
      this.world.draw(frame, this.theme);
      this.world.showTip(frame);
      if (frame) {
        this.inspector.update(frame, this.world.scene?.name(store.view.state) ?? "", this.theme);
        if (this.outcomeShown) this.outcome.update(frame, this.theme);
        curves.show(frame);
      }
      this.top.update(frame);
      markTabs(this.ui, store, frame);
      this.moveCurves(now);
    }
    this.notices.update(info, frame?.step ?? 0);
    this.transport.update({ frame, playing: player.playing, filming: info.filming, follow: player.atEnd, live: Boolean(this.source?.live), stepText: this.stepText(frame) });
    this.speak(now, frame, info);
    if (frame && frame !== this.released) {
      this.released?.release();
      this.released = frame;
    }
    const { mode, member, state } = store.view;
    const viewing = { mode, member, state, step: frame?.step ?? null };
    if (JSON.stringify(viewing) !== JSON.stringify(this.viewing)) bus.emit("viewing", (this.viewing = viewing));
  }

  // Lines move at most ten times a second (five with many of them), and are finished once nothing arrives any more.
  moveCurves(now) {
    const { curves } = this;
    const period = (curves.traces?.length ?? 0) > 40 ? 2 * CURVE_PERIOD : CURVE_PERIOD;
    if (curves.drawn.version === this.store.frames.version && curves.settled) return;
    if (this.player.training && now - (this.curvesAt ?? -Infinity) >= period - 8) {
      if (curves.update()) this.curvesAt = now;
    }
    clearTimeout(this.rest);
    this.rest = setTimeout(() => {
      if (this.gone) return;
      if (this.player.training && performance.now() - (this.arrived ?? 0) < REST_AFTER) this.curves.update();
      else this.curves.settle();
      this.invalidate();
    }, this.player.training ? REST_AFTER : 120);
  }

  stepText(frame) {
    const last = this.store.frames.last?.step ?? 0;
    const at = integer(frame?.step ?? 0);
    const budget = this.store.state?.budget;
    return this.player.atEnd ? `step ${at}${budget && budget > last ? ` of ${integer(budget)}` : ""}` : `step ${at} of ${integer(last)}`;
  }

  speak(now, frame, info) {
    const { state } = this.store.view;
    const standing = !this.player.playing;
    const key = `${standing}|${state}|${this.store.state?.state}|${standing ? frame?.step : ""}`;
    if (key === this.spoken && now - this.spokenAt < SPOKEN_EVERY) return;
    if (now - this.spokenAt < 600) {
      clearTimeout(this.later);
      this.later = setTimeout(() => this.invalidate(), 650);
      return;
    }
    this.spoken = key;
    this.spokenAt = now;
    const text = describe(this.store, frame, stateText(this.store, info).text, this.world.scene?.name(state) ?? "");
    this.ui.live.textContent = text;
    this.world.canvas.setAttribute("aria-label", `${text} Click or shift and arrow keys select a state.`);
  }

  setMode(key, quiet = false) {
    this.store.view.mode = key;
    if (this.source?.live && this.ready) this.watch();
    if (!quiet) this.emit("viewed", { mode: key, member: this.store.view.member });
    this.invalidate();
  }

  setMember(member, quiet = false) {
    const { store } = this;
    if (!store.hello || member < 0 || member >= store.hello.members.length) return;
    store.view.member = member;
    store.rows = null;
    this.ui.member.value = String(member);
    if (this.source?.live && this.ready) this.watch();
    if (!quiet) this.emit("viewed", { mode: store.view.mode, member });
    this.invalidate();
  }

  setMany(many) {
    this.store.view.many = many;
    this.world.still = null;
    if (this.source?.live && this.ready) this.watch();
    this.invalidate();
  }

  // One of several worlds alone.
  open(member) {
    this.setMany(false);
    this.setMember(member);
  }

  setDimensions(x, y) {
    Object.assign(this.world.scene, { x, y });
    this.world.still = null;
    this.world.revision = (this.world.revision ?? 0) + 1;
    this.invalidate();
  }

  select({ state, action, member }, quiet = false) {
    const { store } = this;
    if (!store.hello || state < 0 || state >= store.hello.nStates) return;
    Object.assign(store.view, { state, action: action ?? null });
    if (member !== undefined && member !== store.view.member) this.setMember(member);
    if (this.source?.live) bus.send({ cmd: "select", state });
    if (!quiet) this.emit("selected", { state, action: action ?? null, member: store.view.member, step: this.player.frame?.step ?? null });
    this.invalidate();
  }

  // The place of an alarm: its step, its model, the view that shows it; the world flashes, and so do the curves.
  showAlarm(alarm) {
    this.player.seek(alarm.step);
    if (alarm.member !== this.store.view.member) this.setMember(alarm.member);
    const mode = MODES.find(({ key, wire }) => key === alarm.mode || wire === alarm.mode);
    if (mode && !availability(this.store, mode, this.player.frame)) this.setMode(mode.key);
    this.showOutcome(false);
    this.curves.flash(alarm.panel);
    this.ui.world.classList.remove("flash");
    requestAnimationFrame(() => this.ui.world.classList.add("flash"));
  }

  showOutcome(shown) {
    this.outcomeShown = shown && this.store.groups.length > 1;
    this.ui.showOutcome(this.outcomeShown, this.store.groups.length > 1);
    this.outcome.drawn = "";
    this.invalidate();
  }

  setPanel(key) {
    this.curves.only = key;
    this.curves.build(this.theme);
    this.invalidate();
  }

  // Projector: the world and one chosen curve, type one and a half times as large.
  present(on) {
    this.root.classList.toggle("present", Boolean(on));
    this.world.scaleFactor = this.curves.scaleFactor = on ? 1.5 : 1;
    this.curves.only = on ? this.options.panel ?? "return" : null;
    this.ui.panel.value = this.curves.only ?? "return";
    this.world.still = null;
    this.curves.build(this.theme);
    this.invalidate();
  }

  retheme() {
    const theme = readTheme(this.root);
    if (JSON.stringify(theme) === JSON.stringify(this.theme)) return;
    this.theme = theme;
    this.root.dataset.theme = theme.dark ? "dark" : "light";
    if (this.ready) this.curves.build(theme);
    else this.curves.theme = theme;
    this.outcome.drawn = "";
    this.invalidate();
  }

  resize() {
    this.world.still = null;
    this.world.revision = (this.world.revision ?? 0) + 1;
    this.curves.resize(this.curves.scaleFactor);
    this.invalidate();
  }

  // Pictures as files, drawn by the code that draws the screen.
  save(what) {
    const name = `${(this.store.hello?.run?.title ?? "world").replace(/[^\w-]+/g, "-").toLowerCase()}-step-${this.player.frame?.step ?? 0}`;
    if (what.startsWith("curves")) return this.curves.image(what.endsWith("svg") ? "svg" : "png");
    const { world } = this;
    const [width, height, ratio] = world.size;
    const frame = this.player.frame;
    const members = this.store.shownMembers();
    if (what === "world-svg") {
      const ctx = new SvgContext(width, height, this.theme.background);
      const still = (target) => { for (const pane of world.panes) world.scene.drawStatic(target, pane.geo, this.theme, ratio, world.small); };
      world.paint(ctx, frame, world.pictures(frame, members), { still, ratio, width, height });
      download(new Blob([ctx.toString()], { type: "image/svg+xml" }), `${name}.svg`);
      return undefined;
    }
    const canvas = document.createElement("canvas");
    canvas.width = world.canvas.width;
    canvas.height = world.canvas.height;
    const ctx = canvas.getContext("2d");
    ctx.fillStyle = this.theme.background;
    ctx.fillRect(0, 0, canvas.width, canvas.height);
    ctx.drawImage(world.canvas, 0, 0);
    return canvas.toBlob((blob) => download(blob, `${name}.png`), "image/png");
  }

  destroy() {
    this.gone = true;
    cancelAnimationFrame(this.request);
    clearTimeout(this.rest);
    clearTimeout(this.later);
    this.observer.disconnect();
    this.scheme.removeEventListener("change", this.onScheme);
    this.unbind();
    this.disconnect();
    this.curves.destroy();
    this.root.replaceChildren();
  }
}
