// The widgets of the app on a page of ours: each in a root of its own, as its styles expect, given data and heard.

/** @import { Component } from "../../offrl_ui/assets/shared/component.d.ts" */

/** @typedef {{ mount: (component: Component<any>) => () => void }} Module */

/** A place where one of the app's components is drawn. */
export class Place {
  /**
   * @param {HTMLElement} host
   * @param {string} name - the class of the element that the module draws into
   * @param {Module} module
   * @param {string[]} styles - addresses
   * @param {(name: string, payload: any) => void} told
   */
  constructor(host, name, module, styles, told) {
    this.host = host;
    this.module = module;
    this.told = told;
    this.seq = 0;
    this.root = host.shadowRoot ?? host.attachShadow({ mode: "open" });
    this.root.replaceChildren(
      ...styles.map((href) => Object.assign(document.createElement("link"), { rel: "stylesheet", href })),
      Object.assign(document.createElement("div"), { className: name }),
    );
    /** @type {(() => void) | null} */
    this.away = null;
  }

  /** @param {Record<string, unknown>} data */
  show(data) {
    this.away = this.module.mount({
      parentElement: this.root,
      // What it has told was heard: nothing is on its way for longer than a question takes.
      data: { ...data, seq: this.seq, assets: "" },
      setStateValue: (name, payload) => this.hear(name, payload),
      setTriggerValue: (name, payload) => this.hear(name, payload),
    });
  }

  /** @param {string} name @param {any} payload */
  hear(name, payload) {
    this.told(name, payload);
  }

  /** An answer of the component's was taken in. @param {number} seq */
  heard(seq) {
    this.seq = Math.max(this.seq, seq);
  }

  close() {
    this.away?.();
    this.away = null;
  }
}
