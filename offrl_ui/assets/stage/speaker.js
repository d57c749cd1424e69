// What is on screen, in sentences, for those who cannot see it: while training every five seconds, else on every
// change.

import { setText } from "../shared/dom.js";
import { integer, number } from "../shared/format.js";
import { readsOf } from "../world/reads.js";
import { stateText } from "./notices.js";

/**
 * @import { Frame } from "../run/frames.js"
 * @import { Store } from "../run/store.js"
 * @import { Situation } from "./notices.js"
 */

const SPOKEN_EVERY = 5000;
const SETTLED_AFTER = 600;

export class Speaker {
  /** @param {HTMLElement} region @param {HTMLElement} canvas @param {Store} store @param {() => void} again */
  constructor(region, canvas, store, again) {
    this.region = region;
    this.canvas = canvas;
    this.store = store;
    this.again = again;
    /** What was said last, and what is to be said once it has lasted for a moment. */
    this.key = this.next = "";
    this.at = this.since = -Infinity;
    /** @type {number | undefined} */
    this.timer = undefined;
  }

  /**
   * @param {number} now
   * @param {Frame | null} frame
   * @param {string} name - of the selected state
   * @param {Situation & { standing: boolean }} situation - `standing`: nothing moves by itself
   */
  update(now, frame, name, situation) {
    const { state, reads } = this.store.view;
    const { text: stateName } = stateText(this.store, situation);
    const key = [situation.standing, state, reads, stateName, situation.standing ? frame?.step : ""].join();
    if (key !== this.next) this.since = now;
    this.next = key;
    if (key === this.key && situation.standing) return;
    // A pause is told by the button first and by the run a moment later: what it comes to is said, once.
    const left = key === this.key ? this.at + SPOKEN_EVERY - now : this.since + SETTLED_AFTER - now;
    if (left > 0) {
      clearTimeout(this.timer);
      this.timer = setTimeout(this.again, left);
      return;
    }
    this.key = key;
    this.at = now;
    const text = sentences(this.store, frame, stateName, name);
    setText(this.region, text);
    this.canvas.setAttribute("aria-label", `${text} Click, or shift and arrow keys, select a state.`);
  }

  stop() {
    clearTimeout(this.timer);
  }
}

/** @param {Store} store @param {Frame | null} frame @param {string} stateName - of the run @param {string} name */
export function sentences(store, frame, stateName, name) {
  if (!store.hello || !frame) return "No snapshot yet.";
  const played = store.metricIndex("return") >= 0;
  const metric = store.metricIndex(played ? "return" : "value_start");
  const group = store.groupOf(store.view.member);
  const parts = [`Step ${integer(frame.step)}.`];
  const median = metric >= 0 ? store.lastStat(frame, group, metric) : NaN;
  const whose = group.label && store.groups.length > 1 ? ` for ${group.label}` : "";
  const what = played ? "True return" : "Learned value at the start";
  if (Number.isFinite(median)) parts.push(`${what} ${number(median)}${whose}.`);
  const { optimal, behavior } = store.run.truth;
  if (typeof optimal === "number" && store.truthHolds(store.view.member))
    parts.push(`The best possible is ${number(optimal)}, behaviour ${number(behavior)}.`);
  parts.push(...preference(store, frame, name), ...arrows(store, frame), `${stateName}.`);
  return parts.join(" ");
}

/** What the arrows show, while they are on. @param {Store} store @param {Frame} frame */
function arrows(store, frame) {
  const reads = store.view.reads ? readsOf(store, frame, store.view.member) : [];
  const inside = reads.filter(({ seen }) => seen).length;
  return reads.length ? [`Arrows: ${inside} of ${reads.length} targets read a pair that is in the data.`] : [];
}

/** What the policy does in the selected state. @param {Store} store @param {Frame} frame @param {string} name */
function preference(store, frame, name) {
  const { state, member } = store.view;
  const policy = state === null || store.terminal[state] ? null : store.row(frame, "policy", member, state);
  if (state === null || !policy) return [];
  const best = policy.indexOf(Math.max(...policy));
  const q = store.row(frame, "q", member, state);
  const { counts } = store.static;
  const seen = counts ? counts[state * store.run.nActions + best] > 0 : true;
  const value = q ? `, Q ${number(q[best])}` : "";
  const action = `${store.run.actionNames[best]} with probability ${number(policy[best], 2)}`;
  return [`In ${name} the policy prefers ${action}${value}${seen ? "" : ", an action that is not in the data"}.`];
}
