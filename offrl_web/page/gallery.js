// The gallery: recordings, which need no Python. What is on screen goes on live in the playground, where it stands.

import { siteAddress } from "../../offrl_ui/assets/shared/site.js";
import { bus } from "../../offrl_ui/assets/shared/bus.js";
import { h } from "../../offrl_ui/assets/shared/dom.js";
import { patch, v } from "../../offrl_ui/assets/shared/patch.js";
import * as openers from "../../offrl_ui/assets/widgets/open_recording.js";
import * as pickers from "../../offrl_ui/assets/widgets/picker.js";
import { BUILT } from "./built.js";
import { Place } from "./component.js";
import { engine, TOO_OLD } from "./engine.js";
import { data, recordingOf } from "./site.js";
import { StagePlace } from "./stage.js";

/** @import { Cards, Preset, Shown } from "./types.d.ts" */
/** @import { Frame } from "./main.js" */

/** @param {Frame} frame @returns {Promise<Shown>} */
export async function show(frame) {
  /** @type {[Cards, Preset[]]} */
  const [cards, presets] = await Promise.all([data("cards.json"), data("gallery.json")]);
  return new GalleryPage(frame, cards, presets);
}

/** @implements {Shown} */
class GalleryPage {
  /** @param {Frame} frame @param {Cards} cards @param {Preset[]} presets */
  constructor({ main, side, go }, cards, presets) {
    this.cards = cards;
    this.presets = presets;
    this.go = go;
    const [host, own] = [h("div", { class: "component" }), h("div", { class: "component" })];
    side.replaceChildren(own, h("h2", {}, "Runs worth seeing"), host);
    /** The recording of the viewer's own that is shown. @type {{ address: string, name: string } | null} */
    this.opened = null;
    this.head = h("div", { class: "gallery-head" });
    this.stagePlace = new StagePlace();
    main.replaceChildren(this.head, this.stagePlace.host);
    const style = (/** @type {string} */ name) => siteAddress(`stage/${BUILT.version}/${name}`);
    const styles = [style("widgets/picker.css")];
    const plain = [style("shared/buttons.css"), style("widgets/open_recording.css")];
    this.opener = new Place(own, "open_recording", openers, plain, (_, { address, name }) => {
      this.opened = { address, name };
      this.draw();
    });
    this.opener.show({});
    this.picker = new Place(host, "picker", pickers, styles, (_, { id, seq }) => {
      this.picker.heard(seq);
      this.opened = null;
      history.pushState(null, "", `${location.pathname}?preset=${encodeURIComponent(id)}`);
      this.draw();
    });
    // Python comes when the picture stands, so that "Train it live" has not to wait for all of it.
    this.off = bus.on("frame", () => setTimeout(() => engine.start(), 500));
    this.draw();
  }

  draw() {
    const groups = this.cards.presets;
    const few = { label: "Run", groups, columns: 2, few: 0, skip: "" };
    if (this.opened) {
      const { address, name } = this.opened;
      const about = "A recording of your own: it plays from your browser, and none of it was sent anywhere.";
      patch(this.head, [v("div", { class: "page-heading" }, v("h1", {}, name), v("p", {}, about))]);
      this.picker.show({ ...few, value: null });
      this.stagePlace.show({ recording: address });
      return;
    }
    const asked = new URLSearchParams(location.search).get("preset");
    const chosen = this.presets.find(({ id }) => id === asked) ?? this.presets[0];
    const refused = asked !== null && asked !== chosen.id;
    const sentence = `preset = '${asked?.slice(0, 60)}' was refused: there is no such run; ${chosen.title} is shown`;
    patch(this.head, [
      refused && v("p", { class: "note", role: "alert", "data-testid": "stAlert" }, sentence),
      v("div", { class: "page-heading" }, v("h1", {}, chosen.title), v("p", {}, chosen.sentence)),
      engine.able
        ? v("button", { type: "button", class: "primary", onclick: () => this.live(chosen) }, "Train it live")
        : v("p", { class: "caption" }, TOO_OLD),
    ]);
    this.picker.show({ ...few, value: chosen.id });
    this.stagePlace.show({ recording: recordingOf(chosen.id), ...chosen.view });
  }

  /** @param {Preset} preset */
  live(preset) {
    const { stage } = this.stagePlace;
    const at = stage?.playback.atEnd ? null : (stage?.playback.frame?.step ?? null);
    this.go(`?${new URLSearchParams(preset.link)}`, at);
  }

  moved() {
    this.draw();
  }

  close() {
    this.off();
    this.picker.close();
    this.opener.close();
    this.stagePlace.close();
  }
}
