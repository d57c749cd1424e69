// The project's documents: pages that stand in their files as they are shown. A link from one to another changes what
// is shown and not the page, so that what trains in this tab goes on.

import { siteAddress } from "../../offrl_ui/assets/shared/site.js";

/** @import { Shown } from "./types.d.ts" */
/** @import { Frame } from "./main.js" */

/** @param {Frame} frame @returns {Promise<Shown>} */
export async function show({ main, side, path, go }) {
  if (!main.querySelector("article")) {
    const answer = await fetch(siteAddress(`${path}/`));
    if (!answer.ok) throw new Error(`${path} could not be loaded (${answer.status})`);
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    for (const [place, tag] of /** @type {const} */ ([
      [main, "main"],
      [side, "aside"],
    ]))
      place.replaceChildren(...(page.querySelector(tag)?.childNodes ?? []));
  }
  document.title = `${main.querySelector("h1")?.textContent} · Offline RL Explorer`;
  if (location.hash) document.getElementById(decodeURIComponent(location.hash.slice(1)))?.scrollIntoView();
  const home = new URL(siteAddress("docs/"));

  /** @param {MouseEvent} event */
  const follow = (event) => {
    const link = /** @type {Element} */ (event.target).closest("a");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey || event.button > 0) return;
    const inside = link.href.startsWith(home.href) && link.pathname.endsWith("/");
    if (!inside || link.pathname === location.pathname) return;
    event.preventDefault();
    go(link.href);
  };
  const places = [main, side];
  for (const place of places) place.addEventListener("click", follow);
  return {
    moved() {}, // to another heading of the page: the browser goes there
    close() {
      for (const place of places) place.removeEventListener("click", follow);
    },
  };
}
