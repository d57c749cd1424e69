// The rows that a scene's pictures stand in.

import { v } from "../shared/patch.js";
import { drawnKind, figure } from "./picture.js";

// How rows share the height of a projector.
const WEIGHTS = { short: 0.55, normal: 1, tall: 1.6 };

// The rows of the layout, and below them what it does not name; on a projector without what stands aside. Until the reveal
// others may stand in for covered pictures.
export function rowsOf(scene, result, present, revealed) {
  if (!result) return [];
  const instead = Object.values(scene.stand_in);
  const there = new Set(
    Object.keys(result.pictures).filter((name) => !(present && scene.aside.includes(name)) && !instead.includes(name)),
  );
  const rows = scene.layout.map((row) => row.filter(({ name }) => there.has(name))).filter((row) => row.length);
  const named = new Set(rows.flat().map(({ name }) => name));
  for (const name of there) if (!named.has(name)) rows.push([{ name, width: 1 }]);
  return revealed
    ? rows
    : rows.map((row) => row.map(({ name, width }) => ({ name: scene.stand_in[name] ?? name, width })));
}

export function drawRows(app, env) {
  const { scene, result } = app;
  if (!result)
    return [
      v("div", { class: "row", key: "waiting" }, v("figure", { class: "picture waiting" }, v("p", {}, "computing…"))),
    ];
  return app.rowsOf(result).map((row, i) => {
    const drawings = row.map(({ name }) => result.pictures[name]).filter(({ kind }) => drawnKind(kind));
    const kind = !drawings.length ? "" : drawings.length < row.length ? "grows mixed" : "grows";
    return v(
      "div",
      {
        class: `row ${i ? "later" : "first"} ${kind}`,
        key: `row-${i}`,
        style: `--weight:${Math.max(0, ...drawings.map(({ height }) => WEIGHTS[height]))}`,
      },
      row.map(({ name, width }) =>
        figure(name, result.pictures[name], env, { covered: !app.isRevealed && scene.covered.includes(name), width }),
      ),
    );
  });
}
