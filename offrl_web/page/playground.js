// The playground in a tab: the same widgets as the app's page, around what offrl_web/runtime/playground.py answers.

import { siteAddress } from "../../offrl_ui/assets/shared/site.js";
import { bus } from "../../offrl_ui/assets/shared/bus.js";
import { download, h } from "../../offrl_ui/assets/shared/dom.js";
import { patch, v } from "../../offrl_ui/assets/shared/patch.js";
import * as boards from "../../offrl_ui/assets/widgets/grid_editor.js";
import * as pickers from "../../offrl_ui/assets/widgets/picker.js";
import * as settings from "../../offrl_ui/assets/widgets/settings.js";
import * as transitions from "../../offrl_ui/assets/widgets/transition.js";
import * as trees from "../../offrl_ui/assets/widgets/tree.js";
import { BUILT } from "./built.js";
import { Place } from "./component.js";
import { engine, reasonOf } from "./engine.js";
import { data, linkOf, presetOf, queryOf, recordingOf, writeLink } from "./site.js";
import { StagePlace } from "./stage.js";

/** @import { Cards, Link, PlaygroundView, Shown, TakenFile } from "./types.d.ts" */
/** @import { Frame } from "./main.js" */

/** @param {string} name */
const style = (name) => siteAddress(`stage/${BUILT.version}/${name}`);
const STAGE_WAITS = "The picture comes with Python, which is being loaded into this tab.";

/** @param {Frame} frame @returns {Promise<Shown>} */
export async function show(frame) {
  const page = new PlaygroundPage(frame);
  await page.begin();
  return page;
}

/** @implements {Shown} */
class PlaygroundPage {
  /** @param {Frame} frame */
  constructor({ main, side, go, at }) {
    this.go = go;
    /** The scene that the run was opened from. @type {{ title?: string, address?: string }} */
    this.scene = {};
    this.left = false;
    /** The step that a recording is to be shown at, when the viewer was there before. */
    this.at = at;
    /** The newest question. */
    this.asked = 0;
    /** @type {PlaygroundView | null} */
    this.view = null;
    /** @type {Cards | null} */
    this.cards = null;
    /** The recording on the stage, and the link of its run. @type {{ recording: string, link: string } | null} */
    this.recorded = null;
    /** Whether its first picture has been drawn. */
    this.stands = false;
    this.problem = "";
    this.model = 0;
    /** Whether the next algorithm that is picked trains beside the others. */
    this.adding = false;
    this.notes = h("div", { class: "notes" });
    this.heading = h("div", { class: "page-heading" });
    this.stagePlace = new StagePlace();
    this.below = h("div", { class: "below" });
    this.rule = h("div", { class: "rule" });
    this.tree = h("div");
    this.sides = { lanes: h("div", { class: "lanes" }), draw: h("div"), reward: h("div") };
    const host = () => h("div", { class: "component" });
    const hosts = {
      dataset: host(),
      options: host(),
      board: host(),
      algorithm: host(),
      settings: host(),
      tree: host(),
      inside: host(),
    };
    this.treeHost = hosts.tree;
    side.replaceChildren(
      h("h2", {}, "Dataset"),
      hosts.dataset,
      this.sides.draw,
      hosts.options,
      this.sides.reward,
      h("h2", {}, "Algorithm"),
      this.sides.lanes,
      hosts.algorithm,
      hosts.settings,
    );
    /** The words over the board to draw on. */
    this.grid = { title: h("summary"), words: h("div") };
    this.gridFold = h(
      "details",
      { class: "fold", open: true, hidden: true },
      this.grid.title,
      this.grid.words,
      hosts.board,
    );
    main.replaceChildren(
      this.notes,
      this.heading,
      this.stagePlace.host,
      this.gridFold,
      this.below,
      h("details", { class: "fold", open: true }, h("summary", {}, "Branches of this visit"), this.tree, hosts.tree),
      this.rule,
      h("h2", {}, "The update, worked through for one transition"),
      hosts.inside,
    );
    this.loss = h("details", { class: "fold" }, h("summary", {}, "Source code of this loss"));
    main.append(this.loss);
    const picker = [style("widgets/picker.css")];
    this.places = {
      dataset: new Place(hosts.dataset, "picker", pickers, picker, (_, { id, seq, link }) =>
        this.pick("pick_dataset", id, link, () => this.places.dataset.heard(seq)),
      ),
      algorithm: new Place(hosts.algorithm, "picker", pickers, picker, (_, { id, seq, link }) =>
        this.pick(this.adding ? "beside" : "pick_algorithm", id, link, () => this.places.algorithm.heard(seq)),
      ),
      board: new Place(
        hosts.board,
        "grid_editor",
        boards,
        [style("shared/buttons.css"), style("widgets/grid_editor.css")],
        (_, drawn) => this.ask({ do: "redraw", drawn }, () => this.places.board.heard(drawn.seq)),
      ),
      options: this.panel(hosts.options),
      settings: this.panel(hosts.settings),
      tree: new Place(hosts.tree, "tree", trees, [style("widgets/tree.css")], (name, { id, name: called }) =>
        this.ask(name === "went" ? { do: "go", id } : { do: "name", id, name: called }),
      ),
      inside: new Place(
        hosts.inside,
        "transition",
        transitions,
        [style("shared/buttons.css"), style("widgets/transition.css")],
        () => {},
      ),
    };
    this.places.inside.show({});
    this.off = [
      engine.watch(({ state }) => {
        if (state === "failed") this.recorded = null;
      }),
      bus.on("frame", () => engine.start()),
    ];
    const forgotten = () => this.open();
    engine.forgetful.add(forgotten);
    this.off.push(() => engine.forgetful.delete(forgotten));
  }

