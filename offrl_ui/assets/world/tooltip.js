// The numbers under the pointer, with their unit.

import { integer, number } from "../shared/format.js";
import { modeOf, pictureOf, roundingOf } from "./modes.js";
import { readLine } from "./reads.js";

/**
 * @import { Frame } from "../run/frames.js"
 * @import { Store } from "../run/store.js"
 * @import { Read } from "./reads.js"
 */

/**
 * @param {Store} store
 * @param {Frame | null} frame
 * @param {(state: number) => string} name
 * @param {{ state: number, action: number | null, member: number }} place
 * @param {readonly Read[]} [reads] - what targets read, where that is shown
 */
export function tooltipLines(store, frame, name, { state, action, member }, reads = []) {
  const { nActions: A, actionNames } = store.run;
  const { counts, q_star: truth } = store.static;
  const mode = modeOf(store.view.mode);
  const own = pictureOf(store, mode, frame, member);
  const lines = [name(state)];
  if (action !== null) {
    const at = state * A + action;
    /** @param {string} table */
    const row = (table) => (frame ? store.exactRow(frame, table, member, state) : null);
    /** @param {string} table */
    const pick = (table) => row(table)?.[action];
    const rounding = roundingOf(row("q") ?? [], A, store.usual);
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
    const text = known.map(([label, value]) => `${label} ${number(value, 3, label === "A" ? rounding : 0)}`);
    lines.push(text.join(" · "));
    const difference = mode.key === "ghost" || mode.key === "error";
    if (frame?.coarse(mode.wire, member) && !row(mode.wire)) lines.push("click for the learned numbers");
    else if (own && difference) lines.push(`${mode.label} ${number(own[at])}`);
  }
  const read = reads.find((one) => one.state === state && one.action === action);
  if (read) lines.push(readLine(read, actionNames, name));
  if (own && mode.perState) lines.push(`V ${number(own[state])}`);
  return lines.filter(Boolean);
}
