// Episodes played in the page, where a recording carries its world: the transitions of the world itself, the policy of
// the step that is looked at, and dice from a seed.

import { randomFrom } from "../shared/random.js";

/** @import { Numbers } from "../shared/types.d.ts" */
/** @import { Episodes } from "./episode.js" */

/**
 * A world of numbered states (docs/protocol.md, `world`): the possible transitions of the pair k = s·A + a stand from
 * place first[k] to before first[k + 1].
 * @typedef {object} NumberedWorld
 * @property {Numbers} initial - (S), probability that an episode begins there
 * @property {Numbers} first - (S·A + 1)
 * @property {Numbers} next
 * @property {Numbers} probability
 * @property {Numbers} reward
 * @property {Record<string, string>} endings - terminal state → words
 */
/** @typedef {{ lengths: number[], terminated: boolean[], endings: string[], horizon: number, seed: number }} Played */

const EPISODES = 6;
const LONGEST = 1000;

/**
 * The place of a draw among weights from `from` to before `to`, which need not sum to 1; −1 where all of them are 0.
 * @param {Numbers} weights
 * @param {number} from
 * @param {number} to
 * @param {number} dice - in [0, 1)
 */
export function draw(weights, from, to, dice) {
  let [total, chosen] = [0, -1];
  for (let i = from; i < to; i++) total += weights[i];
  let left = dice * total;
  for (let i = from; i < to; i++) {
    if (!(weights[i] > 0)) continue;
    chosen = i; // rounding may leave a little beyond the last one
    left -= weights[i];
    if (left < 0) break;
  }
  return chosen;
}

/**
 * Episodes of a policy from the world's own starts.
 * @param {NumberedWorld} world
 * @param {Numbers} policy - (S, A)
 * @param {{ actions: number, horizon: number, seed: number, episodes?: number }} how
 * @returns {Omit<Episodes, "header"> & { header: Played } | null} null where the policy cannot act: its probabilities
 *   are no numbers
 */
export function play(world, policy, { actions, horizon, seed, episodes = EPISODES }) {
  const limit = Math.min(horizon, LONGEST);
  for (let i = 0; i < policy.length; i++) if (!Number.isFinite(policy[i])) return null;
  const played = Array.from({ length: episodes }, (_, i) => {
    // Each episode has dice of its own: how long one takes does not change the others.
    const random = randomFrom(Math.imul(seed, 0x9e3779b1) + i);
    const states = [draw(world.initial, 0, world.initial.length, random())];
    /** @type {number[]} */
    const chosen = [];
    /** @type {number[]} */
    const rewards = [];
    for (
      let state = states[0];
      chosen.length < limit && !ended(world, state, actions);
      state = states[states.length - 1]
    ) {
      const action = draw(policy, state * actions, (state + 1) * actions, random()) - state * actions;
      if (action < 0) return null;
      const pair = state * actions + action;
      const move = draw(world.probability, world.first[pair], world.first[pair + 1], random());
      chosen.push(action);
      rewards.push(world.reward[move]);
      states.push(world.next[move]);
    }
    return { states, chosen, rewards };
  });
  if (played.includes(null)) return null;
  const whole = /** @type {NonNullable<typeof played[number]>[]} */ (played);
  const lengths = whole.map(({ chosen }) => chosen.length);
  const times = Math.max(...lengths);
  const observations = new Int32Array(episodes * (times + 1));
  const [did, rewards] = [new Int32Array(episodes * times).fill(-1), new Float32Array(episodes * times)];
  whole.forEach((one, i) => {
    for (let t = 0; t <= times; t++) observations[i * (times + 1) + t] = one.states[Math.min(t, lengths[i])];
    did.set(one.chosen, i * times);
    rewards.set(one.rewards, i * times);
  });
  const last = whole.map(({ states }) => states[states.length - 1]);
  const terminated = last.map((state) => ended(world, state, actions));
  const endings = last.map((state, i) =>
    terminated[i] ? (world.endings[state] ?? "the episode ended") : `time ran out after ${limit} steps`,
  );
  return {
    header: { lengths, terminated, endings, horizon: limit, seed },
    values: { observations, actions: did, rewards },
    shapes: { observations: [episodes, times + 1], actions: [episodes, times], rewards: [episodes, times] },
  };
}

/** Whether a state ends the episode: nothing is possible there. @param {NumberedWorld} world @param {number} state
 * @param {number} actions */
const ended = ({ first }, state, actions) => first[state * actions] === first[(state + 1) * actions];
