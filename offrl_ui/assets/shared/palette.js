// Colours, shapes and the hatch. Colour-blind safe: viridis for values, cividis for amounts, blue–orange around zero,
// and for actions the colours of Okabe & Ito (2008), darkened or lightened for the page, each with a shape of its own.

const VIRIDIS = [
  "#440154",
  "#482878",
  "#3e4989",
  "#31688e",
  "#26828e",
  "#1f9e89",
  "#35b779",
  "#6ece58",
  "#b5de2b",
  "#fde725",
];
const CIVIDIS = [
  "#00224e",
  "#123570",
  "#3b496c",
  "#575d6d",
  "#707173",
  "#8a8678",
  "#a59c74",
  "#c3b369",
  "#e1cc55",
  "#fee838",
];
const DIVERGING_LIGHT = [
  "#0b3c7d",
  "#1f6fb4",
  "#6aaed6",
  "#b9d6ea",
  "#f3f2f0",
  "#f8d3ab",
  "#f2a057",
  "#d2691e",
  "#8a3a06",
];
const DIVERGING_DARK = [
  "#9ccdf2",
  "#5ba7dd",
  "#3179b3",
  "#2a4c69",
  "#2c3036",
  "#66472d",
  "#ad6a28",
  "#e58f3c",
  "#ffc486",
];

function ramp(stops) {
  const rgb = stops.map(parse);
  const table = new Uint8ClampedArray(256 * 3);
  for (let i = 0; i < 256; i++) {
    const at = (i / 255) * (rgb.length - 1);
    const k = Math.min(Math.floor(at), rgb.length - 2);
    for (let c = 0; c < 3; c++) table[3 * i + c] = rgb[k][c] + (at - k) * (rgb[k + 1][c] - rgb[k][c]);
  }
  const css = Array.from({ length: 256 }, (_, i) => `rgb(${table[3 * i]},${table[3 * i + 1]},${table[3 * i + 2]})`);
  return { table, css };
}

export function parse(colour) {
  if (colour.startsWith("#")) {
    const hex = colour.length === 4 ? [...colour.slice(1)].map((d) => d + d).join("") : colour.slice(1, 7);
    return [0, 2, 4].map((i) => parseInt(hex.slice(i, i + 2), 16));
  }
  const numbers = colour.match(/[\d.]+/g);
  return numbers && numbers.length >= 3 ? numbers.slice(0, 3).map(Number) : [128, 128, 128];
}

export function withAlpha(colour, alpha) {
  return `rgba(${parse(colour).join(",")},${alpha})`;
}

export function mix(a, b, share) {
  const [x, y] = [parse(a), parse(b)];
  return `rgb(${x.map((value, i) => Math.round(value + (y[i] - value) * share)).join(",")})`;
}

export const luminance = (colour) => {
  const [r, g, b] = parse(colour);
  return (0.2126 * r + 0.7152 * g + 0.0722 * b) / 255;
};

const RAMPS = { value: ramp(VIRIDIS), amount: ramp(CIVIDIS) };
const DIVERGING = { light: ramp(DIVERGING_LIGHT), dark: ramp(DIVERGING_DARK) };

// `kind`: value, amount or diverging.
export function rampOf(kind, dark) {
  return kind === "diverging" ? DIVERGING[dark ? "dark" : "light"] : RAMPS[kind];
}

const ACTIONS_LIGHT = [
  "#0072b2",
  "#d98200",
  "#008f68",
  "#b85c92",
  "#c44e00",
  "#3a9fd6",
  "#8a7a00",
  "#6b6b6b",
  "#6a4fb3",
  "#00a0a0",
];
const ACTIONS_DARK = [
  "#4aa8e0",
  "#f0a93a",
  "#2cc295",
  "#dd93bd",
  "#f07b3a",
  "#7cc7f0",
  "#d8cb3e",
  "#a6a6a6",
  "#b3a1ec",
  "#3ed0d0",
];
export const SHAPES = ["circle", "square", "triangle", "diamond", "down", "cross", "pentagon", "star"];

