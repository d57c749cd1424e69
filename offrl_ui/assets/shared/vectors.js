// What the numbers of an observation are called.

/** @import { PlaneLayout } from "../run/protocol.d.ts" */

import { number } from "./format.js";

/** Names of the axes of a plane that are the observation's own numbers. @param {PlaneLayout} layout */
export const ownNames = ({ names, projection }) => names.slice(0, names.length - (projection?.length ?? 0));

/**
 * The numbers with their names and units: "position 0.42 m"; a unit stands in brackets behind its name.
 * @param {ArrayLike<number>} values
 * @param {string[]} names
 * @param {number} [digits]
 */
export function inWords(values, names, digits) {
  const named = Array.from(values, (value, i) => {
    const [, title, unit] = (names[i] ?? "").match(/^(.*?)(?: \((.*)\))?$/) ?? [];
    return [title, number(value, digits), unit].filter(Boolean).join(" ");
  });
  return named.join(", ");
}
