import assert from "node:assert/strict";
import { test } from "node:test";
import { Playback } from "../../offrl_ui/assets/run/playback.js";
import { frame, store } from "./example.js";

function playback({ steps = [0, 1, 2, 5, 10], state = "running", live = true, speed = 0, playing = true } = {}) {
  const sent = [];
  const made = store(
    {},
    steps.map((step) => frame(step, [[0, 0, 0]])),
  );
  made.state = { type: "state", state, playing };
  const actions = { send: (command) => sent.push(command), speed: () => speed, live: () => live, onChange: () => {} };
  return { player: new Playback(made, actions), sent, frames: made.frames };
}

test("the newest frame is shown while following, a chosen one after scrubbing", () => {
  const { player } = playback();
  assert.deepEqual([player.frame.step, player.atEnd, player.playing], [10, true, true]);
  player.seek(3);
  assert.deepEqual([player.frame.step, player.atEnd, player.playing], [2, false, false]);
  player.newest();
  assert.equal(player.frame.step, 10);
});

test("play and pause speak to the run only where it trains at the end", () => {
  const { player, sent } = playback();
  player.toggle();
  assert.deepEqual(sent, [{ cmd: "pause" }]);
  player.seek(1);
  player.toggle();
  assert.equal(sent.length, 1);
  assert.equal(player.replay.step, 1);
  player.toggle();
  assert.equal(player.replay, null);
  const paused = playback({ state: "paused" });
  paused.player.toggle();
  assert.deepEqual(paused.sent, [{ cmd: "play" }]);
});

test("a run that others train is not playing for a viewer that paused it", () => {
  const { player } = playback({ playing: false });
  assert.equal(player.training, false);
});

for (const [live, state] of [
  [true, "finished"],
  [false, "running"],
]) {
  test(`a run that is ${state}${live ? "" : ", recorded,"} is replayed from its start`, () => {
    const { player, sent } = playback({ live, state });
    player.toggle();
    assert.deepEqual([player.replay.step, player.frame.step, sent], [0, 0, []]);
  });
}

test("as fast as it goes a replay gives every snapshot the same time", () => {
  const { player } = playback({ live: false });
  player.toggle();
  const seen = [];
  for (let ms = 0; player.tick(ms) && seen.length < 50; ms += 1000) seen.push(player.frame.step);
  assert.deepEqual(seen, [0, 0, 1, 1, 2, 2, 5, 5, 10]);
  assert.deepEqual([player.replay, player.follow], [null, true]);
});

test("at a chosen speed a replay runs by steps, and never longer than a minute", () => {
  const { player } = playback({ live: false, speed: 2 });
  player.toggle();
  player.tick(0);
  player.tick(1000);
  assert.equal(player.at, 2);
  const long = playback({ live: false, speed: 2, steps: [0, 600, 6000] }).player;
  long.toggle();
  long.tick(0);
  long.tick(1000);
  assert.equal(long.at, 100);
});

test("back and forward go from frame to frame; at the end the run takes a step", () => {
  const { player, sent } = playback();
  player.back();
  assert.equal(player.frame.step, 5);
  player.back();
  player.forward("epoch");
  assert.deepEqual([player.frame.step, player.follow], [5, false]);
  player.forward("epoch");
  assert.deepEqual([player.frame.step, player.follow, sent], [10, true, []]);
  player.forward("epoch");
  assert.deepEqual(sent, [{ cmd: "step", unit: "epoch" }]);
});

test("reset speaks to a live run, and goes to the start of a recording", () => {
  const live = playback();
  live.player.reset();
  assert.deepEqual(live.sent, [{ cmd: "reset" }]);
  const recorded = playback({ live: false });
  recorded.player.reset();
  assert.deepEqual([recorded.sent, recorded.player.frame.step], [[], 0]);
});
