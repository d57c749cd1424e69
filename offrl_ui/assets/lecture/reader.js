// Reads out what changed, once a slider rests: the text alternatives of the first pictures, after a reveal the answer too.

const REST = 700;

export class Reader {
  constructor(app) {
    this.app = app;
  }

  // Called with the live region whenever the page is drawn.
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
        .filter(({ name }) => app.isRevealed || !app.scene.covered.includes(name));
      const answer = this.answerDue ? `${result.answer_text} ` : "";
      this.answerDue = false;
      element.textContent =
        answer +
        seen
          .slice(0, 2)
          .map(({ name }) => result.pictures[name].alt)
          .join(" ");
    }, REST);
  }

  stop() {
    clearTimeout(this.timer);
  }
}
