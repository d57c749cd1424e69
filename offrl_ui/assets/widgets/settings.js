// Controls made from declarations: dataset options and hyperparameters. A live one acts on the run while it is being
// dragged (over the bus, without a script rerun); the script hears of a change when the control is let go. While the stage shows
// an earlier step, letting go makes a branch from there: what is changed is what is looked at.
//
// data: { scope, seq, lane, sections: [{ id, title, items, folded, note }], refused: { "section.name": sentence } }
// item: { name, symbol (MathML), label, needs ([name, values]: shown only while that control has one of these values), value, default,
//   help, allowed, paper, greedier, low, high, choices, scale, integer, live, special, axis (may be opened into several values) }
// State for the script: `changed` = { scope, seq, values: { section: { name: value } } }, absolute, so that none is lost.
import { bus } from "../shared/bus.js";

const SEND_EVERY = 60; // ms between live values while dragging
const TICKS = 1000; // positions of a slider
const AXIS_VALUES = 8; // values that a lens opens with
const MOST_VALUES = 16;
const mounted = new WeakMap();

const LIVE = `<svg viewBox="0 0 16 16" role="img" aria-label="live"><circle cx="8" cy="8" r="4"/></svg>`;
const RESTART = `<svg viewBox="0 0 16 16" role="img" aria-label="restarts"><path d="M13 8a5 5 0 1 1-1.6-3.7M13 1.8v3.1H9.9"/></svg>`;

const AXIS = `<svg viewBox="0 0 16 16" aria-hidden="true"><path d="M2 13h12M3.5 10V6M8 10V3M12.5 10V7.5"/></svg>`;

export function mount(component) {
  const { parentElement, data } = component;
  let settings = mounted.get(parentElement);
  if (!settings) {
    settings = new Settings(parentElement.querySelector(".settings"));
    mounted.set(parentElement, settings);
  }
  settings.update(data, component);
  return () => {
    settings.close();
    mounted.delete(parentElement);
  };
}

class Settings {
  constructor(root) {
    this.root = root;
    this.rows = new Map();
    this.unsent = new Map(); // live values set while no run was connected
    this.asked = new Map(); // message id → row, to place a refusal
    this.past = null; // the earlier step that the stage shows, if it does
    this.seq = 0;
    this.off = [
      bus.on("hello", () => this.meetRun()),
      bus.on("hyperparameters", ({ lane, name, value }) => this.adopt(lane, name, value)),
      bus.on("mark", () => this.commitSoon()),
      bus.on("viewing", ({ step, past }) => {
        this.past = past ? step : null;
      }),
      bus.on("refused", ({ id, message }) => this.asked.get(id)?.say(message)),
    ];
  }

  update(data, component) {
    const first = !this.data;
    this.component = component;
    const shape = JSON.stringify([
      data.scope,
      data.sections.map((s) => [s.id, s.title, s.note, s.items.map(({ value, ...rest }) => rest)]),
    ]);
    const stale = data.scope === this.scope && data.seq < this.seq;
    this.data = data;
    this.scope = data.scope;
    if (shape !== this.shape) {
      this.shape = shape;
      this.build();
    } else if (!stale) {
      for (const section of data.sections) {
        for (const item of section.items) this.rows.get(`${section.id}.${item.name}`)?.show(item.value);
      }
    }
    this.seq = Math.max(this.seq, data.seq);
    for (const [id, row] of this.rows) {
      const refused = data.refused?.[id];
      if (refused) row.say(refused);
    }
    this.arrange();
    if (first && bus.hello) this.meetRun();
  }

  // Controls that have no effect under the present choices are put away.
  arrange() {
    for (const row of this.rows.values()) {
      const needs = row.item.needs;
      const other = needs && [...this.rows.values()].find((r) => r.item.name === needs[0]);
      row.node.hidden = Boolean(other) && !needs[1].includes(other.value);
    }
  }

