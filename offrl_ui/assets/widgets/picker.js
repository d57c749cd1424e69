// Cards to choose from, each with a real picture. A group of radio buttons to keyboards and screen readers.
//
// Told to the script: `picked` = { id, seq, link }; a link names the whole choice that a pick is taken back to, or that
// it is made again with.

/** @import { Component } from "../shared/component.d.ts" */
/** @typedef {{ id: string, title: string, text: string, picture?: string }} Card `picture` is SVG */
/** @typedef {{ title: string, cards: Card[] }} Group */
/**
 * `skip` names a link at the top of the page that leads here.
 * `pictures` is the address of those of the cards that bring none: SVG by id.
 * `few` > 0 shows that many cards of each group (the chosen one always among them) behind a "show all" button.
 * `link` has the parts of the link to all that is chosen on the page, where a pick can be taken back.
 *
 * @typedef {{ label: string, value: string | null, seq: number, few: number, columns: number, skip: string,
 *   groups: Group[], pictures?: string, link?: Record<string, string> | null }} PickerData
 */
/** What is chosen: the card, null where none is, and the link of the whole choice, null where that is not known.
 * @typedef {{ id: string | null, link: Record<string, string> | null }} Chosen */

/** How long the other parts of a page take to follow the cards, in ms. */
const FOLLOWING = 200;

import { bus } from "../shared/bus.js";
import { patch, v } from "../shared/patch.js";
import { siteAddress } from "../shared/site.js";
import { skipLink } from "../shared/skip_link.js";

/** @type {WeakMap<Node, Picker>} */
const pickers = new WeakMap();

/** @type {Record<string, number>} */
const KEYS = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 };

/** @param {Component<PickerData>} component */
export function mount(component) {
  const { parentElement } = component;
  const picker = pickers.get(parentElement) ?? new Picker(component);
  pickers.set(parentElement, picker);
  picker.update(component);
  return () => {
    picker.close();
    pickers.delete(parentElement);
  };
}

class Picker {
  /** @param {Component<PickerData>} component */
  constructor(component) {
    this.root = /** @type {HTMLElement} */ (component.parentElement.querySelector(".picker"));
    this.component = component;
    this.all = false;
    const { skip } = component.data;
    this.unskip = skip ? skipLink(this.root, skip) : () => {};
    this.seq = component.data.seq;
    this.value = component.data.value;
    /** What `pictures` holds, once it is here. @type {Record<string, string>} */
    this.pictures = {};
    this.address = "";
    this.closed = false;
    /** The number of the answer that took a pick back or made it again, until the script has heard it. */
    this.put = 0;
  }

  /** @param {Component<PickerData>} component */
  update(component) {
    const { data } = component;
    this.component = component;
    if (data.seq >= this.seq) this.value = data.value;
    this.seq = Math.max(this.seq, data.seq);
    if (this.put && data.seq >= this.put) this.settle();
    this.root.style.setProperty("--columns", String(data.columns || "auto-fill"));
    this.root.style.setProperty("--least", data.columns ? "0px" : "7rem");
    if (data.pictures && data.pictures !== this.address) this.load(data.pictures);
    this.draw();
  }

  /**
   * Load the cards' pictures; until they are here, and where they never come, their places stay empty.
   * @param {string} address
   */
  async load(address) {
    this.address = address;
    const answer = await fetch(siteAddress(address)).catch(() => null);
    if (!answer?.ok || address !== this.address) return;
    this.pictures = await answer.json();
    this.draw();
  }

  /** The cards of a group that are in sight. @param {Group} group */
  seen({ cards }) {
    const { few } = this.component.data;
    if (this.all || few <= 0) return cards;
    const chosen = cards.findIndex((card) => card.id === this.value);
    return cards.filter((_, i) => i < (chosen >= few ? few - 1 : few) || i === chosen);
  }

  draw() {
    const { groups, label } = this.component.data;
    const hidden = groups.reduce((sum, group) => sum + group.cards.length - this.seen(group).length, 0);
    patch(this.root, [
      groups.map((group) =>
        v(
          "div",
          { class: "group", role: "radiogroup", "aria-label": group.title || label },
          group.title && v("div", { class: "title" }, group.title),
          v("div", { class: "grid" }, this.cards(this.seen(group))),
        ),
      ),
      (hidden > 0 || this.all) &&
        v(
          "button",
          {
            type: "button",
            class: "more",
            key: "more",
            "aria-expanded": String(this.all),
            onclick: () => {
              this.all = !this.all;
              this.draw();
            },
          },
          this.all ? "Show fewer" : `Show all (${hidden} more)`,
        ),
    ]);
  }

  /**
   * One tab stop per group: the chosen card, or the first one where the choice lies elsewhere.
   * @param {Card[]} cards
   */
  cards(cards) {
    const stop = cards.some((card) => card.id === this.value) ? this.value : cards[0]?.id;
    return cards.map((card) =>
      v(
        "button",
        {
          type: "button",
          class: "card",
          key: card.id,
          role: "radio",
          "data-id": card.id,
          title: card.text || null,
          "aria-checked": String(card.id === this.value),
          tabindex: card.id === stop ? 0 : -1,
          onclick: () => this.choose(card.id),
          onkeydown: (event) => {
            if (!(event.key in KEYS)) return;
            event.preventDefault();
            const all = [...this.root.querySelectorAll(".card")].filter((one) => one instanceof HTMLElement);
            const next = all[(all.indexOf(event.currentTarget) + KEYS[event.key] + all.length) % all.length];
            next.focus();
            this.choose(next.dataset.id ?? card.id);
          },
        },
        v("span", { class: "picture", "aria-hidden": "true", html: card.picture ?? this.pictures[card.id] ?? "" }),
        v("span", { class: "name" }, card.title),
      ),
    );
  }

  /** @returns {Chosen} */
  get chosen() {
    const { seq, link = null } = this.component.data;
    return { id: this.value, link: seq < this.seq ? null : link };
  }

  /** @param {string} id */
  choose(id) {
    if (id === this.value) return;
    const { label, link } = this.component.data;
    if (link) bus.undo.add(this.change(label.toLowerCase(), this.chosen, { id, link: null }));
    this.tell({ id, link: null });
  }

  /**
   * A pick, to be taken back with everything that it changed: another dataset brings other algorithms and values.
   * @param {string} what @param {Chosen} before @param {Chosen} after
   */
  change(what, before, after) {
    return {
      what,
      before,
      after,
      told: (/** @type {Chosen} */ { id }) => this.titleOf(id),
      put: (/** @type {Chosen} */ one) => {
        if (this.closed || (one.id === null && !one.link)) return false;
        // Made again, it comes back as it was left.
        if (one === before) after.link = this.chosen.link;
        this.tell(one);
        this.put = this.seq;
        bus.undo.unsettled();
        return true;
      },
    };
  }

  /** @param {string | null} id */
  titleOf(id) {
    const cards = this.component.data.groups.flatMap((group) => group.cards);
    return cards.find((card) => card.id === id)?.title ?? "as before";
  }

  settle() {
    this.put = 0;
    setTimeout(() => bus.undo.settled(), this.closed ? 0 : FOLLOWING);
  }

  /** @param {Chosen} one */
  tell({ id, link }) {
    this.value = id;
    this.seq += 1;
    this.draw();
    this.component.setStateValue("picked", { id, seq: this.seq, link });
  }

  close() {
    this.unskip();
    this.closed = true;
    if (this.put) this.settle();
  }
}
