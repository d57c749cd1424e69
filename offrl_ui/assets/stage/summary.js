// Words and numbers around the pictures: the top line, why a run stands still, the alarms, and the sentence for those who
// cannot see the picture.

import { h, setText } from "../shared/dom.js";
import { integer, number } from "../shared/format.js";
import { intervalOf } from "../curves/panels.js";

export class TopLine {
  constructor(host, store, picker) {
    Object.assign(this, { host, store });
    this.title = h("h2", { class: "stage-title" });
    this.numbers = h("dl", { class: "stage-numbers" });
    host.append(this.title, picker, this.numbers);
  }

  begin() {
    const { hello, groups } = this.store;
    const lanes = hello.lanes.map((lane) => lane.title ?? lane.algorithm);
    const approximators = [...new Set(hello.lanes.map((lane) => lane.approximator))].filter(Boolean);
    const seeds = groups[0].members.length;
    const parts = [
      hello.run?.title ||
        `${lanes.length > 2 ? `${lanes.length} systems` : lanes.join(" and ")} on ${hello.run?.config?.dataset ?? "data"}`,
      approximators.join(", "),
      groups.length > lanes.length ? `${groups.length} settings` : "",
      `${seeds} seed${seeds === 1 ? "" : "s"}`,
    ];
    setText(this.title, parts.filter(Boolean).join(" · "));
    const { truth } = hello;
    // At several discounts there are several truths: the line shows none of them.
    const known = this.store.truthHoldsForAll ? truth : {};
    const about = (kind, interval, otherwise) =>
      `${kind ?? otherwise}${interval ? `, 95 % interval ${number(interval[0])} to ${number(interval[1])}` : ""}`;
    const fixed = [
      [
        "behaviour",
        known.behavior,
        about(known.behavior_kind, known.behavior_interval, "return of the policy that collected the data"),
      ],
      ["best", known.optimal, about(known.optimal_kind, known.optimal_interval, "return of the optimal policy")],
    ];
    if (Number.isFinite(known.in_support) && !(Math.abs(known.in_support - known.optimal) < 1e-6))
      fixed.splice(1, 0, ["best in data", known.in_support, "best return with actions that stand in the data"]);
    this.now = h("dd", {});
    this.label = h("dt", {});
    this.numbers.replaceChildren(
      h("div", { class: "now" }, this.label, this.now),
      ...fixed
        .filter(([, value]) => Number.isFinite(value))
        .map(([name, value, help]) => h("div", { title: help }, h("dt", {}, name), h("dd", {}, number(value)))),
    );
  }

  update(frame) {
    const { store } = this;
    const metric = store.metricIndex("return");
    const group = store.groupOf(store.view.member);
    setText(this.label, store.groups.length > 1 ? `J(π) ${group.label}` : "J(π)");
    setText(
      this.now,
      frame && metric >= 0 ? `${number(store.lastStat(frame, group, metric))}${this.error(frame, group)}` : "–",
    );
  }

  // How far a return that was measured by playing may be off, for a single model: ± half its 95 % interval.
  error(frame, group) {
    const interval = group.members.length === 1 ? intervalOf(this.store, "return") : null;
    if (!interval) return "";
    const [low, high] = interval.map((end) => this.store.lastStat(frame, group, end));
    return high > low ? ` ± ${number((high - low) / 2, 2)}` : "";
  }
}

const STATES = {
  queued: "Waiting for a free worker",
  starting: "Starting",
  running: "Training",
  paused: "Paused",
  finished: "Finished",
  diverged: "Stopped: the numbers left the range of numbers",
  failed: "The worker was lost",
  stopped: "Stopped",
};

// What to say about the run's state: { text, tone: calm | busy | warn }.
export function stateText(store, { connected, filming, recording }) {
  const { state } = store;
  if (recording)
    return { text: filming ? "Playing the recording" : "Recording: press play or drag the timeline", tone: "calm" };
  if (!connected) return { text: store.closed ?? "Connecting …", tone: store.closed ? "warn" : "busy" };
  if (!state) return { text: "Connected, waiting for the run …", tone: "busy" };
  let text = STATES[state.state] ?? state.state;
  if (state.state === "queued" && state.place) text += `, place ${state.place} in the queue`;
  if (state.state === "running" && state.playing === false) text = "Paused for you; the run goes on for others";
  if (state.reason) text = `${text}: ${state.reason}`;
  const tone = ["diverged", "failed"].includes(state.state) ? "warn" : state.state === "running" ? "busy" : "calm";
  return { text, tone };
}

export class Notices {
  // onShow(alarm): show the place; onRestart(): bring a failed run back; onContinue(): spend another budget
  constructor(host, store, { onShow, onRestart, onContinue }) {
    Object.assign(this, { host, store, onShow, onRestart, onContinue });
    this.state = h("p", { class: "state-line" });
    this.button = h("button", { type: "button", class: "button small", hidden: true });
    this.list = h("ul", { class: "alarms", "aria-label": "Alarms", "aria-live": "polite" });
    this.entries = new Map();
    this.refused = h("p", { class: "refused", role: "alert" });
    host.append(h("div", { class: "state-row" }, this.state, this.button), this.refused, this.list);
  }

