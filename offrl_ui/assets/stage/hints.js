// The first steps: numbered hints at the place where they act. Each vanishes when it has been done, the browser
// remembers that, and "?" brings them back. The stage shows its own; the others travel over the bus.

import { bus } from "../shared/bus.js";

/** @import { Hello } from "../run/protocol.d.ts" */
/** @import { Hint } from "../shared/bus.js" */

const KEPT = "offrl-hints-done";

/** Every hint in order, and what a run must have for it. @type {[name: string, text: string, needs: string][]} */
const HINTS = [
  ["play", "Press play", ""],
  ["rho", "Pull ρ to 0 while it runs", "rho"],
  ["back", "Drag the timeline back", ""],
];

/**
 * The hints for a run, those that were done left out: the numbers of the others stay.
 * @param {Pick<Hello, "lanes">} hello
 * @param {ReadonlySet<string>} done
 * @returns {Record<string, Hint>}
 */
export function hintsFor({ lanes }, done) {
  const live = new Set(lanes[0].hyperparameters.filter((one) => one.live).map(({ name }) => name));
  const fitting = HINTS.filter(([, , needs]) => !needs || live.has(needs));
  const numbered = fitting.map(([name, text], i) => /** @type {const} */ ([name, { number: i + 1, text }]));
  return Object.fromEntries(numbered.filter(([name]) => !done.has(name)));
}

export class Hints {
  /** @param {Storage | null} storage @param {boolean} wanted */
  constructor(storage, wanted) {
    this.storage = storage;
    this.wanted = wanted;
    this.done = new Set(this.recall());
    this.off = [bus.on("hint", (name) => this.finish(name)), bus.on("mark", ({ what }) => this.marked(what))];
  }

  /** Whether they are shown at all: a story tells what to do itself. @param {boolean} wanted */
  want(wanted) {
    this.wanted = wanted;
    this.show();
  }

  /** @returns {string[]} */
  recall() {
    try {
      const kept = JSON.parse(this.storage?.getItem(KEPT) ?? "[]");
      return Array.isArray(kept) ? kept : [];
    } catch {
      return []; // somebody else's text, or a browser that keeps nothing: the hints are shown
    }
  }

  /** Tell every part of the page which hints stand now. */
  show() {
    if (bus.hello) bus.emit("hints", this.wanted && bus.source?.live ? hintsFor(bus.hello, this.done) : {});
  }

  /** A hint was done, or is not wanted. @param {string} name */
  finish(name) {
    if (!this.wanted || this.done.has(name)) return;
    this.done.add(name);
    this.keep();
  }

  again() {
    if (!this.done.size) return;
    this.done.clear();
    this.keep();
  }

  keep() {
    try {
      this.storage?.setItem(KEPT, JSON.stringify([...this.done]));
    } catch {
      // A browser that keeps nothing: the hints come back with the next visit.
    }
    this.show();
  }

  /** @param {Record<string, [before: unknown, after: unknown]> | undefined} what */
  marked(what) {
    if (what?.rho && Number(what.rho[1]) === 0) this.finish("rho");
  }

  stop() {
    for (const off of this.off) off();
  }
}

/** The browser's memory; null where it may not be used. */
export function browserStorage() {
  try {
    return localStorage;
  } catch {
    return null;
  }
}
