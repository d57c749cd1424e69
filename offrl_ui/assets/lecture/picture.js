// A picture's frame: title, warning, legend, drawing, caption, hover numbers and text alternative.

import { v, patch } from "../shared/patch.js";
import { amount } from "./axes.js";
import { drawLines } from "./charts.js";
import { drawBars, drawNumberLine } from "./bars.js";
import { drawHeat, drawPlane } from "./maps.js";
import { drawGrid } from "./grid.js";
import { drawBoard, drawChecks, drawCode, drawEquation, drawNumbers, drawTable, drawWords } from "./words.js";

const DRAWINGS = {
  lines: drawLines,
  bars: drawBars,
  "number-line": drawNumberLine,
  heat: drawHeat,
  grid: drawGrid,
  plane: drawPlane,
};
const MAPS = new Set(["heat", "grid", "plane"]);
const WORDS = {
  equation: drawEquation,
  numbers: drawNumbers,
  checks: drawChecks,
  table: drawTable,
  code: drawCode,
  board: drawBoard,
  words: drawWords,
};

// Whether a picture of this kind is a drawing that fills the room it gets.
export const drawnKind = (kind) => kind in DRAWINGS || kind === "panels";

// The frame of one picture. `env`: theme, colour(role), control(name), frozen(name), set(values, final), nudge(name, steps), em, watch(element).
export function figure(name, picture, env, { covered = false, width = 1 } = {}) {
  const id = `picture-${name}`;
  const words = WORDS[picture.kind];
  const [legend, ...body] = covered
    ? [null]
    : picture.kind === "panels"
      ? panels(picture, env, name)
      : words
        ? [null, ...words(picture, env)]
        : plot(name, picture, env);
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
        v("p", {}, "Commit to a prediction to see this."),
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

const named = (axis) =>
  axis &&
  axis.label &&
  v("span", { html: axis.unit ? `${axis.label} <span class="unit">(${axis.unit})</span>` : axis.label });

function plot(name, picture, env) {
  const axes = picture.bare
    ? {}
    : { x: picture.x ?? picture.axis, y: picture.kind === "number-line" ? null : picture.y };
  const draw = (element) => drawPlot(element, name, picture, env);
  return [
    // A map fills its legend when it has been drawn: the limits of its colours come from the data.
    MAPS.has(picture.kind)
      ? v("div", { class: "legend", key: "legend", draw: () => {} })
      : v(
          "div",
          { class: "legend", key: "legend" },
          axes.y && v("span", { class: "y-label", key: "y" }, named(axes.y)),
          legend(picture, env),
        ),
    v("div", { class: "plot", key: "plot", draw }),
    axes.x && picture.kind !== "bars" && v("div", { class: "x-label", key: "x" }, named(axes.x)),
  ];
}

const swatch = (colour, kind) =>
  v("span", { class: `swatch ${kind}`, style: `--swatch:${colour}`, "aria-hidden": "true" });

// One colour, or a stripe for each category's own.
function stripes(bar, env) {
  if (!bar.colors.length) return env.colour(bar.color);
  const share = 100 / bar.colors.length;
  return `linear-gradient(90deg,${bar.colors.map((c, i) => `${env.colour(c)} ${i * share}% ${(i + 1) * share}%`).join(",")})`;
}

function legend(picture, env) {
  const items = [];
  if (picture.kind === "lines" && picture.legend) {
    const bands = new Set();
    for (const line of picture.lines) {
      // On a projector a name at the curve's end is enough.
      if (line.name && !(env.present && line.label.length))
        items.push(
          v(
            "span",
            { class: "item" },
            swatch(env.colour(line.color), line.dash ? "dashed" : line.mode === "points" ? "dot" : "stroke"),
            v("span", { html: line.name }),
          ),
        );
      if (line.band && line.band_name) bands.add(line.band_name);
    }
    for (const band of bands)
      items.push(v("span", { class: "item" }, swatch(env.colour("muted"), "area"), v("span", { html: band })));
  }
  if (picture.kind === "bars" && picture.legend) {
    for (const bar of picture.bars) {
      if (bar.name)
        items.push(v("span", { class: "item" }, swatch(stripes(bar, env), "box"), v("span", { html: bar.name })));
    }
    const exact = picture.bars.find((b) => b.targets.length);
    if (exact)
      items.push(
        v(
          "span",
          { class: "item" },
          swatch(env.colour("truth"), "dashed"),
          v("span", { html: exact.target_name || "exact" }),
        ),
      );
  }
  return items;
}

function mapLegend(info) {
  const items = [];
  if (info.stops) {
    items.push(
      v(
        "span",
        { class: "item" },
        v("span", { html: info.name }),
        v("span", {}, amount(info.low, "", 3)),
        v("span", { class: "ramp", style: `background:linear-gradient(90deg,${info.stops.join(",")})` }),
        v("span", {}, amount(info.high, info.unit, 3)),
      ),
    );
  }
  if (info.hatch) items.push(v("span", { class: "item" }, v("span", { class: "swatch hatch" }), "not in the data"));
  for (const path of info.paths ?? [])
    items.push(
      v(
        "span",
        { class: "item" },
        swatch(path.colour, path.dash ? "dashed" : "stroke"),
        v("span", { html: path.name }),
      ),
    );
  for (const [sign, meaning] of info.signs ?? [])
    items.push(v("span", { class: "item" }, v("b", {}, sign), ` ${meaning}`));
  return items;
}

function drawPlot(element, name, picture, env) {
  env.watch(element);
  const [width, height] = [element.clientWidth, element.clientHeight];
  if (width < 20 || height < 20) return;
  // A slider moves many times before its answer comes: what is drawn already is left alone.
  const sign = `${width}|${height}|${env.look}`;
  if (element.offrlPicture === picture && element.offrlSign === sign) return;
  element.offrlPicture = picture;
  element.offrlSign = sign;
  const mini = element.classList.contains("mini");
  const em = env.em * 0.88;
  const svgOf = () => element.querySelector("svg");
  const ctx = {
    ...env,
    id: name,
    width,
    height,
    em,
    mini,
    memory: (element.offrlMemory ??= new Map()),
    pointer: (event) => {
      const box = svgOf().getBoundingClientRect();
      return [event.clientX - box.left, event.clientY - box.top];
    },
    drag: (event, move) => startDrag(event, svgOf(), move),
  };
  const drawn = DRAWINGS[picture.kind](picture, ctx);
  const nodes = drawn.nodes
    .flat(3)
    .filter(Boolean)
    .map((node) => (hasRole(node) ? node : { ...node, props: { ...node.props, "aria-hidden": "true" } }));
  const leave = () => patch(element.querySelector(".tip-place"), []);
  patch(element, [
    drawn.paint &&
      v("canvas", {
        key: "canvas",
        "aria-hidden": "true",
        draw: (canvas) => paint(canvas, width, height, drawn.paint),
      }),
    v(
      "svg",
      {
        key: "svg",
        width,
        height,
        viewBox: `0 0 ${width} ${height}`,
        style: `font-size:${em}px`,
        role: "group",
        "aria-label": "drawing",
        onpointermove: (event) => hover(event, element, ctx, drawn.probe),
        onpointerleave: leave,
      },
      nodes,
    ),
    v("div", { key: "tip", class: "tip-place", draw: () => {} }),
  ]);
  if (drawn.legend) {
    const place = element.parentNode.querySelector(":scope > .head > .legend");
    if (place)
      patch(place, [
        picture.y && !picture.bare && v("span", { class: "y-label", key: "y" }, named(picture.y)),
        mapLegend(drawn.legend),
      ]);
  }
}

const hasRole = (node) => Boolean(node.props?.role || node.children?.some(hasRole));

function paint(canvas, width, height, draw) {
  const ratio = devicePixelRatio || 1;
  if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
    canvas.style.width = `${width}px`;
    canvas.style.height = `${height}px`;
  }
  const pen = canvas.getContext("2d");
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  pen.clearRect(0, 0, width, height);
  draw(pen, ratio);
}

