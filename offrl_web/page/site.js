// The site's own files and addresses: links are those of the app.

import { siteAddress } from "../../offrl_ui/assets/shared/site.js";
import { BUILT } from "./built.js";

/** @import { Link, Preset } from "./types.d.ts" */

/** @type {Map<string, Promise<any>>} */
const asked = new Map();

/** A file of the built data, asked for once. @param {string} name @returns {Promise<any>} */
export function data(name) {
  const known = asked.get(name);
  if (known) return known;
  const coming = fetch(siteAddress(`stage/${BUILT.version}/data/${name}`)).then((answer) => {
    if (!answer.ok) throw new Error(`${name} could not be loaded (${answer.status})`);
    return answer.json();
  });
  asked.set(name, coming);
  coming.catch(() => asked.delete(name));
  return coming;
}

/** Where a recording of the gallery lies, below the site. @param {string} id */
export const recordingOf = (id) => `stage/${BUILT.version}/preset/${id}.offrl`;

/** The parts of a link, in one order: links of the same run are equal texts. @param {Link} parts */
export const linkOf = (parts) =>
  Object.entries(parts)
    .map(([name, value]) => `${name}=${value}`)
    .sort()
    .join("&");

/** Every value of every part of an address. @param {string} search @returns {Record<string, string[]>} */
export function queryOf(search) {
  const given = new URLSearchParams(search);
  return Object.fromEntries([...new Set(given.keys())].map((name) => [name, given.getAll(name)]));
}

/** The gallery's run that an address asks for, if it is one; nothing asks for the first. @param {string} search
 * @returns {Promise<Preset | null>} */
export async function presetOf(search) {
  /** @type {Preset[]} */
  const presets = await data("gallery.json");
  const given = Object.fromEntries(new URLSearchParams(search));
  if (Object.keys(given).length === 0) return presets[0];
  const { back: _, ...parts } = given;
  const link = linkOf({ v: "1", ...parts });
  return presets.find((preset) => linkOf(preset.link) === link) ?? null;
}

/**
 * Put a link into the address bar. A page that was chosen is a step that the back button undoes; a live change is none.
 * @param {Link} parts
 * @param {boolean} [again] - the address asked for this already
 */
export function writeLink(parts, again = false) {
  const { back } = Object.fromEntries(new URLSearchParams(location.search));
  const query = new URLSearchParams(back === undefined ? parts : { ...parts, back });
  const address = `${location.pathname}?${query}`.replaceAll("%3A", ":").replaceAll("%2C", ",").replaceAll("%3B", ";");
  if (address === location.pathname + location.search) return;
  const now = Object.fromEntries(new URLSearchParams(location.search));
  /** @param {Link} link */
  const standing = ({ at: _, ...rest }) => linkOf(rest);
  if (again || standing(now) === standing(parts)) history.replaceState(null, "", address);
  else history.pushState(null, "", address);
}