  build() {
    const folded = new Map([...this.root.querySelectorAll("details")].map((d) => [d.dataset.id, !d.open]));
    this.rows.clear();
    this.unsent.clear();
    this.root.replaceChildren();
    for (const section of this.data.sections) {
      if (!section.items.length && !section.note) continue;
      const box = element("details", { class: "section", "data-id": section.id });
      box.open = !(folded.get(section.id) ?? section.folded ?? false);
      box.append(element("summary", {}, section.title));
      if (section.note) box.append(element("p", { class: "note" }, section.note));
      for (const item of section.items) {
        const row = new Row(this, section, item);
        this.rows.set(`${section.id}.${item.name}`, row);
        box.append(row.node);
      }
      this.root.append(box);
    }
  }

  // A live value on its way: to the run at once, or into a branch.
  send(row) {
    if (!row.item.live) return;
    const change = { lane: this.data.lane, values: { [row.item.name]: row.value } };
    const id = bus.connected
      ? bus.send(this.past === null ? { cmd: "set", ...change } : { cmd: "branch", step: this.past, ...change })
      : null;
    if (id === null) this.unsent.set(row.item.name, row);
    else {
      this.asked.set(id, row);
      if (this.asked.size > 64) this.asked.delete(this.asked.keys().next().value);
    }
  }

  // A control was let go: the script and the link hear of it.
  commit() {
    this.arrange();
    this.seq += 1;
    const values = {};
    for (const section of this.data.sections) {
      values[section.id] = Object.fromEntries(
        section.items.map((i) => [i.name, this.rows.get(`${section.id}.${i.name}`).value]),
      );
    }
    this.component.setStateValue("changed", { scope: this.scope, seq: this.seq, values });
  }

  // A run said hello: it gets what was set meanwhile, and everything else is taken over from it (a branch brings its own values).
  meetRun() {
    if (!this.data) return; // there are no rows yet: it asks again once it has
    const waiting = new Map(this.unsent);
    this.unsent.clear();
    for (const declared of bus.hyperparameters(this.data.lane)) {
      if (!waiting.has(declared.name)) this.adopt(this.data.lane, declared.name, declared.value);
    }
    for (const row of waiting.values()) this.send(row);
  }

  adopt(lane, name, value) {
    if (lane !== this.data?.lane || value === undefined || value === null) return;
    for (const [id, row] of this.rows) {
      const [section, own] = [id.slice(0, id.indexOf(".")), id.slice(id.indexOf(".") + 1)];
      if (own !== name || !row.item.live || row.busy || Array.isArray(row.value) || same(row.value, value)) continue;
      if (!this.data.sections.find((s) => s.id === section)?.run) continue;
      row.show(value);
      this.commitSoon();
    }
  }

  // The run has seen a change, at a step that the link names: the script writes the link once it has settled.
  commitSoon() {
    if (!this.data?.sections.some((section) => section.run)) return;
    clearTimeout(this.later);
    this.later = setTimeout(() => this.commit(), 400);
  }

  close() {
    clearTimeout(this.later);
    for (const off of this.off) off();
  }
}

class Row {
  constructor(settings, section, item) {
    this.settings = settings;
    this.item = item;
    this.value = item.value;
    this.busy = false;
    this.node = element("div", { class: "row", "data-name": item.name });
    const id = `${section.id}-${item.name}`;

    const head = element("div", { class: "head" });
    const mark = element("span", {
      class: item.live ? "mark live" : "mark restart",
      title: item.live ? "Live: acts on the next update." : "Restarts the run; the old curve stays as a ghost.",
    });
    mark.innerHTML = item.live ? LIVE : RESTART;
    this.name = element("button", {
      type: "button",
      class: "name",
      "aria-expanded": "false",
      "aria-controls": `${id}-help`,
      title: item.help,
    });
    if (item.symbol) this.name.append(Object.assign(element("span", { class: "symbol" }), { innerHTML: item.symbol }));
    this.name.append(element("span", { id: `${id}-label` }, item.label));
    this.name.onclick = () => this.toggleHelp();
    head.append(mark, this.name);
    this.node.append(head);
    this.build(head, id);

    this.help = element("div", { class: "help", id: `${id}-help` });
    this.help.hidden = true;
    this.help.append(element("p", {}, item.help));
    if (item.greedier)
      this.help.append(
        element(
          "p",
          {},
          `Greedier: ${item.greedier === "up" ? "to the right" : "to the left"}; closer to cloning: the other way.`,
        ),
      );
    if (item.paper) this.help.append(element("p", { class: "paper" }, item.paper));
    this.reset = element(
      "button",
      { type: "button", class: "reset" },
      `Back to the default, ${plain(item.default, item)}`,
    );
    this.reset.onclick = () => this.set(item.default);
    this.help.append(element("p", {}, `Allowed: ${item.allowed}.`), this.reset);
    this.message = element("p", { class: "message", role: "alert" });
    this.message.hidden = true;
    this.node.append(this.message, this.help);
    head.ondblclick = () => this.set(item.default);
    this.show(item.value);
  }