// Lines of lanes (algorithms side by side) and of the roles a curve can have.
const LANES_LIGHT = ["#3457d5", "#c2410c", "#0f8a6b", "#9333a8"];
// Series of a single run: blue, orange, green, purple, grey.
const SERIES_LIGHT = ["#1f6fb4", "#d2691e", "#0f8a6b", "#8e4bb0", "#6b6b6b"];
const SERIES_DARK = ["#62aee8", "#f5964b", "#3cc79f", "#c792e6", "#a6a6a6"];
const LANES_DARK = ["#8ea6ff", "#fb9a5c", "#4fd1a9", "#d69be6"];

// The look of the page, read from Streamlit's theme variables; without Streamlit, from the system's preference.
export function readTheme(host) {
  const style = getComputedStyle(host);
  const variable = (name, fallback) => {
    const value = style.getPropertyValue(name).trim();
    return value && value !== "unset" ? value : fallback;
  };
  const systemDark = matchMedia("(prefers-color-scheme: dark)").matches;
  const background = variable("--st-background-color", systemDark ? "#0f1318" : "#ffffff");
  const dark = luminance(resolve(host, background)) < 0.5;
  const text = resolve(host, variable("--st-text-color", dark ? "#e8eaed" : "#1f2430"));
  const page = resolve(host, background);
  return {
    dark,
    background: page,
    surface: resolve(host, variable("--st-secondary-background-color", dark ? "#181d24" : "#f5f6f8")),
    text,
    muted: mix(text, page, 0.38),
    faint: mix(text, page, 0.72),
    line: mix(text, page, 0.86),
    wall: mix(text, page, dark ? 0.84 : 0.87),
    accent: resolve(host, variable("--st-primary-color", dark ? "#8ea6ff" : "#3457d5")),
    warning: dark ? "#ffb454" : "#b45309",
    font: variable("--st-font", "system-ui, sans-serif"),
    actions: dark ? ACTIONS_DARK : ACTIONS_LIGHT,
    lanes: dark ? LANES_DARK : LANES_LIGHT,
    series: dark ? SERIES_DARK : SERIES_LIGHT,
  };
}

