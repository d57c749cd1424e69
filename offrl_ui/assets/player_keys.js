// Play a world by hand: one action a key press. The script replays what was pressed and answers with the picture.
//
// data: { episode, played (actions the world has taken, one character each), over, actions: [name], digits, keys: { key: action },
//   picture (SVG), told: sentence }
// State for the script: `moves` = { episode, text }, everything pressed in this episode.
import { h, setText } from "./dom.js";

const players = new WeakMap();

export function mount(component) {
  const root = component.parentElement.querySelector(".player_keys");
  let player = players.get(root);
  if (!player) {
    player = new Player(root);
    players.set(root, player);
  }
  player.update(component);
  return () => players.delete(root);
}

class Player {
  constructor(root) {
    this.text = "";
    this.picture = h("div", { class: "world", tabindex: "0", role: "application", "aria-label": "the world: press keys to act" });
    this.told = h("p", { class: "told", "aria-live": "polite" });
    this.buttons = h("div", { class: "actions" });
    root.replaceChildren(this.picture, this.told, this.buttons);
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
    setText(this.told, data.told);
    const named = Object.entries(data.keys);
    const shape = JSON.stringify([data.actions, named, data.over]);
    if (shape === this.shape) return;
    this.shape = shape;
    this.buttons.replaceChildren(...data.actions.map((name, action) => {
      const keys = named.filter(([, a]) => a === action).map(([key]) => key.replace("Arrow", "").toLowerCase());
      return h("button", { type: "button", disabled: data.over, onclick: () => this.act(action) }, `${name}`, h("kbd", {}, keys.join(" / ")));
    }));
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
