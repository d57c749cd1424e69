// The world on a canvas: one pane for the chosen member, or one for each group (small multiples, side by side), all with
// one colour scale, one selected state, and the states marked where their greedy actions differ. Fixed parts (walls,
// hatches, letters) are drawn once into a canvas of their own; the moving part is redrawn only if something visible changed.

import { h, setText } from "../shared/dom.js";
import { integer, number } from "../shared/format.js";
import { GridScene } from "./grid.js";
import { MatrixScene } from "./matrix.js";
import { greedy, modeOf, pictureOf } from "./modes.js";
import { hatchStyle } from "../shared/palette.js";
import { PlaneScene } from "./plane.js";
import { drawPolicyLegend, drawLegend } from "../shared/legend.js";
import { extent, robustExtent } from "../shared/scale.js";

const SCENES = { grid: GridScene, matrix: MatrixScene, plane: PlaneScene };
const LEGEND = 54;
const TITLE = 17;

export class World {
  // onSelect({state, action}) on a click, onOpen(member) on a click on one of several worlds' titles or by double click.
  constructor(host, store, { onSelect, onOpen, onHover }) {
    Object.assign(this, { host, store, onSelect, onOpen, onHover });
    this.canvas = h("canvas", {
      class: "world-canvas",
      tabindex: "0",
      role: "img",
      "aria-roledescription": "picture of the world",
    });
    this.tip = h("div", { class: "tip", hidden: true });
    this.empty = h("p", { class: "world-wait" });
    host.append(this.canvas, this.tip, this.empty);
    this.drawn = "";
    this.draws = 0;
    this.hovered = null;
    this.canvas.addEventListener("pointermove", (event) => this.hover(event));
    this.canvas.addEventListener("pointerleave", () => this.hover(null));
    this.canvas.addEventListener("click", (event) => this.click(event));
    this.canvas.addEventListener("dblclick", (event) => {
      const hit = this.hit(event);
      if (hit && this.panes.length > 1) onOpen(hit.member);
    });
  }

  begin() {
    const { hello } = this.store;
    const Scene = SCENES[hello.layout?.kind];
    this.scene = Scene && this.store.static ? new Scene(this.store) : null;
    this.still = null;
    this.drawn = "";
    setText(this.empty, Scene ? "" : "This world has no picture.");
  }

  // Positions of the panes for the present size; also of the legend.
  arrange(width, height, members) {
    const area = { x: 0, y: 0, width, height: height - LEGEND * this.factor };
    const n = members.length;
    const title = n > 1 ? TITLE * this.factor : 0;
    const gap = n > 1 ? 10 : 0;
    let best = null;
    for (let cols = 1; cols <= n; cols++) {
      const rows = Math.ceil(n / cols);
      const w = (area.width - gap * (cols - 1)) / cols;
      const hgt = (area.height - gap * (rows - 1)) / rows - title;
      const scale = Math.min(w / this.scene.aspect, hgt);
      if (!best || scale > best.scale) best = { cols, w, hgt, scale };
    }
    return members.map((member, i) => {
      const left = area.x + (i % best.cols) * (best.w + gap);
      const top = area.y + Math.floor(i / best.cols) * (best.hgt + title + gap);
      const box = { x: left, y: top + title, width: best.w, height: best.hgt };
      return { member, box, title: title ? { x: left, y: top, width: best.w } : null, geo: this.scene.geometry(box) };
    });
  }

  // Something changed that the signature does not see: sizes, tables, what is drawn along the axes.
  revise() {
    this.still = null;
    this.revision = (this.revision ?? 0) + 1;
  }

  get small() {
    return this.panes.length > 4;
  }
  get factor() {
    return this.scaleFactor ?? 1;
  }

  // Everything the next picture needs; a string of it tells whether anything visible changed.
  signature(frame, members) {
    const { mode, state, action } = this.store.view;
    const { version } = this.store.scale(modeOf(mode).scale);
    const hovered = this.hovered ? `${this.hovered.state}/${this.hovered.action}/${this.hovered.member}` : "";
    return [
      frame?.step,
      frame?.seq,
      frame?.members.size,
      mode,
      members.join(),
      state,
      action,
      version,
      hovered,
      this.size?.join(),
      this.themeId,
      this.store.frames.length > 0,
      this.revision,
    ].join("|");
  }

