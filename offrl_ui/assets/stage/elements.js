// The stage's elements, in reading order, and the pickers above the world.

import { PANELS, panelsDeclared } from "../curves/panels.js";
import { h, icon, iconButton, setText } from "../shared/dom.js";
import { MODES, modeOf, whyMissing } from "../world/modes.js";
import { whyNoReads } from "../world/reads.js";
import { axesOf } from "../world/plane.js";
import { ORDERS, TableScene } from "../world/table.js";
import { SAVES } from "./save.js";

/**
 * @import { Frame } from "../run/frames.js"
 * @import { Layout } from "../run/protocol.d.ts"
 * @import { Store } from "../run/store.js"
 * @import { Scene } from "../world/scenes.d.ts"
 */

/**
 * @typedef {object} StageActions
 * @property {(key: string) => void} mode
 * @property {(member: number) => void} member
 * @property {(many: boolean) => void} many
 * @property {() => void} reads
 * @property {(shown: boolean) => void} outcome
 * @property {(what: string) => void} save
 * @property {(x: number, y: number) => void} dimensions
 * @property {(order: string) => void} order
 * @property {(pages: number) => void} turn
 * @property {(key: string) => void} panel
 * @property {() => void} logSteps
 * @property {() => void} present
 * @property {() => void} keys
 * @property {() => void} share
 */

/** @typedef {ReturnType<typeof buildElements>} StageElements */

const READS = "Arrows that show why: which Q(s′, a′) each target reads, and where value travels (a)";

/** @param {HTMLElement} root @param {StageActions} on */
export function buildElements(root, on) {
  const top = h("header", { class: "top" });
  const transport = h("div", { class: "transport" });
  const { save, saves } = saveMenu(on);
  const { tabs, member, many, dimensions, axes } = pickers(on);
  const rows = rowsLine(on);
  const present = iconButton("present", "Projector: the world and one curve, large (p)", on.present, {
    class: "button icon-button present-button",
    "aria-pressed": "false",
  });
  const share = iconButton("share", "Share: a link to what is shown (s)", on.share, {
    class: "button icon-button share-button",
    hidden: true,
  });
  const keys = { type: /** @type {const} */ ("button"), class: "button icon-button keys-button", onclick: on.keys };
  const help = h("button", { ...keys, "aria-label": "Keys (?)", title: "Keys (?)" }, "?");
  const world = h("div", { class: "world" });
  const film = h(
    "button",
    {
      type: "button",
      class: "button small film-button",
      "aria-pressed": "false",
      title: "Film: the policy of this step walks its world (f)",
    },
    "film",
  );
  const reads = iconButton("reads", READS, on.reads, {
    class: "button icon-button reads-button",
    "aria-pressed": "false",
  });
  const filmBar = h("div", { class: "film", role: "group", "aria-label": "Film", hidden: true });
  const curves = h("div", { class: "curves", role: "group", "aria-label": "Curves over the steps" });
  const outcome = h("div", { class: "outcome", hidden: true });
  const panel = h("select", {
    class: "panel-picker",
    "aria-label": "Which curve is shown",
    onchange: () => on.panel(panel.value),
  });
  panel.append(...PANELS.map(({ key, title }) => h("option", { value: key }, title)));
  const choices = [tab("curves", "true", () => on.outcome(false)), tab("outcome", "false", () => on.outcome(true))];
  const named = { role: "radiogroup", "aria-label": "Curves or outcome against the axis" };
  const views = h("div", { class: "tabs views", ...named, hidden: true }, ...choices);
  /**
   * @param {boolean} shown - whether the outcome is, in the place of the curves
   * @param {boolean} possible
   * @param {boolean} drawn - whether it is a picture, which can be saved
   */
  const showOutcome = (shown, possible, drawn) => {
    views.hidden = !possible;
    for (const item of saves) if (item.dataset.save?.startsWith("outcome")) item.hidden = !drawn;
    choices.forEach((choice, i) => {
      choice.setAttribute("aria-checked", String(Boolean(i) === shown));
    });
    oneStop(choices);
    outcome.hidden = !shown;
    curves.classList.toggle("covered", shown);
  };
  const inspector = h("section", { class: "inspector", "aria-label": "Selected state" });
  const notices = h("section", { class: "notices", "aria-label": "State of the run and alarms" });
  const live = h("p", { class: "spoken", role: "status", "aria-live": "polite" });
  const tools = h("div", { class: "tools" }, film, reads, many, present, save, share, help);
  const letters = h("p", { class: "letters", hidden: true });
  const worldPanel = h(
    "section",
    { class: "world-panel", "aria-label": "World" },
    h("div", { class: "bar-line" }, tabs, tools),
    world,
    letters,
    filmBar,
    axes,
    rows.line,
  );
  const pinned = h("section", { class: "pinned", "aria-label": "A setting at hand", hidden: true });
  const curvesPanel = h(
    "section",
    { class: "curves-panel", "aria-label": "Curves" },
    h("div", { class: "bar-line views-line" }, views, panel),
    h("div", { class: "curves-box" }, curves, outcome),
  );
  root.replaceChildren(
    top,
    transport,
    h("div", { class: "main" }, worldPanel, curvesPanel),
    h("div", { class: "below" }, inspector, notices),
    pinned,
    live,
  );
  root.setAttribute("tabindex", "-1");
  const shown = { top, transport, world, letters, filmBar, curves, outcome, inspector, notices, pinned, live };
  return {
    ...shown,
    tabs,
    member,
    many,
    dimensions,
    axes,
    rows,
    present,
    film,
    reads,
    panel,
    save,
    share,
    showOutcome,
  };
}

