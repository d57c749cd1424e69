// A small run as messages: two lanes or one, a grid of 2 × 3 cells, frames with numbers that can be reckoned by hand.

import { Store } from "../../offrl_ui/assets/run/store.js";

export const THEME = {
  dark: false,
  background: "rgb(255,255,255)",
  surface: "rgb(245,246,248)",
  text: "rgb(31,36,48)",
  muted: "rgb(110,113,122)",
  faint: "rgb(190,191,196)",
  line: "rgb(224,225,226)",
  wall: "rgb(226,227,228)",
  accent: "rgb(52,87,213)",
  warning: "#b45309",
  font: "sans-serif",
  actions: ["#0072b2", "#d98200"],
  lanes: ["#3457d5", "#c2410c", "#0f8a6b", "#9333a8"],
  series: ["#1f6fb4", "#d2691e", "#0f8a6b", "#8e4bb0", "#6b6b6b"],
};

export const RHO = { name: "rho", symbol: "\\rho", scale: "linear", value: 0, live: true };

// Arrays of numbers become one payload, described by `fields`.
export function binary(kind, header, arrays) {
  const fields = [];
  const parts = [];
  let offset = 0;
  for (const [name, { shape, data, dtype = "f4" }] of Object.entries(arrays)) {
    const Type = { f4: Float32Array, i4: Int32Array, b1: Uint8Array, u1: Uint8Array }[dtype];
    const bytes = new Uint8Array(Type.from(data).buffer);
    fields.push({ name, dtype, shape, offset });
    parts.push([offset, bytes]);
    offset += Math.ceil(bytes.length / 4) * 4;
  }
  const buffer = new ArrayBuffer(offset);
  for (const [at, bytes] of parts) new Uint8Array(buffer).set(bytes, at);
  return { kind, header: { kind, ...header, fields }, payload: { buffer, start: 0 } };
}

const METRICS = [
  { name: "return", panel: "return", unit: "reward", title: "true return" },
  { name: "q_data", panel: "q", unit: "reward", title: "Q on data pairs" },
  { name: "loss_td", panel: "loss", unit: "reward²", title: "Q loss" },
];

// `values` of the members, all on one lane unless `lanes` says otherwise.
export function hello({ members = [{ seed: 0 }], lanes, metrics = METRICS, truth = {}, ...more } = {}) {
  return {
    type: "hello",
    protocol: 1,
    run: { id: "run", key: "key", title: "", private: false, parent: null, config: { dataset: "toy" } },
    layout: {
      kind: "grid",
      rows: 2,
      cols: 3,
      cells: "S.#..G",
      state_of_cell: [0, 1, -1, 2, 3, 4],
      directions: [
        [0, -1],
        [0, 1],
      ],
      labels: [["G", "goal"]],
    },
    states: 5,
    actions: ["left", "right"],
    members: members.map((member, index) => ({ index, lane: 0, label: "", values: {}, ...member })),
    lanes: lanes ?? [
      { algorithm: "bcq", title: "BCQ", approximator: "table", equation: "", hyperparameters: [{ ...RHO }] },
    ],
    metrics,
    truth: { behavior: 0.2, optimal: 1, in_support: 1, q_bound: 1, gamma: 0.9, ...truth },
    initial_states: [0],
    film: { why_not: "nothing to film" },
    ...more,
  };
}

export const known = () =>
  binary(
    "static",
    {},
    {
      counts: { shape: [5, 2], dtype: "i4", data: [3, 1, 0, 2, 4, 0, 1, 1, 0, 0] },
      terminal: { shape: [5], dtype: "b1", data: [0, 0, 0, 0, 1] },
      q_star: { shape: [5, 2], data: [0, 1, 0.5, 0.25, 0, 0, 0, 0, 0, 0] },
    },
  );

// Metrics of all members, and Q and the policy of one.
export function frame(step, metrics, { member = 0, q = 0, seq = step } = {}) {
  const table = { shape: [5, 2] };
  return binary(
    "frame",
    { step, seq, member },
    {
      metrics: { shape: [metrics.length, metrics[0].length], data: metrics.flat() },
      q: { ...table, data: Array.from({ length: 10 }, (_, i) => q + i) },
      policy: { ...table, data: Array.from({ length: 10 }, (_, i) => (i % 2 ? 0.75 : 0.25)) },
    },
  );
}

export function store(options, frames = []) {
  const made = new Store();
  made.begin(hello(options));
  made.setStatic(known());
  for (const one of frames) made.addFrames(one);
  return made;
}
