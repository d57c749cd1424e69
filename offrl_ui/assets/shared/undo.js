// What was changed on the page by hand, to be taken back and made again: one step for each time a control was let go or
// a card was picked.

/**
 * A change: of what, from which value to which, how a value is put there, and how it is told where it is no word or
 * number itself. `put` answers false where that cannot be at the moment, as for the control of an algorithm that is not
 * chosen now: the step then keeps its place.
 *
 * @template [T=any]
 * @typedef {{ what: string, before: T, after: T, put: (value: T) => boolean, told?: (value: T) => string }} Change
 */

const MOST = 200;

export class Undo {
  constructor() {
    /** The newest last. @type {Change[]} */
    this.done = [];
    /** The one that was taken back last stands last. @type {Change[]} */
    this.undone = [];
    /** A change is being taken back or made again: it is none of its own. */
    this.moving = false;
    /** What waits until the page has taken in what was put last; null: nothing is on its way.
     * @type {(() => void)[] | null} */
    this.waiting = null;
    /** @type {Set<() => void>} */
    this.listeners = new Set();
  }

  /** A control was let go. @template T @param {Change<T>} change */
  add(change) {
    if (this.moving) return;
    this.done.push(change);
    if (this.done.length > MOST) this.done.shift();
    this.undone = [];
    this.tell();
  }

  /** Take the newest change back; which one, or null where there is none. */
  undo() {
    return this.move(this.done, this.undone, (change) => change.before);
  }

  /** Make again what was taken back last; which one, or null where there is none. */
  redo() {
    return this.move(this.undone, this.done, (change) => change.after);
  }

  /**
   * @param {Change[]} from @param {Change[]} to @param {(change: Change) => unknown} value
   * @returns {{ what: string, value: unknown } | null}
   */
  move(from, to, value) {
    this.moving = true;
    try {
      for (let i = from.length - 1; i >= 0; i--) {
        const change = from[i];
        if (!change.put(value(change))) continue;
        from.splice(i, 1);
        to.push(change);
        this.tell();
        const now = value(change);
        return { what: change.what, value: change.told ? change.told(now) : now };
      }
    } finally {
      this.moving = false;
    }
    return null;
  }

  /** What was put last changes the whole page: whatever `when` is asked for waits until `settled`. */
  unsettled() {
    this.waiting ??= [];
  }

  /** The page has taken it in. */
  settled() {
    const { waiting } = this;
    this.waiting = null;
    // Each may put something that the others have to wait for.
    for (const act of waiting ?? []) this.when(act);
  }

  /** Act now, or once the page has settled. @param {() => void} act */
  when(act) {
    if (this.waiting) this.waiting.push(act);
    else act();
  }

  /** Listen; returns the function that ends it. @param {() => void} listener */
  on(listener) {
    this.listeners.add(listener);
    return () => {
      this.listeners.delete(listener);
    };
  }

  tell() {
    for (const listener of this.listeners) listener();
  }
}
