// What the world can show. A mode says where its numbers come from, per action or per state, and on which scale.

export const MODES = [
  { key: "q", label: "Q", title: "learned action values Q(s,a)", wire: "q", scale: "value", legend: "Q(s,a), learned" },
  {
    key: "v",
    label: "V",
    title: "learned state values V(s)",
    wire: "v",
    scale: "value",
    legend: "V(s), learned",
    perState: true,
  },
  {
    key: "policy",
    label: "π",
    title: "the learned policy: arrows sized by probability",
    wire: "policy",
    scale: "probability",
    legend: "π(a|s), learned policy",
  },
  {
    key: "data",
    label: "data",
    title: "how often each action was taken in the data, n(s,a)",
    wire: "data",
    scale: "count",
    legend: "n(s,a), rows in the data",
  },
  {
    key: "weights",
    label: "weights",
    title: "mean weight of each pair of the data in the loss",
    wire: "weights",
    scale: "weight",
    legend: "mean weight w of the pair's rows",
  },
  {
    key: "advantage",
    label: "advantage",
    title: "learned advantages A(s,a)",
    wire: "advantages",
    scale: "advantage",
    legend: "A(s,a), learned",
  },
  {
    key: "truth",
    label: "truth Q*",
    title: "the exact optimal values Q*(s,a)",
    wire: "truth",
    scale: "value",
    legend: "Q*(s,a), exact",
  },
  {
    key: "error",
    label: "Q − truth",
    title: "learned Q minus exact Q*: orange is overestimated",
    wire: "q",
    scale: "error",
    legend: "Q − Q*: orange too high, blue too low",
  },
  {
    key: "ghost",
    label: "Q − before",
    title: "learned Q minus Q of the run before, at the same step",
    wire: "q",
    scale: "ghost",
    legend: "Q − Q of the run before",
  },
];

// By its key, or by its name on the wire.
export const modeOf = (name) =>
  MODES.find(({ key }) => key === name) ?? MODES.find(({ wire }) => wire === name) ?? MODES[0];

const minus = (a, b) => {
  if (!a || !b || a.length !== b.length) return null;
  const out = new Float32Array(a.length);
  for (let i = 0; i < a.length; i++) out[i] = a[i] - b[i];
  return out;
};

// V where the system learns none but has Q and a policy: the mean of Q over the policy.
function valuesOf(frame, member, A) {
  const own = frame.table("v", member);
  if (own) return own;
  const q = frame.table("q", member);
  const policy = frame.table("policy", member);
  if (!q || !policy) return null;
  const out = new Float32Array(q.length / A);
  for (let s = 0; s < out.length; s++)
    for (let a = 0; a < A; a++) out[s] += policy[s * A + a] > 0 ? policy[s * A + a] * q[s * A + a] : 0;
  return out;
}

// Numbers of a mode at a frame for a member: Float32Array (S·A), or (S) for a mode per state; null where there are none.
export function pictureOf(store, mode, frame, member) {
  const { q_star: truth } = store.static;
  if (mode.key === "data") return store.seenCounts;
  if ((mode.key === "truth" || mode.key === "error") && !store.truthHolds(member)) return null;
  if (mode.key === "truth") return truth ?? null;
  if (!frame) return null;
  if (mode.key === "q") return frame.table("q", member);
  if (mode.key === "v") return valuesOf(frame, member, store.hello.nActions);
  if (mode.key === "policy") return frame.table("policy", member);
  if (mode.key === "weights") return frame.table("weights", member);
  if (mode.key === "advantage") return frame.table("advantages", member);
  if (mode.key === "error") return minus(frame.table("q", member), truth);
  return minus(frame.table("q", member), ghostTable(store, frame, member, "q"));
}

// A table of the ghost at the same step (or its last), of the member in the same place.
export function ghostTable(store, frame, member, name) {
  const ghost = store.ghost;
  if (!ghost || !store.comparable) return null;
  const { frames } = ghost;
  const then = frames.list[frames.indexAt(frame.step)];
  if (!then) return null;
  return then.table(name, member) ?? then.table(name, [...then.members.keys()][0]);
}

// Modes that have something to show in this run, with the reason where not.
export function availability(store, mode, frame) {
  if (!store.hello || !frame) return "";
  const members = store.shownMembers();
  const someone = members.some((member) => pictureOf(store, mode, frame, member));
  if (someone) return "";
  if (mode.key === "truth" || mode.key === "error") {
    if (!store.static.q_star) return "the truth is not known for this data";
    return members.some((member) => store.truthHolds(member))
      ? "this system learns no Q"
      : "the truth is known at another discount";
  }
  if (mode.key === "ghost") return "there is no run before to compare with";
  if (mode.key === "data") return "counts exist only where states repeat";
  // Large worlds send few tables at a time: what is one number for each state may come when it is asked for.
  if (store.tables && mode.perState) return "";
  return store.tables?.has(mode.wire) ? "" : `this system has no ${mode.label}`;
}

// Actions that are greedy in state s of a policy table: those within rounding of the largest probability.
export function greedy(policy, s, A) {
  let best = -Infinity;
  for (let a = 0; a < A; a++) best = Math.max(best, policy[s * A + a]);
  const chosen = [];
  for (let a = 0; a < A; a++) if (policy[s * A + a] >= best - 0.01) chosen.push(a);
  return chosen;
}
