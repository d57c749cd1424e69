// The stage's elements, in reading order, and the pickers above the world.

import { h, icon, iconButton } from "../shared/dom.js";
import { MODES, availability } from "../world/modes.js";
import { PANELS } from "../curves/panels.js";

const SAVES = [
  ["world-png", "world as PNG"],
  ["world-svg", "world as SVG"],
  ["curves-png", "curves as PNG"],
  ["curves-svg", "curves as SVG"],
  ["outcome-png", "outcome as PNG"],
  ["outcome-svg", "outcome as SVG"],
];

// on: { mode, member, many, outcome, save, dimensions, panel, logSteps, present }
export function buildSkeleton(root, on) {
  const ui = {};
  ui.top = h("header", { class: "top" });
  ui.transport = h("div", { class: "transport" });
  ui.tabs = h(
    "div",
    { class: "tabs", role: "radiogroup", "aria-label": "What the world shows" },
    ...MODES.map((mode) =>
      h(
        "button",
        {
          type: "button",
          class: "tab",
          role: "radio",
          "aria-checked": "false",
          title: mode.title,
          "data-mode": mode.key,
          onclick: () => on.mode(mode.key),
        },
        mode.label,
      ),
    ),
  );
  ui.member = h("select", {
    class: "member",
    "aria-label": "Which model is looked at",
    hidden: true,
    onchange: () => on.member(Number(ui.member.value)),
  });
  ui.many = h("button", {
    type: "button",
    class: "button icon-button",
    hidden: true,
    "aria-pressed": "false",
    onclick: () => on.many(ui.many.getAttribute("aria-pressed") !== "true"),
  });
  ui.dimensions = ["x", "y"].map((axis) =>
    h("select", {
      class: "dimension",
      "aria-label": `Dimension drawn along ${axis}`,
      onchange: () => on.dimensions(...ui.dimensions.map((s) => Number(s.value))),
    }),
  );
  ui.axes = h(
    "div",
    { class: "dimensions", hidden: true },
    h("label", {}, "x ", ui.dimensions[0]),
    h("label", {}, "y ", ui.dimensions[1]),
  );
  ui.save = h(
    "details",
    { class: "menu" },
    h(
      "summary",
      { class: "button icon-button", "aria-label": "Save pictures and options", title: "Save pictures and options" },
      icon("save"),
    ),
    h(
      "div",
      { class: "menu-list" },
      ...SAVES.map(([what, text]) =>
        h(
          "button",
          {
            type: "button",
            class: "menu-item",
            "data-save": what,
            onclick: () => {
              on.save(what);
              ui.save.open = false;
            },
          },
          text,
        ),
      ),
      h(
        "button",
        {
          type: "button",
          class: "menu-item",
          onclick: () => {
            on.logSteps();
            ui.save.open = false;
          },
        },
        "curves: linear or logarithmic steps",
      ),
    ),
  );
  ui.present = iconButton("present", "Projector: the world and one curve, large (p)", on.present, {
    class: "button icon-button present-button",
    "aria-pressed": "false",
  });
  ui.world = h("div", { class: "world" });
  ui.film = h(
    "button",
    {
      type: "button",
      class: "button small film-button",
      "aria-pressed": "false",
      title: "Film: the policy of this step walks its world (f)",
    },
    "film",
  );
  ui.filmBar = h("div", { class: "film", role: "group", "aria-label": "Film", hidden: true });
  ui.curves = h("div", { class: "curves", role: "group", "aria-label": "Curves over the steps" });
  ui.outcome = h("div", { class: "outcome", hidden: true });
  ui.panel = h(
    "select",
    { class: "panel-picker", "aria-label": "Which curve is shown", onchange: () => on.panel(ui.panel.value) },
    ...PANELS.map((panel) => h("option", { value: panel.key }, panel.title)),
  );
  const views = [
    ["curves", false],
    ["outcome", true],
  ].map(([text, value]) =>
    h(
      "button",
      { type: "button", class: "tab", role: "radio", "aria-checked": String(!value), onclick: () => on.outcome(value) },
      text,
    ),
  );
  ui.views = h(
    "div",
    { class: "tabs views", role: "radiogroup", "aria-label": "Curves or outcome against the axis", hidden: true },
    ...views,
  );
  ui.showOutcome = (shown, possible, drawn) => {
    ui.views.hidden = !possible;
    for (const item of ui.save.querySelectorAll('[data-save^="outcome"]')) item.hidden = !drawn;
    views.forEach((view, i) => view.setAttribute("aria-checked", String(Boolean(i) === shown)));
    ui.outcome.hidden = !shown;
    ui.curves.classList.toggle("covered", shown);
  };
  ui.inspector = h("section", { class: "inspector", "aria-label": "Selected state" });
  ui.notices = h("section", { class: "notices", "aria-label": "State of the run and alarms" });
  ui.live = h("p", { class: "spoken", role: "status", "aria-live": "polite" });
  root.replaceChildren(
    ui.top,
    ui.transport,
    h(
      "div",
      { class: "main" },
      h(
        "section",
        { class: "world-panel", "aria-label": "World" },
        h("div", { class: "bar-line" }, ui.tabs, h("div", { class: "tools" }, ui.film, ui.many, ui.present, ui.save)),
        ui.world,
        ui.filmBar,
        ui.axes,
      ),
      h(
        "section",
        { class: "curves-panel", "aria-label": "Curves" },
        h("div", { class: "bar-line views-line" }, ui.views, ui.panel),
        h("div", { class: "curves-box" }, ui.curves, ui.outcome),
      ),
    ),
    h("div", { class: "below" }, ui.inspector, ui.notices),
    ui.live,
  );
  // A radio group is one stop of the tab key; arrows would move within it, but here they belong to the timeline.
  root.setAttribute("tabindex", "-1");
  return ui;
}

export function fillPickers(ui, store, label) {
  const { members, layout } = store.hello;
  ui.member.hidden = members.length < 2;
  ui.member.replaceChildren(...members.map((_, i) => h("option", { value: String(i) }, label(i) || `model ${i + 1}`)));
  ui.member.value = String(store.view.member);
  const plane = layout?.kind === "plane" && layout.names.length > 2;
  ui.axes.hidden = !plane;
  ui.dimensions.forEach((select, i) => {
    if (!plane) return;
    select.replaceChildren(...layout.names.map((name, d) => h("option", { value: String(d) }, name)));
    select.value = String([layout.x ?? 0, layout.y ?? 1][i]);
  });
}

export function markTabs(ui, store, frame) {
  for (const tab of ui.tabs.children) {
    const mode = MODES.find(({ key }) => key === tab.dataset.mode);
    const missing = availability(store, mode, frame);
    const checked = String(mode.key === store.view.mode);
    if (tab.getAttribute("aria-checked") !== checked) tab.setAttribute("aria-checked", checked);
    if (mode.key === "ghost") tab.hidden = !store.ghost;
    if (tab.disabled !== Boolean(missing)) {
      tab.disabled = Boolean(missing);
      tab.title = missing ? `${mode.title} (${missing})` : mode.title;
    }
  }
  const many = String(store.view.many);
  ui.many.hidden = store.groups.length < 2;
  if (ui.many.dataset.shown !== many) {
    ui.many.dataset.shown = many;
    ui.many.setAttribute("aria-pressed", many);
    const text = store.view.many ? "Show one world" : "Show all worlds";
    ui.many.setAttribute("aria-label", text);
    ui.many.title = text;
    ui.many.replaceChildren(icon(store.view.many ? "one" : "many"));
  }
}