/** @param {string} text @param {string} checked @param {() => void} onclick */
const tab = (text, checked, onclick) =>
  h("button", { type: "button", class: "tab", role: "radio", "aria-checked": checked, onclick }, text);

/**
 * A group of radio buttons is one stop of the tab key: the chosen one, or the first where the choice cannot be taken.
 * @param {readonly HTMLButtonElement[]} group
 */
function oneStop(group) {
  const free = group.filter((one) => one.getAttribute("aria-disabled") !== "true" && !one.hidden);
  const stop = free.find((one) => one.getAttribute("aria-checked") === "true") ?? free[0];
  for (const one of group) if (one.tabIndex !== (one === stop ? 0 : -1)) one.tabIndex = one === stop ? 0 : -1;
}

/** What is looked at: mode, model, all of them or one, and the dimensions that are drawn. @param {StageActions} on */
function pickers(on) {
  const modes = MODES.map(({ key, label, title }) => {
    const button = tab(label, "false", () => on.mode(key));
    button.title = title;
    button.dataset.mode = key;
    button.hidden = key === "ghost"; // until there is a run before
    return button;
  });
  const named = { role: "radiogroup", "aria-label": "What the world shows" };
  const tabs = h("div", { class: "tabs", ...named }, ...modes);
  const member = h("select", {
    class: "member",
    "aria-label": "Which model is looked at",
    hidden: true,
    onchange: () => on.member(Number(member.value)),
  });
  const many = h("button", {
    type: "button",
    class: "button icon-button",
    hidden: true,
    "aria-pressed": "false",
    onclick: () => on.many(many.getAttribute("aria-pressed") !== "true"),
  });
  const choose = () => on.dimensions(Number(x.value), Number(y.value));
  /** @param {string} axis @returns {HTMLSelectElement} */
  const dimension = (axis) =>
    h("select", { class: "dimension", "aria-label": `Dimension drawn along ${axis}`, onchange: choose });
  const [x, y] = [dimension("x"), dimension("y")];
  const axes = h("div", { class: "dimensions", hidden: true }, h("label", {}, "x ", x), h("label", {}, "y ", y));
  return { tabs, member, many, dimensions: [x, y], axes };
}

/** Which rows of a table are shown, and in which order. @param {StageActions} on */
function rowsLine(on) {
  const text = h("span", { class: "rows-text" });
  /** @param {string} sign @param {string} label @param {number} pages */
  const turn = (sign, label, pages) =>
    h(
      "button",
      { type: "button", class: "button small", "aria-label": label, title: label, onclick: () => on.turn(pages) },
      sign,
    );
  const pages = [turn("‹", "States before these", -1), turn("›", "States after these", 1)];
  const order = h("select", {
    class: "dimension",
    "aria-label": "Order of the states",
    onchange: () => on.order(order.value),
  });
  order.append(...ORDERS.map(([key, label, title]) => h("option", { value: key, title }, label)));
  return { line: h("div", { class: "dimensions rows", hidden: true }, text, ...pages, order), text, pages, order };
}

/** @param {StageActions} on */
function saveMenu(on) {
  /** @param {string} text @param {() => void} act */
  const item = (text, act) => {
    const onclick = () => {
      act();
      save.open = false;
    };
    return h("button", { type: "button", class: "menu-item", onclick }, text);
  };
  const saves = SAVES.map(([what, text]) => {
    const button = item(text, () => on.save(what));
    button.dataset.save = what;
    return button;
  });
  const logSteps = item("curves: linear or logarithmic steps", () => on.logSteps());
  const title = "Save pictures and options";
  const save = h(
    "details",
    { class: "menu" },
    h("summary", { class: "button icon-button", "aria-label": title, title }, icon("save")),
    h("div", { class: "menu-list" }, ...saves, logSteps),
  );
  return { save, saves };
}

