// Cards to choose from, each with a real picture. A group of radio buttons to keyboards and screen readers.
//
// data: { label, value, seq, few, columns, groups: [{ title, cards: [{ id, title, text, picture (SVG) }] }] }
// `few` > 0 shows that many cards of each group (the chosen one always among them) behind a "show all" button.
// State for the script: `picked` = { id, seq }.
const pickers = new WeakMap();

export function mount(component) {
  const { parentElement, data } = component;
  let picker = pickers.get(parentElement);
  if (!picker) {
    picker = { root: parentElement.querySelector(".picker"), all: false, seq: data.seq };
    pickers.set(parentElement, picker);
  }
  picker.component = component;
  const shape = JSON.stringify([data.label, data.few, data.columns, data.groups]);
  if (data.seq >= picker.seq) picker.value = data.value;
  picker.seq = Math.max(picker.seq, data.seq);
  if (shape !== picker.shape) {
    picker.shape = shape;
    picker.data = data;
    build(picker);
  }
  mark(picker);
  return () => pickers.delete(parentElement);
}

function build(picker) {
  const { root, data } = picker;
  root.replaceChildren();
  root.style.setProperty("--columns", data.columns || "auto-fill");
  root.style.setProperty("--least", data.columns ? "0px" : "7rem");
  let hidden = 0;
  for (const group of data.groups) {
    const box = document.createElement("div");
    box.className = "group";
    box.setAttribute("role", "radiogroup");
    box.setAttribute("aria-label", group.title || data.label);
    if (group.title)
      box.append(Object.assign(document.createElement("div"), { className: "title", textContent: group.title }));
    const grid = document.createElement("div");
    grid.className = "grid";
    const chosen = group.cards.findIndex((card) => card.id === picker.value);
    group.cards.forEach((card, index) => {
      const limit = data.few && chosen >= data.few ? data.few - 1 : data.few;
      const extra = data.few > 0 && index >= limit && index !== chosen;
      if (extra && !picker.all) {
        hidden += 1;
        return;
      }
      grid.append(cardNode(picker, card));
    });
    box.append(grid);
    root.append(box);
  }
  if (hidden || picker.all) {
    const more = document.createElement("button");
    more.type = "button";
    more.className = "more";
    more.textContent = picker.all ? "Show fewer" : `Show all (${hidden} more)`;
    more.setAttribute("aria-expanded", String(picker.all));
    more.onclick = () => {
      picker.all = !picker.all;
      build(picker);
      mark(picker);
      root.querySelector(".more")?.focus();
    };
    root.append(more);
  }
}

function cardNode(picker, card) {
  const node = document.createElement("button");
  node.type = "button";
  node.className = "card";
  node.dataset.id = card.id;
  node.setAttribute("role", "radio");
  if (card.text) node.title = card.text;
  const picture = document.createElement("span");
  picture.className = "picture";
  picture.setAttribute("aria-hidden", "true");
  picture.innerHTML = card.picture;
  const title = document.createElement("span");
  title.className = "name";
  title.textContent = card.title;
  node.append(picture, title);
  node.onclick = () => choose(picker, card.id);
  node.onkeydown = (event) => {
    const way = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (!way) return;
    event.preventDefault();
    const cards = [...picker.root.querySelectorAll(".card")];
    const next = cards[(cards.indexOf(node) + way + cards.length) % cards.length];
    next.focus();
    choose(picker, next.dataset.id);
  };
  return node;
}

function choose(picker, id) {
  if (id === picker.value) return;
  picker.value = id;
  picker.seq += 1;
  mark(picker);
  picker.component.setStateValue("picked", { id, seq: picker.seq });
}

// One tab stop per group: the chosen card, or the first one where the choice lies elsewhere.
function mark(picker) {
  for (const group of picker.root.querySelectorAll(".group")) {
    const cards = [...group.querySelectorAll(".card")];
    const chosen = cards.find((card) => card.dataset.id === picker.value);
    for (const card of cards) {
      card.setAttribute("aria-checked", String(card === chosen));
      card.tabIndex = card === (chosen ?? cards[0]) ? 0 : -1;
    }
  }
}
