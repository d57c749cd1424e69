// Why a run stands still, what is wrong with a file of one's own, what was refused, and the alarms.

import { h, setText } from "../shared/dom.js";
import { integer } from "../shared/format.js";
import { withTerms } from "../shared/glossary.js";
import { siteAddress } from "../shared/site.js";

/**
 * @import { Alarm, Moved, RunState } from "../run/protocol.d.ts"
 * @import { Store } from "../run/store.js"
 */

/** `past`: the earlier step that is looked at, if one is.
 * @typedef {{ connected: boolean, replaying: boolean, recording: boolean, past: number | null }} Situation */

/** @type {Record<RunState, string>} */
const STATES = {
  queued: "Waiting for a free worker",
  starting: "Starting",
  running: "Training",
  paused: "Paused",
  finished: "Finished",
  diverged: "Diverged",
  failed: "It cannot go on",
  stopped: "Stopped",
};
const REFUSAL_STAYS = 9000;

/**
 * What to say about the run's state.
 * @param {Store} store
 * @param {Situation} situation
 * @returns {{ text: string, tone: "calm" | "busy" | "warn" }}
 */
export function stateText(store, { connected, replaying, recording, past }) {
  const { state } = store;
  if (recording) {
    const text = replaying ? "Playing the recording" : "Recording: press play or drag the timeline";
    return { text, tone: "calm" };
  }
  if (!connected) return { text: store.closed ?? "Connecting …", tone: store.closed ? "warn" : "busy" };
  if (!state) return { text: "Connected, waiting for the run …", tone: "busy" };
  let text = STATES[state.state] ?? state.state;
  if (state.state === "running" && state.playing === false) text = "Paused for you; the run goes on for others";
  if (state.reason) text = `${text}: ${state.reason}`;
  const goesOn = state.state === "running" && state.playing !== false;
  if (replaying) text = goesOn ? "Replaying, training goes on" : `Replaying. ${text}`;
  else if (past !== null && goesOn) text = `Viewing step ${integer(past)}, training goes on`;
  else if (past !== null)
    text = `Viewing step ${integer(past)} of ${integer(store.frames.last?.step ?? past)}. ${text}`;
  const lost = state.state === "diverged" || state.state === "failed";
  return { text, tone: lost ? "warn" : state.state === "running" ? "busy" : "calm" };
}

/**
 * onShow: show the place of an alarm; onRestart: bring a failed run back; onContinue: spend another budget.
 * @typedef {{ onShow: (alarm: Alarm) => void, onRestart: () => void, onContinue: () => void }} NoticeActions
 */

export class Notices {
  /** @param {HTMLElement} host @param {Store} store @param {NoticeActions} actions */
  constructor(host, store, actions) {
    this.store = store;
    this.actions = actions;
    this.state = h("p", { class: "state-line" });
    const press = () => (this.store.state?.state === "failed" ? actions.onRestart() : actions.onContinue());
    this.button = h("button", { type: "button", class: "button small", hidden: true, onclick: press });
    this.list = h("ul", { class: "alarms", "aria-label": "Alarms", "aria-live": "polite" });
    /** @type {Map<string, HTMLElement>} */
    this.entries = new Map();
    this.key = "";
    /** @type {number | undefined} */
    this.timer = undefined;
    this.refused = h("p", { class: "refused", role: "alert" });
    this.mistake = h("p", { class: "mistake", role: "alert" });
    this.offers = h("p", { class: "offers", hidden: true });
    const row = h("div", { class: "state-row" }, this.state, this.button);
    host.append(row, this.offers, this.mistake, this.refused, this.list);
  }

  /** What there is to do while the run waits for its turn.
   * @param {readonly [words: string, address: string][]} [list] */
  offer(list = []) {
    const links = list.map(([words, address]) =>
      Object.assign(h("a", { href: siteAddress(address) }, words), { target: "_blank", rel: "noopener" }),
    );
    this.offers.replaceChildren(...links);
  }

  /** A word that is needed for a while: a refusal, or news that nobody has to do anything about.
   * @param {string} message @param {"warn" | "calm"} [tone] */
  refuse(message, tone = "warn") {
    setText(this.refused, message);
    this.refused.dataset.tone = tone;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => setText(this.refused, ""), REFUSAL_STAYS);
  }

  /** @param {Moved} message */
  moved({ reason, shared }) {
    this.refuse(shared ? `${reason}.` : `A run of your own: ${reason}.`, "calm");
  }

  /** @param {Situation} situation @param {number} step */
  update(situation, step) {
    const { text, tone } = stateText(this.store, situation);
    setText(this.state, text);
    this.state.dataset.tone = tone;
    const wrong = situation.recording ? "" : this.store.state?.mistake;
    setText(this.mistake, wrong ? `${wrong}. What was saved before is still in use.` : "");
    const name = this.store.state?.state;
    const waits = name === "queued" && (this.store.state?.place ?? 0) > 1;
    this.offers.hidden = situation.recording || !situation.connected || !waits;
    const over = name === "finished" || name === "stopped";
    const label = situation.recording ? "" : name === "failed" ? "restart" : over ? "train on" : "";
    this.button.hidden = !label;
    setText(this.button, label);
    const { groups } = this.store;
    this.showAlarms(
      standing(this.store.alarms, step, (member) => (groups.length ? this.store.groupOf(member).lane : 0)),
    );
  }

  /** What stays keeps its element, and with it the focus of its button. @param {Alarm[]} alarms */
  showAlarms(alarms) {
    const wanted = alarms.map((alarm) => `${alarm.kind}/${alarm.member}/${alarm.step}/${alarm.cause}`);
    if (wanted.join() === this.key) return;
    this.key = wanted.join();
    for (const [name, entry] of this.entries) {
      if (wanted.includes(name)) continue;
      entry.remove();
      this.entries.delete(name);
    }
    alarms.forEach((alarm, i) => {
      const entry = this.entries.get(wanted[i]) ?? this.entry(alarm);
      this.entries.set(wanted[i], entry);
      if (this.list.children[i] !== entry) this.list.insertBefore(entry, this.list.children[i] ?? null);
    });
  }

  /** @param {Alarm} alarm */
  entry(alarm) {
    const { store } = this;
    const whose = store.groups.length > 1 ? `${store.groupOf(alarm.member).label}: ` : "";
    const text = `${alarm.cause} (step ${integer(alarm.step)})`;
    const onclick = () => this.actions.onShow(alarm);
    return h(
      "li",
      {},
      h("span", {}, h("strong", {}, `${whose}${alarm.title} `), ...withTerms(text)),
      h("button", { type: "button", class: "button small", onclick }, "show me"),
    );
  }
}

/**
 * The alarms that stand at a step, one of each kind and system (of the member that raised it last), the newest first.
 * @param {Alarm[]} alarms
 * @param {number} step
 * @param {(member: number) => number} laneOf
 */
export function standing(alarms, step, laneOf = () => 0) {
  /** @type {Map<string, Alarm>} */
  const now = new Map();
  for (const alarm of alarms) {
    if (alarm.step > step) continue;
    const key = `${alarm.kind}/${alarm.member}`;
    now.delete(key);
    if (alarm.active !== false) now.set(key, alarm);
  }
  const kinds = new Map([...now.values()].map((alarm) => [`${alarm.kind}/${laneOf(alarm.member)}`, alarm]));
  return [...kinds.values()].reverse();
}
