// The numbers under the pointer, with their unit.

import { integer, number } from "../shared/format.js";
import { modeOf, pictureOf } from "./modes.js";

/**
 * @import { Frame } from "../run/frames.js"
 * @import { Store } from "../run/store.js"
 */

/**
 * @param {Store} store
 * @param {Frame | null} frame
 * @param {string} name - of the state
 * @param {{ state: number, action: number | null, member: number }} place
 */
export function tooltipLines(store, frame, name, { state, action, member }) {
  const { nActions: A, actionNames } = store.run;
  const { counts, q_star: truth } = store.static;
  const mode = modeOf(store.view.mode);
  const own = pictureOf(store, mode, frame, member);
  const lines = [name];
  if (action !== null) {
    const at = state * A + action;
    /** @param {string} table */
    const pick = (table) => frame?.table(table, member)?.[at];
    /** @type {[string, number | undefined][]} */
    const parts = [
      ["Q", pick("q")],
      ["Q*", truth?.[at]],
      ["π", pick("policy")],
      ["A", pick("advantages")],
      ["w", pick("weights")],
    ];
    const seen = counts ? ` · n ${integer(counts[at])}${counts[at] ? "" : " (not in the data)"}` : "";
    lines.push(`action ${actionNames[action]}${seen}`);
    const known = parts.filter(([, value]) => value !== undefined && !Number.isNaN(value));
    lines.push(known.map(([label, value]) => `${label} ${number(value)}`).join(" · "));
    if (own && (mode.key === "ghost" || mode.key === "error")) lines.push(`${mode.label} ${number(own[at])}`);
  }
  if (own && mode.perState) lines.push(`V ${number(own[state])}`);
  return lines.filter(Boolean);
}
