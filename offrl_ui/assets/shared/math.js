// LaTeX → MathML, asked of the server and kept. Without a server (a replay from disk) there are no formulas.

import { ask } from "./server.js";

const LARGEST = 2000;
/** @type {Map<string, string>} */
const known = new Map();

/**
 * The formulas that could be typeset: LaTeX → MathML.
 * @param {string[]} texts
 */
export async function typeset(texts) {
  const missing = [...new Set(texts)].filter((text) => !known.has(text));
  if (missing.length && location.protocol.startsWith("http")) {
    if (known.size > LARGEST) known.clear();
    try {
      const made = /** @type {string[]} */ (await ask("math", missing));
      made.forEach((markup, i) => {
        known.set(missing[i], markup);
      });
    } catch {
      // The numbers still stand beside; the next question tries again.
    }
  }
  return known;
}
