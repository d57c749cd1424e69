// A log of one's own: opened in this tab, read by a worker of its own, and never sent anywhere.

import { h } from "../../offrl_ui/assets/shared/dom.js";
import { patch, v } from "../../offrl_ui/assets/shared/patch.js";
import { BUILT } from "./built.js";
import { reasonOf, second } from "./engine.js";
import { tableOf } from "./table.js";

/** @import { Child } from "../../offrl_ui/assets/shared/element.d.ts" */
/** @import { FileForm } from "./types.d.ts" */

const LARGEST = 200;
const SECONDS = 120;
const STAYS =
  `CSV, JSON Lines, NPZ and more, up to ${LARGEST} MB. The file is opened in this tab and read on this device: it is ` +
  "sent nowhere, and what was read is gone when the tab is closed.";
const CANNOT =
  "This site cannot open files: the package that reads them, pyarrow, was not there when it was built. The installed " +
  "app opens them, and so does a site that is built where Pyodide's release can be reached.";

export class OwnFile {
  /**
   * @param {HTMLElement} host
   * @param {(packed: ArrayBuffer, gamma: number) => Promise<string>} keep - takes what was read; gives what was wrong
   */
  constructor(host, keep) {
    this.keep = keep;
    this.left = false;
    /** @type {File | null} */
    this.file = null;
    /** @type {FileForm | null} */
    this.form = null;
    /** Role → what is chosen. @type {Record<string, unknown>} */
    this.chosen = {};
    this.gamma = 0.99;
    this.said = { problems: /** @type {string[]} */ ([]), actions: "" };
    this.problem = "";
    this.doing = "";
    this.share = 0;
    this.place = h("div", { class: "own-file" });
    const input = h("input", { type: "file", "aria-label": "A log of decisions" });
    input.addEventListener("change", () => this.open(input.files?.[0] ?? null));
    if ("pyarrow" in BUILT.archives) host.replaceChildren(h("p", { class: "caption" }, STAYS), input, this.place);
    else host.replaceChildren(h("p", { class: "caption" }, CANNOT));
    this.hear = (/** @type {number} */ share, /** @type {string} */ doing) => {
      this.share = share;
      this.doing = `Reading: ${doing} …`;
      this.draw();
    };
    this.off = second.watch(({ state, ...more }) => {
      if (state === "busy" && this.doing && "what" in more) this.hear(this.share, `load ${more.what}`);
    });
  }

  /** @param {File | null} file */
  async open(file) {
    this.file = file;
    this.form = null;
    this.problem = this.doing = "";
    if (!file) return this.draw();
    const size = file.size / 2 ** 20;
    if (size > LARGEST) {
      this.problem = `${file.name}: ${size.toFixed(0)} MB; at most ${LARGEST} MB are allowed`;
      return this.draw();
    }
    this.doing = "Looking at the file …";
    this.share = 0;
    this.draw();
    try {
      const text = await second.askAbout("own-file", { do: "look", name: file.name }, file, SECONDS);
      if (this.file !== file) return;
      const form = /** @type {FileForm} */ (JSON.parse(/** @type {string} */ (text)));
      this.form = form;
      const asked = [...form.several, ...form.one, ...form.meanings];
      this.chosen = Object.fromEntries(asked.map(({ role, value }) => [role, value]));
      this.chosen.shrink = form.shrink.value;
      this.setBins();
      await this.check();
    } catch (error) {
      if (this.file === file) this.problem = reasonOf(error);
    }
    if (this.file !== file) return; // another one was chosen meanwhile
    this.doing = "";
    this.draw();
  }

  setBins() {
    this.chosen.bins = this.form?.bins[String(this.chosen.actions)]?.value ?? null;
  }

  /** @param {string} role @param {unknown} value */
  async choose(role, value) {
    this.chosen[role] = value;
    if (role === "actions") this.setBins();
    await this.check();
    this.draw();
  }

  async check() {
    try {
      this.said = await second.ask("own-file", { chosen: this.chosen });
      this.problem = "";
    } catch (error) {
      this.problem = reasonOf(error);
    }
  }

  async read() {
    const { file } = this;
    if (!file) return;
    this.doing = "Reading …";
    this.share = 0;
    this.problem = "";
    this.draw();
    second.reading = this.hear;
    try {
      const question = { do: "read", name: file.name, chosen: this.chosen };
      const packed = /** @type {ArrayBuffer} */ (await second.askAbout("own-file", question, file, SECONDS));
      if (!this.left) this.problem = await this.keep(packed, this.gamma);
    } catch (error) {
      this.problem = reasonOf(error);
    }
    this.doing = "";
    this.draw();
  }

