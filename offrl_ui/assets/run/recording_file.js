// A recording from anybody's disk. Nothing in it is trusted: it is unpacked up to a size, and every message is compared
// with what a viewer may receive before the stage sees any of it.

/** @import { Field } from "./protocol.d.ts" */

import { decode, fieldsOf, TYPES, unpackRecording } from "./wire.js";

export const MOST_PACKED = 100e6;
export const MOST_UNPACKED = 400e6;
const MOST_MESSAGES = 20_000;
const MOST_STATES = 1_000_000;
const LONGEST = 20_000;

/** What is wrong with a file, in words. */
export class NoRecording extends Error {
  name = "NoRecording";
}

/** A place in a message and what stands there. @typedef {[path: string, value: unknown]} At */
/** Raises where something is not as it must be. @typedef {(path: string, value: any) => void} Check */

/** @param {string} path @param {string} must @returns {never} */
function wrong(path, must) {
  throw new NoRecording(`${path} ${must}`);
}

/** @type {Check} */
const text = (path, value) => {
  if (typeof value !== "string" || value.length > LONGEST)
    wrong(path, `must be a text of at most ${LONGEST} characters`);
};
/** @type {Check} */
const number = (path, value) => {
  if (value !== null && !Number.isFinite(value)) wrong(path, "must be a number");
};
/** @type {Check} */
const scalar = (path, value) => {
  if (typeof value === "string") text(path, value);
  else if (value !== null && typeof value !== "boolean" && !Number.isFinite(value))
    wrong(path, "must be a single value");
};
/** One value, or those of an axis. @type {Check} */
const setting = (path, value) => {
  if (Array.isArray(value)) list(scalar, 0, 1000)(path, value);
  else scalar(path, value);
};
/** @param {number} low @param {number} high @returns {Check} */
const whole = (low, high) => (path, value) => {
  if (!Number.isInteger(value) || value < low || value > high)
    wrong(path, `must be a whole number from ${low} to ${high}`);
};
/** @param {Check} each @param {number} least @param {number} most @returns {Check} */
const list =
  (each, least = 0, most = MOST_STATES) =>
  (path, value) => {
    if (!Array.isArray(value) || value.length < least || value.length > most)
      wrong(path, `must be a list of ${least === most ? least : `${least} to ${most}`} entries`);
    for (let i = 0; i < value.length; i++) each(`${path}[${i}]`, value[i]);
  };
/** @param {Check} each @returns {Check} */
const record = (each) => (path, value) => {
  if (typeof value !== "object" || value === null || Array.isArray(value)) wrong(path, "must be an object");
  const entries = Object.entries(value);
  if (entries.length > 1000) wrong(path, "has too many entries");
  for (const [name, one] of entries) each(`${path}.${name.slice(0, 40)}`, one);
};
/** @type {Check} */
const anything = () => {};
/** What must be there, and what may: by name. @param {Record<string, Check>} must @param {Record<string, Check>} [may]
 * @returns {Check} */
const object =
  (must, may = {}) =>
  (path, value) => {
    record(anything)(path, value);
    for (const [name, check] of Object.entries(must)) check(`${path}.${name}`, value[name]);
    for (const [name, check] of Object.entries(may))
      if (value[name] !== undefined && value[name] !== null) check(`${path}.${name}`, value[name]);
  };
/** @param {Check[]} checks @returns {Check} */
const row =
  (...checks) =>
  (path, value) => {
    list(anything, checks.length, checks.length)(path, value);
    checks.forEach((check, i) => {
      check(`${path}[${i}]`, value[i]);
    });
  };