  /** @param {HTMLElement} host */
  panel(host) {
    /** @type {Place} */
    const place = new Place(
      host,
      "settings",
      settings,
      [style("widgets/settings.css"), style("shared/terms.css")],
      (_, { scope, seq, values }) => this.ask({ do: "change", scope, values }, () => place.heard(seq)),
    );
    return place;
  }

  /**
   * A card was picked; with a link, a pick was taken back or made again.
   * @param {string} what @param {string} id @param {Link | null} link @param {() => void} heard
   */
  pick(what, id, link, heard) {
    this.adding = false;
    this.ask(link ? { do: "reopen", link } : { do: what, id }, heard);
  }

  async begin() {
    this.cards = await data("cards.json");
    const preset = await presetOf(location.search);
    if (this.left) return;
    if (preset) {
      const view = await data(`view-${preset.id}.json`);
      if (this.left) return;
      this.recorded = { recording: recordingOf(preset.id), link: linkOf(preset.link) };
      this.show(view, true);
      // The picture first; where none comes, Python all the same.
      setTimeout(() => engine.start(), 2500);
    } else {
      patch(this.heading, [v("h1", {}, "Playground"), v("p", { role: "status" }, STAGE_WAITS)]);
      this.pickers(null, null);
      engine.start();
    }
    this.open();
  }

  /** What the address says is to be chosen. */
  open() {
    this.ask({ do: "open", query: queryOf(location.search) }, undefined, true);
    this.findScene();
  }

  /** The way back to the scene that the link names. */
  async findScene() {
    const address = new URLSearchParams(location.search).get("back");
    if (address === null) return;
    try {
      this.scene = await engine.ask("lecture", { do: "back", address });
    } catch {
      return; // what is wrong with Python is told elsewhere
    }
    if (!this.left && this.view) this.tell(this.view);
  }

  moved() {
    this.open();
  }

  /**
   * @param {{ do: string, [name: string]: unknown }} question
   * @param {() => void} [heard] - called when it was answered
   * @param {boolean} [again] - the address is as it shall be
   */
  async ask(question, heard, again = false) {
    this.asked += 1;
    const mine = this.asked;
    try {
      const view = await engine.ask("playground", question);
      this.problem = "";
      heard?.();
      if (!this.left && mine === this.asked) this.show(view, again);
    } catch (error) {
      heard?.();
      this.problem = reasonOf(error);
      if (!this.left && this.view) this.tell(this.view);
    }
  }

  /** Draw the page. @param {PlaygroundView} view @param {boolean} again */
  show(view, again) {
    const first = this.view === null;
    this.view = view;
    if (view.run !== null || first) writeLink(view.link, again);
    this.tell(view);
    this.showStage(view);
    this.pickers(view.dataset, this.adding ? null : view.algorithm);
    this.places.dataset.host.hidden = view.hidden.includes("data");
    this.places.algorithm.host.hidden = view.hidden.includes("algo") && !this.adding;
    this.places.options.show({ ...view.options, run: null, lane: 0 });
    this.places.settings.show({ ...view.settings, run: view.run });
    patch(this.sides.reward, view.reward ? [v("p", { class: "caption" }, view.reward)] : []);
    this.showLanes(view);
    this.showGrid(view);
    patch(this.below, this.takeHome(view));
    this.showTree(view);
    this.showRule(view);
  }

