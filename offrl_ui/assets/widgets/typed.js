// What is typed into a number's field: one number, a named value, or several numbers that open an axis.

/** @import { Item } from "./declared.d.ts" */

import { MOST_VALUES, refusal } from "../shared/slider.js";

/**
 * What a text says: its value (several open an axis), or why it is none. `unfinished`: more typing may still make it
 * one.
 *
 * @typedef {{ value: number | number[] } | { what: string, why: string, unfinished: boolean }} Reading
 */

const NUMBER = /^[+−-]?(\d+\.?\d*|\.\d+)(e[+−-]?\d+)?$/i;
const BEGUN = /^[+−-]?(\d*\.?\d*)(e[+−-]?\d*)?$/i;

/**
 * The numbers stand apart by spaces, semicolons or commas; a comma between two digits is a decimal comma where nothing
 * else can be meant: in `0,3` and `0,1 0,3`, but not in `0,1,3` or `0.1,0.3`.
 *
 * @param {string} text
 */
function partsOf(text) {
  const rough = text.split(/[;\s]+|,(?=\s|$)/).filter(Boolean);
  const decimal = rough.every((part) => !/,.*[,.]|\..*,/.test(part));
  return decimal
    ? rough.map((part) => part.replace(",", "."))
    : rough.flatMap((part) => part.split(",")).filter(Boolean);
}

/**
 * @param {string} text
 * @param {Item} item
 * @returns {Reading}
 */
export function readTyped(text, item) {
  const whole = text.trim();
  const named = Object.entries(item.special ?? {}).find(([, name]) => name === whole);
  if (named) return { value: Number(named[0]) };
  const parts = partsOf(whole);
  const none = (/** @type {string} */ why, unfinished = false, what = whole) => ({ what, why, unfinished });
  if (!parts.length) return none(`it must be ${item.allowed}`, true, "An empty field");
  const several = parts.length > 1;
  if (several && !item.axis) return none(`it must be ${item.allowed}`);
  for (const [i, part] of parts.entries()) {
    const last = i === parts.length - 1 && !/[;,\s]$/.test(text);
    const why = refusal(numberOf(part), item);
    if (why) return none(several ? `${part}: ${why}` : why, last && BEGUN.test(part));
  }
  const values = [...new Set(parts.map(numberOf))].sort((a, b) => a - b);
  if (values.length > MOST_VALUES) return none(`an axis has 2 to ${MOST_VALUES} values`);
  return { value: several && values.length > 1 ? values : values[0] };
}

/** NaN where it is none. @param {string} part */
export const numberOf = (part) => (NUMBER.test(part) ? Number(part.replace(/−/g, "-")) : NaN);
