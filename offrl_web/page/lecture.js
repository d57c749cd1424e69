// A page of the lecture in a tab: the app's own scenes, around what offrl_web/runtime/lecture.py answers.

import { h } from "../../offrl_ui/assets/shared/dom.js";
import { patch, v } from "../../offrl_ui/assets/shared/patch.js";
import { siteAddress } from "../../offrl_ui/assets/shared/site.js";
import * as scenes from "../../offrl_ui/assets/lecture/scene.js";
import { BUILT } from "./built.js";
import { Place } from "./component.js";
import { reasonOf, scenes as server } from "./engine.js";
import { data } from "./site.js";

/** @import { PageData } from "../../offrl_ui/assets/lecture/protocol.d.ts" */
/** @import { Link, Shown } from "./types.d.ts" */
/** @import { Frame } from "./main.js" */

const SHARED = ["shared/key_list.css", "shared/share.css", "shared/terms.css"];
const STYLES = ["lecture/pictures.css", "lecture/scene.css", ...SHARED];
const WAITS = "The picture comes with Python, which is being loaded into this tab.";

/** @param {Frame} frame @returns {Promise<Shown>} */
export async function show(frame) {
  const page = new LecturePage(frame);
  await page.open();
  return page;
}

/** @returns {Link} */
const query = () => Object.fromEntries(new URLSearchParams(location.search));

/** @implements {Shown} */
class LecturePage {
  /** @param {Frame} frame */
  constructor({ main, path, go }) {
    this.path = path;
    this.go = go;
    this.left = false;
    /** @type {PageData | null} */
    this.data = null;
    /** The newest question about what is shown. */
    this.asked = 0;
    this.notes = h("div", { class: "notes" });
    const host = h("div", { class: "component" });
    main.replaceChildren(this.notes, host);
    document.body.classList.add("wide");
    const styles = STYLES.map((name) => siteAddress(`stage/${BUILT.version}/${name}`));
    this.place = new Place(host, "lecture", scenes, styles, (name, told) => this.hear(name, told));
  }

  /** Show what the address says. The first scene as it is at first is part of the site; all else comes from Python. */
  async open() {
    this.asked += 1;
    const mine = this.asked;
    this.bare();
    try {
      const given = query();
      if (!this.data && Object.keys(given).length === 0) {
        const first = await data(`lecture-${this.path}.json`);
        if (!this.left && mine === this.asked) this.draw(first);
        server.start();
        return;
      }
      if (!this.data) patch(this.notes, [v("p", { role: "status" }, WAITS)]);
      const before = this.data?.opening ?? null;
      const found = await this.ask("open", { before: before && { number: before.number }, embedded: "embed" in given });
      if (!this.left && mine === this.asked) this.draw(found);
    } catch (error) {
      this.fail(error);
    }
  }

  /** @param {PageData} found */
  draw(found) {
    this.data = found;
    patch(this.notes, []);
    this.place.show({ ...found });
  }

  /** @param {unknown} error */
  fail(error) {
    if (this.left) return;
    const reason = reasonOf(error);
    patch(this.notes, [v("p", { class: "note bad", role: "alert" }, reason)]);
  }

  /** Lecture mode and embedding: nothing but the scene. */
  bare() {
    document.body.classList.toggle("bare", query().present === "1" || "embed" in query());
  }

  /** @param {string} what @param {Record<string, unknown>} more */
  ask(what, more) {
    return server.ask("lecture", { do: what, page: this.path, query: query(), ...more });
  }

  /** What the scene tells. @param {string} name @param {any} told */
  async hear(name, told) {
    try {
      if (name === "view") await this.viewed(told);
      else if (name === "go") this.go(`${told}/${this.mode()}`);
      else if (name === "leave") {
        history.pushState(null, "", this.address({ ...query(), present: null }));
        await this.open();
      } else if (name === "open") await this.train(told);
    } catch (error) {
      this.fail(error);
    }
  }

  /** The address follows the viewer; another scene is a step that the back button undoes. @param {any} told */
  async viewed(told) {
    this.asked += 1;
    const mine = this.asked;
    const { query: parts } = await this.ask("view", { told });
    if (!parts || this.left || mine !== this.asked) return;
    const same = (query().scene ?? this.data?.scenes[0].id) === parts.scene;
    history[same ? "replaceState" : "pushState"](null, "", this.address(parts));
  }

  /** What the scene trains, in the playground, with the way back. @param {any} told */
  async train(told) {
    const { link, page, query: left } = await this.ask("run", { told });
    if (link && !this.left)
      this.go(`?${new URLSearchParams({ ...link, back: `${page}?${new URLSearchParams(left)}` })}`);
  }

  mode() {
    return query().present === "1" ? "?present=1" : "";
  }

  /** @param {Record<string, string | null>} parts */
  address(parts) {
    const kept = Object.entries(parts).filter((/** @type {[string, any]} */ part) => part[1] !== null);
    const text = new URLSearchParams(/** @type {[string, string][]} */ (kept)).toString();
    return text ? `${location.pathname}?${text}` : location.pathname;
  }

  moved() {
    this.open();
  }

  close() {
    this.left = true;
    document.body.classList.remove("wide", "bare");
    this.place.close();
  }
}
