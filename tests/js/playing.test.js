import assert from "node:assert/strict";
import { test } from "node:test";
import { Episode } from "../../offrl_ui/assets/film/episode.js";
import { draw, play } from "../../offrl_ui/assets/film/playing.js";
import { decode, fieldsOf } from "../../offrl_ui/assets/run/wire.js";
import { close, expected, needsPython } from "./help.js";

// Two states and an end: from 0 action 0 stays or goes on to 1, action 1 ends; from 1 both lead to the end.
const WORLD = {
  initial: [1, 0, 0],
  first: [0, 2, 3, 4, 5, 5, 5],
  next: [0, 1, 2, 2, 2],
  probability: [0.25, 0.75, 1, 1, 1],
  reward: [-1, 0, 0.5, 2, 3],
  endings: { 2: "reached the end" },
};

test("a draw falls on what has weight, in proportion, whatever the weights sum to", () => {
  const weights = [9, 0, 1, 0, 3, 0, 9];
  assert.equal(draw(weights, 1, 6, 0), 2);
  assert.equal(draw(weights, 1, 6, 0.2499), 2);
  assert.equal(draw(weights, 1, 6, 0.2501), 4);
  assert.equal(draw(weights, 1, 6, 1 - 2 ** -32), 4);
  assert.equal(draw([0, 0], 0, 2, 0.5), -1);
});

test("episodes end where the world ends them, or with the time; the same seed plays the same", () => {
  const film = play(WORLD, [1, 0, 0, 1, 0.5, 0.5], { actions: 2, horizon: 50, seed: 4, episodes: 40 });
  assert.deepEqual(film, play(WORLD, [1, 0, 0, 1, 0.5, 0.5], { actions: 2, horizon: 50, seed: 4, episodes: 40 }));
  assert.notDeepEqual(film, play(WORLD, [1, 0, 0, 1, 0.5, 0.5], { actions: 2, horizon: 50, seed: 5, episodes: 40 }));
  assert.ok(film.header.terminated.every(Boolean));
  for (let i = 0; i < 40; i++) {
    const episode = new Episode(film, i);
    assert.equal(episode.ending, "reached the end");
    assert.equal(episode.state(episode.length), 2);
    // It stays some times at −1 each, goes on for 0, and is paid 3 at the end.
    close(episode.earned(episode.length, 1).sum, 3 - (episode.length - 2));
    assert.equal(episode.action(episode.length), -1);
  }
  assert.ok(Math.max(...film.header.lengths) > 3 && Math.min(...film.header.lengths) === 2);
  const short = play(WORLD, [1, 0, 0, 1, 0, 0], { actions: 2, horizon: 1, seed: 4, episodes: 20 });
  assert.ok(short.header.endings.every((words) => words === "time ran out after 1 steps"));
});

test("a policy without probabilities cannot act", () => {
  assert.equal(play(WORLD, [NaN, 0, 0, 1, 0, 0], { actions: 2, horizon: 5, seed: 0 }), null);
  assert.equal(play(WORLD, [0, 0, 0, 1, 0, 0], { actions: 2, horizon: 5, seed: 0 }), null);
});

test("what is played follows the world that Python wrote: its transitions, rewards and value", needsPython, () => {
  const { message, actions, P, R, policy, terminal, gamma, value } = expected.world;
  const { header, payload } = decode(Uint8Array.from(Buffer.from(message, "base64")).buffer);
  const world = { ...fieldsOf({ header, payload }).values, endings: header.endings };
  const episodes = 6000;
  const film = play(world, policy, { actions, horizon: 200, seed: 1, episodes });
  const [states, pairs] = [terminal.length, terminal.length * actions];
  const taken = Array.from({ length: pairs }, () => new Float64Array(states));
  const [paid, returns] = [new Float64Array(pairs), []];
  for (let i = 0; i < episodes; i++) {
    const episode = new Episode(film, i);
    for (let t = 0; t < episode.length; t++) {
      assert.ok(!terminal[episode.state(t)]);
      const pair = episode.state(t) * actions + episode.action(t);
      taken[pair][episode.state(t + 1)] += 1;
      paid[pair] += episode.rewards[t];
    }
    assert.equal(film.header.terminated[i], terminal[episode.state(episode.length)]);
    returns.push(episode.earned(episode.length, gamma).discounted);
  }
  let checked = 0;
  for (let pair = 0; pair < pairs; pair++) {
    const n = taken[pair].reduce((a, b) => a + b, 0);
    if (!n) continue;
    for (let s = 0; s < states; s++) {
      const p = P[pair][s];
      if (!p) assert.equal(taken[pair][s], 0, `pair ${pair} never leads to ${s}`);
      else assert.ok(Math.abs(taken[pair][s] / n - p) <= 5 * Math.sqrt((p * (1 - p)) / n) + 1e-9, `pair ${pair}`);
    }
    assert.ok(Math.abs(paid[pair] / n - R[pair]) <= 5 * Math.sqrt(0.25 / n), `reward of pair ${pair}`);
    const [state, action] = [Math.floor(pair / actions), pair % actions];
    const visits = [0, 1, 2, 3].reduce((sum, a) => sum + taken[state * actions + a].reduce((x, y) => x + y, 0), 0);
    const likely = policy[state * actions + action];
    assert.ok(Math.abs(n / visits - likely) <= 5 * Math.sqrt((likely * (1 - likely)) / visits), `policy of ${pair}`);
    checked += n > 100;
  }
  assert.ok(checked > 20);
  const mean = returns.reduce((a, b) => a + b, 0) / episodes;
  const spread = Math.sqrt(returns.reduce((sum, g) => sum + (g - mean) ** 2, 0) / episodes);
  assert.ok(Math.abs(mean - value) < (4 * spread) / Math.sqrt(episodes), `${mean} is not ${value}`);
});
