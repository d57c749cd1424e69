// The world on a canvas: one pane for the chosen member, or one for each group (small multiples, side by side), all
// with one colour scale, one selected state, and the states marked where their greedy actions differ. Fixed parts
// (walls, hatches, letters) are drawn once into a canvas of their own; the moving part is redrawn only if something
// visible changed.

import { clearCanvas, h, reducedMotion, setText, textWidth } from "../shared/dom.js";
import { extent, robustExtent } from "../shared/scale.js";
import { hatchStyle } from "../shared/signs.js";
import { BarsScene, onlyState } from "./bars.js";
import { drawPolicyLegend, drawScaleLegend } from "./colour_legend.js";
import { GridScene } from "./grid.js";
import { MatrixScene } from "./matrix.js";
import { coarse, greedy, modeOf, pictureOf } from "./modes.js";
import { TITLE, arrange } from "./panes.js";
import { PlaneScene } from "./plane.js";
import { drawReadsLegend, frameBefore, readsLegend, readsOf, whyNoReads } from "./reads.js";
import { TableScene } from "./table.js";
import { tooltipLines } from "./tooltip.js";

/**
 * @import { Frame } from "../run/frames.js"
 * @import { Store } from "../run/store.js"
 * @import { Pen, Theme } from "../shared/types.d.ts"
 * @import { Mode } from "./modes.js"
 * @import { Pane } from "./panes.js"
 * @import { Read } from "./reads.js"
 * @import { Hit, Scene } from "./scenes.d.ts"
 */

/** @typedef {Hit & { member: number, x: number, y: number }} Hovered */
/** @typedef {Hovered | { member: number, title: true }} WorldHit */
/** @typedef {(Float32Array | null)[]} Pictures - the numbers of each pane */

/**
 * @typedef {object} WorldActions
 * @property {(hit: { state: number, action: number | null, member: number }) => void} onSelect - a click on a state
 * @property {(member: number) => void} onOpen - a click on the title of one of several worlds, or a double click
 * @property {() => void} onHover
 */

const LEGEND = 54;
/** Height of a row of the arrows' legend. */
const ROW = 16;

export class World {
  /** @param {HTMLElement} host @param {Store} store @param {WorldActions} actions */
  constructor(host, store, { onSelect, onOpen, onHover }) {
    this.host = host;
    this.store = store;
    this.onSelect = onSelect;
    this.onOpen = onOpen;
    this.onHover = onHover;
    this.canvas = h("canvas", {
      class: "world-canvas",
      tabindex: "0",
      role: "img",
      "aria-roledescription": "picture of the world",
    });
    this.tip = h("div", { class: "tip", hidden: true });
    host.append(this.canvas, this.tip);
    /** @type {Scene | null} */
    this.scene = null;
    /** @type {Theme | null} */
    this.theme = null;
    this.themeId = 0;
    /** How much larger than usual type is. */
    this.factor = 1;
    /** @type {[width: number, height: number, ratio: number]} */
    this.size = [0, 0, 1];
    /** @type {Pane[]} */
    this.panes = [];
    this.paneKey = "";
    /** What the targets of each pane's member read, while arrows show it. @type {(readonly Read[])[]} */
    this.reads = [];
    /** The frame that is drawn. @type {Frame | null} */
    this.frame = null;
    /** The fixed parts. @type {HTMLCanvasElement | null} */
    this.still = null;
    this.revision = 0;
    this.drawn = "";
    this.draws = 0;
    /** @type {Hovered | null} */
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
    const before = this.scene;
    this.scene = sceneOf(this.store);
    // A run that begins anew is looked at where the one before was.
    if (before instanceof TableScene && this.scene instanceof TableScene && before.by === this.scene.by)
      this.scene.first = before.first;
    this.still = null;
    this.panes = [];
    this.drawn = "";
  }

  /** Something changed that the signature does not see: sizes, tables, what is drawn along the axes. */
  revise() {
    this.still = null;
    this.revision += 1;
  }

  get small() {
    return this.panes.length > 4;
  }

