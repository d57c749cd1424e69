// A picture's frame: title, warning, legend, drawing, caption and text alternative.

/** @import { Env } from "./drawing.d.ts" */
/** @import { Child } from "../shared/element.d.ts" */
/** @import { Drawing, Panel, Panels, Picture, Text } from "./protocol.d.ts" */

import { v } from "../shared/patch.js";
import { axisName, legend, legendOfPanels, yLabel } from "./legends.js";
import { drawPlot } from "./plot.js";
import { drawBoard, drawChecks, drawCode, drawEquation, drawNumbers, drawTable, drawWords } from "./words.js";

const WORDS = new Set(["equation", "numbers", "checks", "table", "code", "board", "words"]);

/** @param {Picture} picture @returns {picture is Text} */
const isText = (picture) => WORDS.has(picture.kind);

/** Whether a picture fills the room it gets. @param {Picture} picture */
export const fills = (picture) => !isText(picture);

/**
 * The frame of one picture.
 *
 * @param {string} name
 * @param {Picture} picture
 * @param {Env} env
 * @param {{ covered?: boolean, width?: number }} place
 */
export function figure(name, picture, env, { covered = false, width = 1 }) {
  const id = `picture-${name}`;
  const [legend, ...body] = covered ? [null] : contents(name, picture, env);
  return v(
    "figure",
    {
      key: name,
      class: `picture kind-${picture.kind} ${picture.height}${covered ? " covered" : ""}`,
      style: `flex: ${width} 1 0`,
      "aria-labelledby": id,
      "aria-describedby": covered ? null : `${id}-text`,
    },
    v("div", { class: "head", key: "head" }, v("h3", { id, html: picture.title }), legend),
    covered &&
      v(
        "div",
        { class: "cover" },
        v("span", { class: "question-mark", "aria-hidden": "true" }, "?"),
        v("p", {}, env.waiting ? "Waiting for the answer." : "Commit to a prediction to see this."),
      ),
    !covered &&
      picture.alarm &&
      v(
        "p",
        { class: "alarm", role: "status" },
        v("span", { class: "sign", "aria-hidden": "true" }, "⚠"),
        v("span", { html: picture.alarm }),
      ),
    body,
    !covered && picture.caption && v("figcaption", { html: picture.caption }),
    !covered && v("p", { id: `${id}-text`, class: "unseen alternative" }, picture.alt),
  );
}

/**
 * The legend of a picture, and what stands below it.
 * @param {string} name
 * @param {Picture} picture
 * @param {Env} env
 * @returns {Child[]}
 */
function contents(name, picture, env) {
  if (picture.kind === "panels") return [legendOfPanels(picture, env), panels(picture, env, name)];
  return isText(picture) ? [null, words(picture, env)] : plot(name, picture, env);
}

/** @param {Text} picture @param {Env} env */
function words(picture, env) {
  switch (picture.kind) {
    case "equation":
      return drawEquation(picture);
    case "numbers":
      return drawNumbers(picture);
    case "checks":
      return drawChecks(picture);
    case "table":
      return drawTable(picture);
    case "code":
      return drawCode(picture);
    case "board":
      return drawBoard(picture, env);
    case "words":
      return drawWords(picture);
  }
}

/** @param {string} name @param {Drawing} picture @param {Env} env @returns {Child[]} */
function plot(name, picture, env) {
  const bare = "bare" in picture && picture.bare;
  const x =
    bare || picture.kind === "grid" || picture.kind === "bars" ? null : "axis" in picture ? picture.axis : picture.x;
  // A map fills its legend when it has been drawn: the limits of its colours come from the data.
  const map = picture.kind === "heat" || picture.kind === "grid" || picture.kind === "plane";
  return [
    map
      ? v("div", { class: "legend", key: "legend", draw: () => {} })
      : v("div", { class: "legend", key: "legend" }, yLabel(picture), legend(picture, env)),
    v("div", { class: "plot", key: "plot", draw: (element) => drawPlot(element, name, picture, env) }),
    x && v("div", { class: "x-label", key: "x" }, axisName(x)),
  ];
}

/** Small pictures with common axes. @param {Panels} picture @param {Env} env @param {string} name */
function panels(picture, env, name) {
  // A panel stands for one control's value, or for several controls at once.
  const chosen = (/** @type {Panel} */ panel) =>
    panel.sets.length ? Object.fromEntries(panel.sets) : { [picture.control]: panel.value };
  return v(
    "div",
    { class: "panels", key: "panels", style: `--columns:${picture.columns}` },
    picture.panels.map((panel, i) =>
      v(
        "button",
        {
          type: "button",
          key: `panel-${i}`,
          class: `panel ${i === picture.selected ? "chosen" : ""}`,
          "aria-pressed": i === picture.selected ? "true" : "false",
          disabled: Object.keys(chosen(panel)).some((control) => env.frozen(control)),
          onclick: () => env.set(chosen(panel), true),
        },
        v("span", { class: "panel-name", html: panel.label }),
        v("span", {
          class: "plot mini",
          draw: (element) => drawPlot(element, `${name}-${i}`, panel.lines, { ...env, control: () => null }),
        }),
        panel.verdict && v("span", { class: `verdict ${panel.tone}`, html: panel.verdict }),
      ),
    ),
  );
}