/** What a picture of the world needs, by its kind. @param {number} states @returns {Record<string, Check>} */
function layouts(states) {
  const state = whole(0, states - 1);
  const pair = row(number, number);
  const side = whole(1, 1000);
  return {
    grid: (path, value) => {
      object({ rows: side, cols: side, cells: text, directions: list(pair, 0, 1000) })(path, value);
      const size = value.rows * value.cols;
      if (value.cells.length !== size) wrong(`${path}.cells`, `must have ${size} letters`);
      list(whole(-1, states - 1), size, size)(`${path}.state_of_cell`, value.state_of_cell);
      list(row(text, text), 0, 100)(`${path}.labels`, value.labels ?? []);
    },
    matrix: object(
      { order: list(state), row_title: text, column_title: text, row_value: list(number), terminal: list(state) },
      { action_grid: row(side, side) },
    ),
    table: object({
      order: list(state),
      by_value: list(state),
      value: list(number),
      labels: list(text),
      terminal: list(state),
    }),
    plane: (path, value) => {
      object({ names: list(text, 1, 1000) })(path, value);
      const size = value.names.length;
      const each = list(number, 0, size);
      const place = whole(0, 1000);
      object(
        { low: each, high: each, x: place, y: place, walls: list(row(number, number, number, number)) },
        {
          directions: list(pair, 0, 1000),
          regions: list(row(text, number, number, number, number), 0, 1000),
          projection: list(list(number, 0, 10_000), 0, 1000),
          origin: list(number, 0, 10_000),
          image: row(side, side),
        },
      )(path, value);
    },
  };
}

/** @type {Check} */
const hyperparameter = object(
  { name: text, symbol: text, value: setting, default: setting, help: text },
  {
    label: text,
    low: number,
    high: number,
    choices: list(text, 0, 1000),
    scale: text,
    paper: text,
    special: record(text),
  },
);

/** @type {Check} */
function hello(path, value) {
  object({ protocol: whole(1, 1), states: whole(1, MOST_STATES), layout: record(anything) })(path, value);
  const state = whole(0, value.states - 1);
  const kind = value.layout.kind;
  const known = layouts(value.states);
  if (!Object.hasOwn(known, kind)) wrong(`${path}.layout.kind`, `must be one of ${Object.keys(known).join(", ")}`);
  known[kind](`${path}.layout`, value.layout);
  if (Array.isArray(value.actions)) list(text, 1, 1000)(`${path}.actions`, value.actions);
  else whole(1, 1000)(`${path}.actions`, value.actions);
  const lane = object(
    { algorithm: text, approximator: text, equation: text, hyperparameters: list(hyperparameter, 0, 200) },
    { title: text, group: text, seeds: whole(1, 1000), axes: list(text, 0, 100), formulas: record(text) },
  );
  list(lane, 1, 16)(`${path}.lanes`, value.lanes);
  const member = object(
    { index: whole(0, 9999), label: text, seed: whole(0, 1e9) },
    { lane: whole(0, value.lanes.length - 1), algorithm: text, values: record(setting) },
  );
  list(member, 1, 10_000)(`${path}.members`, value.members);
  const metric = object(
    { name: text, panel: text },
    { title: text, unit: text, formula: formula, help: text, bad: text },
  );
  list(metric, 0, 500)(`${path}.metrics`, value.metrics);
  object({ title: text, config: object({ dataset: text }) }, { id: text, key: text })(`${path}.run`, value.run);
  list(state, 0)(`${path}.initial_states`, value.initial_states);
  record((at, one) => (Array.isArray(one) ? row(number, number)(at, one) : scalar(at, one)))(
    `${path}.truth`,
    value.truth,
  );
}

/** A formula becomes part of the page: nothing in it may lead anywhere. @type {Check} */
function formula(path, value) {
  text(path, value);
  if (/\\(href|url|class|style|cssId)|<[a-z!/]|script:|data:/i.test(value))
    wrong(path, "must be a formula and nothing else");
}

const mark = object({ step: whole(0, 1e9), what: record(row(setting, setting)) }, { lane: whole(0, 15) });
/** @param {number} members */
const alarm = (members) =>
  object(
    {
      kind: text,
      title: text,
      cause: text,
      panel: text,
      mode: text,
      step: whole(0, 1e9),
      member: whole(0, members - 1),
    },
    {},
  );
const STATES = ["queued", "starting", "running", "paused", "finished", "diverged", "failed", "stopped"];
/** @type {Check} */
const state = (path, value) => {
  object({ state: text, step: whole(0, 1e9) }, { reason: text, budget: whole(0, 1e9), speed: number, rate: number })(
    path,
    value,
  );
  if (!STATES.includes(value.state)) wrong(`${path}.state`, `must be one of ${STATES.join(", ")}`);
};

