// The rows that a scene's pictures stand in.

/** @import { Env } from "./drawing.d.ts" */
/** @import { Place, Result, Scene } from "./protocol.d.ts" */

import { v } from "../shared/patch.js";
import { figure, fills } from "./picture.js";

// How rows share the height of a projector.
const WEIGHTS = { short: 0.55, normal: 1, tall: 1.6 };

/**
 * The rows of the layout, and below them what it does not name; on a projector without what stands aside. Until the
 * reveal others may stand in for covered pictures.
 *
 * @param {Pick<Scene, "aside" | "layout" | "stand_in">} scene
 * @param {Pick<Result, "pictures">} result
 * @param {boolean} present
 * @param {boolean} revealed
 * @returns {Place[][]}
 */
export function rowsOf(scene, result, present, revealed) {
  const instead = Object.values(scene.stand_in);
  const there = Object.keys(result.pictures).filter(
    (name) => !(present && scene.aside.includes(name)) && !instead.includes(name),
  );
  const rows = scene.layout.map((row) => row.filter(({ name }) => there.includes(name))).filter((row) => row.length);
  const named = new Set(rows.flat().map(({ name }) => name));
  const all = [...rows, ...there.filter((name) => !named.has(name)).map((name) => [{ name, width: 1 }])];
  if (revealed) return all;
  return all.map((row) => row.map(({ name, width }) => ({ name: scene.stand_in[name] ?? name, width })));
}

/**
 * @param {Place[][]} rows
 * @param {Result | undefined} result
 * @param {(name: string) => boolean} covered
 * @param {Env} env
 */
export function drawRows(rows, result, covered, env) {
  if (!result)
    return [
      v("div", { class: "row", key: "waiting" }, v("figure", { class: "picture waiting" }, v("p", {}, "computing…"))),
    ];
  return rows.map((row, i) => {
    const drawings = row.map(({ name }) => result.pictures[name]).filter(fills);
    const kind = !drawings.length ? "" : drawings.length < row.length ? "grows mixed" : "grows";
    const weight = Math.max(0, ...drawings.map(({ height }) => WEIGHTS[height]));
    return v(
      "div",
      { class: `row ${i ? "later" : "first"} ${kind}`, key: `row-${i}`, style: `--weight:${weight}` },
      row.map(({ name, width }) => figure(name, result.pictures[name], env, { covered: covered(name), width })),
    );
  });
}
