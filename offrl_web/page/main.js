// The site's frame: the navigation, how things stand with Python, and which page is shown.

import { h } from "../../offrl_ui/assets/shared/dom.js";
import { patch, v } from "../../offrl_ui/assets/shared/patch.js";
import { answeredBy } from "../../offrl_ui/assets/shared/server.js";
import { siteAddress } from "../../offrl_ui/assets/shared/site.js";
import { BUILT } from "./built.js";
import { engine, reasonOf, scenes, second } from "./engine.js";

/** @import { Shown } from "./types.d.ts" */
/** @import { Engine } from "./engine.js" */

/**
 * What a page is given: where to draw, its path, the way to another address of the site, and the step that its recording
 * is to be shown at.
 * @typedef {{ main: HTMLElement, side: HTMLElement, path: string, go: (address: string, at?: number | null) => void,
 *   at: number | null }} Frame
 */

/** What shows a page, by the first part of its path: all but these are the lecture's.
 * @type {Map<string, () => Promise<{ show: (frame: Frame) => Promise<Shown> }>>} */
const MODULES = new Map([
  ["", () => import("./playground.js")],
  ["gallery", () => import("./gallery.js")],
  ["datasets", () => import("./datasets.js")],
  ["docs", () => import("./documents.js")],
]);
const lecture = () => import("./lecture.js");

const ROOMS =
  "Nothing you do here leaves this tab. Rooms, in which an audience follows, need the installed app: they need a server.";

const site = new URL(siteAddress(""));
const nav = h("nav", { "aria-label": "Pages" });
const status = h("div", { class: "status", role: "status" });
const side = /** @type {HTMLElement} */ (document.querySelector("aside"));
const main = /** @type {HTMLElement} */ (document.querySelector("main"));
/** @type {Shown | null} */
let shown = null;
let path = "";
let turn = 0;

/** The entry in the navigation that a path belongs to. @param {string} path */
const entryOf = (path) => path.split("/")[0];

/** The page that the address names. */
function pathNow() {
  const inside = decodeURIComponent(location.pathname.slice(site.pathname.length));
  const name = inside.replace(/\/?(index\.html)?$/, "");
  return BUILT.pages.some((page) => page.path === entryOf(name)) ? name : "";
}

/** @param {number | null} [at] */
async function show(at = null) {
  turn += 1;
  const mine = turn;
  shown?.close();
  shown = null;
  path = pathNow();
  if (turn > 1) {
    // The first page may stand in its file already.
    main.replaceChildren();
    side.replaceChildren();
  }
  drawNav();
  const facts = BUILT.pages.find((page) => page.path === entryOf(path));
  document.title = `${facts?.title} · Offline RL Explorer`;
  document.body.dataset.page = entryOf(path) || "playground";
  try {
    const { show } = await (MODULES.get(entryOf(path)) ?? lecture)();
    if (mine !== turn) return;
    const page = await show({ main, side, path, go, at });
    if (mine === turn) shown = page;
    else page.close();
  } catch (error) {
    if (mine !== turn) return;
    console.error(error);
    const reason = reasonOf(error);
    main.replaceChildren(h("p", { class: "note bad", role: "alert" }, `This page could not be shown: ${reason}`));
  }
}

/** @param {string} address - relative to the site @param {number | null} [at] */
function go(address, at = null) {
  history.pushState(null, "", new URL(address, site));
  scrollTo(0, 0);
  show(at);
}

function drawNav() {
  patch(nav, [
    BUILT.pages.map(({ path: other, title, about }) => {
      const href = new URL(other ? `${other}/` : "./", site).href;
      return v(
        "a",
        {
          href,
          key: other || "playground",
          title: about,
          "aria-current": other === entryOf(path) ? "page" : null,
          onclick: (event) => {
            if (event.ctrlKey || event.metaKey || event.shiftKey || event.button > 0) return;
            event.preventDefault();
            if (other !== path) go(href);
          },
        },
        title,
      );
    }),
  ]);
}

/** @param {Engine} of */
function drawStatus(of) {
  const now = of.status;
  status.dataset.state = now.state;
  if (now.state === "loading")
    patch(status, [
      v("progress", { max: 1, value: now.share, "aria-label": "Python is being loaded" }),
      v(
        "span",
        {},
        now.share < 0.8 ? `Loading ${now.what} into this tab: ${left(now.share)} left` : "Starting Python …",
      ),
    ]);
  else if (now.state === "busy") patch(status, [v("span", {}, `Loading ${now.what}, which is needed now …`)]);
  else if (now.state === "failed")
    patch(status, [
      v("span", {}, `Python in this tab ended: ${now.reason}. `),
      v("button", { type: "button", class: "plain", onclick: () => of.again() }, "Start it again"),
    ]);
  else if (now.state === "impossible") patch(status, [v("span", {}, now.reason)]);
  else patch(status, [v("span", { title: ROOMS }, now.state === "ready" ? "Trains in this tab" : "")]);
}

/** @param {number} share */
function left(share) {
  const total = Object.values(BUILT.sizes).reduce((sum, size) => sum + size, 0);
  return `${Math.max(0, (total * (1 - share / 0.8)) / 1e6).toFixed(1)} MB`;
}

answeredBy({
  open: (path) => (path === "scene" ? scenes : engine).open(path),
  ask: (path, body) => (MODULES.has(entryOf(pathNow())) ? engine : scenes).ask(path, body),
});
// On a narrow screen the picture comes first, and what is chosen lies far below it.
const toSide = h(
  "button",
  { type: "button", class: "plain to-side", onclick: () => side.scrollIntoView({ behavior: "smooth" }) },
  "Choose ↓",
);
document.body.prepend(h("header", {}, h("strong", {}, "Offline RL Explorer"), nav, toSide, status));
document.body.append(h("footer", {}, ROOMS));
/** What matters most of both workers. */
function drawStatuses() {
  const order = ["failed", "impossible", "loading", "busy", "ready", "asleep"];
  const [worst] = [engine, second].sort((a, b) => order.indexOf(a.status.state) - order.indexOf(b.status.state));
  drawStatus(worst);
}
engine.watch(drawStatuses);
second.watch(drawStatuses);
addEventListener("popstate", () => {
  if (pathNow() === path && shown?.moved) shown.moved();
  else show();
});
show();
if ("serviceWorker" in navigator && isSecureContext)
  addEventListener("load", () => {
    navigator.serviceWorker.register(new URL("sw.js", site)).catch((error) => console.warn("offrl:", error.message));
  });
