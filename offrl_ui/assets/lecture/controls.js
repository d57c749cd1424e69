// What the viewer moves: sliders, choices, switches, the play bar, and the named settings.

import { v } from "../shared/patch.js";
import { number } from "../shared/format.js";
import { icon } from "../shared/dom.js";

const STEPS = 1000;
const ICONS = Object.fromEntries(
  ["play", "pause", "first", "live", "reset"].map((name) => [name, icon(name).outerHTML]),
);

// A value the control can take, nearest to `value`: within its limits and on its steps.
export function snap(control, value) {
  if (typeof control.default === "boolean" || control.choices.length) return value;
  let next = Math.min(Math.max(value, control.low), control.high);
  if (control.step) next = control.low + Math.round((next - control.low) / control.step) * control.step;
  else next = Number(next.toPrecision(3));
  next = Number(Math.min(Math.max(next, control.low), control.high).toPrecision(10));
  return control.integer ? Math.round(next) : next;
}

// `steps` steps further; on a logarithmic slider a step is a hundredth of the range.
export function nudged(control, value, steps) {
  if (control.scale !== "log")
    return snap(control, value + steps * (control.step ?? (control.high - control.low) / 200));
  return snap(
    { ...control, step: null },
    Math.exp(Math.log(value) + (steps / 100) * Math.log(control.high / control.low)),
  );
}

const plainHelp = (control) => control.help.replace(/<[^>]*>/g, "");

export const shown = (control, state) => !control.shown_if || control.shown_if[1].includes(state[control.shown_if[0]]);

const valueText = (control, value) => {
  const special = control.special.find(([at]) => at === value);
  if (special) return special[1];
  // As many decimals as the steps need, so that the text does not jump while sliding.
  const decimals =
    control.step && control.scale !== "log"
      ? Math.min(6, (String(Number(control.step.toPrecision(6))).split(".")[1] ?? "").length)
      : null;
  return decimals === null ? number(value, 3) : value.toFixed(decimals).replace("-", "−");
};

export function controlRow(control, state, env) {
  const value = state[control.name];
  const frozen = env.frozen(control.name);
  const refusal = env.refusal?.name === control.name ? env.refusal.message : "";
  const id = `control-${control.name}`;
  // The sentence of help: read out with the control, and shown on a click on the name or by "?".
  const help = v("p", { class: env.helped === control.name ? "help" : "unseen", id: `${id}-help`, html: control.help });
  const ask = (e) => {
    if (e.key === "?") {
      e.preventDefault();
      env.help(control.name);
    }
  };
  const name = v(
    "span",
    {
      class: "control-name",
      title: plainHelp(control),
      onclick: (e) => {
        e.preventDefault();
        env.help(control.name);
      },
    },
    control.symbol && v("span", { class: "symbol", html: control.symbol }),
    v("span", { html: control.label }),
    frozen && v("span", { class: "lock", title: "fixed by the link" }, "fixed"),
  );
  const note = refusal && v("p", { class: "refusal", role: "alert" }, refusal);
  if (typeof control.default === "boolean") {
    return v(
      "div",
      { class: "control toggle", key: control.name },
      v(
        "label",
        {},
        v("input", {
          type: "checkbox",
          role: "switch",
          id,
          checked: value,
          disabled: frozen,
          "aria-describedby": `${id}-help`,
          onkeydown: ask,
          onchange: (e) => env.set({ [control.name]: e.currentTarget.checked }, true),
        }),
        v("span", { class: "switch", "aria-hidden": "true" }),
        name,
      ),
      help,
      note,
    );
  }
  if (control.choices.length) return choice(control, value, frozen, name, [help, note], env, id, ask);
  const log = control.scale === "log";
  const position = log ? (STEPS * Math.log(value / control.low)) / Math.log(control.high / control.low) : value;
  const read = (e) =>
    log
      ? control.low * (control.high / control.low) ** (e.currentTarget.valueAsNumber / STEPS)
      : e.currentTarget.valueAsNumber;
  const changed = value !== control.default;
  const text = valueText(control, value);
  return v(
    "div",
    { class: "control", key: control.name },
    v(
      "div",
      { class: "control-head" },
      v("label", { for: id }, name),
      v(
        "output",
        {
          class: changed ? "changed" : "",
          ondblclick: () => env.set({ [control.name]: control.default }, true),
          title: "double click: default",
        },
        text,
        control.unit && v("span", { class: "unit" }, ` ${control.unit}`),
      ),
    ),
    v("input", {
      type: "range",
      id,
      key: id,
      min: log ? 0 : control.low,
      max: log ? STEPS : control.high,
      step: log ? 1 : (control.step ?? "any"),
      value: String(position),
      disabled: frozen,
      style: `--at:${(100 * (position - (log ? 0 : control.low))) / (log ? STEPS : control.high - control.low)}%`,
      "aria-valuetext": `${text} ${control.unit}`.trim(),
      "aria-describedby": `${id}-help`,
      onkeydown: ask,
      oninput: (e) => env.set({ [control.name]: read(e) }, false),
      onchange: (e) => env.set({ [control.name]: read(e) }, true),
      ondblclick: () => env.set({ [control.name]: control.default }, true),
    }),
    control.special.length > 0 &&
      v(
        "div",
        { class: "specials" },
        control.special.map(([at, name]) =>
          v(
            "button",
            {
              type: "button",
              class: "chip",
              disabled: frozen,
              onclick: () => env.set({ [control.name]: at }, true, true),
            },
            name,
          ),
        ),
      ),
    help,
    note,
  );
}