  /**
   * Everything that the next picture needs; a string of it tells whether anything visible changed.
   * @param {Frame | null} frame
   * @param {number[]} members
   */
  signature(frame, members) {
    const { mode, state, action, reads } = this.store.view;
    const { version } = this.store.scale(modeOf(mode).scale);
    const hovered = this.hovered ? `${this.hovered.state}/${this.hovered.action}/${this.hovered.member}` : "";
    const there = [frame?.step, frame?.seq, frame?.members.size, this.store.frames.length > 0];
    const look = [mode, members.join(), state, action, version, hovered, reads];
    return [...there, ...look, this.size.join(), this.themeId, this.revision].join("|");
  }

  /** Draw what changed; whether anything had. @param {Frame | null} frame @param {Theme} theme */
  draw(frame, theme) {
    const { clientWidth: width, clientHeight: height } = this.host;
    if (!this.scene || !this.store.hello || !width || !height) return false;
    const ratio = Math.min(window.devicePixelRatio || 1, 2);
    this.size = [width, height, ratio];
    if (theme !== this.theme) {
      this.theme = theme;
      this.themeId += 1;
      this.still = null;
    }
    const members = this.store.shownMembers();
    const pictures = this.pictures(frame, members);
    if (this.signature(frame, members) === this.drawn) return false;
    this.frame = frame;
    const drawn = this.store.view.reads && !whyNoReads(this.store, frame);
    this.reads = drawn ? members.map((member) => readsOf(this.store, frame, member)) : [];
    const rows = this.legendRows(theme);
    const key = [...members, ...this.size, rows].join();
    if (!this.still || this.paneKey !== key) {
      this.panes = arrange(this.scene, members, width, height - (LEGEND + ROW * rows) * this.factor, this.factor);
      this.paneKey = key;
      this.still = this.drawStill(this.scene, theme);
    }
    const { still } = this;
    const context = clearCanvas(this.canvas, width, height, ratio);
    this.paint(context, frame, pictures, () => {
      context.setTransform(1, 0, 0, 1, 0, 0);
      context.drawImage(still, 0, 0);
      context.setTransform(ratio, 0, 0, ratio, 0, 0);
    });
    this.drawn = this.signature(frame, members);
    this.draws += 1;
    return true;
  }

  /**
   * Numbers of every pane, and the scale made large enough for all of them before anything is coloured.
   * @param {Frame | null} frame
   * @param {number[]} members
   * @returns {Pictures}
   */
  pictures(frame, members) {
    const { store } = this;
    const mode = modeOf(store.view.mode);
    const scale = store.scale(mode.scale);
    const values = members.map((member) => pictureOf(store, mode, frame, member));
    let [least, most] = [Infinity, -Infinity];
    for (const table of values) {
      if (!table) continue;
      // States that the data never visits keep whatever they were initialised with: they do not set the scale.
      /** @param {number} s */
      const matters = (s) => !store.terminal[s] && (!store.static.counts || store.visits[s] > 0);
      /** @param {number} i */
      const keep = (i) => matters(mode.perState ? i : Math.floor(i / store.run.nActions));
      const [low, high] = robustExtent(table, keep);
      const [bottom, top] = extent(table, keep);
      [least, most] = [Math.min(least, bottom), Math.max(most, top)];
      if (low <= high) scale.include(low, high, frame?.step ?? 0);
    }
    scale.clip([least, most]);
    return values;
  }

  /** @param {Scene} scene @param {Theme} theme */
  drawStill(scene, theme) {
    const [width, height, ratio] = this.size;
    const still = document.createElement("canvas");
    const context = clearCanvas(still, width, height, ratio);
    for (const pane of this.panes) scene.drawStatic(context, pane.geo, theme, ratio, this.small);
    return still;
  }

  /**
   * The whole picture: onto the screen's canvas, or as SVG. `still` adds the fixed parts.
   * @param {Pen} pen
   * @param {Frame | null} frame
   * @param {Pictures} pictures
   * @param {() => void} still
   */
  paint(pen, frame, pictures, still) {
    const { store, scene, theme } = this;
    if (!scene || !theme) return;
    const mode = modeOf(store.view.mode);
    const { layout } = store.run;
    // Colours lie beneath the hatch; arrows above it, for probability on unseen actions must not hide.
    const arrows = mode.key === "policy" && (layout.kind === "grid" || layout.kind === "plane");
    const above = scene.above || (arrows && !layout.image);
    const painted = this.paintedPanes(frame, pictures, { mode, theme, arrows });
    const paint = () => {
      for (const { pane, what } of painted) scene.draw(pen, pane.geo, what);
    };
    if (!above) paint();
    still();
    if (above) paint();
    for (const { pane, what } of painted)
      if (!coarse(frame, mode, pane.member)) scene.drawNumbers?.(pen, pane.geo, what);
    this.paintReads(pen, scene, theme);
    for (const state of this.differences(frame))
      for (const pane of this.panes) scene.markDifference(pen, pane.geo, state, theme);
    for (const pane of this.panes) this.paintMarks(pen, scene, pane, theme);
    this.paintLegend(pen, frame, pictures, mode, arrows, theme);
  }