  draw() {
    if (this.left) return;
    const { form, doing, problem, said } = this;
    patch(this.place, [
      doing && v("p", { role: "status", key: "doing" }, v("progress", { max: 1, value: this.share }), ` ${doing}`),
      problem && v("p", { class: "note bad", role: "alert", "data-testid": "stAlert", key: "problem" }, problem),
      form && this.drawForm(form),
      form && said.problems.map((text) => v("p", { class: "note", role: "alert" }, text)),
      form &&
        v(
          "button",
          {
            type: "button",
            class: "primary",
            key: "read",
            disabled: Boolean(doing) || said.problems.length > 0,
            onclick: () => this.read(),
          },
          "Read the file",
        ),
    ]);
  }

  /** @param {FileForm} form @returns {Child[]} */
  drawForm(form) {
    const { chosen } = this;
    /** @param {FileForm["several"][number]} asked */
    const several = ({ role, label }) =>
      v(
        "label",
        { key: role },
        label,
        v(
          "select",
          {
            "aria-label": label,
            multiple: true,
            size: Math.min(6, form.columns.length),
            onchange: (event) =>
              this.choose(
                role,
                [...event.currentTarget.selectedOptions].map(({ value }) => value),
              ),
          },
          form.columns.map((name) => {
            const selected = /** @type {string[]} */ (chosen[role]).includes(name);
            return v("option", { key: name, value: name, selected }, name);
          }),
        ),
      );
    const [state, action, following] = form.several;
    /** @param {FileForm["meanings"][number]} asked */
    const meaning = ({ role, label, choices }) =>
      v(
        "label",
        { key: role },
        label,
        v(
          "select",
          { "aria-label": label, onchange: (event) => this.choose(role, event.currentTarget.value) },
          choices.map(([name, words]) =>
            v("option", { key: name, value: name, selected: chosen[role] === name }, words),
          ),
        ),
      );
    const [actions, ...meanings] = form.meanings;
    const bins = form.bins[String(chosen.actions)];
    /** @param {EventTarget & HTMLInputElement} input */
    const numberOf = (input) => (input.value === "" ? null : Math.trunc(Number(input.value)));
    return [
      v("p", { html: form.question, key: "question" }),
      form.sample.length > 0 && tableOf({ heads: form.names, cells: form.sample }),
      v(
        "div",
        { class: "choices", key: "roles" },
        form.mapped && [several(state), several(action)],
        meaning(actions),
        bins &&
          v(
            "label",
            { key: "bins" },
            bins.label,
            v("input", {
              type: "number",
              min: 2,
              max: bins.most,
              value: String(chosen.bins ?? ""),
              onchange: (event) => this.choose("bins", numberOf(event.currentTarget)),
            }),
          ),
        form.one.map(({ role, label, help, needed }) =>
          v(
            "label",
            { key: role, title: help },
            label,
            v(
              "select",
              {
                "aria-label": label,
                onchange: (event) => this.choose(role, event.currentTarget.value || (needed ? "" : null)),
              },
              v("option", { key: "", value: "", selected: !chosen[role] }, needed ? "" : "(none)"),
              form.columns.map((name) =>
                v("option", { key: name, value: name, selected: chosen[role] === name }, name),
              ),
            ),
          ),
        ),
      ),
      said(this.said.actions),
      v(
        "details",
        { key: "more" },
        v("summary", {}, form.more),
        v(
          "div",
          { class: "choices" },
          form.mapped && several(following),
          meanings.map(meaning),
          v(
            "label",
            { title: form.shrink.help, key: "shrink" },
            form.shrink.label,
            v("input", {
              type: "number",
              min: 1,
              max: form.shrink.most,
              placeholder: form.shrink.unset,
              value: String(chosen.shrink ?? ""),
              onchange: (event) => this.choose("shrink", numberOf(event.currentTarget)),
            }),
          ),
        ),
      ),
      v(
        "label",
        { key: "gamma" },
        `${form.gamma} `,
        v("input", {
          type: "number",
          min: 0,
          max: 1,
          step: 0.01,
          value: String(this.gamma),
          onchange: (event) => {
            const given = Number(event.currentTarget.value);
            this.gamma = Number.isFinite(given) ? Math.min(1, Math.max(0, given)) : this.gamma;
            this.draw();
          },
        }),
      ),
    ];
  }

  close() {
    this.left = true;
    this.off();
    if (second.reading === this.hear) second.reading = () => {};
  }
}

/** @param {string} text */
const said = (text) => text !== "" && v("p", { class: "caption", key: "actions" }, text);
