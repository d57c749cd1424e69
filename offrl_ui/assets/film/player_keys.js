// Play a world by hand: one action a key press. The script replays what was pressed and answers with the picture.

import { clearCanvas, h, setText } from "../shared/dom.js";
import { readTheme } from "../shared/palette.js";
import { Episode } from "./episode.js";
import { pictureFor } from "./pictures.js";

/**
 * @import { Layout } from "../run/protocol.d.ts"
 * @import { Component } from "../shared/types.d.ts"
 */

/**
 * What the script says. `played`: actions that the world has taken, one character each, as in `digits`; `keys`: key →
 * action;
 * `picture`: SVG, where the script draws the world; `shot`: where it is drawn here, as in films.
 *
 * State for the script: `moves` = { episode, text }, everything pressed in this episode.
 * @typedef {object} HandPlayData
 * @property {number} episode
 * @property {string} played
 * @property {boolean} over
 * @property {string[]} actions
 * @property {string} digits
 * @property {Record<string, number>} keys
 * @property {string} picture
 * @property {{ world: string, layout: Layout, seen: (number | number[])[], actions: number[], ending: string } | null}
 *   shot
 * @property {string} told
 */

/** @type {WeakMap<Element, HandPlay>} */
const mounted = new WeakMap();

/** @param {Component<HandPlayData>} component */
export function mount(component) {
  const root = /** @type {HTMLElement} */ (component.parentElement.querySelector(".player_keys"));
  const play = mounted.get(root) ?? new HandPlay(root);
  mounted.set(root, play);
  play.update(component);
  return () => {
    play.watch.disconnect();
    mounted.delete(root);
  };
}

class HandPlay {
  /** @param {HTMLElement} root */
  constructor(root) {
    this.root = root;
    /** @type {Component<HandPlayData> | null} */
    this.component = null;
    this.text = "";
    /** @type {number | null} */
    this.episode = null;
    this.shape = "";
    this.picture = h("div", { class: "drawing" });
    this.canvas = h("canvas");
    const named = { tabindex: "0", role: "application", "aria-label": "the world: press keys to act" };
    this.world = h("div", { class: "world", ...named }, this.picture, this.canvas);
    this.told = h("p", { class: "told", "aria-live": "polite" });
    this.buttons = h("div", { class: "actions" });
    root.replaceChildren(this.world, this.told, this.buttons);
    this.watch = new ResizeObserver(() => this.draw());
    this.watch.observe(this.world);
    root.onkeydown = (event) => this.key(event);
  }

  /** @param {Component<HandPlayData>} component */
  update(component) {
    this.component = component;
    const { data } = component;
    // Presses that the script has not seen yet are kept, unless the world ended before them.
    if (data.episode !== this.episode || data.over || !this.text.startsWith(data.played)) this.text = data.played;
    this.episode = data.episode;
    if (this.picture.innerHTML !== data.picture) this.picture.innerHTML = data.picture;
    this.canvas.hidden = !data.shot;
    this.draw();
    setText(this.told, data.told);
    const named = Object.entries(data.keys);
    const shape = JSON.stringify([data.actions, named, data.over]);
    if (shape === this.shape) return;
    this.shape = shape;
    const buttons = data.actions.map((name, action) => {
      const keys = named.filter(([, a]) => a === action).map(([key]) => key.replace("Arrow", "").toLowerCase());
      const props = { type: "button", disabled: data.over, onclick: () => this.act(action) };
      return h("button", props, name, h("kbd", {}, keys.join(" / ")));
    });
    this.buttons.replaceChildren(...buttons);
  }

  /** The moment before the next key is pressed, drawn as films draw it: nothing is being done yet. */
  draw() {
    const { canvas, component, world, root } = this;
    const data = component?.data;
    if (!data?.shot || !world.clientWidth) return;
    const { layout, seen, actions, ending } = data.shot;
    const [width, height] = [world.clientWidth, Math.round(Math.min(world.clientWidth * 0.66, 360))];
    canvas.style.height = `${height}px`;
    const rows = [...seen, seen[seen.length - 1]];
    const length = data.over ? actions.length : actions.length + 1;
    const values = {
      observations: Float32Array.from(rows.flat()),
      actions: Int32Array.from([...actions, -1]),
      rewards: new Float32Array(length),
    };
    const first = seen[0];
    const shapes = { observations: [1, rows.length, Array.isArray(first) ? first.length : 0] };
    const episode = new Episode({ header: { lengths: [length], endings: [ending] }, values, shapes }, 0);
    const pen = clearCanvas(canvas, width, height, devicePixelRatio || 1);
    pictureFor(layout, data.shot.world).draw(pen, {
      episode,
      layout,
      at: actions.length,
      steps: Math.max(length, 20),
      names: { ...data.actions, [-1]: "" },
      theme: readTheme(root),
      box: { x: 0, y: 0, width, height },
    });
  }

  /** @param {KeyboardEvent} event */
  key(event) {
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    const action = this.component?.data.keys[key];
    if (action === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    event.stopPropagation();
    this.act(action);
  }

  /** @param {number} action */
  act(action) {
    const { component } = this;
    if (!component || component.data.over || this.text.length >= 1000) return;
    this.text += component.data.digits[action];
    component.setStateValue("moves", { episode: component.data.episode, text: this.text });
  }
}
