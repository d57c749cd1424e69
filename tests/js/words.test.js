import assert from "node:assert/strict";
import { test } from "node:test";
import { Episode } from "../../offrl_ui/assets/film/episode.js";
import { shorten } from "../../offrl_ui/assets/stage/inspector.js";
import { standing, stateText } from "../../offrl_ui/assets/stage/notices.js";
import { sentences } from "../../offrl_ui/assets/stage/speaker.js";
import { markText } from "../../offrl_ui/assets/stage/transport.js";
import { tooltipLines } from "../../offrl_ui/assets/world/tooltip.js";
import { frame, store } from "./example.js";

const made = store({}, [frame(1, [[0.5, 0, 0]])]);
const { last } = made.frames;

test("the pointer's words are the state, the action, its count and its numbers", () => {
  made.view.mode = "q";
  assert.deepEqual(
    tooltipLines(made, last, () => "cell (0, 1)", { state: 1, action: 0, member: 0 }),
    ["cell (0, 1)", "action left · n 0 (not in the data)", "Q 2 · Q* 0.500 · π 0.250"],
  );
  made.view.mode = "v";
  assert.deepEqual(
    tooltipLines(made, last, () => "cell (0, 1)", { state: 1, action: null, member: 0 }),
    ["cell (0, 1)", "V 2.75"],
  );
});

test("the picture in sentences", () => {
  made.view.state = 1;
  const text = sentences(made, last, "Training", "cell (0, 1)");
  assert.match(text, /^Step 1\. True return 0\.500\. The best possible is 1, behaviour 0\.200\./);
  assert.match(text, /In cell \(0, 1\) the policy prefers right with probability 0\.75, Q 3\. Training\.$/);
  made.view.state = 2;
  assert.match(sentences(made, last, "Training", "there"), /Q 5, an action that is not in the data\./);
  assert.equal(sentences(made, null, "", ""), "No snapshot yet.");
});

test("why a run stands still", () => {
  const state = (more) => Object.assign(made, { state: { type: "state", ...more } });
  const now = { connected: true, replaying: false, recording: false, past: null };
  const say = (more = {}) => stateText(made, { ...now, ...more });
  made.state = null;
  assert.deepEqual(say({ connected: false }), { text: "Connecting …", tone: "busy" });
  state({ state: "queued", place: 2, reason: "place 2 in the queue" });
  assert.equal(say().text, "Waiting for a free worker: place 2 in the queue");
  state({ state: "running", playing: false });
  assert.equal(say().text, "Paused for you; the run goes on for others");
  assert.equal(say({ past: 0 }).text, "Viewing step 0 of 1. Paused for you; the run goes on for others");
  state({ state: "running", playing: true });
  assert.deepEqual(say(), { text: "Training", tone: "busy" });
  assert.deepEqual(say({ past: 1254 }), { text: "Viewing step 1\u2009254, training goes on", tone: "busy" });
  assert.equal(say({ replaying: true }).text, "Replaying, training goes on");
  state({ state: "paused" });
  assert.equal(say({ replaying: true }).text, "Replaying. Paused");
  state({ state: "diverged", reason: "Q is infinite" });
  assert.deepEqual(say(), { text: "Diverged: Q is infinite", tone: "warn" });
  assert.equal(say({ recording: true }).tone, "calm");
});

test("alarms that stand are the newest of each kind that did not calm down", () => {
  const alarm = (kind, step, more = {}) => ({ type: "alarm", kind, step, member: 0, active: true, ...more });
  const alarms = [
    alarm("a", 1),
    alarm("b", 2),
    alarm("a", 3, { active: false }),
    alarm("b", 4, { member: 1 }),
    alarm("c", 9),
  ];
  const at = (step) => standing(alarms, step).map(({ kind, member }) => `${kind}${member}`);
  assert.deepEqual(at(0), []);
  assert.deepEqual(at(2), ["b0", "a0"]);
  assert.deepEqual(at(5), ["b1"]);
  assert.deepEqual(at(9), ["c0", "b1"]);
  // Side by side each system has its own.
  const apart = standing([...alarms, alarm("b", 5)], 5, (member) => member);
  assert.deepEqual(
    apart.map(({ kind, member }) => `${kind}${member}`),
    ["b0", "b1"],
  );
});

test("marks say what was changed", () => {
  const mark = { type: "mark", step: 1200, lane: 1, what: { rho: [0.1, 0.25] } };
  assert.equal(markText(mark, false), "step 1\u2009200: rho 0.1 → 0.25");
  assert.equal(markText(mark, true), "step 1\u2009200: 2. rho 0.1 → 0.25");
});

test("names of the same words are shortened to their numbers", () => {
  assert.deepEqual(shorten(["fluids 0, vasopressor 3", "fluids 1, vasopressor 4"]), {
    names: ["0·3", "1·4"],
    head: "f·v",
    title: "fluids · vasopressor",
  });
  assert.equal(shorten(["left", "right"]), null);
  assert.equal(shorten(["fluids 0", "water 1"]), null);
});

test("an episode knows its states, what was earned, and where it is between two steps", () => {
  const episodes = {
    header: { lengths: [2, 1], endings: ["goal", "cliff"] },
    values: {
      observations: Float32Array.of(0, 0, 1, 2, 3, 4, 9, 9, 8, 8, 8, 8),
      actions: Int32Array.of(0, 1, 1, -1),
      rewards: Float32Array.of(1, 2, 5, 0),
    },
    shapes: { observations: [2, 3, 2] },
  };
  const [first, second] = [0, 1].map((i) => new Episode(episodes, i));
  assert.deepEqual(first.between(0.5), [0.5, 1]);
  assert.deepEqual(first.earned(2, 0.5), { sum: 3, discounted: 2 });
  assert.deepEqual([second.length, second.ending, second.action(0), second.action(5)], [1, "cliff", 1, -1]);
  assert.deepEqual([...second.observation(1)], [8, 8]);
});