  // A word that is needed for a while: a refusal, or news that nobody has to do anything about.
  refuse(message, tone = "warn") {
    setText(this.refused, message);
    this.refused.dataset.tone = tone;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => setText(this.refused, ""), 9000);
  }

  update(info, step) {
    const { text, tone } = stateText(this.store, info);
    setText(this.state, text);
    this.state.dataset.tone = tone;
    const name = this.store.state?.state;
    const label = info.recording
      ? ""
      : name === "failed"
        ? "restart"
        : name === "finished" || name === "stopped"
          ? "train on"
          : "";
    this.button.hidden = !label;
    setText(this.button, label);
    this.button.onclick = name === "failed" ? this.onRestart : this.onContinue;
    const alarms = standing(this.store.alarms, step);
    // What stays keeps its element, and with it the focus of who pressed its button.
    const wanted = alarms.map((alarm) => `${alarm.kind}/${alarm.member}/${alarm.step}/${alarm.cause}`);
    if (wanted.join() === this.key) return;
    this.key = wanted.join();
    for (const [name, entry] of this.entries) {
      if (wanted.includes(name)) continue;
      entry.remove();
      this.entries.delete(name);
    }
    alarms.forEach((alarm, i) => {
      if (!this.entries.has(wanted[i])) this.entries.set(wanted[i], this.entry(alarm));
      const entry = this.entries.get(wanted[i]);
      if (this.list.children[i] !== entry) this.list.insertBefore(entry, this.list.children[i] ?? null);
    });
  }

  entry(alarm) {
    return h(
      "li",
      {},
      h("span", {}, h("strong", {}, `${alarm.title} `), `${alarm.cause} (step ${integer(alarm.step)})`),
      h("button", { type: "button", class: "button small", onclick: () => this.onShow(alarm) }, "show me"),
    );
  }
}

// The alarms that stand at a step, one of each kind (of the member that raised it last), the newest first.
function standing(alarms, step) {
  const now = new Map();
  for (const alarm of alarms) {
    if (alarm.step > step) continue;
    const key = `${alarm.kind}/${alarm.member}`;
    now.delete(key);
    if (alarm.active !== false) now.set(key, alarm);
  }
  const kinds = new Map([...now.values()].map((alarm) => [alarm.kind, alarm]));
  return [...kinds.values()].reverse();
}

const SPOKEN_EVERY = 5000;
const SETTLED_AFTER = 600;

// What is on screen, in sentences, for those who cannot see it: while training every five seconds, else on every change.
export class Speaker {
  constructor(region, canvas, store, again) {
    Object.assign(this, { region, canvas, store, again });
    this.at = -Infinity;
  }

  update(now, frame, name, info) {
    const { state } = this.store.view;
    const { text: stateName } = stateText(this.store, info);
    const key = [info.standing, state, stateName, info.standing ? frame?.step : ""].join();
    const wait = key === this.key ? SPOKEN_EVERY : SETTLED_AFTER;
    if (key === this.key && info.standing) return;
    if (now - this.at < wait) {
      clearTimeout(this.timer);
      this.timer = setTimeout(this.again, wait);
      return;
    }
    Object.assign(this, { key, at: now });
    const text = describe(this.store, frame, stateName, name);
    setText(this.region, text);
    this.canvas.setAttribute("aria-label", `${text} Click, or shift and arrow keys, select a state.`);
  }

  stop() {
    clearTimeout(this.timer);
  }
}

function describe(store, frame, stateName, name) {
  if (!store.hello || !frame) return "No frame yet.";
  const metric = store.metricIndex("return");
  const group = store.groupOf(store.view.member);
  const parts = [`Step ${integer(frame.step)}.`];
  if (metric >= 0) {
    const median = store.lastStat(frame, group, metric);
    if (Number.isFinite(median))
      parts.push(
        `True return ${number(median)}${group.label && store.groups.length > 1 ? ` for ${group.label}` : ""}.`,
      );
  }
  const { truth } = store.hello;
  if (Number.isFinite(truth.optimal) && store.truthHolds(store.view.member))
    parts.push(`The best possible is ${number(truth.optimal)}, behaviour ${number(truth.behavior)}.`);
  const { state, member } = store.view;
  const policy = state === null ? null : store.row(frame, "policy", member, state);
  if (policy && !store.terminal[state]) {
    const best = policy.indexOf(Math.max(...policy));
    const q = store.row(frame, "q", member, state);
    const seen = store.static.counts ? store.static.counts[state * store.hello.nActions + best] > 0 : true;
    parts.push(
      `In ${name} the policy prefers ${store.hello.actionNames[best]} with probability ${number(policy[best], 2)}${q ? `, Q ${number(q[best])}` : ""}${seen ? "" : ", an action that is not in the data"}.`,
    );
  }
  parts.push(`${stateName}.`);
  return parts.join(" ");
}
