// The lecturer's tools: a link to exactly this scene, what it hides or fixes, its QR code, and "follow me".

/** @import { Lecture } from "./scene.js" */
/** @import { Rule, Sharing } from "../shared/sharing.js" */

import { download } from "../shared/dom.js";
import { v } from "../shared/patch.js";
import { onlyHere, shareDialog } from "../shared/share_dialog.js";
import { predictionsTable } from "./predictions.js";
import { isShown } from "./values.js";

const FOLLOW_ME =
  "Whoever opens your code sees this scene, its sliders and its pictures as you move them, and can predict " +
  "along. No names; nothing is kept.";
const NO_ROOMS =
  "A room, in which others see this scene as you move it, needs a server, and this page has none: the installed app " +
  "opens rooms. The link above shows everybody this scene in their own tab.";

/** What is only moved in a picture has nothing that could be hidden. @type {Rule[]} */
const MOVED_IN_PICTURES = ["show", "fix"];

/** What a link may hold. @typedef {"present" | "embed" | "revealed"} Held */
/** @type {[Held, text: string][]} */
const TICKS = [
  ["present", "Lecture mode: nothing but the scene, large type"],
  ["embed", "For embedding in slides"],
  ["revealed", "Answer shown from the start"],
];

/** The address of a scene with its state, as the server reads it. @param {Lecture} app
 * @param {Sharing<Held>} sharing */
function linkTo(app, { ticks: { present, embed, revealed }, ruled }) {
  const url = new URL(location.pathname, location.origin);
  const put = (/** @type {string} */ name, /** @type {string} */ value) => url.searchParams.set(name, value);
  put("scene", app.scene.id);
  put("v", "1");
  for (const control of app.scene.controls) {
    const value = app.state[control.name];
    if (value !== control.default) put(control.name, typeof value === "boolean" ? (value ? "1" : "0") : String(value));
  }
  if (revealed) put("reveal", "1");
  if (present) put("present", "1");
  if (embed) put("embed", "true");
  for (const [rule, names] of ruled) put(rule, names);
  return url.href;
}

/** An address that is short enough to be read aloud. @param {string} code */
function followLink(code) {
  return new URL(`r/${code}`, location.origin + location.pathname).href;
}

/** @param {Lecture} app */
export function sceneDialog(app) {
  const controls = app.scene.controls
    .filter((control) => isShown(control, app.state))
    .map(({ name, label, text, widget }) => ({
      name,
      label,
      text,
      rules: widget === "none" ? MOVED_IN_PICTURES : undefined,
    }));
  return shareDialog(
    app.sharing,
    { title: "A link to this scene", link: linkTo(app, app.sharing), ticks: TICKS, controls },
    v(
      "div",
      { class: "share-follow" },
      v("h3", {}, "Follow me"),
      v("p", {}, app.options.rooms ? FOLLOW_ME : NO_ROOMS),
      app.options.rooms && room(app),
    ),
  );
}

/** The counts of this room's predictions, as a file. @param {Lecture} app */
function savePredictions(app) {
  const about = (/** @type {string} */ id) => app.declared.get(id) ?? app.foreign[id];
  const plain = (/** @type {string} */ html) =>
    new DOMParser().parseFromString(html, "text/html").body.textContent ?? "";
  const table = predictionsTable(app.follow.record.values(), about, plain);
  download(new Blob(["\ufeff", table], { type: "text/csv" }), `predictions-${app.follow.room?.code ?? "room"}.csv`);
}

/** The room's button: it opens one or ends it. @param {Lecture} app */
function room(app) {
  return app.follow.room?.role === "presenter"
    ? v(
        "button",
        { type: "button", class: "chip", onclick: () => app.follow.end() },
        `End room ${app.follow.room.code}`,
      )
    : v(
        "button",
        { type: "button", class: "primary", disabled: !app.online, onclick: () => app.openRoom() },
        "Open a room",
      );
}

/** The strip above the scene: who presents, who follows. @param {Lecture} app */
export function roomStrip(app) {
  const room = app.follow.room;
  if (!room) return null;
  if (room.role === "presenter") {
    const link = followLink(room.code);
    const people = `${room.followers} ${room.followers === 1 ? "follower" : "followers"}`;
    return v(
      "div",
      { class: `room ${app.follow.bigCode ? "big" : ""}`, key: "room", role: "status" },
      app.follow.bigCode &&
        v("div", { class: "qr", role: "img", "aria-label": "QR code to follow", html: app.sharing.code(link) }),
      v(
        "div",
        {},
        v("span", { class: "room-code" }, room.code),
        v("span", {}, ` · ${people}`),
        app.follow.bigCode && v("p", { class: "room-link" }, link),
        app.follow.bigCode && onlyHere(),
      ),
      v(
        "button",
        { type: "button", class: "chip", onclick: () => app.toggleCode() },
        app.follow.bigCode ? "Smaller" : "Show the code large",
      ),
      app.follow.record.size > 0 &&
        v("button", { type: "button", class: "chip", onclick: () => savePredictions(app) }, "Save the predictions"),
      v("button", { type: "button", class: "chip", onclick: () => app.follow.end() }, "End"),
    );
  }
  const where = room.ended
    ? "The presenter has ended this room."
    : room.away
      ? "Presenter disconnected; waiting."
      : app.follow.exploring
        ? "You are exploring on your own."
        : "You follow the presenter.";
  return v(
    "div",
    { class: app.follow.exploring ? "room exploring" : "room", key: "room", role: "status" },
    v("span", { class: "room-code" }, room.code),
    v("span", {}, where),
    !room.ended &&
      (app.follow.exploring
        ? v("button", { type: "button", class: "primary", onclick: () => app.follow.back() }, "Return to the presenter")
        : v("button", { type: "button", class: "chip", onclick: () => app.explore() }, "Explore on my own")),
  );
}
