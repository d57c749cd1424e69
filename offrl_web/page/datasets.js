// The datasets page in a tab: what offrl_web/runtime/datasets.py answers, drawn; and a log of one's own, opened here.

import { siteAddress } from "../../offrl_ui/assets/shared/site.js";
import { download, h } from "../../offrl_ui/assets/shared/dom.js";
import { patch, v } from "../../offrl_ui/assets/shared/patch.js";
import * as drawings from "../../offrl_ui/assets/widgets/drawing.js";
import * as pickers from "../../offrl_ui/assets/widgets/picker.js";
import * as settings from "../../offrl_ui/assets/widgets/settings.js";
import { BUILT } from "./built.js";
import { Charts } from "./charts.js";
import { Place } from "./component.js";
import { engine, reasonOf, scenes } from "./engine.js";
import { OwnFile } from "./own_file.js";
import { data, queryOf, writeLink } from "./site.js";
import { tableOf } from "./table.js";

/** @import { Assumed, Cards, DatasetsView, Estimated, Shown } from "./types.d.ts" */
/** @import { Frame } from "./main.js" */

/** @param {string} name */
const style = (name) => siteAddress(`stage/${BUILT.version}/${name}`);
const WAITS = "The pictures come with Python, which is being loaded into this tab.";
/** What writes a format, of the packages that a site may lack. @type {Record<string, string[]>} */
const NEEDED = { csv: ["pyarrow"], parquet: ["pyarrow"], minari: ["h5py"] };
const DARK = matchMedia("(prefers-color-scheme: dark)");

/** @param {Frame} frame @returns {Promise<Shown>} */
export async function show(frame) {
  const page = new DatasetsPage(frame);
  await page.begin();
  return page;
}

/** @implements {Shown} */
class DatasetsPage {
  /** @param {Frame} frame */
  constructor({ main, side, go }) {
    this.go = go;
    this.left = false;
    /** The newest question. */
    this.asked = 0;
    /** @type {DatasetsView | null} */
    this.view = null;
    /** @type {Cards | null} */
    this.cards = null;
    this.problem = "";
    /** What was made of the dataset that is shown, when it was asked for. @type {Assumed | null} */
    this.assumed = null;
    /** @type {Estimated | null} */
    this.estimated = null;
    this.estimating = "";
    this.system = "";
    this.notes = h("div", { class: "notes" });
    this.heading = h("div", { class: "page-heading" });
    this.about = h("div", {});
    this.report = h("div", {});
    this.estimates = h("div", {});
    this.episodes = h("details", { class: "fold" });
    this.axes = h("div", { class: "choices" });
    this.reward = h("div");
    this.optionsNote = h("div");
    this.pictures = h("div", { class: "pictures" });
    const [dataset, options, own] = [0, 1, 2].map(() => h("div", { class: "component" }));
    side.replaceChildren(h("h2", {}, "Dataset"), dataset, this.optionsNote, options);
    main.replaceChildren(
      this.notes,
      this.heading,
      h("details", { class: "fold" }, h("summary", {}, "Open your own log"), own),
      this.about,
      this.report,
      this.estimates,
      this.episodes,
      this.reward,
      this.axes,
      this.pictures,
    );
    this.charts = new Charts();
    /** The pictures that are drawn: most answers bring the same ones. */
    this.pictured = "";
    /** @type {Place[]} */
    this.drawn = [];
    this.ownFile = new OwnFile(own, (packed, gamma) => this.keep(packed, gamma));
    this.places = {
      dataset: new Place(dataset, "picker", pickers, [style("widgets/picker.css")], (_, { id, seq }) =>
        this.ask({ do: "pick_dataset", id }, () => this.places.dataset.heard(seq)),
      ),
      options: new Place(options, "settings", settings, [style("widgets/settings.css")], (_, { scope, seq, values }) =>
        this.ask({ do: "change", scope, values }, () => this.places.options.heard(seq)),
      ),
    };
    const again = () => this.ask({ do: "open", query: queryOf(location.search) }, undefined, true);
    DARK.addEventListener("change", again);
    engine.forgetful.add(again);
    this.off = [() => DARK.removeEventListener("change", again), () => engine.forgetful.delete(again)];
  }