  /**
   * What is painted into each pane that has numbers.
   * @param {Frame | null} frame
   * @param {Pictures} pictures
   * @param {{ mode: Mode, theme: Theme, arrows: boolean }} how
   */
  paintedPanes(frame, pictures, { mode, theme, arrows }) {
    const scale = this.store.scale(mode.scale);
    const perState = Boolean(mode.perState);
    return this.panes.flatMap((pane, i) => {
      const values = pictures[i];
      const policy = frame?.table("policy", pane.member) ?? null;
      const theta = (mode.wire === "q" && frame?.table("theta", pane.member)) || null;
      return values ? [{ pane, what: { values, scale, theme, perState, arrows, policy, theta } }] : [];
    });
  }

  /** @param {Pen} pen @param {Scene} scene @param {Theme} theme */
  paintReads(pen, scene, theme) {
    const how = { pointed: this.hovered?.state ?? null, still: reducedMotion() };
    this.panes.forEach((pane, i) => {
      if (this.reads[i]?.length) scene.drawReads?.(pen, pane.geo, this.reads[i], theme, how);
    });
  }

  /** The legend of the arrows at a step, the one before it given. @param {number | null} before */
  readsLegend(before) {
    return readsLegend(this.reads.flat(), reducedMotion() ? null : before);
  }

  /** How its words are measured. @param {Theme} theme */
  measure({ font }) {
    return (/** @type {string} */ text) => textWidth(text, `${11 * this.factor}px ${font}`);
  }

  /** Rows that it takes, whichever the step. @param {Theme} theme */
  legendRows(theme) {
    if (!this.reads.length || whyNoReads(this.store, this.frame)) return 0;
    const place = { x: 4, y: 0, width: this.size[0] - 8, font: 11 * this.factor };
    return drawReadsLegend(null, this.readsLegend(9_999_999), theme, place, this.measure(theme));
  }

  /** Title, the state under the pointer and the selected one. @param {Pen} pen @param {Scene} scene @param {Pane} pane
   * @param {Theme} theme */
  paintMarks(pen, scene, pane, theme) {
    const { hovered, store } = this;
    const { state, action, member } = store.view;
    if (pane.title) {
      const chosen = pane.member === member;
      const { x, y, width } = pane.title;
      pen.font = `${chosen ? 700 : 500} ${11.5 * this.factor}px ${theme.font}`;
      pen.fillStyle = chosen ? theme.accent : theme.text;
      pen.textAlign = "center";
      pen.textBaseline = "middle";
      pen.fillText(store.groupOf(pane.member).label, x + width / 2, y + (TITLE * this.factor) / 2, width);
    }
    if (hovered && (hovered.state !== state || hovered.action !== action))
      scene.outline(pen, pane.geo, hovered.state, { colour: theme.text, width: 1.2, action: hovered.action });
    if (state === null) return;
    const style = { colour: theme.accent, inner: theme.background, width: this.small ? 1.5 : 2.4, action };
    scene.outline(pen, pane.geo, state, style);
  }