function startDrag(event, svg, move) {
  if (event.button > 0) return;
  event.preventDefault();
  event.currentTarget.focus?.({ preventScroll: true });
  const pointer = event.pointerId;
  svg.setPointerCapture(pointer);
  svg.classList.add("dragging");
  const ondrag = (e) => e.pointerId === pointer && move(e, false);
  const end = (e) => {
    if (e.pointerId !== pointer) return;
    svg.removeEventListener("pointermove", ondrag);
    svg.removeEventListener("pointerup", end);
    svg.removeEventListener("pointercancel", end);
    svg.classList.remove("dragging");
    move(e, true);
  };
  svg.addEventListener("pointermove", ondrag);
  svg.addEventListener("pointerup", end);
  svg.addEventListener("pointercancel", end);
  move(event, false);
}

function hover(event, element, ctx, probe) {
  const [px, py] = ctx.pointer(event);
  const found = event.buttons ? null : probe?.(px, py);
  const place = element.querySelector(".tip-place");
  if (!found) {
    patch(place, []);
    return;
  }
  const left = found.x > ctx.width * 0.55;
  const away = left ? `right:${(ctx.width - found.x + 12).toFixed(0)}px` : `left:${(found.x + 12).toFixed(0)}px`;
  patch(place, [
    found.overlay?.length > 0 &&
      v(
        "svg",
        { class: "overlay", width: ctx.width, height: ctx.height, viewBox: `0 0 ${ctx.width} ${ctx.height}` },
        found.overlay,
      ),
    found.line !== false &&
      v("div", {
        class: "crosshair",
        style: `left:${found.x}px;top:${found.top}px;height:${found.bottom - found.top}px`,
      }),
    v(
      "div",
      { class: "tip", style: `${away};top:${Math.max(0, (found.y ?? py) - 20)}px` },
      v("div", { class: "tip-title", html: found.title }),
      found.rows.map((row) =>
        v(
          "div",
          { class: "tip-row" },
          swatch(row.colour, row.dash ? "dashed" : "box"),
          v("span", { class: "tip-name", html: row.name }),
          v("span", { class: "tip-value" }, row.text),
        ),
      ),
    ),
  ]);
}

// Small pictures with common axes: what their lines and edges mean is said once, above them.
function panels(picture, env, name) {
  // A panel stands for one control's value, or for several controls at once.
  const chosen = (panel) => (panel.sets.length ? Object.fromEntries(panel.sets) : { [picture.control]: panel.value });
  const { lines, x, y } = picture.panels[0].lines;
  const reach = (sign, axis) =>
    v(
      "span",
      { class: "item" },
      sign,
      v("span", { html: axis.label }),
      ` ${amount(axis.low, "", 3)} … ${amount(axis.high, axis.unit, 3)}${axis.scale === "linear" ? "" : ", log scale"}`,
    );
  return [
    v(
      "div",
      { class: "legend", key: "legend" },
      reach("↑ ", y),
      reach("→ ", x),
      legend({ kind: "lines", legend: true, lines: lines.map((line) => ({ ...line, label: "" })) }, env),
    ),
    v(
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
    ),
  ];
}
