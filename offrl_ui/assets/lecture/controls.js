// What the viewer moves: sliders, choices, switches, the play bar, and the named settings.

/** @import { Env } from "./drawing.d.ts" */
/** @import { Description } from "../shared/element.d.ts" */
/** @import { Control, Play, Preset, Scene, State, Value } from "./protocol.d.ts" */

import { icon } from "../shared/dom.js";
import { v } from "../shared/patch.js";
import { isShown, POSITIONS, positionOf, valueAt, valueText } from "./values.js";

/** @type {Map<string, string>} */
const icons = new Map();

/** @param {Parameters<typeof icon>[0]} name */
function iconOf(name) {
  const known = icons.get(name) ?? icon(name).outerHTML;
  icons.set(name, known);
  return known;
}

/**
 * What the kinds of control share: its id, its name, and what stands below it.
 *
 * @param {Control} control
 * @param {Env} env
 */
function common(control, env) {
  const id = `control-${control.name}`;
  const disabled = env.frozen(control.name);
  const refusal = env.refusal?.name === control.name ? env.refusal.message : "";
  const name = v(
    "span",
    {
      class: "control-name",
      id: `${id}-name`,
      title: control.help_text,
      onclick: (event) => {
        event.preventDefault();
        env.help(control.name);
      },
    },
    control.symbol && v("span", { class: "symbol", html: control.symbol }),
    v("span", { html: control.label }),
    disabled && v("span", { class: "lock", title: "fixed by the link" }, "fixed"),
  );
  // The sentence of help: read out with the control, and shown on a click on the name or by "?".
  const helped = env.helped === control.name;
  const notes = [
    v("p", { class: helped ? "help" : "unseen", id: `${id}-help`, html: control.help }),
    refusal && v("p", { class: "refusal", role: "alert" }, refusal),
  ];
  /** @type {(event: KeyboardEvent) => void} */
  const onkeydown = (event) => {
    if (event.key !== "?") return;
    event.preventDefault();
    env.help(control.name);
  };
  const asking = { "aria-describedby": `${id}-help`, onkeydown };
  const set = (/** @type {Value} */ value, final = true, exact = false) =>
    env.set({ [control.name]: value }, final, exact);
  return { id, disabled, name, notes, asking, set };
}

/** @param {Control} control @param {Value} value @param {Env} env */
function controlRow(control, value, env) {
  if (typeof value === "boolean") return switched(control, value, env);
  if (typeof value === "number") return slider(control, value, env);
  return control.widget === "select" ? select(control, value, env) : segments(control, value, env);
}

/** @param {Control} control @param {boolean} checked @param {Env} env */
function switched(control, checked, env) {
  const { id, disabled, name, notes, asking, set } = common(control, env);
  return v(
    "div",
    { class: "control toggle", key: control.name },
    v(
      "label",
      {},
      v("input", {
        type: "checkbox",
        role: "switch",
        ...{ id, checked, disabled, ...asking },
        onchange: (event) => set(event.currentTarget.checked),
      }),
      v("span", { class: "switch", "aria-hidden": "true" }),
      name,
    ),
    notes,
  );
}

/** @param {Control} control @param {number} value @param {Env} env */
function slider(control, value, env) {
  const { id, disabled, name, notes, asking, set } = common(control, env);
  const log = control.scale === "log";
  const [min, max] = log ? [0, POSITIONS] : [control.low, control.high];
  const position = positionOf(control, value);
  const text = valueText(control, value);
  const reset = () => set(control.default);
  return v(
    "div",
    { class: "control", key: control.name },
    v(
      "div",
      { class: "control-head" },
      v("label", { for: id }, name),
      v(
        "output",
        { class: value !== control.default ? "changed" : "", ondblclick: reset, title: "double click: default" },
        text,
        control.unit && v("span", { class: "unit" }, ` ${control.unit}`),
      ),
    ),
    v("input", {
      type: "range",
      key: id,
      ...{ id, min, max, disabled, ...asking },
      step: log ? 1 : (control.step ?? "any"),
      value: String(position),
      style: `--at:${(100 * (position - min)) / (max - min)}%`,
      "aria-valuetext": `${text} ${control.unit}`.trim(),
      oninput: (event) => set(valueAt(control, event.currentTarget.valueAsNumber), false),
      onchange: (event) => set(valueAt(control, event.currentTarget.valueAsNumber)),
      ondblclick: reset,
    }),
    control.special.length > 0 &&
      v(
        "div",
        { class: "specials" },
        control.special.map(([at, word]) =>
          v("button", { type: "button", class: "chip", disabled, onclick: () => set(at, true, true) }, word),
        ),
      ),
    notes,
  );
}