function choice(control, value, frozen, name, notes, env, id, ask) {
  if (control.widget === "select") {
    return v(
      "div",
      { class: "control pick", key: control.name },
      v("label", { for: id }, name),
      v(
        "select",
        {
          id,
          value,
          disabled: frozen,
          "aria-describedby": `${id}-help`,
          onkeydown: ask,
          onchange: (e) => env.set({ [control.name]: e.currentTarget.value }, true),
        },
        control.choices.map(([c, label]) =>
          v("option", { value: c, selected: c === value }, label.replace(/<[^>]*>/g, "")),
        ),
      ),
      notes,
    );
  }
  return v(
    "div",
    {
      class: frozen ? "control choice frozen" : "control choice",
      key: control.name,
      role: "radiogroup",
      "aria-labelledby": `${id}-name`,
      "aria-describedby": `${id}-help`,
      onkeydown: ask,
    },
    { ...name, props: { ...name.props, id: `${id}-name` } },
    control.choices.map(([c, label]) =>
      v(
        "label",
        { class: c === value ? "segment chosen" : "segment" },
        v("input", {
          type: "radio",
          name: `${env.uid}-${control.name}`,
          value: c,
          checked: c === value,
          disabled: frozen,
          onchange: () => env.set({ [control.name]: c }, true),
        }),
        v("span", { html: label }),
      ),
    ),
    notes,
  );
}

export function playBar(play, scene, state, env) {
  const control = scene.controls.find((c) => c.name === play.control);
  const value = state[control.name];
  const button = (name, label, onclick, disabled) =>
    v("button", {
      type: "button",
      class: "round",
      "aria-label": label,
      title: label,
      html: ICONS[name],
      onclick,
      disabled,
    });
  return v(
    "div",
    { class: "play", key: "play", role: "group", "aria-label": play.label },
    button("first", "Back to the start", () => env.set({ [control.name]: control.low }, true), value <= control.low),
    v(
      "button",
      { type: "button", class: "primary", onclick: env.playing ? env.pause : env.play },
      v("span", { html: ICONS[env.playing ? "pause" : "play"] }),
      env.playing ? "Pause" : play.label,
    ),
    button("live", "One step", () => env.nudge(control.name, play.stride), value >= control.high),
  );
}

export function presets(scene, state, env) {
  if (!scene.presets.length) return null;
  const same = (values) => Object.entries(values).every(([k, value]) => state[k] === value);
  return v(
    "div",
    { class: "presets", key: "presets", role: "group", "aria-label": "settings worth seeing" },
    scene.presets.map((p) =>
      v(
        "button",
        {
          type: "button",
          class: same(p.values) ? "chip chosen" : "chip",
          "aria-pressed": same(p.values) ? "true" : "false",
          onclick: () => env.set(p.values, true, true),
        },
        v("span", { html: p.label }),
      ),
    ),
  );
}

export function controls(scene, state, env) {
  const rows = scene.controls
    .filter((c) => c.widget !== "none" && !env.hidden(c.name) && shown(c, state))
    .map((c) => controlRow(c, state, env));
  const lost =
    env.refusal &&
    !scene.controls.some((c) => c.name === env.refusal.name && c.widget !== "none") &&
    v("p", { class: "refusal", role: "alert" }, env.refusal.message);
  // Settings worth seeing would give the answer away.
  return v(
    "section",
    { class: "controls", "aria-label": "controls" },
    v(
      "div",
      { class: "bar", key: "bar" },
      scene.play && !env.hidden(scene.play.control) && playBar(scene.play, scene, state, env),
      v(
        "button",
        {
          type: "button",
          class: "chip reset",
          key: "reset",
          title: "Reset",
          "aria-label": "Reset",
          onclick: env.reset,
        },
        v("span", { html: ICONS.reset }),
        v("span", { class: "reset-word" }, "Reset"),
      ),
      env.revealed && presets(scene, state, env),
    ),
    rows,
    lost,
  );
}
