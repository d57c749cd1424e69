// The top line: what is trained on what, and the returns.

import { intervalOf } from "../curves/panels.js";
import { h, setText } from "../shared/dom.js";
import { number } from "../shared/format.js";
import { term } from "../shared/glossary.js";

/**
 * @import { Frame } from "../run/frames.js"
 * @import { Group } from "../run/groups.js"
 * @import { Store } from "../run/store.js"
 */

/**
 * A term that the tab key passes by: Play comes first, and the same is told further on.
 * @param {string} key @param {string} words @param {string} here
 */
function passed(key, words, here) {
  const link = term(key, words, here);
  link.tabIndex = -1;
  return link;
}

export class TopLine {
  /** @param {HTMLElement} host @param {Store} store @param {HTMLElement} picker - of the model */
  constructor(host, store, picker) {
    this.store = store;
    this.title = h("h2", { class: "stage-title" });
    this.numbers = h("dl", { class: "stage-numbers" });
    this.now = h("dd");
    this.label = h("dt");
    host.append(this.title, picker, this.numbers);
  }

  begin() {
    const { groups, run } = this.store;
    const lanes = run.lanes.map((lane) => lane.title ?? lane.algorithm);
    const approximators = [...new Set(run.lanes.map((lane) => lane.approximator))].filter(Boolean);
    const seeds = groups[0].members.length;
    const systems = lanes.length > 2 ? `${lanes.length} systems` : lanes.join(" and ");
    const parts = [
      run.run?.title || `${systems} on ${run.run?.config?.dataset ?? "data"}`,
      approximators.join(", "),
      groups.length > lanes.length ? `${groups.length} settings` : "",
      `${seeds} seed${seeds === 1 ? "" : "s"}`,
    ];
    setText(this.title, parts.filter(Boolean).join(" · "));
    const known = this.returns().filter(({ value }) => Number.isFinite(value));
    this.numbers.replaceChildren(
      h("div", { class: "now" }, this.label, this.now),
      ...known.map(({ name, key, value, help }) =>
        h("div", {}, h("dt", {}, passed(key, name, help)), h("dd", {}, number(value))),
      ),
    );
  }

  /** What the returns are measured by. At several discounts there are several truths: the line shows none of them. */
  returns() {
    const { truth } = this.store.run;
    if (!this.store.truthHoldsForAll) return [];
    /**
     * @param {string | null | undefined} kind
     * @param {[number, number] | null | undefined} interval
     * @param {string} otherwise
     */
    const about = (kind, interval, otherwise) =>
      `${kind ?? otherwise}${interval ? `, 95 % interval ${number(interval[0])} to ${number(interval[1])}` : ""}`;
    const { behavior, in_support: supported, optimal } = truth;
    const apart = typeof supported === "number" && !(Math.abs(supported - (optimal ?? NaN)) < 1e-6);
    const collected = "return of the policy that collected the data";
    return [
      {
        name: "behaviour",
        key: "behavior-policy",
        value: behavior,
        help: about(truth.behavior_kind, truth.behavior_interval, collected),
      },
      ...(apart
        ? [
            {
              name: "best in data",
              key: "coverage",
              value: supported,
              help: "best return with actions that occur in the data",
            },
          ]
        : []),
      {
        name: "best",
        key: "q-star",
        value: optimal,
        help: about(truth.optimal_kind, truth.optimal_interval, "return of the optimal policy"),
      },
    ];
  }

  /** @param {Frame | null} frame */
  update(frame) {
    const { store } = this;
    const { name, key, sign, help } = this.measured();
    const metric = store.metricIndex(name);
    const group = store.groupOf(store.view.member);
    const label = store.groups.length > 1 ? `${sign} ${group.label}` : sign;
    if (this.label.textContent !== label) this.label.replaceChildren(passed(key, label, help));
    const value = frame && metric >= 0 ? number(store.lastStat(frame, group, metric)) + this.error(frame, group) : "–";
    setText(this.now, value);
  }

  /** The return; where nobody can play, what the learner believes. */
  measured() {
    if (this.store.metricIndex("return") >= 0)
      return { name: "return", key: "true-return", sign: "J(π)", help: "true return of the policy" };
    const help = "what the learner believes it can earn; the world is unknown, so this cannot be checked";
    return { name: "value_start", key: "v", sign: "learned V(s₀)", help };
  }

  /** How far a return that was measured by playing may be off, for a single model: ± half its 95 % interval.
   * @param {Frame} frame @param {Group} group */
  error(frame, group) {
    const interval = group.members.length === 1 ? intervalOf(this.store, "return") : null;
    if (!interval) return "";
    const [low, high] = interval.map((end) => this.store.lastStat(frame, group, end));
    return high > low ? ` ± ${number((high - low) / 2, 2)}` : "";
  }
}