/** @param {StageElements} ui @param {Store} store @param {(member: number) => string} label */
export function fillPickers(ui, store, label) {
  const { members, layout } = store.run;
  ui.member.hidden = members.length < 2;
  fill(
    ui.member,
    members.map((_, i) => [String(i), label(i) || `model ${i + 1}`]),
    String(store.view.member),
  );
  fill(
    ui.panel,
    panelsDeclared(store).map(({ key, title }) => [key, title]),
    ui.panel.value,
  );
  fillLetters(ui.letters, layout);
  const plane = layout.kind === "plane" && layout.names.length > 2;
  ui.axes.hidden = !plane;
  ui.rows.line.hidden = layout.kind !== "table";
  ui.rows.order.value = store.view.order;
  ui.rows.order.hidden = layout.kind === "table" && !layout.by_value.length;
  if (!plane) return;
  const drawn = axesOf(store, layout);
  ui.dimensions.forEach((select, i) => {
    fill(
      select,
      layout.names.map((name, d) => [String(d), name]),
      String(drawn[i]),
    );
  });
}

/** What the letters of a grid mean. @param {HTMLElement} line @param {Layout} layout */
function fillLetters(line, layout) {
  const labels = layout.kind === "grid" ? (layout.labels ?? []).filter(([letter]) => /[^.#\s]/.test(letter)) : [];
  line.hidden = !labels.length;
  line.replaceChildren(...labels.map(([letter, meaning]) => h("span", {}, h("b", {}, letter), ` ${meaning}`)));
}

/** @param {HTMLSelectElement} select @param {[value: string, text: string][]} options @param {string} value */
function fill(select, options, value) {
  select.replaceChildren(...options.map(([name, text]) => h("option", { value: name }, text)));
  select.value = value;
}

/** What stands in the line below a table. @param {StageElements} ui @param {Scene | null} scene */
export function markRows({ rows: { line, text, pages } }, scene) {
  const table = scene instanceof TableScene ? scene : null;
  line.hidden = !table;
  if (!table) return;
  setText(text, table.sentence);
  const { more } = table;
  pages.forEach((button, i) => {
    button.disabled = !more[i];
    button.hidden = !more.some(Boolean);
  });
}

/** Whether arrows can be drawn, and are. @param {StageElements} ui @param {Store} store @param {Frame | null} frame */
export function markReads({ reads }, store, frame) {
  const why = whyNoReads(store, frame);
  const title = why ? `No arrows: ${why}` : READS;
  reads.hidden = store.hello?.layout.kind !== "grid";
  // Tapped all the same, it says why.
  if (reads.getAttribute("aria-disabled") !== String(Boolean(why)))
    reads.setAttribute("aria-disabled", String(Boolean(why)));
  if (reads.title !== title) reads.title = title;
  if (reads.getAttribute("aria-label") !== title) reads.setAttribute("aria-label", title);
  const pressed = String(store.view.reads && !why);
  if (reads.getAttribute("aria-pressed") !== pressed) reads.setAttribute("aria-pressed", pressed);
}

/** @param {StageElements} ui @param {Store} store @param {Frame | null} frame */
export function markTabs(ui, store, frame) {
  const tabs = /** @type {HTMLButtonElement[]} */ ([...ui.tabs.children]);
  for (const button of tabs) {
    const mode = modeOf(button.dataset.mode ?? null);
    const missing = whyMissing(store, mode, frame);
    const checked = String(mode.key === store.view.mode);
    if (button.getAttribute("aria-checked") !== checked) button.setAttribute("aria-checked", checked);
    if (mode.key === "ghost") button.hidden = !store.ghost;
    // One that has nothing to show can be tapped all the same: it says why.
    if (button.getAttribute("aria-disabled") === String(Boolean(missing))) continue;
    button.setAttribute("aria-disabled", String(Boolean(missing)));
    button.title = missing ? `${mode.title} (${missing})` : mode.title;
  }
  oneStop(tabs);
  const many = String(store.view.many);
  ui.many.hidden = store.groups.length < 2;
  if (ui.many.dataset.shown === many) return;
  ui.many.dataset.shown = many;
  ui.many.setAttribute("aria-pressed", many);
  const text = store.view.many ? "Show one world" : "Show all worlds";
  ui.many.setAttribute("aria-label", text);
  ui.many.title = text;
  ui.many.replaceChildren(icon(store.view.many ? "one" : "many"));
}