  async begin() {
    this.cards = await data("cards.json");
    if (this.left) return;
    patch(this.heading, [v("h1", {}, "Datasets"), v("p", { role: "status" }, WAITS)]);
    this.pick();
    this.moved();
  }

  moved() {
    this.ask({ do: "open", query: queryOf(location.search) }, undefined, true);
  }

  /**
   * @param {{ do: string, [name: string]: unknown }} question
   * @param {() => void} [heard]
   * @param {boolean} [again] - the address is as it shall be
   */
  ask(question, heard, again = false) {
    return this.answered(engine.ask("datasets", { ...question, dark: DARK.matches }), heard, again);
  }

  /** A log was read: it goes to the worker that trains. @param {ArrayBuffer} packed @param {number} gamma */
  async keep(packed, gamma) {
    const answer = engine.question("datasets", { gamma, dark: DARK.matches }, packed);
    await this.answered(answer.then((text) => JSON.parse(/** @type {string} */ (text))));
    return this.problem;
  }

  /** @param {Promise<any>} coming @param {() => void} [heard] @param {boolean} [again] */
  async answered(coming, heard, again = false) {
    this.asked += 1;
    const mine = this.asked;
    try {
      const view = await coming;
      heard?.();
      this.problem = "";
      if (!this.left && mine === this.asked) this.show(view, again);
    } catch (error) {
      heard?.();
      this.problem = reasonOf(error);
      if (!this.left) this.tell();
    }
  }

  /** @param {DatasetsView} view @param {boolean} again */
  show(view, again) {
    const link = JSON.stringify(view.link);
    if (JSON.stringify(this.view?.link) !== link) this.assumed = this.estimated = null;
    this.view = view;
    writeLink(view.link, again);
    this.tell();
    this.pick();
    this.places.options.show({ ...view.options, run: null, lane: 0 });
    patch(this.optionsNote, view.options_note ? [v("p", { class: "caption" }, view.options_note)] : []);
    this.showAbout(view);
    this.showReport(view);
    this.showEstimates(view);
    this.showEpisodes(view);
    patch(this.reward, view.reward ? [v("p", { class: "note" }, view.reward)] : []);
    this.showAxes(view);
    this.showPictures(view);
    if (view.asking && !this.assumed) this.askAssumption(link);
  }

  tell() {
    const { view, problem } = this;
    patch(this.notes, [
      ...(view?.notes ?? []).map((note) => v("p", { class: "note", role: "alert", "data-testid": "stAlert" }, note)),
      problem && v("p", { class: "note bad", role: "alert", "data-testid": "stAlert" }, problem),
    ]);
  }

  pick() {
    const { cards, view } = this;
    if (!cards) return;
    const groups = [{ title: "", cards: [...(view?.brought ?? []), ...cards.datasets] }];
    const value = view?.dataset ?? null;
    this.places.dataset.show({ label: "Dataset", groups, value, columns: 4, few: 0, skip: "" });
  }

  /** @param {DatasetsView} view */
  showAbout(view) {
    patch(this.heading, [v("h1", {}, view.title), v("p", { html: view.about })]);
    const { assumed } = this;
    patch(this.about, [
      v(
        "div",
        { class: "buttons" },
        v(
          "button",
          {
            type: "button",
            class: "primary",
            disabled: !view.ready,
            onclick: () => this.go(`?${new URLSearchParams(view.playground)}`),
          },
          "Open in the playground",
        ),
        v(
          "details",
          { class: "menu" },
          v("summary", {}, "Save the data"),
          view.formats
            .filter(({ name }) => name === "npz" || NEEDED[name]?.every((module) => module in BUILT.archives))
            .map(({ name, title, as }) =>
              v("button", { type: "button", class: "plain", key: name, onclick: () => this.save(name, as) }, title),
            ),
        ),
      ),
      view.asking && !assumed && v("p", { class: "caption", role: "status", key: "asking" }, view.asking),
      assumed && v("div", { class: "scroll", key: "assumed" }, assumedTable(assumed)),
      assumed && v("p", { class: "caption", key: "meaning" }, assumed.meaning),
      v(
        "dl",
        { class: "numbers", key: "numbers" },
        view.numbers.map(([name, value, help]) => v("div", { title: help }, v("dt", {}, name), v("dd", {}, value))),
      ),
    ]);
  }