  /** @param {PlaygroundView} view */
  tell(view) {
    const problems = [this.problem, view.error].filter(Boolean);
    patch(this.notes, [
      ...view.notes.map((note) => v("p", { class: "note", role: "alert", "data-testid": "stAlert" }, note)),
      ...problems.map((problem) => v("p", { class: "note bad", role: "alert", "data-testid": "stAlert" }, problem)),
    ]);
    const { title, address } = this.scene;
    patch(this.heading, [
      v("h1", {}, "Playground"),
      address &&
        v(
          "button",
          { type: "button", class: "plain", key: "back", onclick: () => this.go(address) },
          `← Back to the lecture: ${title}`,
        ),
      view.lesson && v("p", {}, view.lesson),
      ...view.captions.map((caption) => v("p", { class: "caption", key: caption }, caption)),
    ]);
  }

  /** @param {PlaygroundView} view */
  showStage(view) {
    const { recorded } = this;
    const same = recorded && linkOf(view.link) === recorded.link ? { recording: recorded.recording } : {};
    // However early Python is there, the recording comes first, and the run takes its place where the viewer is.
    const loading = "recording" in same && !this.stands;
    if (loading && this.stagePlace.used) return;
    const wanted = view.run === null || loading ? same : { run: view.run, ...same };
    if (!("run" in wanted || "recording" in wanted)) return;
    this.stagePlace.show({ ...wanted, ...view.stage }, (name, payload) => this.staged(name, payload));
    if (this.at !== null) this.seek(this.at);
    this.at = null;
    if (!loading) return;
    this.atFirstFrame(() => {
      this.stands = true;
      if (this.view) this.showStage(this.view);
    });
  }

  /** @param {() => void} then - called once, after the next frame is drawn, if this page is still the one that is shown */
  atFirstFrame(then) {
    const off = bus.on("frame", () => {
      queueMicrotask(() => off());
      setTimeout(() => {
        if (!this.left) then();
      });
    });
    this.off.push(off);
  }

  /** The viewer comes from the gallery, where this very recording stood at a step. @param {number} step */
  seek(step) {
    this.atFirstFrame(() => {
      const { stage } = this.stagePlace;
      if (stage && step < (stage.store.frames.last?.step ?? 0)) stage.playback.seek(step);
    });
  }

  /** The stage told something. @param {string} name @param {Record<string, any>} payload */
  staged(name, payload) {
    if (this.view?.run === null) return; // a recording has no page of its own to change
    if (name === "moved") this.ask({ do: "moved", run_id: payload.run_id });
    else if (name === "gone") this.ask({ do: "gone", run_id: payload.run_id });
    else if (name === "viewed") {
      const { member, order, axes } = payload;
      this.ask({ do: "viewed", told: { member, order, axes } });
    }
  }

  /** @param {string | null} dataset @param {string | null} algorithm */
  pickers(dataset, algorithm) {
    const { cards } = this;
    if (!cards) return;
    const common = { skip: "", link: this.view?.link ?? null };
    const groups = [{ title: "", cards: [...(this.view?.brought ?? []), ...cards.datasets] }];
    this.places.dataset.show({ ...common, label: "Dataset", groups, value: dataset, columns: 4, few: 4 });
    const algorithms = { label: "Algorithm", groups: cards.algorithms, value: algorithm, columns: 5, few: 0 };
    this.places.algorithm.show({ ...common, ...algorithms });
  }

  /** @param {PlaygroundView} view */
  showLanes({ lanes, lane, more }) {
    /** @param {string} what @param {string} label @param {string} title */
    const button = (what, label, title) =>
      v("button", { type: "button", class: "plain", key: what, title, onclick: () => this.ask({ do: what }) }, label);
    patch(this.sides.lanes, [
      lanes.length > 1 && v("p", { class: "caption" }, "Side by side; the one that you view and change:"),
      lanes.length > 1 &&
        v(
          "div",
          { class: "pills", role: "group", "aria-label": "Algorithms side by side" },
          lanes.map((title, i) =>
            v(
              "button",
              {
                type: "button",
                key: String(i),
                "aria-pressed": String(i === lane),
                onclick: () => this.ask({ do: "turn_to", lane: i }),
              },
              `${i + 1}. ${title}`,
            ),
          ),
        ),
      v(
        "div",
        { class: "buttons" },
        more &&
          v(
            "button",
            {
              type: "button",
              class: "plain",
              key: "beside",
              title: this.adding
                ? "Replace the one that you view instead"
                : "Train another one beside it, in lock-step",
              onclick: () => {
                this.adding = !this.adding;
                if (this.view) this.show(this.view, true);
              },
            },
            this.adding ? "Cancel" : "+ Compare with another",
          ),
        lanes.length > 1 && button("remove", "× Remove", "Remove the one that you view"),
      ),
      this.adding && v("p", { key: "which" }, v("strong", {}, `Which algorithm beside ${lanes[lane]}?`)),
    ]);
  }