  build(head, id) {
    const { item } = this;
    if (typeof item.default === "boolean") {
      this.box = element("input", {
        type: "checkbox",
        role: "switch",
        class: "switch",
        "aria-labelledby": `${id}-label`,
      });
      this.box.onchange = () => this.set(this.box.checked);
      head.append(this.box);
    } else if (item.choices.length) {
      this.select = element("select", { "aria-labelledby": `${id}-label` });
      for (const choice of item.choices)
        this.select.append(element("option", { value: choice }, item.titles?.[choice] ?? choice));
      this.select.onchange = () => this.set(this.select.value);
      head.append(this.select);
    } else if (typeof item.default === "string") {
      this.words = element("input", {
        type: "text",
        class: "words",
        maxlength: item.max_length,
        autocomplete: "off",
        spellcheck: "false",
        placeholder: "none",
        "aria-labelledby": `${id}-label`,
      });
      this.words.onfocus = () => {
        this.busy = true;
      };
      this.words.onblur = () => {
        this.busy = false;
      };
      this.words.onchange = () => this.set(this.words.value.trim());
      head.append(this.words);
    } else {
      this.text = element("input", {
        type: "text",
        inputmode: "decimal",
        class: "number",
        autocomplete: "off",
        spellcheck: "false",
        "aria-labelledby": `${id}-label`,
      });
      this.text.onfocus = () => {
        this.busy = true;
        this.text.select();
      };
      this.text.onblur = () => {
        this.busy = false;
        this.typed();
      };
      this.text.onkeydown = (event) => {
        if (event.key === "Enter") this.typed();
        if (event.key === "Escape") {
          this.say("");
          this.show(this.value, true);
        }
      };
      head.append(this.text);
      this.slider = element("input", { type: "range", min: 0, max: TICKS, step: 1, "aria-labelledby": `${id}-label` });
      this.slider.onpointerdown = () => {
        this.busy = true;
      };
      this.slider.oninput = () => {
        this.take(fromTick(this.slider.valueAsNumber, item));
        this.paint();
        this.soon();
      };
      this.slider.onchange = () => {
        this.busy = false;
        this.set(fromTick(this.slider.valueAsNumber, item));
      };
      this.slider.onkeydown = (event) => this.arrow(event);
      this.slider.ondblclick = () => this.set(item.default);
      const track = element("div", { class: "track" });
      const [left, right] = item.greedier === "up" ? ["clone", "greedy"] : ["greedy", "clone"];
      if (item.greedier) track.append(element("span", { class: "end" }, left));
      track.append(this.slider);
      if (item.greedier) track.append(element("span", { class: "end" }, right));
      for (const [value, name] of Object.entries(item.special ?? {})) {
        const chip = element("button", { type: "button", class: "chip", "data-value": value }, name);
        chip.onclick = () => this.set(Number(value));
        track.append(chip);
      }
      this.node.append(track);
      this.track = track;
      if (item.axis) this.buildAxis(head);
    }
  }

  // One arrow key is one readable step of the value, not one pixel of the track.
  arrow(event) {
    const way = { ArrowRight: 1, ArrowUp: 1, PageUp: 10, ArrowLeft: -1, ArrowDown: -1, PageDown: -10 }[event.key];
    if (!way) return;
    event.preventDefault();
    const { item } = this;
    let next;
    if (item.integer && item.scale !== "log")
      next = this.value + Math.sign(way) * Math.max(1, Math.round(Math.abs(way) * stepOf(item)));
    else {
      const size = item.scale === "log" ? 10 : (TICKS * stepOf(item)) / (item.high - item.low);
      next = fromTick(toTick(this.value, item) + way * size, item);
      if (item.integer && next === this.value) next += Math.sign(way);
    }
    this.set(Math.min(item.high, Math.max(item.low, next)));
  }

