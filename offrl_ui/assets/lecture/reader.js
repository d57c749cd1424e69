// Reads out what changed, once a slider rests: the text alternatives of the first pictures, after a reveal the answer
// too.

/** @import { Lecture } from "./scene.js" */
/** @import { Result } from "./protocol.d.ts" */

const REST = 700;

export class Reader {
  /** @param {Lecture} app */
  constructor(app) {
    this.app = app;
    /** @type {Result | undefined} */
    this.result = undefined;
    this.revealed = false;
    this.answerDue = false;
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this.timer = undefined;
  }

  /** Called with the live region whenever the page is drawn. @param {Element} element */
  look(element) {
    const { app } = this;
    const { result, isRevealed } = app;
    if (!result || (result === this.result && isRevealed === this.revealed)) return;
    const first = this.result === undefined;
    // The picture of the reveal comes a moment after it; the answer is read with it.
    this.answerDue = isRevealed && (this.answerDue || !this.revealed);
    this.result = result;
    this.revealed = isRevealed;
    this.stop();
    if (first) return;
    this.timer = setTimeout(() => {
      const seen = app
        .rowsOf(result)
        .flat()
        // Another scene may have been opened meanwhile: its pictures are not there yet.
        .filter(({ name }) => name in result.pictures)
        .filter(({ name }) => app.isRevealed || !app.scene?.covered.includes(name));
      const alternatives = seen.slice(0, 2).map(({ name }) => result.pictures[name].alt);
      element.textContent = (this.answerDue ? `${result.answer_text} ` : "") + alternatives.join(" ");
      this.answerDue = false;
    }, REST);
  }

  stop() {
    clearTimeout(this.timer);
  }
}
