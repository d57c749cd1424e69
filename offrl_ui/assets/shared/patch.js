// Drawing in place: a description of what should stand in an element is compared with what stands there, and only the
// differences are written. Elements survive, so focus, dragging and the screen reader's place survive too.

/** @import { Child, Description, Properties, Tags } from "./element.d.ts" */

import { write } from "./dom.js";

const SVG = "http://www.w3.org/2000/svg";

/** What was drawn last into each element. @type {WeakMap<Node, Description>} */
const drawn = new WeakMap();

/**
 * One element, described: v("rect", { x: 1, class: "bar", onclick: f, html: "<b>…</b>", key: "bar-1" }, child, …).
 *
 * @template {keyof Tags} T
 * @param {T} tag
 * @param {Properties<Tags[T]>} [props]
 * @param {Child[]} children
 * @returns {Description}
 */
export function v(tag, props = {}, ...children) {
  return { tag, props, children: flat(children) };
}

/**
 * Lists within lists as one, without what is nothing.
 *
 * @param {readonly Child[]} children
 * @returns {(Description | string)[]}
 */
export function flat(children) {
  return children.flatMap((child) => {
    if (child === null || child === undefined || child === false) return [];
    if (typeof child === "number") return [String(child)];
    return typeof child === "object" && "length" in child ? flat(child) : [child];
  });
}

/**
 * Make the children of `parent` what `wanted` describes.
 *
 * @param {Element} parent
 * @param {readonly Child[]} wanted
 */
export function patch(parent, wanted) {
  const nodes = flat(wanted);
  nodes.forEach((node, i) => {
    const old = parent.childNodes[i] ?? null;
    if (typeof node === "string") {
      if (!(old instanceof Text)) parent.insertBefore(document.createTextNode(node), old);
      else if (old.data !== node) old.data = node;
      return;
    }
    update(matches(old, node) ? /** @type {Element} */ (old) : place(parent, node, old, nodes.slice(i + 1)), node);
  });
  while (parent.childNodes.length > nodes.length) parent.lastChild?.remove();
}

/**
 * The element for `node`, put where `old` stands, which is another one: it stands further on, or is new.
 *
 * @param {Element} parent
 * @param {Description} node
 * @param {ChildNode | null} old
 * @param {(Description | string)[]} following
 * @returns {Element}
 */
function place(parent, node, old, following) {
  const { key } = node.props;
  const after = old && key !== undefined ? [...parent.childNodes].slice([...parent.childNodes].indexOf(old) + 1) : [];
  const later = after.find((other) => matches(other, node));
  const next = later ? /** @type {Element} */ (later) : create(node, parent);
  const oldKey = old ? drawn.get(old)?.props.key : undefined;
  const wantedLater = oldKey !== undefined && following.some((other) => keyOf(other) === oldKey);
  if (later || !old || wantedLater) parent.insertBefore(next, old);
  else parent.replaceChild(next, old);
  return next;
}

/** @param {Description | string} node */
const keyOf = (node) => (typeof node === "string" ? undefined : node.props.key);

/** @param {Node | null} element @param {Description} node */
function matches(element, node) {
  const before = element && drawn.get(element);
  return Boolean(before) && before?.tag === node.tag && before.props.key === node.props.key;
}

/** @param {Description} node @param {Element} parent @returns {Element} */
function create({ tag, props: { key } }, parent) {
  const inSvg = tag === "svg" || (parent.namespaceURI === SVG && parent.localName !== "foreignObject");
  const element = inSvg ? document.createElementNS(SVG, tag) : document.createElement(tag);
  drawn.set(element, { tag, props: { key }, children: [] });
  return element;
}

/** @param {Element} element @param {Description} node */
function update(element, node) {
  const { props, children } = node;
  const before = new Map(Object.entries(drawn.get(element)?.props ?? {}));
  drawn.set(element, node);
  for (const name of before.keys()) if (!(name in props)) write(element, name, null);
  for (const [name, value] of Object.entries(props)) write(element, name, value, before.get(name));
  if (props.draw) props.draw(/** @type {never} */ (element));
  else if (!("html" in props)) patch(element, children);
}
