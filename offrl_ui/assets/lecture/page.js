// What a lecture page shows, from top to bottom: where we are, the question, the controls, the answer, the pictures.

/** @import { Env } from "./drawing.d.ts" */
/** @import { Lecture } from "./scene.js" */
/** @import { Child } from "../shared/element.d.ts" */

import { readable, readTheme } from "../shared/palette.js";
import { v } from "../shared/patch.js";
import { answerCard, header, predictionCard } from "./cards.js";
import { rolesOf } from "./colours.js";
import { controls } from "./controls.js";
import { measures } from "./labels.js";
import { drawRows } from "./rows.js";
import { roomStrip, sceneDialog } from "./share.js";

/** What the parts of the page get to know and may do. @param {Lecture} app @returns {Env} */
function environment(app) {
  const { root, options } = app;
  const theme = readTheme(root);
  const colours = rolesOf(theme);
  for (const [role, colour] of Object.entries(colours))
    root.style.setProperty(`--role-${role}`, readable(colour, theme));
  root.classList.toggle("present", options.present);
  root.classList.toggle("embed", options.embed);
  root.classList.toggle("dark", theme.dark);
  const { fontSize } = getComputedStyle(root);
  return {
    theme,
    look: JSON.stringify([theme.background, theme.text, options.fix, options.hide, fontSize, measures()]),
    uid: app.uid,
    present: options.present,
    colour: (role) => colours[role] ?? theme.muted,
    em: parseFloat(fontSize),
    control: (name) => (name && !app.frozen(name) ? (app.control(name) ?? null) : null),
    revealed: app.isRevealed,
    waiting: app.follow.led && app.committed[app.sceneId] !== undefined,
    frozen: (name) => app.frozen(name),
    hidden: (name) => app.hidden(name),
    refusal: app.refusal,
    playing: app.player.playing,
    set: (values, final, exact) => app.set(values, final, exact),
    nudge: (name, steps) => app.nudge(name, steps),
    reset: () => app.reset(),
    help: (name) => app.help(name),
    helped: app.helped,
    play: () => app.player.play(),
    pause: () => app.player.pause(),
    watch: (element) => app.observer.observe(element),
  };
}

/** @param {Lecture} app @returns {Child[]} */
export function lecturePage(app) {
  const { scene, result, isRevealed, options } = app;
  const env = environment(app);
  const covered = (/** @type {string} */ name) => !isRevealed && scene.covered.includes(name);
  return [
    header(app),
    roomStrip(app),
    app.notes.length > 0 && notes(app),
    v(
      "section",
      { class: isRevealed && result ? "scene open" : "scene", key: scene.id, "aria-label": scene.title_text },
      v(
        "div",
        { class: "ask" },
        v("h1", {}, place(app)),
        v("h2", { html: scene.question }),
        scene.setup && !(options.present && isRevealed) && v("div", { class: "setup", html: scene.setup }),
      ),
      v(
        "div",
        { class: app.sideGoesOn ? "side goes-on" : "side", onscroll: () => app.lookBelow() },
        predictionCard(app),
        controls(scene, app.state, env),
      ),
      answerCard(app),
      v("div", { class: "pictures" }, drawRows(result ? app.rowsOf(result) : [], result, covered, env)),
    ),
    v("div", { class: "unseen", key: "live", "aria-live": "polite", draw: (element) => app.reader.look(element) }),
    app.sharing.open && sceneDialog(app),
    !app.online &&
      app.socket.connection.attempt > 0 &&
      v(
        "div",
        { class: "offline", key: "offline", role: "status" },
        "No live connection; pictures follow when you let go. Trying again…",
      ),
  ];
}

/** @param {Lecture} app */
function notes(app) {
  return v(
    "div",
    { class: "notes", key: "notes", role: "status" },
    app.notes.map((note) => v("p", {}, note)),
    v("button", { type: "button", class: "round", "aria-label": "Dismiss", onclick: () => app.dismiss() }, "×"),
  );
}

/** "Behaviour cloning with rewards · 2 of 6" @param {Lecture} app */
function place(app) {
  const ids = [...app.declared.keys()];
  const at = ids.indexOf(app.sceneId);
  return at < 0 ? "The lecture" : `${app.component.data.title} · ${at + 1} of ${ids.length}`;
}