/** @param {Control} control @param {string} value @param {Env} env */
function select(control, value, env) {
  const { id, disabled, name, notes, asking, set } = common(control, env);
  return v(
    "div",
    { class: "control pick", key: control.name },
    v("label", { for: id }, name),
    v(
      "select",
      { id, value, disabled, ...asking, onchange: (event) => set(event.currentTarget.value) },
      control.choices.map(([c, , text]) => v("option", { value: c, selected: c === value }, text)),
    ),
    notes,
  );
}

/** @param {Control} control @param {string} value @param {Env} env */
function segments(control, value, env) {
  const { id, disabled, name, notes, asking, set } = common(control, env);
  return v(
    "div",
    {
      class: disabled ? "control choice frozen" : "control choice",
      key: control.name,
      role: "radiogroup",
      "aria-labelledby": `${id}-name`,
      ...asking,
    },
    name,
    control.choices.map(([c, label]) =>
      v(
        "label",
        { class: c === value ? "segment chosen" : "segment" },
        v("input", {
          type: "radio",
          name: `${env.uid}-${control.name}`,
          value: c,
          checked: c === value,
          disabled,
          onchange: () => set(c),
        }),
        v("span", { html: label }),
      ),
    ),
    notes,
  );
}

/** @param {Play} play @param {Control} control @param {number} value @param {Env} env */
function playBar(play, control, value, env) {
  const button = (
    /** @type {"first" | "live"} */ name,
    /** @type {string} */ label,
    /** @type {() => void} */ onclick,
    /** @type {boolean} */ disabled,
  ) => {
    const look = { class: "round", "aria-label": label, title: label, html: iconOf(name) };
    return v("button", { type: "button", ...look, onclick, disabled });
  };
  return v(
    "div",
    { class: "play", key: "play", role: "group", "aria-label": play.label },
    button("first", "Back to the start", () => env.set({ [control.name]: control.low }, true), value <= control.low),
    v(
      "button",
      { type: "button", class: "primary", onclick: env.playing ? env.pause : env.play },
      v("span", { html: iconOf(env.playing ? "pause" : "play") }),
      env.playing ? "Pause" : play.label,
    ),
    button("live", "One step", () => env.nudge(control.name, play.stride), value >= control.high),
  );
}

/** @param {readonly Preset[]} list @param {State} state @param {Env} env */
function presets(list, state, env) {
  return v(
    "div",
    { class: "presets", key: "presets", role: "group", "aria-label": "settings worth seeing" },
    list.map(({ label, values }) => {
      const same = Object.entries(values).every(([name, value]) => state[name] === value);
      return v(
        "button",
        {
          type: "button",
          class: same ? "chip chosen" : "chip",
          "aria-pressed": String(same),
          onclick: () => env.set(values, true, true),
        },
        v("span", { html: label }),
      );
    }),
  );
}

/** @param {Scene} scene @param {State} state @param {Env} env @returns {Description} */
export function controls(scene, state, env) {
  const { play, refusal } = { ...scene, refusal: env.refusal };
  const shown = scene.controls.filter((c) => c.widget !== "none");
  const rows = shown
    .filter((c) => !env.hidden(c.name) && isShown(c, state))
    .map((c) => controlRow(c, state[c.name], env));
  const lost = refusal && !shown.some((c) => c.name === refusal.name);
  const played = play && !env.hidden(play.control) && scene.controls.find((c) => c.name === play.control);
  const reset = { class: "chip reset", key: "reset", title: "Reset", "aria-label": "Reset" };
  return v(
    "section",
    { class: "controls", "aria-label": "controls" },
    v(
      "div",
      { class: "bar", key: "bar" },
      play && played && playBar(play, played, Number(state[played.name]), env),
      v(
        "button",
        { type: "button", ...reset, onclick: env.reset },
        v("span", { html: iconOf("reset") }),
        v("span", { class: "reset-word" }, "Reset"),
      ),
      // Settings worth seeing would give the answer away.
      env.revealed && scene.presets.length > 0 && presets(scene.presets, state, env),
    ),
    rows,
    lost && v("p", { class: "refusal", role: "alert" }, refusal.message),
  );
}