  /** @param {string} link - what it is asked about */
  async askAssumption(link) {
    try {
      // It trains for a while: where there is a second worker, the page is not kept waiting.
      const query = queryOf(`?${new URLSearchParams(this.view?.link)}`);
      const found = await scenes.ask("datasets", { do: "assumption", query });
      if (this.left || !this.view || JSON.stringify(this.view.link) !== link) return;
      this.assumed = found;
      this.showAbout(this.view);
    } catch (error) {
      this.problem = reasonOf(error);
      if (!this.left) this.tell();
    }
  }

  /** @param {DatasetsView} view */
  showReport({ report }) {
    patch(
      this.report,
      report
        ? [
            v(
              "details",
              { class: "fold", open: true },
              v("summary", {}, report.heading),
              v("p", {}, report.summary),
              report.findings.map(({ severity, kind, text }) =>
                v("p", { class: severity === "error" ? "note bad" : "caption" }, v("strong", {}, `${kind}. `), text),
              ),
              v("p", { class: "caption" }, report.actions_taken),
              tableOf(report.actions),
            ),
          ]
        : [],
    );
  }

  /** @param {DatasetsView} view */
  showEstimates({ estimates }) {
    if (!estimates) {
      patch(this.estimates, []);
      return;
    }
    const { estimated, estimating } = this;
    const system = this.system || estimates.choices[0][0];
    patch(this.estimates, [
      v("h2", {}, estimates.heading),
      v("p", { class: "caption" }, estimates.about),
      estimates.refusal
        ? v("p", { class: "note" }, estimates.refusal)
        : v(
            "div",
            { class: "choices" },
            v(
              "label",
              {},
              estimates.label,
              v(
                "select",
                {
                  onchange: (event) => {
                    this.system = event.currentTarget.value;
                  },
                },
                estimates.choices.map(([name, title]) => v("option", { key: name, value: name }, title)),
              ),
            ),
            v(
              "button",
              { type: "button", disabled: Boolean(estimating), onclick: () => this.estimate(this.system || system) },
              "Estimate",
            ),
          ),
      estimating && v("p", { class: "caption", role: "status", key: "doing" }, estimating),
      estimated && [
        v("p", { html: estimated.made, key: "made" }),
        tableOf(estimated.rows),
        estimated.doubts.map((doubt) => v("p", { html: doubt })),
        v("p", { class: "caption" }, estimated.meaning),
      ],
    ]);
  }

  /** @param {string} system */
  async estimate(system) {
    const { view } = this;
    if (!view?.estimates) return;
    this.estimating = view.estimates.choices.find(([name]) => name === system)?.[2] ?? "";
    this.estimated = null;
    this.showEstimates(view);
    try {
      const found = await engine.ask("datasets", { do: "estimate", system });
      if (this.view && JSON.stringify(this.view.link) === JSON.stringify(view.link)) this.estimated = found;
      this.problem = "";
    } catch (error) {
      this.problem = reasonOf(error);
    }
    this.estimating = "";
    if (this.left || !this.view) return;
    this.tell();
    this.showEstimates(this.view);
  }

