// What the lecturer shares: a link with its rules, QR codes, and the dialog that shows them.

/** @import { Lecture } from "./scene.js" */

/** What a link does to a control. @typedef {"show" | "fix" | "hide"} Rule */
/** @typedef {{ present: boolean, embed: boolean, revealed: boolean, rules: Record<string, Rule> }} LinkOptions */

export class Sharing {
  /** @param {Lecture} app */
  constructor(app) {
    this.app = app;
    this.open = false;
    /** @type {LinkOptions} */
    this.options = { present: true, embed: false, revealed: false, rules: {} };
    /** QR codes by address. @type {Record<string, string>} */
    this.codes = {};
    /** The text that was copied last. */
    this.copied = "";
  }

  /** @param {boolean} open */
  show(open) {
    this.open = open;
    if (!open) this.app.root.querySelector("dialog")?.close();
    this.app.draw();
  }

  /** @param {Partial<LinkOptions>} change */
  set(change) {
    this.options = { ...this.options, ...change };
    this.app.draw();
  }

  /** @param {string} name @param {Rule} rule */
  setRule(name, rule) {
    this.set({ rules: { ...this.options.rules, [name]: rule } });
  }

  /** The QR code of an address; empty until the server has drawn it. @param {string} url */
  code(url) {
    if (this.codes[url] === undefined) {
      this.codes[url] = "";
      this.app.socket.send({ type: "qr", url });
    }
    return this.codes[url];
  }

  /** @param {string} text */
  async copy(text) {
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      const field = this.app.root.querySelector(".share-link input");
      if (field instanceof HTMLInputElement) field.select();
      document.execCommand("copy");
    }
    this.copied = text;
    this.app.draw();
  }
}
