// The tree of branches of this visit: each run with what was changed and when; fold, name, go there.
//
// data: { label, shown, nodes: [{ id, parent, name, text, step, state }] }   (parents come before their branches)
// Events for the script: `went` = { id, event }, `named` = { id, name, event }.
const trees = new WeakMap();
let events = 0;

export function mount(component) {
  const { parentElement, data } = component;
  let tree = trees.get(parentElement);
  if (!tree) {
    tree = { root: parentElement.querySelector(".tree"), folded: new Set() };
    trees.set(parentElement, tree);
  }
  tree.component = component;
  const shape = JSON.stringify(data);
  if (shape !== tree.shape && !tree.root.contains(focusedField(tree.root))) {
    tree.shape = shape;
    build(tree, data);
  }
  return () => trees.delete(parentElement);
}

function focusedField(root) {
  const active = root.getRootNode().activeElement;
  return active?.matches?.("input") ? active : null;
}

function build(tree, data) {
  const inside = new Map();
  for (const node of data.nodes) {
    const parent = data.nodes.some((other) => other.id === node.parent) ? node.parent : null;
    inside.set(parent, [...(inside.get(parent) ?? []), node]);
  }
  const list = (parent) => {
    const ul = document.createElement("ul");
    if (parent === null) ul.setAttribute("aria-label", data.label);
    for (const node of inside.get(parent) ?? [])
      ul.append(entry(tree, data, node, inside.has(node.id) ? list(node.id) : null));
    return ul;
  };
  tree.root.replaceChildren(list(null));
}

function entry(tree, data, node, branches) {
  const item = document.createElement("li");
  const line = document.createElement("div");
  line.className = "line";
  const fold = document.createElement("button");
  fold.type = "button";
  fold.className = "fold";
  const open = !tree.folded.has(node.id);
  fold.textContent = branches ? (open ? "▾" : "▸") : "•";
  fold.disabled = !branches;
  fold.setAttribute("aria-expanded", String(open));
  fold.setAttribute("aria-label", `${open ? "Fold" : "Unfold"} the branches of ${node.name}`);
  fold.onclick = () => {
    if (tree.folded.has(node.id)) tree.folded.delete(node.id);
    else tree.folded.add(node.id);
    build(tree, data);
  };
  const go = document.createElement("button");
  go.type = "button";
  go.className = "go";
  go.textContent = node.text;
  if (node.id === data.shown) go.setAttribute("aria-current", "true");
  go.title =
    node.id === data.shown ? "Shown above" : "Show this run above; the one that is shown now becomes the ghost";
  go.onclick = () => tree.component.setTriggerValue("went", { id: node.id, event: ++events });
  const name = document.createElement("input");
  name.type = "text";
  name.maxLength = 40;
  name.value = node.name;
  name.setAttribute("aria-label", "Name of this branch");
  name.onchange = () =>
    tree.component.setTriggerValue("named", { id: node.id, name: name.value.trim(), event: ++events });
  line.append(fold, name, go);
  item.append(line);
  if (branches && open) item.append(branches);
  return item;
}
