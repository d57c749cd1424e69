// A drawing that the server made, under its title and the meaning of its colours.

/**
 * @param {{ parentElement: ParentNode, data: { title: string, svg: string, legend: [string, string][] } }} component
 */
export function mount({ parentElement, data }) {
  const root = /** @type {HTMLElement} */ (parentElement.querySelector(".drawing"));
  let figure = root.querySelector("figure");
  if (!figure) {
    figure = document.createElement("figure");
    figure.append(document.createElement("figcaption"), document.createElement("div"));
    root.append(figure);
  }
  const [caption, place] = figure.children;
  const parts = [Object.assign(document.createElement("strong"), { textContent: data.title })];
  for (const [colour, name] of data.legend) {
    const part = Object.assign(document.createElement("span"), { className: "key", textContent: name });
    part.prepend(Object.assign(document.createElement("i"), { style: `background:${colour}` }));
    parts.push(part);
  }
  caption.replaceChildren(...parts);
  if (place.innerHTML !== data.svg) place.innerHTML = data.svg;
  return () => {};
}