  /** @param {DatasetsView} view */
  showEpisodes({ episodes: told }) {
    /** @param {string} what @param {number[]} episodes @param {string} label */
    const button = (what, episodes, label) =>
      v(
        "button",
        { type: "button", class: "plain", key: label, onclick: () => this.ask({ do: what, episodes }) },
        label,
      );
    const { episode } = told;
    patch(this.episodes, [
      v("summary", {}, told.heading),
      told.what && v("p", { class: "caption" }, told.what),
      told.what && tableOf(told.standing_out),
      v(
        "div",
        { class: "buttons", key: "all" },
        told.to_leave_out.length > 0 && button("leave_out", told.to_leave_out, "Leave out those that stand out"),
        told.to_take_back.length > 0 && button("take_back", told.to_take_back, "Take back those that stand out"),
        told.any_out &&
          v(
            "button",
            { type: "button", class: "plain", onclick: () => this.ask({ do: "take_all_back" }) },
            "Take all back",
          ),
      ),
      v(
        "label",
        { key: "look" },
        "Look at episode ",
        v("input", {
          type: "number",
          min: 0,
          max: told.count - 1,
          value: String(episode),
          onchange: (event) => this.ask({ do: "look_at", episode: Math.trunc(Number(event.currentTarget.value)) || 0 }),
        }),
      ),
      v("p", { key: "about" }, told.about),
      tableOf(told.rows),
      v(
        "div",
        { class: "buttons", key: "one" },
        !told.is_out && button("leave_out", [episode], `Leave out episode ${episode}`),
        told.listed && button("take_back", [episode], `Take back episode ${episode}`),
      ),
    ]);
  }

  /** @param {DatasetsView} view */
  showAxes({ axes }) {
    if (!axes) {
      patch(this.axes, []);
      return;
    }
    patch(
      this.axes,
      ["Across", "Up"].map((label, place) =>
        v(
          "label",
          { key: label },
          label,
          v(
            "select",
            {
              "aria-label": label,
              onchange: (event) => {
                const shown = [...axes.shown];
                shown[place] = event.currentTarget.selectedIndex;
                this.ask({ do: "turn", axes: shown });
              },
            },
            axes.names.map((name, i) => v("option", { key: String(i), selected: i === axes.shown[place] }, name)),
          ),
        ),
      ),
    );
  }

  /** @param {DatasetsView} view */
  showPictures({ pictures }) {
    const told = JSON.stringify(pictures);
    if (told === this.pictured) return;
    this.pictured = told;
    for (const place of this.drawn) place.close();
    this.drawn = [];
    this.charts.clear();
    const rows = pictures.map((row) =>
      h(
        "div",
        { class: "row" },
        ...row.map((picture) => {
          const host = h("div", { class: "picture" });
          if ("figure" in picture) this.charts.draw(host, picture.figure);
          else {
            const place = new Place(host, "drawing", drawings, [style("widgets/drawing.css")], () => {});
            place.show(picture);
            this.drawn.push(place);
          }
          return host;
        }),
      ),
    );
    this.pictures.replaceChildren(...rows);
  }

  /** @param {string} format @param {string} as */
  async save(format, as) {
    try {
      download(new Blob([await engine.bytes("datasets", { do: "save", format })]), as);
      this.problem = "";
    } catch (error) {
      this.problem = reasonOf(error);
    }
    if (!this.left) this.tell();
  }

  close() {
    this.left = true;
    for (const off of this.off) off();
    for (const place of [...Object.values(this.places), ...this.drawn]) place.close();
    this.charts.clear();
    this.ownFile.close();
  }
}

/** @param {Assumed} found */
function assumedTable({ heading, heads, rows, chosen }) {
  /** @param {string} text @param {number} i */
  const marked = (text, i) => (i === chosen ? v("strong", {}, text) : text);
  return v(
    "table",
    {},
    v(
      "thead",
      {},
      v(
        "tr",
        {},
        v("th", {}, heading),
        heads.map((head) => v("th", {}, head)),
      ),
    ),
    v(
      "tbody",
      {},
      rows.map(([name, cells]) =>
        v(
          "tr",
          {},
          v("th", {}, name),
          cells.map((cell, i) => v("td", {}, marked(cell, i))),
        ),
      ),
    ),
  );
}
