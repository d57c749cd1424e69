// Play a world by hand: one action a key press. The script replays what was pressed and answers with the picture.
//
// data: { episode, played (actions the world has taken, one character each), over, actions: [name], digits, keys: { key: action },
//   picture (SVG, where the world is drawn by the script), shot: { world, layout, seen: [state or vector], actions: [number], ending }
//   (where it is drawn here, as in films), told: sentence }
// State for the script: `moves` = { episode, text }, everything pressed in this episode.
import { h, setText } from "../shared/dom.js";
import { Episode } from "./film.js";
import { pictureFor } from "./film_pictures.js";
import { readTheme } from "../shared/palette.js";

const players = new WeakMap();

export function mount(component) {
  const root = component.parentElement.querySelector(".player_keys");
  let player = players.get(root);
  if (!player) {
    player = new Player(root);
    players.set(root, player);
  }
  player.update(component);
  return () => {
    player.watch.disconnect();
    players.delete(root);
  };
}

class Player {
  constructor(root) {
    this.text = "";
    this.picture = h("div", { class: "drawing" });
    this.canvas = h("canvas", {});
    this.world = h(
      "div",
      { class: "world", tabindex: "0", role: "application", "aria-label": "the world: press keys to act" },
      this.picture,
      this.canvas,
    );
    this.told = h("p", { class: "told", "aria-live": "polite" });
    this.buttons = h("div", { class: "actions" });
    root.replaceChildren(this.world, this.told, this.buttons);
    this.root = root;
    this.watch = new ResizeObserver(() => this.film());
    this.watch.observe(this.world);
    root.onkeydown = (event) => this.key(event);
  }

  update(component) {
    this.component = component;
    const { data } = component;
    this.data = data;
    // Presses that the script has not seen yet are kept, unless the world ended before them.
    if (data.episode !== this.episode || data.over || !this.text.startsWith(data.played)) this.text = data.played;
    this.episode = data.episode;
    if (this.picture.innerHTML !== data.picture) this.picture.innerHTML = data.picture;
    this.canvas.hidden = !data.shot;
    this.film();
    setText(this.told, data.told);
    const named = Object.entries(data.keys);
    const shape = JSON.stringify([data.actions, named, data.over]);
    if (shape === this.shape) return;
    this.shape = shape;
    this.buttons.replaceChildren(
      ...data.actions.map((name, action) => {
        const keys = named.filter(([, a]) => a === action).map(([key]) => key.replace("Arrow", "").toLowerCase());
        return h(
          "button",
          { type: "button", disabled: data.over, onclick: () => this.act(action) },
          `${name}`,
          h("kbd", {}, keys.join(" / ")),
        );
      }),
    );
  }

  // The moment before the next key is pressed, drawn as films draw it: nothing is being done yet.
  film() {
    const { canvas, data, world, root } = this;
    if (!data?.shot || !world.clientWidth) return;
    const { layout, seen, actions, ending } = data.shot;
    const [width, height, ratio] = [
      world.clientWidth,
      Math.round(Math.min(world.clientWidth * 0.66, 360)),
      devicePixelRatio || 1,
    ];
    canvas.style.height = `${height}px`;
    Object.assign(canvas, { width: Math.round(width * ratio), height: Math.round(height * ratio) });
    const rows = [...seen, seen.at(-1)];
    const length = data.over ? actions.length : actions.length + 1;
    const episode = new Episode(
      {
        header: { lengths: [length], endings: [ending] },
        values: {
          observations: Float32Array.from(rows.flat()),
          actions: Int32Array.from([...actions, -1]),
          rewards: new Float32Array(length),
        },
        shapes: { observations: [1, rows.length, Array.isArray(seen[0]) ? seen[0].length : 0] },
      },
      0,
    );
    const ctx = canvas.getContext("2d");
    ctx.scale(ratio, ratio);
    pictureFor({ layout, film: data.shot }).draw(ctx, {
      episode,
      layout,
      at: actions.length,
      steps: Math.max(length, 20),
      names: { ...data.actions, [-1]: "" },
      theme: readTheme(root),
      box: { x: 0, y: 0, width, height },
    });
  }

  key(event) {
    const action = this.data.keys[event.key.length === 1 ? event.key.toLowerCase() : event.key];
    if (action === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    event.stopPropagation();
    this.act(action);
  }

  act(action) {
    if (this.data.over || this.text.length >= 1000) return;
    this.text += this.data.digits[action];
    this.component.setStateValue("moves", { episode: this.episode, text: this.text });
  }
}
