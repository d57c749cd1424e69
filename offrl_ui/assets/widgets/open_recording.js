// A button that opens a recording from the viewer's own disk. The file does not leave the browser: what it holds is
// checked here and lent to the stage under a name.
//
// Told to the script: `opened` = { seq, address, name }.

/** @import { Component } from "../shared/component.d.ts" */
/** @typedef {{ seq: number }} OpenerData */

import { lend } from "../run/source.js";
import { h, setText } from "../shared/dom.js";

/** @type {WeakMap<Node, Opener>} */
const openers = new WeakMap();

/** @param {Component<OpenerData>} component */
export function mount(component) {
  const { parentElement } = component;
  const opener = openers.get(parentElement) ?? new Opener(component);
  openers.set(parentElement, opener);
  opener.component = component;
  return () => openers.delete(parentElement);
}

class Opener {
  /** @param {Component<OpenerData>} component */
  constructor(component) {
    this.component = component;
    this.seq = component.data.seq;
    const root = /** @type {HTMLElement} */ (component.parentElement.querySelector(".open_recording"));
    this.field = h("input", {
      type: "file",
      class: "file",
      "aria-label": "A recording, run.offrl.gz",
      onchange: () => {
        const [file] = this.field.files ?? [];
        if (file) this.open(file);
        this.field.value = "";
      },
    });
    this.field.accept = ".gz,.offrl";
    this.told = h("p", { class: "told", role: "status" });
    const button = h("button", { type: "button", onclick: () => this.field.click() }, "Open a recording");
    const about = "A run that was taken home as run.offrl.gz. The file stays in this browser.";
    root.replaceChildren(button, this.field, h("p", { class: "about" }, about), this.told);
  }

  /** @param {File} file */
  async open(file) {
    setText(this.told, "Opening …");
    this.told.dataset.tone = "calm";
    try {
      // Only who opens a file needs what reads and checks it.
      const { readRecording } = await import("../run/recording_file.js");
      const address = lend(await readRecording(file));
      this.seq += 1;
      setText(this.told, `Opened: ${file.name.slice(0, 80)}`);
      this.component.setStateValue("opened", { seq: this.seq, address, name: file.name.slice(0, 80) });
    } catch (error) {
      const known = error instanceof Error && error.name === "NoRecording";
      if (!known) console.error("offrl: a recording could not be read", error);
      const reason = known ? error.message : "it could not be read";
      this.told.dataset.tone = "warn";
      setText(this.told, `${file.name.slice(0, 80)} was not opened. ${reason}.`);
    }
  }
}