// Any CSS colour (names, hsl, color-mix) as rgb, by asking the browser.
function resolve(host, colour) {
  if (/^(#|rgb)/.test(colour)) return `rgb(${parse(colour).join(",")})`;
  const probe = document.createElement("span");
  probe.style.color = colour;
  host.append(probe);
  const value = getComputedStyle(probe).color;
  probe.remove();
  return `rgb(${parse(value).join(",")})`;
}

// Fixed colour of an action. Where actions form a grid (doses × doses), hue follows the row and depth the column.
export function actionColour(theme, action, actionGrid) {
  if (!actionGrid) return theme.actions[action % theme.actions.length];
  const [, cols] = actionGrid;
  const base = theme.actions[Math.floor(action / cols) % theme.actions.length];
  return mix(base, theme.background, 0.62 * (1 - (action % cols) / Math.max(cols - 1, 1)));
}

// A shape of `size` (radius) around (x, y) as a path of `ctx`.
export function shapePath(ctx, shape, x, y, size) {
  ctx.beginPath();
  const polygon = (n, turn, radius = size) => {
    for (let i = 0; i < n; i++) {
      const angle = turn + (2 * Math.PI * i) / n;
      ctx[i ? "lineTo" : "moveTo"](x + radius * Math.cos(angle), y + radius * Math.sin(angle));
    }
    ctx.closePath();
  };
  if (shape === "circle") ctx.arc(x, y, size * 0.92, 0, 2 * Math.PI);
  else if (shape === "square") polygon(4, Math.PI / 4, size * 1.1);
  else if (shape === "triangle") polygon(3, -Math.PI / 2, size * 1.1);
  else if (shape === "down") polygon(3, Math.PI / 2, size * 1.1);
  else if (shape === "diamond") polygon(4, 0, size * 1.1);
  else if (shape === "pentagon") polygon(5, -Math.PI / 2);
  else if (shape === "cross") {
    const t = size * 0.36;
    const points = [
      [-t, -size],
      [t, -size],
      [t, -t],
      [size, -t],
      [size, t],
      [t, t],
      [t, size],
      [-t, size],
      [-t, t],
      [-size, t],
      [-size, -t],
      [-t, -t],
    ];
    points.forEach(([dx, dy], i) => ctx[i ? "lineTo" : "moveTo"](x + dx, y + dy));
    ctx.closePath();
  } else {
    for (let i = 0; i < 10; i++) {
      const angle = -Math.PI / 2 + (Math.PI * i) / 5;
      const radius = i % 2 ? size * 0.45 : size * 1.05;
      ctx[i ? "lineTo" : "moveTo"](x + radius * Math.cos(angle), y + radius * Math.sin(angle));
    }
    ctx.closePath();
  }
}

// An arrow from the middle outwards, along (dx, dy) of unit length.
export function arrowPath(ctx, x, y, dx, dy, length, width) {
  const head = Math.min(length * 0.62, width * 2.6);
  const [px, py] = [-dy, dx];
  const shaft = length - head;
  const point = (along, across) => [x + dx * along + px * across, y + dy * along + py * across];
  const points = [
    point(0, width / 2),
    point(shaft, width / 2),
    point(shaft, width * 1.35),
    point(length, 0),
    point(shaft, -width * 1.35),
    point(shaft, -width / 2),
    point(0, -width / 2),
  ];
  ctx.beginPath();
  points.forEach(([px2, py2], i) => ctx[i ? "lineTo" : "moveTo"](px2, py2));
  ctx.closePath();
}

// The fixed sign of an action around (x, y): an arrow where it has a direction, else its shape, in its colour.
export function drawAction(ctx, action, layout, theme, [x, y], size) {
  ctx.fillStyle = actionColour(theme, action, layout.action_grid);
  const given = layout.directions?.[action];
  const [dx, dy] = !given ? [0, 0] : layout.kind === "grid" ? [given[1], given[0]] : [given[0], -given[1]];
  const norm = Math.hypot(dx, dy);
  if (norm) arrowPath(ctx, x - (dx / norm) * size, y - (dy / norm) * size, dx / norm, dy / norm, size * 2, size * 0.4);
  else shapePath(ctx, SHAPES[action % SHAPES.length], x, y, size * 0.75);
  ctx.fill();
}

// "Unseen" is a hatch and never a colour: light and dark strokes side by side, so that it reads on any colour beneath.
// Small cells get a finer hatch that covers more, so that what was seen stands out.
export function hatchStyle(ctx, theme, ratio, cell = 32) {
  const weave = hatchLines(theme, cell);
  if (ctx.hatch) return ctx.hatch(weave);
  const size = Math.max(Math.round(weave.pitch * ratio), 2);
  const tile = document.createElement("canvas");
  tile.width = tile.height = size;
  const pen = tile.getContext("2d");
  for (const { colour, width, shift } of weave.lines) {
    pen.strokeStyle = colour;
    pen.lineWidth = width * ratio;
    for (const offset of [-size, 0, size]) {
      pen.beginPath();
      pen.moveTo(offset + (shift - 2) * ratio, size + 2 * ratio);
      pen.lineTo(offset + shift * ratio + size + 2 * ratio, -2 * ratio);
      pen.stroke();
    }
  }
  const pattern = ctx.createPattern(tile, "repeat");
  pattern.setTransform(new DOMMatrix().scale(weave.pitch / size));
  return pattern;
}

function hatchLines(theme, cell) {
  if (cell >= 13) {
    return {
      pitch: 6,
      lines: [
        { colour: withAlpha(theme.background, 0.92), width: 1.15, shift: 1.1 },
        { colour: withAlpha(theme.text, 0.5), width: 1.15, shift: 0 },
      ],
    };
  }
  // The thin dark line keeps it a hatch where no colour lies beneath.
  return {
    pitch: 4,
    lines: [
      { colour: withAlpha(theme.background, 0.9), width: 2.15, shift: 0 },
      { colour: withAlpha(theme.text, 0.3), width: 0.7, shift: 0 },
    ],
  };
}
