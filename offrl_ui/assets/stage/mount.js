// The stage as a Streamlit component. Streamlit calls this on the same element again whenever data or theme change: the
// first call builds the stage, later ones only tell it what changed.

import { skipLink } from "../shared/skip_link.js";
import { Stage } from "./stage.js";

/**
 * @import { Component } from "../shared/types.d.ts"
 * @import { StageOptions } from "./stage.js"
 */

/** @typedef {{ wanted: StageOptions, stage: Stage | null, gone: boolean, skip: (() => void) | null }} Mounted */

/** @type {WeakMap<HTMLElement, Mounted>} */
const stages = new WeakMap();
let events = 0;

/** @param {HTMLElement} host */
async function style(host) {
  if (import.meta.url.startsWith("data:")) return; // a single-file replay brings its styles along
  const root = host.getRootNode();
  const place = root instanceof ShadowRoot ? root : document.head;
  const own = sheet(place, "stage.css");
  // Dialogs are closed at first: nobody waits for their styles.
  for (const name of ["../shared/key_list.css", "../shared/share.css"]) sheet(place, name);
  await Promise.all([own, sheet(place, "../shared/terms.css")]);
}

/** @param {Node & ParentNode} place @param {string} name */
async function sheet(place, name) {
  const { href } = new URL(name, import.meta.url);
  if ([...place.querySelectorAll("link")].some((link) => link.href === href)) return;
  const link = document.createElement("link");
  link.rel = "stylesheet";
  link.href = href;
  const loaded = new Promise((resolve) => {
    link.onload = link.onerror = resolve;
  });
  place.append(link);
  await loaded;
}

/** Build or update the stage in `host`. @param {HTMLElement & { stage?: Stage }} host @param {StageOptions} options */
export async function mountStage(host, options) {
  const there = stages.get(host);
  if (there) {
    there.wanted = options;
    there.stage?.update(options);
    return there;
  }
  /** @type {Mounted} */
  const entry = { wanted: options, stage: null, gone: false, skip: null };
  stages.set(host, entry);
  await style(host);
  if (entry.gone) return entry;
  // On the element, so that tools and tests find the stage within a page's shadow roots.
  host.stage = entry.stage = new Stage(host, entry.wanted);
  return entry;
}

/** @param {HTMLElement} host */
function unmountStage(host) {
  const entry = stages.get(host);
  if (!entry) return;
  entry.gone = true;
  entry.skip?.();
  entry.stage?.destroy();
  stages.delete(host);
}

/** @param {Component<StageOptions>} component */
export function mount({ parentElement, data, setStateValue }) {
  const host = /** @type {HTMLElement} */ (parentElement.querySelector(".stage"));
  mountStage(host, {
    ...data,
    // As state, because a later trigger may take the place of one that is still on its way. A repeated value would not
    // be told again: each carries a number of its own.
    emit: (name, payload) => setStateValue(name, { ...payload, event: ++events }),
  });
  const entry = stages.get(host);
  if (entry) entry.skip ??= skipLink(host, "Skip to the stage");
  return () => unmountStage(host);
}
