// Drawing in place: a description of what should stand in an element is compared with what stands there, and only the
// differences are written. Elements survive, so focus, dragging and the screen reader's place survive too.

const SVG = "http://www.w3.org/2000/svg";
const PROPERTIES = new Set(["value", "checked", "disabled", "open", "indeterminate"]);

// v("rect", { x: 1, class: "bar", onclick: f, html: "<b>…</b>", key: "bar-1" }, child, …): one element; children may be text.
export function v(tag, props, ...children) {
  return {
    tag,
    props: props ?? {},
    children: children.flat(4).filter((c) => c !== null && c !== undefined && c !== false),
  };
}

export function patch(parent, nodes) {
  nodes = nodes.flat(4).filter((n) => n !== null && n !== undefined && n !== false);
  for (let i = 0; i < nodes.length; i++) {
    const node = nodes[i];
    let old = parent.childNodes[i] ?? null;
    if (typeof node !== "object") {
      const text = String(node);
      if (old?.nodeType === Node.TEXT_NODE) {
        if (old.data !== text) old.data = text;
      } else parent.insertBefore(document.createTextNode(text), old);
      continue;
    }
    if (!matches(old, node)) {
      const later =
        node.props.key === undefined ? null : [...parent.childNodes].slice(i + 1).find((n) => matches(n, node));
      const next = later ?? create(node, parent);
      if (later || !old) parent.insertBefore(next, old);
      else if (old.offrlKey !== undefined && nodes.slice(i + 1).some((n) => n.props?.key === old.offrlKey))
        parent.insertBefore(next, old);
      else parent.replaceChild(next, old);
      old = next;
    }
    update(old, node);
  }
  while (parent.childNodes.length > nodes.length) parent.lastChild.remove();
}

function matches(element, node) {
  return element !== null && element.offrlTag === node.tag && element.offrlKey === node.props.key;
}

function create(node, parent) {
  const inSvg = node.tag === "svg" || (parent.namespaceURI === SVG && parent.localName !== "foreignObject");
  const element = inSvg ? document.createElementNS(SVG, node.tag) : document.createElement(node.tag);
  element.offrlTag = node.tag;
  element.offrlKey = node.props.key;
  element.offrlProps = {};
  element.offrlHandlers = {};
  return element;
}

function update(element, { props, children }) {
  const before = element.offrlProps;
  for (const name of Object.keys(before)) {
    if (!(name in props)) write(element, name, null);
  }
  for (const [name, value] of Object.entries(props)) {
    if (name === "key" || (before[name] === value && !PROPERTIES.has(name))) continue;
    write(element, name, value);
  }
  element.offrlProps = props;
  if (!("html" in props) && !("draw" in props)) patch(element, children);
  if ("draw" in props) props.draw(element);
}

function write(element, name, value) {
  if (name === "draw") return;
  if (name.startsWith("on")) {
    const type = name.slice(2);
    if (!(type in element.offrlHandlers))
      element.addEventListener(type, (event) => element.offrlHandlers[type]?.(event));
    element.offrlHandlers[type] = value;
  } else if (name === "html") {
    element.innerHTML = value ?? "";
  } else if (PROPERTIES.has(name)) {
    const next = value ?? (name === "value" ? "" : false);
    if (element[name] !== next) element[name] = next;
  } else if (value === null || value === undefined || value === false) {
    element.removeAttribute(name);
  } else {
    element.setAttribute(name, value === true ? "" : value);
  }
}