  /**
   * @param {Pen} pen
   * @param {Frame | null} frame
   * @param {Pictures} pictures
   * @param {Mode} mode
   * @param {boolean} arrows
   * @param {Theme} theme
   */
  paintLegend(pen, frame, pictures, mode, arrows, theme) {
    const { store } = this;
    const [width, height, ratio] = this.size;
    const { groups } = store;
    const shown = this.panes.length;
    let note = "";
    if (frame && !pictures.some(Boolean)) note = "not stored at this step";
    else if (frame && shown > 1)
      note = `● greedy actions differ${groups.length > shown ? ` · ${shown} of ${groups.length} worlds` : ""}`;
    const hatch = store.static.counts ? hatchStyle(pen, theme, ratio) : null;
    const infinite = pictures.some((table) => table?.some((value) => Math.abs(value) === Infinity));
    const rows = this.legendRows(theme);
    const y = height - (LEGEND + ROW * rows) * this.factor + 6;
    if (rows && frame) {
      const before = frameBefore(store, frame, this.panes[0].member)?.step ?? null;
      const under = { x: 4, y: height - ROW * rows * this.factor, width: width - 8, font: 11 * this.factor };
      drawReadsLegend(pen, this.readsLegend(before), theme, under, this.measure(theme));
    }
    const place = { x: 4, y, width: width - 8, font: 11 * this.factor, hatch, infinite, note };
    if (arrows) drawPolicyLegend(pen, store.run, mode.title, theme, place);
    else drawScaleLegend(pen, store.scale(mode.scale), mode.title, theme, place, !(this.scene instanceof BarsScene));
  }

  /** States in which the worlds shown do not choose the same greedy actions. @param {Frame | null} frame */
  differences(frame) {
    const { store, panes } = this;
    if (!frame) return [];
    let tables = panes.flatMap(({ member }) => frame.table("policy", member) ?? []);
    if (store.view.mode === "ghost") {
      const ghost = store.ghost?.frames.list[store.ghost.frames.indexAt(frame.step)];
      const { member } = panes[0];
      const before = ghost?.table("policy", member) ?? ghost?.table("policy", [...ghost.members.keys()][0]);
      tables = before && store.comparable ? [...tables, before] : [];
    }
    if (tables.length < 2) return [];
    const { nActions: A } = store.run;
    const states = [];
    for (let s = 0; s < tables[0].length / A; s++) {
      if (store.terminal[s] || (store.static.counts && !store.visits[s])) continue;
      const first = greedy(tables[0], s, A).join();
      if (tables.some((table) => greedy(table, s, A).join() !== first)) states.push(s);
    }
    return states;
  }

  /** @param {MouseEvent} event @returns {WorldHit | null} */
  hit(event) {
    const bounds = this.canvas.getBoundingClientRect();
    const [x, y] = [event.clientX - bounds.left, event.clientY - bounds.top];
    for (const { member, box, title, geo } of this.panes) {
      if (title && x >= title.x && x < title.x + title.width && y >= title.y && y < box.y)
        return { member, title: true };
      if (x < box.x || y < box.y || x >= box.x + box.width || y >= box.y + box.height) continue;
      const found = this.scene?.hit(geo, x, y);
      if (found) return { ...found, member, x, y };
    }
    return null;
  }

  /** @param {MouseEvent | null} event */
  hover(event) {
    const hit = event ? this.hit(event) : null;
    this.canvas.style.cursor = hit ? "pointer" : "default";
    this.hovered = hit && !("title" in hit) ? hit : null;
    this.onHover();
  }

  /** @param {MouseEvent} event */
  click(event) {
    const hit = this.hit(event);
    if (!hit) return;
    if ("title" in hit) this.onOpen(hit.member);
    else this.onSelect({ state: hit.state, action: hit.action, member: hit.member });
  }

  /** @param {Frame | null} frame */
  showTip(frame) {
    const { hovered, tip, host, scene } = this;
    tip.hidden = !hovered;
    if (!hovered || !scene) return;
    const reads = this.reads[this.panes.findIndex(({ member }) => member === hovered.member)] ?? [];
    const name = (/** @type {number} */ state) => scene.name(state);
    setText(tip, tooltipLines(this.store, frame, name, hovered, reads).join("\n"));
    const flip = hovered.x > host.clientWidth * 0.6;
    tip.style.left = flip ? "" : `${hovered.x + 14}px`;
    tip.style.right = flip ? `${host.clientWidth - hovered.x + 10}px` : "";
    tip.style.top = `${Math.min(Math.max(hovered.y - 10, 0), host.clientHeight - 76)}px`;
  }
}

/** The picture of a run's world, or of its log. @param {Store} store @returns {Scene} */
function sceneOf(store) {
  const { layout } = store.run;
  if (layout.kind === "grid") return new GridScene(store, layout);
  if (layout.kind === "plane") return new PlaneScene(store, layout);
  const only = onlyState(store, layout);
  if (only !== null) return new BarsScene(store, only);
  return layout.kind === "table" ? new TableScene(store, layout) : new MatrixScene(store, layout);
}
