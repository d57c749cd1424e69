// The lecturer's tools: a link to exactly this scene, what it hides or fixes, its QR code, and "follow me".

/** @import { Lecture } from "./scene.js" */
/** @import { Control } from "./protocol.d.ts" */
/** @import { LinkOptions, Rule } from "./sharing.js" */

import { download } from "../shared/dom.js";
import { v } from "../shared/patch.js";
import { predictionsTable } from "./predictions.js";
import { isShown } from "./values.js";

const FOLLOW_ME =
  "Whoever opens your code sees this scene, its sliders and its pictures as you move them, and can predict " +
  "along. No names; nothing is kept.";
const NO_ROOMS =
  "A room, in which others see this scene as you move it, needs a server, and this page has none: the installed app " +
  "opens rooms. The link above shows everybody this scene in their own tab.";

/** @type {[Rule, string][]} */
const RULES = [
  ["show", "can be moved"],
  ["fix", "fixed"],
  ["hide", "hidden"],
];

/** What is only moved in a picture has nothing that could be hidden. @param {Control} control */
const rulesOf = (control) => (control.widget === "none" ? RULES.slice(0, 2) : RULES);

/** The address of a scene with its state, as the server reads it. @param {Lecture} app @param {LinkOptions} options */
function linkTo(app, { present, embed, revealed, rules }) {
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
  for (const rule of ["hide", "fix"]) {
    const names = Object.keys(rules).filter((name) => rules[name] === rule);
    if (names.length) put(rule, names.join(","));
  }
  return url.href;
}

/** An address that is short enough to be read aloud. @param {string} code */
function followLink(code) {
  return new URL(`r/${code}`, location.origin + location.pathname).href;
}

// A code that a phone cannot open would be no use in a lecture hall.
const onlyHere = () =>
  /^(localhost|127\.|\[::1\])/.test(location.hostname) &&
  v(
    "p",
    { class: "room-link" },
    "This address opens on this computer only. For others, open the app under its network address.",
  );

/** @param {Lecture} app */
export function shareDialog(app) {
  const { sharing } = app;
  const { options } = sharing;
  const link = linkTo(app, options);
  const tick = (/** @type {"present" | "embed" | "revealed"} */ name, /** @type {string} */ text) =>
    v(
      "label",
      { class: "tick" },
      v("input", {
        type: "checkbox",
        checked: options[name],
        onchange: (e) => sharing.set({ [name]: e.currentTarget.checked }),
      }),
      text,
    );
  return v(
    "dialog",
    { class: "share", key: "share", "aria-labelledby": "share-title", onclose: () => sharing.show(false) },
    v(
      "div",
      { class: "share-head" },
      v("h3", { id: "share-title" }, "A link to this scene"),
      v("button", { type: "button", class: "round", "aria-label": "Close", onclick: () => sharing.show(false) }, "×"),
    ),
    v(
      "div",
      { class: "share-body" },
      v(
        "div",
        { class: "share-options" },
        tick("present", "Lecture mode: nothing but the scene, large type"),
        tick("embed", "For embedding in slides"),
        tick("revealed", "Answer shown from the start"),
        app.scene.controls
          .filter((c) => isShown(c, app.state))
          .map((c) =>
            v(
              "div",
              { class: "rule" },
              v("span", { html: c.label }),
              v(
                "select",
                {
                  value: options.rules[c.name] ?? "show",
                  "aria-label": c.text,
                  onchange: (e) => sharing.setRule(c.name, /** @type {Rule} */ (e.currentTarget.value)),
                },
                rulesOf(c).map(([value, text]) =>
                  v("option", { value, selected: (options.rules[c.name] ?? "show") === value }, text),
                ),
              ),
            ),
          ),
      ),
      v("div", { class: "qr", role: "img", "aria-label": "QR code of this link", html: sharing.code(link) }),
    ),
    v(
      "div",
      { class: "share-link" },
      v("input", {
        type: "text",
        readonly: true,
        value: link,
        "aria-label": "link",
        onfocus: (e) => e.currentTarget.select(),
      }),
      v(
        "button",
        { type: "button", class: "primary", onclick: () => sharing.copy(link) },
        sharing.copied === link ? "Copied" : "Copy",
      ),
    ),
    onlyHere(),
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
      ? "The presenter is away; the picture waits."
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
