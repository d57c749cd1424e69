// Which models belong together: those that differ only in their seed, and along which hyperparameters the others differ.

import { plain, symbol } from "../shared/format.js";

// Members that differ only in their seed form a group: one curve with a band, one world among several.
export function groupsOf(hello) {
  const groups = new Map();
  const varying = axesOf(hello).map((axis) => axis.name);
  hello.members.forEach((member, index) => {
    const values = Object.fromEntries(
      varying.filter((name) => name in (member.values ?? {})).map((name) => [name, member.values[name]]),
    );
    const key = JSON.stringify([member.lane ?? 0, values]);
    if (!groups.has(key)) groups.set(key, { index: groups.size, lane: member.lane ?? 0, values, members: [] });
    groups.get(key).members.push(index);
  });
  const list = [...groups.values()];
  const lanes = new Set(list.map((group) => group.lane));
  for (const group of list) {
    const lane = hello.lanes[group.lane];
    const name = lane?.title ?? lane?.algorithm ?? hello.members[group.members[0]].algorithm ?? "";
    const values = Object.entries(group.values).map(([key, value]) => `${symbolOf(lane, key)} = ${plain(value)}`);
    const twins = list.filter(
      (other) =>
        other !== group &&
        JSON.stringify(other.values) === JSON.stringify(group.values) &&
        (hello.lanes[other.lane]?.title ?? hello.lanes[other.lane]?.algorithm) === name,
    );
    const numbered = twins.length ? `${name} (${group.lane + 1})` : name;
    group.label = lanes.size > 1 ? [numbered, ...values].join(" · ") : values.join(", ") || name;
  }
  return list;
}

function symbolOf(lane, name) {
  const declared = lane?.hyperparameters?.find((hyperparameter) => hyperparameter.name === name);
  return symbol(declared?.symbol, name);
}

// Hyperparameters that differ between members of one lane: the lens' axes, at most two.
export function axesOf(hello) {
  const axes = [];
  hello.lanes.forEach((lane, index) => {
    const members = hello.members.filter((member) => (member.lane ?? 0) === index);
    for (const name of Object.keys(members[0]?.values ?? {})) {
      const values = [...new Set(members.map((member) => member.values[name]))];
      if (values.length < 2 || axes.some((axis) => axis.name === name)) continue;
      const declared = lane.hyperparameters?.find((hyperparameter) => hyperparameter.name === name);
      axes.push({
        name,
        values,
        lane: index,
        symbol: symbolOf(lane, name),
        scale: declared?.scale ?? "linear",
        numeric: values.every((value) => typeof value === "number"),
      });
    }
  });
  return axes.slice(0, 2);
}
