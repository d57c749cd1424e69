// What the terms mean, where they stand: a term is a link to `#term-KEY` with a dotted line under it, in whatever part
// of the page. Pointing at it, tapping it or reaching it with the tab key shows its meaning; Escape takes that away.

import { h } from "./dom.js";
import { TERMS } from "./terms.js";

const LINK = 'a[href^="#term-"]';
const GAP = 6;
const LEAVING = 250;

/** @type {Map<string, string>} */
const keys = new Map(
  Object.entries(TERMS).flatMap(([key, [, , forms]]) => forms.map((form) => [form.toLowerCase(), key])),
);
const longest = [...keys.keys()].sort((a, b) => b.length - a.length);
const FORMS = new RegExp(`(?<![\\p{L}\\p{N}_-])(?:${longest.join("|")})(?![\\p{L}\\p{N}_-])`, "giu");

/**
 * A term where it stands.
 * @param {string} key
 * @param {string} words
 * @param {string} [here] what it is in this place
 */
export const term = (key, words, here) => h("a", { class: "term", href: `#term-${key}`, "data-here": here }, words);

/**
 * The pieces of a sentence, each term's first occurrence with its key.
 * @param {string} text
 * @returns {[words: string, key: string | null][]}
 */
export function pieces(text) {
  /** @type {[string, string | null][]} */
  const made = [];
  const seen = new Set();
  let end = 0;
  for (const found of text.matchAll(FORMS)) {
    const key = keys.get(found[0].toLowerCase()) ?? "";
    if (seen.has(key)) continue;
    seen.add(key);
    if (found.index > end) made.push([text.slice(end, found.index), null]);
    made.push([found[0], key]);
    end = found.index + found[0].length;
  }
  if (end < text.length) made.push([text.slice(end), null]);
  return made;
}

/** A sentence whose terms can be looked up, as children of an element. @param {string} text */
export const withTerms = (text) => pieces(text).map(([words, key]) => (key ? term(key, words) : words));

/** The meaning that is shown, of which link. @type {{ link: Element, tip: HTMLElement, pinned: boolean } | null} */
let shown = null;
/** @type {ReturnType<typeof setTimeout> | undefined} */
let leaving;

/** @param {Event} event */
function linkOf(event) {
  const target = event.composedPath()[0];
  const link = target instanceof Element ? target.closest(LINK) : null;
  return link && TERMS[keyOf(link)] ? link : null;
}

/** @param {Element} link */
const keyOf = (link) => link.getAttribute("href")?.slice("#term-".length) ?? "";

function hide() {
  clearTimeout(leaving);
  shown?.link.removeAttribute("aria-describedby");
  shown?.tip.remove();
  shown = null;
}

/** @param {Element} link @param {boolean} pinned */
function show(link, pinned) {
  clearTimeout(leaving);
  if (shown?.link === link) {
    shown.pinned ||= pinned;
    return;
  }
  hide();
  const [name, text] = TERMS[keyOf(link)];
  const here = link.getAttribute("data-here");
  const tip = h(
    "div",
    { class: "term-tip", id: "term-tip", role: "tooltip" },
    h("strong", {}, name),
    here ? h("p", {}, `Here: ${here}.`) : null,
    h("p", {}, text),
  );
  // Beside the link in the same tree, or what describes it cannot be named; above whatever clips or covers it.
  const root = link.getRootNode();
  const inside = link.closest("dialog") ?? (root instanceof ShadowRoot ? root : document.body);
  inside.append(tip);
  if ("popover" in tip) {
    tip.popover = "manual";
    tip.showPopover();
  }
  link.setAttribute("aria-describedby", tip.id);
  shown = { link, tip, pinned };
  place(link, tip);
}

/** Below the term, or above it where there is no room. @param {Element} link @param {HTMLElement} tip */
function place(link, tip) {
  const [term, box] = [link.getBoundingClientRect(), tip.getBoundingClientRect()];
  const left = Math.max(GAP, Math.min(term.left, document.documentElement.clientWidth - box.width - GAP));
  const below = term.bottom + GAP + box.height <= innerHeight || term.top < box.height + GAP;
  tip.style.left = `${left}px`;
  tip.style.top = `${below ? term.bottom + GAP : term.top - GAP - box.height}px`;
}

/** @type {WeakSet<Node | Window>} */
const watched = new WeakSet();

/** Who moves within a part of the page that has a tree of its own is heard there only. @param {Event} event */
function watchWithin(event) {
  for (const node of event.composedPath()) if (node instanceof ShadowRoot) watch(node);
}

/** @param {Window | ShadowRoot} place */
function watch(place) {
  if (watched.has(place)) return;
  watched.add(place);
  place.addEventListener("pointerover", (event) => {
    watchWithin(event);
    if (/** @type {PointerEvent} */ (event).pointerType !== "mouse") return;
    const link = linkOf(event);
    if (link) show(link, false);
    else if (shown && event.composedPath().includes(shown.tip)) clearTimeout(leaving);
    else if (shown && !shown.pinned && !shown.link.matches(":focus")) leave();
  });
  place.addEventListener("focusin", (event) => {
    watchWithin(event);
    const link = linkOf(event);
    if (link?.matches(":focus-visible")) show(link, false);
    else if (shown && !link) hide();
  });
}

function leave() {
  clearTimeout(leaving);
  leaving = setTimeout(() => shown && !shown.pinned && hide(), LEAVING);
}

/** @param {MouseEvent} event */
function onclick(event) {
  const link = linkOf(event);
  if (link) {
    event.preventDefault();
    event.stopPropagation();
    if (shown?.link === link && shown.pinned) hide();
    else show(link, true);
  } else if (shown && !event.composedPath().includes(shown.tip)) hide();
}

/** @param {KeyboardEvent} event */
function onkeydown(event) {
  if (event.key !== "Escape" || !shown) return;
  hide();
  event.preventDefault();
  event.stopPropagation();
}

const follow = () => shown && place(shown.link, shown.tip);

/** From now on the page's terms can be looked up; to say so again changes nothing. */
export function watchTerms() {
  watch(window);
  addEventListener("click", onclick, true);
  addEventListener("keydown", onkeydown, true);
  addEventListener("scroll", follow, { capture: true, passive: true });
}

/** A dialog with all terms, beside `root`. @param {HTMLElement} root */
export function glossaryDialog(root) {
  const rows = Object.entries(TERMS).map(([key, [name, text]]) =>
    h("div", { "data-term": key }, h("dt", {}, name), h("dd", {}, text)),
  );
  const find = h("input", {
    type: "search",
    "aria-label": "Find a term",
    placeholder: "Find a term",
    oninput: () => {
      const wanted = find.value.trim().toLowerCase();
      for (const row of rows) row.hidden = !row.textContent?.toLowerCase().includes(wanted);
      none.hidden = rows.some((row) => !row.hidden);
    },
  });
  const none = h("p", { role: "status", hidden: true }, "No term contains these words.");
  const close = h("button", { type: "button", onclick: () => dialog.close() }, "Close");
  /** @type {HTMLDialogElement} */
  const dialog = h(
    "dialog",
    {
      class: "key-list glossary",
      "aria-label": "Glossary",
      onclick: (event) => event.target === dialog && dialog.close(),
    },
    h("div", { class: "glossary-head" }, h("h2", {}, "Glossary"), find, close),
    h("dl", { tabindex: "0", "aria-label": "Terms" }, ...rows),
    none,
  );
  (root.parentElement ?? root.getRootNode()).appendChild(dialog);
  return dialog;
}
