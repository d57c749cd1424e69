// The stage on a page of ours, in a root of its own, as its styles expect.

import { h } from "../../offrl_ui/assets/shared/dom.js";
import { mount } from "../../offrl_ui/assets/stage/mount.js";

/** @import { Stage, StageOptions } from "../../offrl_ui/assets/stage/stage.js" */

export class StagePlace {
  constructor() {
    this.host = h("div", { class: "stage-host" });
    this.root = this.host.attachShadow({ mode: "open" });
    this.root.append(h("section", { class: "stage", "aria-label": "Training stage" }));
    /** @type {(() => void) | null} */
    this.away = null;
  }

  /** Whether something was shown on it. */
  get used() {
    return this.away !== null;
  }

  /** The stage itself, once its styles are there. @returns {Stage | undefined} */
  get stage() {
    return /** @type {any} */ (this.root.querySelector(".stage")).stage;
  }

  /** @param {StageOptions} data @param {(name: string, payload: any) => void} [told] */
  show(data, told = () => {}) {
    this.away = mount({ parentElement: this.root, data, setStateValue: told, setTriggerValue: () => {} });
  }

  close() {
    this.away?.();
  }
}
