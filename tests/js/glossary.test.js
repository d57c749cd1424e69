// Terms in a sentence are found as Python finds them (offrl_core/glossary.py).

import assert from "node:assert/strict";
import { test } from "node:test";
import { pieces } from "../../offrl_ui/assets/shared/glossary.js";
import { expected, needsPython } from "./help.js";

test("terms are found where Python finds them", needsPython, () => {
  assert.ok(expected.glossary.length > 50);
  for (const [text, marked] of expected.glossary) {
    const made = pieces(text).map(([words, key]) => (key ? `[${words}](${key})` : words));
    assert.equal(made.join(""), marked);
  }
});

test("a sentence without terms is one piece, and an empty one none", () => {
  assert.deepEqual(pieces("Nothing to see."), [["Nothing to see.", null]]);
  assert.deepEqual(pieces(""), []);
});