  // The lens: one value becomes several, which train side by side as models of one run.
  buildAxis(head) {
    this.opener = element("button", { type: "button", class: "axis" });
    this.opener.innerHTML = AXIS;
    this.opener.onclick = () =>
      this.set(
        Array.isArray(this.value) ? this.value[Math.floor(this.value.length / 2)] : suggestAxis(this.value, this.item),
      );
    head.insertBefore(this.opener, this.text);
  }

  // Several numbers in one field, separated by semicolons or by commas with a space.
  typedAxis(text) {
    const values = text
      .split(/[;\s]+|,\s*/)
      .filter(Boolean)
      .map(Number);
    const wrong = values.find((value) => refuse(value, this.item));
    if (values.length > MOST_VALUES || wrong !== undefined || values.length < 2) {
      const why =
        wrong !== undefined ? `${wrong}: it must be ${this.item.allowed}` : `an axis has 2 to ${MOST_VALUES} values`;
      this.text.setAttribute("aria-invalid", "true");
      this.say(`${text} is not allowed: ${why}. The run keeps ${plain(this.value, this.item)}.`);
      return;
    }
    this.set([...new Set(values)].sort((a, b) => a - b));
  }

  typed() {
    if (this.item.axis && this.text.value.trim() !== this.shown && /;|,\s|,.*,/.test(this.text.value.trim()))
      return this.typedAxis(this.text.value.trim());
    const text = this.text.value
      .trim()
      .replace(/^\.(?=\d)/, "0.")
      .replace(",", ".");
    if (text === this.shown) return this.say("");
    const named = Object.entries(this.item.special ?? {}).find(([, name]) => name === text);
    const number = named ? Number(named[0]) : text === "" ? NaN : Number(text);
    const refusal = refuse(number, this.item);
    if (refusal) {
      this.text.setAttribute("aria-invalid", "true");
      return this.say(
        `${text === "" ? "An empty field" : text} is not allowed: ${refusal}. The run keeps ${plain(this.value, this.item)}.`,
      );
    }
    this.set(number);
  }

  take(value) {
    this.value = value;
    this.say("");
  }

  set(value) {
    const changed = !same(value, this.value) || this.waiting;
    this.take(value);
    clearTimeout(this.waiting);
    this.waiting = 0;
    const before = this.committed;
    this.show(value, true);
    // A drag has taken the value long before it is let go: what counts is what the script was told last.
    if (!changed && same(value, before)) return;
    // To open or close an axis takes another run, which the script makes; the one that trains is left alone.
    const another = Array.isArray(value) || Array.isArray(before);
    if (!another) this.settings.send(this);
    this.settings.commit();
  }

  // While dragging: the latest value, at most every SEND_EVERY ms.
  soon() {
    if (!this.item.live || this.waiting || this.settings.past !== null) return;
    this.waiting = setTimeout(() => {
      this.waiting = 0;
      this.settings.send(this);
    }, SEND_EVERY);
  }

  // Show a value that came from elsewhere, unless a hand is on the control.
  show(value, force = false) {
    if (this.busy && !force) return;
    this.value = value;
    this.committed = value;
    if (this.slider && !Array.isArray(value)) this.slider.value = toTick(value, this.item);
    this.paint();
  }