/** Arrays of a message, which must lie within it. @param {string} path @param {Field[]} fields @param {number} room */
function arrays(path, fields, room) {
  list(object({ name: text, shape: list(whole(0, 1e8), 0, 4), offset: whole(0, 1e9) }), 0, 100)(path, fields);
  for (const field of fields) {
    const at = `${path} ${field.name.slice(0, 40)}`;
    if (!Object.hasOwn(TYPES, field.dtype)) wrong(at, "has an unknown type of numbers");
    const size = TYPES[field.dtype].BYTES_PER_ELEMENT;
    const bytes = field.shape.reduce((product, n) => product * n, size);
    if (field.offset % size || field.offset + bytes > room) wrong(at, "reaches beyond its message");
    for (const end of /** @type {const} */ (["lo", "hi"])) number(`${at}.${end}`, field[end] ?? 0);
  }
}

/** @param {string} path @param {Field} field @param {(number | null)[]} wanted - null for what may be any */
function shaped(path, { name, shape }, wanted) {
  if (shape.length !== wanted.length || wanted.some((n, i) => n !== null && n !== shape[i]))
    wrong(`${path} ${name}`, `must have the shape ${wanted.map((n) => n ?? "any").join(" × ")}`);
}

/** Numbers of a field that lead to other numbers must lead somewhere. @param {string} path @param {ArrayLike<number>}
 * values @param {(value: number, i: number) => boolean} allowed */
function leads(path, values, allowed) {
  for (let i = 0; i < values.length; i++)
    if (!allowed(values[i], i)) wrong(`${path}[${i}]`, "has a number that is not allowed there");
}

/**
 * The actions that targets read in a frame.
 * @param {string} path
 * @param {Field} field
 * @param {{ buffer: ArrayBuffer, start: number }} payload
 * @param {number} actions
 */
function checkReads(path, field, payload, actions) {
  const { reads } = fieldsOf({ header: { fields: [field] }, payload }).values;
  leads(`${path} reads`, reads, (action) => action === 255 || (Number.isInteger(action) && action < actions));
}

/**
 * The world of which films are played.
 * @param {string} path
 * @param {any} header
 * @param {{ buffer: ArrayBuffer, start: number }} payload
 * @param {{ states: number, actions: number }} run
 */
function checkWorld(path, header, payload, { states, actions }) {
  record(text)(`${path}.endings`, header.endings);
  const { values, shapes } = fieldsOf({ header, payload });
  const { initial, first, next, probability, reward } = values;
  /** @type {[string, number][]} */
  const sizes = [
    ["initial", states],
    ["first", states * actions + 1],
    ...["next", "probability", "reward"].map((name) => /** @type {[string, number]} */ ([name, next?.length])),
  ];
  for (const [name, size] of sizes)
    if (shapes[name]?.length !== 1 || shapes[name][0] !== size) wrong(`${path} ${name}`, `must have ${size} numbers`);
  const last = first.length - 1;
  leads(`${path} first`, first, (at, i) => at >= (i ? first[i - 1] : 0) && (i < last || at === next.length));
  leads(`${path} first`, first, (at, i) => Number.isInteger(at) && (i > 0 || at === 0));
  leads(`${path} next`, next, (state) => Number.isInteger(state) && state >= 0 && state < states);
  leads(`${path} initial`, initial, (share) => share >= 0 && share <= 1);
  if (!initial.some((share) => share > 0)) wrong(`${path} initial`, "lets no episode begin");
  leads(`${path} probability`, probability, (share) => share > 0 && share <= 1.001);
  leads(`${path} reward`, reward, Number.isFinite);
}

/**
 * Messages that are those of a recording.
 * @param {(string | ArrayBuffer)[]} messages
 */
