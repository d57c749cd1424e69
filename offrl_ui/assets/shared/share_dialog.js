// The dialog that shares what is on screen: a link, what it holds, what it does to the controls, and its QR code.

/** @import { Child } from "./element.d.ts" */
/** @import { Rule, Sharing } from "./sharing.js" */

import { v } from "./patch.js";

/**
 * What is shared: the dialog's title, the link as it stands, what it may hold, and the controls, of which each is named
 * as in the link, shown by its label (HTML), and told in words. What has nothing to hide may only be fixed, and the
 * other way round: `rules`.
 *
 * @template {string} Tick
 * @typedef {{ title: string, link: string, ticks: readonly [Tick, text: string][],
 *   controls: readonly SharedControl[] }} About
 */
/** @typedef {{ name: string, label: string, text: string, rules?: readonly Rule[] }} SharedControl */

/** @type {Record<Rule, string>} */
const RULES = { show: "can be moved", fix: "fixed", hide: "hidden" };
const EVERY = /** @type {Rule[]} */ (Object.keys(RULES));

/**
 * @template {string} Tick
 * @param {Sharing<Tick>} sharing
 * @param {About<Tick>} about
 * @param {Child[]} more - below it
 */
export function shareDialog(sharing, { title, link, ticks, controls }, ...more) {
  const close = () => sharing.show(false);
  return v(
    "dialog",
    { class: "share", key: "share", "aria-labelledby": "share-title", onclose: close },
    v(
      "div",
      { class: "share-head" },
      v("h3", { id: "share-title" }, title),
      v("button", { type: "button", class: "round", "aria-label": "Close", onclick: close }, "×"),
    ),
    v(
      "div",
      { class: "share-body" },
      v(
        "div",
        { class: "share-options" },
        ticks.map(([name, text]) =>
          v(
            "label",
            { class: "tick", key: name },
            v("input", {
              type: "checkbox",
              checked: sharing.ticks[name],
              onchange: (e) => sharing.tick(name, e.currentTarget.checked),
            }),
            text,
          ),
        ),
        controls.map((control) => rule(sharing, control)),
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
    ...more,
  );
}

/** @template {string} Tick @param {Sharing<Tick>} sharing @param {SharedControl} control */
function rule(sharing, { name, label, text, rules = EVERY }) {
  const now = sharing.rules[name] ?? "show";
  return v(
    "div",
    { class: "rule", key: `rule-${name}` },
    v("span", { html: label }),
    v(
      "select",
      {
        value: now,
        "aria-label": text,
        onchange: (e) => sharing.setRule(name, /** @type {Rule} */ (e.currentTarget.value)),
      },
      rules.map((value) => v("option", { value, selected: now === value }, RULES[value])),
    ),
  );
}

/** A code that a phone cannot open would be no use in a lecture hall. */
export const onlyHere = () =>
  /^(localhost|127\.|\[::1\])/.test(location.hostname) &&
  v(
    "p",
    { class: "room-link" },
    "This address opens on this computer only. For others, open the app under its network address.",
  );