  draw(frame, theme) {
    if (!this.scene || !this.store.hello) return false;
    const width = this.host.clientWidth;
    const height = this.host.clientHeight;
    if (!width || !height) return false;
    const ratio = Math.min(window.devicePixelRatio || 1, 2);
    this.size = [width, height, ratio];
    if (theme !== this.theme) {
      this.theme = theme;
      this.themeId = (this.themeId ?? 0) + 1;
      this.still = null;
    }
    const members = this.store.shownMembers();
    const pictures = this.pictures(frame, members);
    const signature = this.signature(frame, members);
    if (signature === this.drawn) return false;
    if (this.canvas.width !== Math.round(width * ratio) || this.canvas.height !== Math.round(height * ratio)) {
      this.canvas.width = Math.round(width * ratio);
      this.canvas.height = Math.round(height * ratio);
      this.still = null;
    }
    const key = members.join();
    if (!this.panes || this.paneKey !== key || !this.still) {
      this.panes = this.arrange(width, height, members);
      this.paneKey = key;
      this.still = this.drawStill(width, height, ratio);
    }
    const ctx = this.canvas.getContext("2d");
    ctx.setTransform(ratio, 0, 0, ratio, 0, 0);
    ctx.clearRect(0, 0, width, height);
    this.paint(ctx, frame, pictures, {
      still: () => {
        ctx.setTransform(1, 0, 0, 1, 0, 0);
        ctx.drawImage(this.still, 0, 0);
        ctx.setTransform(ratio, 0, 0, ratio, 0, 0);
      },
      ratio,
      width,
      height,
    });
    this.drawn = this.signature(frame, members);
    this.draws += 1;
    return true;
  }

  // Numbers of every pane, and the scale made large enough for all of them before anything is coloured.
  pictures(frame, members) {
    const { store } = this;
    const mode = modeOf(store.view.mode);
    const scale = store.scale(mode.scale);
    const values = members.map((member) => pictureOf(store, mode, frame, member));
    let [least, most] = [Infinity, -Infinity];
    for (const table of values) {
      if (!table) continue;
      // States that the data never visits keep whatever they were initialised with: they do not set the scale.
      const matters = (s) => !store.terminal[s] && (!store.static.counts || store.visits[s] > 0);
      const keep = mode.perState ? matters : (i) => matters(Math.floor(i / store.hello.nActions));
      let [low, high] = robustExtent(table, keep);
      const [bottom, top] = extent(table, keep);
      [least, most] = [Math.min(least, bottom), Math.max(most, top)];
      // Weights that span more than a power of ten and a half are told apart only on a logarithmic scale.
      if (mode.scale === "weight" && low > 0 && high / low > 30) scale.toLog(low, high);
      if (scale.log) low = Math.max(low, 1e-12);
      if (low <= high) scale.include(low, high, frame?.step ?? 0);
    }
    scale.clip([least, most]);
    return values;
  }

  drawStill(width, height, ratio) {
    const still = document.createElement("canvas");
    still.width = Math.round(width * ratio);
    still.height = Math.round(height * ratio);
    const ctx = still.getContext("2d");
    ctx.scale(ratio, ratio);
    for (const pane of this.panes) this.scene.drawStatic(ctx, pane.geo, this.theme, ratio, this.small);
    return still;
  }

  // The whole picture into any context: the screen's canvas, or the one that writes SVG.
  paint(ctx, frame, pictures, { still, ratio, width, height }) {
    const { store, scene, theme } = this;
    const mode = modeOf(store.view.mode);
    const scale = store.scale(mode.scale);
    const members = this.panes.map((pane) => pane.member);
    // Colours lie beneath the hatch; arrows above it, for probability on unseen actions must not hide.
    const arrows = mode.key === "policy" && store.hello.layout.kind !== "matrix";
    const above = arrows && !store.hello.layout.image;
    const drawPanes = () =>
      this.panes.forEach((pane, i) => {
        const policy = frame?.table("policy", pane.member) ?? null;
        if (pictures[i])
          scene.draw(ctx, pane.geo, { values: pictures[i], scale, theme, perState: mode.perState, arrows, policy });
      });
    if (!above) drawPanes();
    still(ctx);
    if (above) drawPanes();
    for (const state of this.differences(frame, members))
      for (const pane of this.panes) scene.markDifference(ctx, pane.geo, state, theme);
    for (const pane of this.panes) {
      this.paneTitle(ctx, pane);
      const { state, action } = store.view;
      if (this.hovered && (this.hovered.state !== state || this.hovered.action !== action)) {
        scene.outline(ctx, pane.geo, this.hovered.state, {
          colour: theme.text,
          width: 1.2,
          action: this.hovered.action,
        });
      }
      if (state !== null)
        scene.outline(ctx, pane.geo, state, {
          colour: theme.accent,
          inner: theme.background,
          width: this.small ? 1.5 : 2.4,
          action,
        });
    }
    const place = { x: 4, y: height - LEGEND * this.factor + 6, width: width - 8, font: 11 * this.factor };
    const hatch = store.static.counts ? hatchStyle(ctx, theme, ratio) : null;
    const note = this.note(members, frame, mode, pictures);
    if (arrows) drawPolicyLegend(ctx, theme, { ...place, hatch, note, label: mode.legend, hello: store.hello });
    else drawLegend(ctx, this.legendScale(mode, scale), theme, { ...place, hatch, note });
  }