export function checkRecording(messages) {
  if (typeof messages[0] !== "string") wrong("The first message", "must describe the run");
  /** @type {any} */
  let run = null;
  let [step, frames] = [-1, 0];
  messages.forEach((message, i) => {
    const path = `message ${i + 1}`;
    if (typeof message === "string") {
      const value = parsed(path, message);
      record(anything)(path, value);
      if ((value.type === "hello") !== (i === 0)) wrong(path, "describes the run: only the first one does, and must");
      if (i === 0) {
        hello("hello", value);
        run = { ...value, actions: Array.isArray(value.actions) ? value.actions.length : value.actions };
      } else if (value.type === "mark") mark(path, value);
      else if (value.type === "alarm") alarm(run.members.length)(path, value);
      else if (value.type === "state") state(path, value);
      else wrong(path, "is of a kind that recordings do not have");
      return;
    }
    const { header, payload } = binary(path, message);
    const room = payload.buffer.byteLength - payload.start;
    if (header.kind === "static") {
      arrays(path, header.fields, room);
      for (const field of header.fields) {
        const perState = ["terminal", "v_star", "probe_actions"].includes(field.name);
        if (perState) shaped(path, field, [run.states]);
        else if (field.name === "probes") shaped(path, field, [run.states, null]);
        else shaped(path, field, [run.states, run.actions]);
      }
      const { next_states: following = [] } = fieldsOf({ header, payload }).values;
      leads(`${path} next_states`, following, (s) => Number.isInteger(s) && s >= -1 && s < run.states);
    } else if (header.kind === "world") {
      arrays(path, header.fields, room);
      checkWorld(path, header, payload, run);
    } else if (header.kind === "frame" || header.kind === "backlog") {
      for (const frame of header.kind === "frame" ? [header] : several(path, header.frames)) {
        frames += 1;
        whole(Math.max(0, step), 1e9)(`${path} step`, frame.step);
        step = frame.step;
        const count = run.members.length;
        list(whole(0, count - 1), 0, count)(`${path} members`, frame.members ?? [frame.member ?? 0]);
        arrays(path, frame.fields, room);
        for (const field of frame.fields) {
          if (field.name === "metrics") shaped(path, field, [count, run.metrics.length]);
          else {
            const here = (frame.members ?? [0]).length;
            // Parameters of a Q that is linear in features of pairs are as many as those.
            const perState = field.name === "theta" ? [here, null] : [here, run.states];
            shaped(path, field, field.shape.length === 2 ? perState : [here, run.states, run.actions]);
            if (field.name === "reads") checkReads(path, field, payload, run.actions);
          }
        }
      }
    } else wrong(path, "is of a kind that recordings do not have");
  });
  if (!frames) wrong("The recording", "holds no snapshot");
  return messages;
}

/** @param {string} path @param {any} frames @returns {any[]} */
function several(path, frames) {
  list(record(anything), 0, 20_000)(`${path} frames`, frames);
  return frames;
}

/** @param {string} path @param {string} message @returns {any} */
function parsed(path, message) {
  if (message.includes("__proto__")) wrong(path, "has a name that is not allowed");
  try {
    return JSON.parse(message);
  } catch {
    return wrong(path, "is not JSON");
  }
}

/** @param {string} path @param {ArrayBuffer} message
 * @returns {{ header: any, payload: { buffer: ArrayBuffer, start: number } }} */
function binary(path, message) {
  try {
    return /** @type {any} */ (decode(message));
  } catch {
    return wrong(path, "is damaged");
  }
}

/** Unpack a gzipped file, no more of it than is allowed. @param {Blob} file @param {number} most */
async function unpacked(file, most) {
  const head = new Uint8Array(await file.slice(0, 2).arrayBuffer());
  if (head[0] !== 0x1f || head[1] !== 0x8b) wrong("The file", "is not gzipped: a recording is saved as run.offrl.gz");
  const reader = file.stream().pipeThrough(new DecompressionStream("gzip")).getReader();
  /** @type {Uint8Array<ArrayBuffer>[]} */
  const parts = [];
  let size = 0;
  for (;;) {
    const { value, done } = await reader.read().catch(() => wrong("The file", "is damaged: it cannot be unpacked"));
    if (done) break;
    size += value.byteLength;
    if (size > most) {
      reader.cancel().catch(() => {});
      wrong("The file", `unpacks to more than ${Math.round(most / 1e6)} MB`);
    }
    parts.push(value);
  }
  return new Blob(parts).arrayBuffer();
}

/**
 * The messages of a recording in a file.
 * @param {Blob} file
 * @param {{ packed?: number, unpacked?: number }} [most] - bytes
 */
export async function readRecording(file, { packed = MOST_PACKED, unpacked: room = MOST_UNPACKED } = {}) {
  if (file.size > packed) wrong("The file", `is larger than ${Math.round(packed / 1e6)} MB`);
  const bytes = await unpacked(file, room);
  /** @type {(string | ArrayBuffer)[]} */
  let messages;
  try {
    messages = unpackRecording(bytes, MOST_MESSAGES);
  } catch (error) {
    return wrong("This is not a recording:", error instanceof Error ? error.message : String(error));
  }
  return checkRecording(messages);
}
