// Sharing what is on the stage: the link of its run, with the moment that is looked at and what may be moved.

/** @import { Rule, SharedPage } from "../shared/sharing.js" */
/** @import { SharedControl } from "../shared/share_dialog.js" */
/** @import { Stage } from "./stage.js" */

import { bus } from "../shared/bus.js";
import { Connection } from "../shared/connection.js";
import { h } from "../shared/dom.js";
import { integer } from "../shared/format.js";
import { patch } from "../shared/patch.js";
import { shareDialog } from "../shared/share_dialog.js";
import { Sharing } from "../shared/sharing.js";

/** What a link may hold of the moment, and how it treats controls, by the names of its parts.
 * @typedef {{ step?: number, view?: string, model?: number, state?: number, arrows?: number }} Moment */
/** The controls that a link has put away and those that it holds still.
 * @typedef {{ hide?: readonly string[], fix?: readonly string[] }} Rules */

/** Of an address that becomes a code. */
const LONGEST = 1500;
const MOMENT = ["step", "view", "model", "state", "arrows"];
/** They say where a page was opened from, not what it shows. */
const PASSING = ["back", "story", "hide", "fix"];
/** @type {Rule[]} */
const PUT_AWAY = ["show", "hide"];
/** @type {SharedControl[]} */
const PICKERS = [
  { name: "data", label: "Dataset", text: "Dataset", rules: PUT_AWAY },
  { name: "algo", label: "Algorithm", text: "Algorithm", rules: PUT_AWAY },
];

/**
 * The link of a run with a moment and rules. A step beyond the link's budget takes the budget along, so that whoever
 * opens the link comes to it.
 *
 * @param {string} address - of the page, with the run's parts
 * @param {Moment} moment
 * @param {readonly (readonly [part: string, names: string])[]} rules
 * @param {number} budget - updates after which the link's run ends, 0 for never
 */
export function sharedLink(address, moment, rules, budget) {
  const url = new URL(address);
  url.hash = "";
  for (const name of [...MOMENT, ...PASSING]) url.searchParams.delete(name);
  const { step = 0 } = moment;
  if (budget && step > budget) url.searchParams.set("budget", String(step));
  for (const [name, value] of Object.entries(moment)) url.searchParams.set(name, String(value));
  for (const [name, names] of rules) url.searchParams.set(name, names);
  return url.href.replaceAll("%3A", ":").replaceAll("%2C", ",").replaceAll("%3B", ";").replaceAll("%3D", "=");
}

/** The rules that a link has given, as the dialog has them. @param {Rules} given @returns {Record<string, Rule>} */
export function rulesOf({ hide = [], fix = [] }) {
  /** @param {readonly string[]} names @param {Rule} rule @returns {[string, Rule][]} */
  const each = (names, rule) => names.map((name) => [name, rule]);
  return Object.fromEntries([...each(hide, "hide"), ...each(fix, "fix")]);
}

export class StageShare {
  /** @param {Stage} stage @param {Rules} rules - those of the link that is open */
  constructor(stage, rules) {
    this.stage = stage;
    this.place = h("div", { class: "share-place" });
    (stage.root.parentElement ?? stage.root.getRootNode()).appendChild(this.place);
    /** Where codes are drawn; it is opened with the dialog. @type {Connection | null} */
    this.line = null;
    /** @type {string[]} */
    this.waiting = [];
    /** @type {SharedPage} */
    const page = { root: this.place, draw: () => this.draw(), ask: (url) => this.ask(url) };
    this.sharing = new Sharing(page, { moment: true });
    this.sharing.rules = rulesOf(rules);
  }

  get open() {
    return this.sharing.open;
  }

  show() {
    const { store, notices } = this.stage;
    if (store.hello) this.sharing.show(true);
    else notices.refuse("There is nothing to share yet: the run is still being prepared.", "calm");
  }

  /** What is looked at. @returns {Moment} */
  get moment() {
    const { store, playback } = this.stage;
    const { mode, member, state, reads } = store.view;
    return {
      step: playback.frame?.step ?? 0,
      ...(mode ? { view: mode } : {}),
      ...(store.run.members.length > 1 ? { model: member + 1 } : {}),
      ...(state === null ? {} : { state }),
      ...(reads && store.run.layout.kind === "grid" ? { arrows: 1 } : {}),
    };
  }

  draw() {
    const { sharing } = this;
    patch(this.place, sharing.open ? [this.dialog()] : []);
    const dialog = this.place.querySelector("dialog");
    if (dialog && !dialog.open) dialog.showModal();
    if (!sharing.open) this.hangUp();
  }

  dialog() {
    const { sharing } = this;
    const { moment } = this;
    const held = sharing.ticks.moment ? moment : {};
    const link = sharedLink(location.href, held, sharing.ruled, this.stage.store.run.run.config.budget ?? 0);
    const text = `Open at step ${integer(moment.step ?? 0)}, with this view, model and state`;
    /** @type {["moment", string][]} */
    const ticks = [["moment", text]];
    const settings = [...bus.controls.values()].reverse().flat(); // the algorithm's before those of the data
    return shareDialog(sharing, { title: "A link to this run", link, ticks, controls: [...PICKERS, ...settings] });
  }

  /** Whoever answers this page draws codes, too. @param {string} url */
  ask(url) {
    if (url.length > LONGEST) {
      this.sharing.codes[url] = '<p class="room-link">This link is too long for a code: copy it.</p>';
      return;
    }
    const text = JSON.stringify({ type: "qr", url });
    if (this.line?.open) this.line.send(text);
    else this.waiting.push(text);
    if (this.line) return;
    this.line = new Connection(() => "scene", {
      opened: () => {
        for (const question of this.waiting.splice(0)) this.line?.send(question);
      },
      heard: (data) => this.heard(JSON.parse(/** @type {string} */ (data))),
      lost: () => {},
    });
    this.line.connect();
  }

  /** @param {{ type: string, url: string, svg: string }} message */
  heard({ type, url, svg }) {
    if (type !== "qr") return;
    this.sharing.codes[url] = svg;
    if (this.open) this.draw();
  }

  hangUp() {
    this.line?.close();
    this.line = null;
    const { codes } = this.sharing;
    for (const url of Object.keys(codes)) if (!codes[url]) delete codes[url]; // they are asked for once more
  }

  stop() {
    this.hangUp();
    this.place.remove();
  }
}