  legendScale(mode, scale) {
    return Object.assign(Object.create(scale), { label: mode.legend });
  }

  note(members, frame, mode, pictures) {
    if (!pictures.some(Boolean) && frame) return "not stored at this step";
    if (members.length < 2 || !frame) return "";
    const { groups } = this.store;
    return `● greedy actions differ${groups.length > members.length ? ` · ${members.length} of ${groups.length} worlds` : ""}`;
  }

  // States in which the worlds shown do not choose the same greedy actions.
  differences(frame, members) {
    if (!frame) return [];
    const { store } = this;
    let tables = members.map((member) => frame.table("policy", member)).filter(Boolean);
    if (store.view.mode === "ghost") {
      const ghost = store.ghost?.frames.list[store.ghost.frames.indexAt(frame.step)];
      const before = ghost?.table("policy", members[0]) ?? ghost?.table("policy", [...ghost.members.keys()][0]);
      tables = before && store.comparable ? [...tables, before] : [];
    }
    if (tables.length < 2) return [];
    const { nActions: A } = store.hello;
    const states = [];
    for (let s = 0; s < tables[0].length / A; s++) {
      if (store.terminal[s] || (store.static.counts && !store.visits[s])) continue;
      const first = greedy(tables[0], s, A).join();
      if (tables.some((table) => greedy(table, s, A).join() !== first)) states.push(s);
    }
    return states;
  }

  paneTitle(ctx, pane) {
    if (!pane.title) return;
    const { store, theme } = this;
    const group = store.groupOf(pane.member);
    ctx.font = `${pane.member === store.view.member ? 700 : 500} ${11.5 * this.factor}px ${theme.font}`;
    ctx.fillStyle = pane.member === store.view.member ? theme.accent : theme.text;
    ctx.textAlign = "center";
    ctx.textBaseline = "middle";
    ctx.fillText(
      group.label,
      pane.title.x + pane.title.width / 2,
      pane.title.y + (TITLE * this.factor) / 2,
      pane.title.width,
    );
  }

  hit(event) {
    if (!this.panes) return null;
    const bounds = this.canvas.getBoundingClientRect();
    const [x, y] = [event.clientX - bounds.left, event.clientY - bounds.top];
    for (const pane of this.panes) {
      const { box, title } = pane;
      if (title && x >= title.x && x < title.x + title.width && y >= title.y && y < box.y)
        return { member: pane.member, title: true };
      if (x < box.x || y < box.y || x >= box.x + box.width || y >= box.y + box.height) continue;
      const found = this.scene.hit(pane.geo, x, y);
      if (found) return { ...found, member: pane.member, x, y };
    }
    return null;
  }

  hover(event) {
    const hit = event ? this.hit(event) : null;
    this.canvas.style.cursor = hit ? "pointer" : "default";
    this.hovered = hit && !hit.title ? hit : null;
    this.onHover();
  }

  click(event) {
    const hit = this.hit(event);
    if (!hit) return;
    if (hit.title) this.onOpen(hit.member);
    else this.onSelect({ state: hit.state, action: hit.action, member: hit.member });
  }

  // The numbers under the pointer, with their unit.
  showTip(frame) {
    const { hovered, tip, store } = this;
    tip.hidden = !hovered;
    if (!hovered) return;
    const { state, action, member, x, y } = hovered;
    const { nActions: A, actionNames } = store.hello;
    const lines = [this.scene.name(state)];
    if (action !== null && action !== undefined) {
      const pick = (name) => frame?.table(name, member)?.[state * A + action];
      const { counts, q_star: truth } = store.static;
      const parts = [
        ["Q", pick("q")],
        ["Q*", truth?.[state * A + action]],
        ["π", pick("policy")],
        ["A", pick("advantages")],
        ["w", pick("weights")],
      ];
      lines.push(
        `action ${actionNames[action]}${counts ? ` · n ${integer(counts[state * A + action])}` : ""}${counts && !counts[state * A + action] ? " (not in the data)" : ""}`,
      );
      lines.push(
        parts
          .filter(([, value]) => value !== undefined && !Number.isNaN(value))
          .map(([name, value]) => `${name} ${number(value)}`)
          .join(" · "),
      );
    }
    const mode = modeOf(store.view.mode);
    const own = pictureOf(store, mode, frame, member);
    if (own && mode.perState) lines.push(`V ${number(own[state])}`);
    if (own && (mode.key === "ghost" || mode.key === "error") && action !== null)
      lines.push(`${mode.label} ${number(own[state * A + action])}`);
    setText(tip, lines.filter(Boolean).join("\n"));
    const flip = x > this.host.clientWidth * 0.6;
    tip.style.left = flip ? "" : `${x + 14}px`;
    tip.style.right = flip ? `${this.host.clientWidth - x + 10}px` : "";
    tip.style.top = `${Math.min(Math.max(y - 10, 0), this.host.clientHeight - 76)}px`;
  }
}