  paint() {
    const { item, value } = this;
    this.node.classList.toggle("changed", !same(value, item.default));
    if (this.box) this.box.checked = value;
    if (this.select) this.select.value = value;
    if (this.words) this.words.value = value;
    if (!this.text) return;
    const open = Array.isArray(value);
    this.shown = plain(value, item);
    this.text.value = this.shown;
    this.node.classList.toggle("open", open);
    this.track.hidden = open;
    if (this.opener) {
      this.opener.title = open
        ? "Close the axis: train one value"
        : "Open into an axis: train several values side by side";
      this.opener.setAttribute("aria-label", `${item.label}: ${this.opener.title}`);
      this.opener.setAttribute("aria-pressed", String(open));
    }
    this.text.removeAttribute("aria-invalid");
    this.slider.setAttribute("aria-valuetext", this.shown);
    this.slider.style.setProperty("--at", `${(100 * this.slider.valueAsNumber) / TICKS}%`);
    const special = item.special?.[String(value)] !== undefined;
    this.track.classList.toggle("special", special);
    for (const chip of this.track.querySelectorAll(".chip"))
      chip.setAttribute("aria-pressed", String(Number(chip.dataset.value) === value));
  }

  say(sentence) {
    if (!this.message) return;
    this.message.textContent = sentence;
    this.message.hidden = !sentence;
  }

  toggleHelp() {
    this.help.hidden = !this.help.hidden;
    this.name.setAttribute("aria-expanded", String(!this.help.hidden));
  }
}

// -- numbers

const decades = (item) => [item.low > 0 ? item.low : Math.min(item.high / 1e4, 1e-3), item.high];

export function toTick(value, item) {
  const clipped = Math.min(item.high, Math.max(item.low, value));
  if (item.scale !== "log") return (TICKS * (clipped - item.low)) / (item.high - item.low);
  const [low, high] = decades(item);
  if (clipped < low) return 0;
  return (TICKS * Math.log(clipped / low)) / Math.log(high / low);
}

export function fromTick(tick, item) {
  const part = Math.min(1, Math.max(0, tick / TICKS));
  if (part === 0) return item.low;
  if (part === 1) return item.high;
  let value;
  if (item.scale === "log") {
    const [low, high] = decades(item);
    value = Number((low * (high / low) ** part).toPrecision(2));
  } else {
    const step = stepOf(item);
    value = Number((item.low + Math.round((part * (item.high - item.low)) / step) * step).toPrecision(10));
  }
  if (item.integer) value = Math.round(value);
  return Math.min(item.high, Math.max(item.low, value));
}

// A readable step, 1, 2 or 5 times a power of ten, near a hundredth of the range.
export function stepOf(item) {
  const rough = (item.high - item.low) / 100;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].find((m) => m * power >= rough * 0.999) * power;
  return item.integer ? Math.max(1, Math.round(step)) : step;
}

// Eight readable values over the whole range, evenly spaced as the slider sees it, the present one among them.
export function suggestAxis(value, item) {
  const spread = Array.from({ length: AXIS_VALUES }, (_, i) => fromTick((TICKS * i) / (AXIS_VALUES - 1), item));
  const nearest = spread.reduce(
    (best, v, i) =>
      Math.abs(toTick(v, item) - toTick(value, item)) < Math.abs(toTick(spread[best], item) - toTick(value, item))
        ? i
        : best,
    0,
  );
  spread[nearest] = value;
  return [...new Set(spread)].sort((a, b) => a - b);
}

function refuse(number, item) {
  const special = item.special && item.special[String(number)] !== undefined;
  const bad =
    !Number.isFinite(number) ||
    (item.integer && !Number.isInteger(number)) ||
    (!special && (number < item.low || number > item.high));
  return bad ? `it must be ${item.allowed}` : "";
}

function plain(value, item) {
  if (Array.isArray(value)) return value.map((v) => plain(v, item)).join(", ");
  if (typeof value !== "number") return String(value);
  if (item.special?.[String(value)] !== undefined) return item.special[String(value)];
  return String(Number(value.toPrecision(6)));
}

// Members train in float32, and the wire carries decimal numbers: equal to six digits is equal.
function same(a, b) {
  if (Array.isArray(a) || Array.isArray(b)) return JSON.stringify(a) === JSON.stringify(b);
  if (typeof a !== "number" || typeof b !== "number") return a === b;
  return Math.abs(a - b) <= 1e-6 * Math.max(Math.abs(a), Math.abs(b));
}

function element(tag, attributes = {}, text = "") {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  if (text) node.textContent = text;
  return node;
}
