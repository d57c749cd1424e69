// Which models belong together: those that differ only in their seed, and along which hyperparameters the others
// differ.

import { setting, symbol } from "../shared/format.js";

/** @import { Lane, Member, Value } from "./protocol.d.ts" */
/** @typedef {{ members: Member[], lanes: Lane[] }} Models */

/**
 * Members that differ only in their seed: one curve with a band, one world among several.
 * @typedef {object} Group
 * @property {number} index
 * @property {number} lane
 * @property {Record<string, Value>} values - of the hyperparameters that differ within the run
 * @property {number[]} members
 * @property {string} label
 */

/**
 * A hyperparameter that differs between the members of a lane.
 * @typedef {object} Axis
 * @property {string} name
 * @property {Value[]} values
 * @property {number} lane
 * @property {string} symbol
 * @property {"linear" | "log"} scale
 * @property {boolean} numeric
 */

/** @param {Models} models @returns {Group[]} */
export function groupsOf(models) {
  /** @type {Map<string, Group>} */
  const groups = new Map();
  const varying = axesOf(models).map((axis) => axis.name);
  models.members.forEach(({ lane = 0, values: all = {} }, index) => {
    const values = Object.fromEntries(varying.filter((name) => name in all).map((name) => [name, all[name]]));
    const key = JSON.stringify([lane, values]);
    const group = groups.get(key) ?? { index: groups.size, lane, values, members: [], label: "" };
    groups.set(key, group);
    group.members.push(index);
  });
  const list = [...groups.values()];
  for (const group of list) group.label = labelOf(group, list, models);
  return list;
}

/** What tells a group apart from the others. @param {Group} group @param {Group[]} all @param {Models} models */
function labelOf(group, all, { members, lanes }) {
  const name = titleOf(lanes[group.lane]) ?? members[group.members[0]].algorithm ?? "";
  const lane = lanes[group.lane];
  const values = Object.entries(group.values).map(([key, value]) => `${symbolOf(lane, key)} = ${setting(value)}`);
  if (new Set(all.map((other) => other.lane)).size < 2) return values.join(", ") || name;
  const settings = JSON.stringify(group.values);
  const twin = all.some(
    (other) => other !== group && JSON.stringify(other.values) === settings && titleOf(lanes[other.lane]) === name,
  );
  return [twin ? `${name} (${group.lane + 1})` : name, ...values].join(" · ");
}

/** @param {Lane | undefined} lane */
const titleOf = (lane) => lane?.title ?? lane?.algorithm;

/** @param {Lane | undefined} lane @param {string} name */
const declaredIn = (lane, name) => lane?.hyperparameters?.find((hyperparameter) => hyperparameter.name === name);

/** @param {Lane | undefined} lane @param {string} name */
const symbolOf = (lane, name) => symbol(declaredIn(lane, name)?.symbol, name);

/** The lens' axes, at most two. @param {Models} models @returns {Axis[]} */
export function axesOf({ members, lanes }) {
  /** @type {Axis[]} */
  const axes = [];
  lanes.forEach((lane, index) => {
    const own = members.filter((member) => (member.lane ?? 0) === index).map((member) => member.values ?? {});
    for (const name of Object.keys(own[0] ?? {})) {
      const values = [...new Set(own.map((settings) => settings[name]))];
      if (values.length < 2 || axes.some((axis) => axis.name === name)) continue;
      const scale = declaredIn(lane, name)?.scale ?? "linear";
      const numeric = values.every((value) => typeof value === "number");
      axes.push({ name, values, lane: index, symbol: symbolOf(lane, name), scale, numeric });
    }
  });
  return axes.slice(0, 2);
}