  /** The board to draw a grid on, and the way to it. @param {PlaygroundView} view */
  showGrid({ own_grid: { offer, about, title, how, board, refused }, hidden }) {
    const onclick = () => this.ask({ do: "draw" });
    const button = v("button", { type: "button", class: "plain", key: "draw", title: about, onclick }, offer);
    patch(this.sides.draw, [Boolean(offer) && !hidden.includes("data") && button]);
    this.gridFold.hidden = !board;
    if (!board) {
      this.places.board.close();
      return;
    }
    this.grid.title.textContent = title;
    patch(this.grid.words, [
      v("p", { class: "caption", key: "how" }, how),
      refused && v("p", { class: "note", key: "refused", role: "alert" }, refused),
    ]);
    this.places.board.show(board);
  }

  /** @param {PlaygroundView} view */
  takeHome({ offer, run }) {
    const { files, models, which } = offer;
    const here = files.filter(({ name }) => !name.endsWith(".parquet") || "pyarrow" in BUILT.archives);
    return [
      v(
        "details",
        { class: "fold menu" },
        v("summary", {}, "Take it home"),
        run === null
          ? v("p", { class: "caption" }, "As soon as Python has been loaded.")
          : [
              models.length > 1 &&
                v(
                  "label",
                  {},
                  which,
                  v(
                    "select",
                    {
                      onchange: (event) => {
                        this.model = event.currentTarget.selectedIndex;
                      },
                    },
                    models.map((label, i) => v("option", { key: String(i) }, label)),
                  ),
                ),
              v(
                "ul",
                {},
                here.map((file) =>
                  v(
                    "li",
                    { key: file.name },
                    v("button", { type: "button", class: "plain", onclick: () => this.take(file) }, file.name),
                    v("span", { html: ` — ${file.what}` }),
                  ),
                ),
              ),
              v(
                "p",
                { class: "caption" },
                "Made in this tab: nothing leaves it. Models for PyTorch and ONNX need the installed app. The link in " +
                  "the address bar reopens this configuration, here and in the app.",
              ),
            ],
      ),
    ];
  }

  /** @param {TakenFile} file */
  async take({ name, one, as, media }) {
    const { view } = this;
    if (!view?.run) return;
    try {
      const query = one && this.model ? { member: this.model } : {};
      const bytes = await engine.bytes("take", { run: view.run, file: name, query });
      download(new Blob([bytes], { type: media }), as);
      this.problem = "";
    } catch (error) {
      this.problem = `${name} could not be made: ${reasonOf(error)}`;
    }
    if (!this.left && this.view) this.tell(this.view);
  }

  /** @param {PlaygroundView} view */
  showTree({ tree, run, nothing_yet: nothing }) {
    const several = tree.length > 1;
    this.treeHost.hidden = !several;
    patch(this.tree, several ? [] : [v("p", { class: "caption" }, nothing)]);
    if (several) this.places.tree.show({ label: "Branches of this visit", shown: run, nodes: tree });
  }

  /** @param {PlaygroundView} view */
  showRule({ rule, loss }) {
    patch(this.rule, [
      v("h2", {}, rule.title),
      v("p", { html: rule.summary }),
      v(
        "div",
        { class: "formulas" },
        rule.formulas.map((formula, i) => v("div", { class: "formula", key: String(i), html: formula })),
      ),
      rule.source && v("p", { class: "caption" }, `Source: ${rule.source}.`),
    ]);
    const shown = loss.map(({ title, code }) => [h("h3", {}, title), h("pre", { tabindex: 0 }, h("code", {}, code))]);
    this.loss.replaceChildren(h("summary", {}, "Source code of this loss"), ...shown.flat());
  }

  close() {
    this.left = true;
    for (const off of this.off) off();
    for (const place of Object.values(this.places)) place.close();
    this.stagePlace.close();
  }
}
