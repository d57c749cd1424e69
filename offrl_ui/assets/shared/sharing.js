// What is shared of a page: a link with what it holds and its rules, the QR code of an address, and the dialog's state.

/** What a link does to a control. @typedef {"show" | "fix" | "hide"} Rule */
/** `draw` draws the page, `root` holds its dialog, and `ask` asks for the QR code of an address: see `codes`.
 * @typedef {{ root: ParentNode, draw: () => void, ask: (url: string) => void }} SharedPage */

/**
 * @template {string} Tick
 */
export class Sharing {
  /** @param {SharedPage} page @param {Record<Tick, boolean>} ticks - what a link may hold, and whether it does */
  constructor(page, ticks) {
    this.page = page;
    this.open = false;
    this.ticks = ticks;
    /** By control; those that are not named can be moved. @type {Record<string, Rule>} */
    this.rules = {};
    /** QR codes by address. @type {Record<string, string>} */
    this.codes = {};
    /** The text that was copied last. */
    this.copied = "";
  }

  /** @param {boolean} open */
  show(open) {
    this.open = open;
    if (!open) this.page.root.querySelector("dialog")?.close();
    this.page.draw();
  }

  /** @param {Tick} name @param {boolean} held */
  tick(name, held) {
    this.ticks = { ...this.ticks, [name]: held };
    this.page.draw();
  }

  /** @param {string} name @param {Rule} rule */
  setRule(name, rule) {
    this.rules = { ...this.rules, [name]: rule };
    this.page.draw();
  }

  /** The parts of a link that the rules make. @returns {[part: "hide" | "fix", names: string][]} */
  get ruled() {
    /** @param {Rule} rule */
    const names = (rule) => Object.keys(this.rules).filter((name) => this.rules[name] === rule);
    /** @type {["hide" | "fix", string][]} */
    const parts = [
      ["hide", names("hide").join(",")],
      ["fix", names("fix").join(",")],
    ];
    return parts.filter(([, listed]) => listed);
  }

  /** The QR code of an address; empty until it has been drawn. @param {string} url */
  code(url) {
    if (this.codes[url] === undefined) {
      this.codes[url] = "";
      this.page.ask(url);
    }
    return this.codes[url];
  }

  /** @param {string} text */
  async copy(text) {
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      const field = this.page.root.querySelector(".share-link input");
      if (field instanceof HTMLInputElement) field.select();
      document.execCommand("copy");
    }
    this.copied = text;
    this.page.draw();
  }
}
