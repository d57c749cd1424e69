import assert from "node:assert/strict";
import { afterEach, beforeEach, mock, test } from "node:test";

const { predictionsTable } = await import("../../offrl_ui/assets/lecture/predictions.js");
const { Room } = await import("../../offrl_ui/assets/lecture/room.js");
const NONE = { type: "refused", id: null, message: "there is no room 'ABCDEF': the code is wrong or …" };

let sent;
let room;
beforeEach(() => {
  mock.timers.enable({ apis: ["setTimeout"] });
  globalThis.sessionStorage = { removeItem() {}, setItem() {}, getItem: () => '{"code":"ABCDEF","token":"t"}' };
  sent = [];
  const app = { socket: { send: (message) => sent.push(message) }, draw() {}, ask() {}, askFirst() {}, notes: [] };
  room = new Room(app);
  room.connected();
});
afterEach(() => mock.timers.reset());

test("after a restart a follower asks for the room until its presenter is back", () => {
  room.receive({ type: "following", code: "ABCDEF" });
  room.connected();
  assert.deepEqual(sent, [{ type: "follow", code: "ABCDEF" }]);
  room.refused(NONE);
  assert.deepEqual([room.room.away, room.room.ended], [true, false]);
  mock.timers.tick(2000);
  room.refused(NONE);
  mock.timers.tick(4000);
  assert.equal(sent.length, 3);
  room.receive({ type: "following", code: "ABCDEF" });
  assert.deepEqual([room.room.away, room.searches], [false, 0]);
});

test("a room that does not come back has ended, and nobody asks any more", () => {
  room.receive({ type: "following", code: "ABCDEF" });
  for (let search = 1; search < 20; search++) {
    room.refused(NONE);
    mock.timers.tick(60_000);
  }
  assert.equal(room.room.ended, true);
  assert.equal(sent.length, 9);
});

test("after a restart a presenter takes the room up again by its token", () => {
  room.receive({ type: "presenting", code: "ABCDEF", token: "t" });
  room.receive({ type: "votes", scene: "emrl", round: 3, counts: [1, 0], predicted: 1, followers: 2 });
  room.connected();
  assert.deepEqual(sent, [{ type: "present", code: "ABCDEF", token: "t", scene: "emrl", round: 3 }]);
  room.refused(NONE);
  assert.equal(room.room, null, "where that is refused, nobody is said to follow");
});

test("a follower whose connection was lost predicts again what it had predicted, in the same round only", () => {
  const show = (round) => room.receive({ type: "show", scene: "emrl", round, state: {}, revealed: false, result: {} });
  const { app } = room;
  Object.assign(app, {
    declared: new Set(["emrl"]),
    foreign: {},
    states: {},
    results: {},
    revealed: {},
    committed: {},
  });
  app.root = { dataset: {} };
  room.receive({ type: "following", code: "ABCDEF" });
  show(3);
  app.committed.emrl = 1;
  show(3);
  assert.deepEqual(sent, [], "while it is connected, once is enough");
  room.connected();
  show(3);
  const again = [
    { type: "follow", code: "ABCDEF" },
    { type: "vote", scene: "emrl", choice: 1 },
  ];
  assert.deepEqual(sent, again);
  room.connected();
  show(4);
  assert.deepEqual(sent, [...again, again[0]]);
  assert.equal(app.committed.emrl, undefined, "everybody may predict again");
});

test("a presenter sees predictions when asked for, and everybody once the answer is there", () => {
  Object.assign(room.app, { sceneId: "emrl", isRevealed: false });
  const votes = { type: "votes", scene: "emrl", round: 3, counts: [4, 1], predicted: 5, followers: 9 };
  room.receive({ type: "presenting", code: "ABCDEF", token: "t" });
  room.receive(votes);
  assert.equal(room.seenVotes, null);
  room.peeks = true;
  assert.equal(room.seenVotes, votes);

  room.again();
  assert.deepEqual(sent.at(-1), { type: "clear", again: true });
  assert.deepEqual([room.first.emrl, room.peeks], [[4, 1], false]);
  const second = { ...votes, round: 4, counts: [1, 5], predicted: 6 };
  room.receive(second);
  assert.equal(room.seenVotes, null);
  room.app.isRevealed = true;
  assert.equal(room.seenVotes, second);

  const about = () => ({ title_text: 'Weights, "signed"', prediction: { choices: ["<i>yes</i>", "no"] } });
  const plain = (html) => html.replace(/<[^>]*>/g, "");
  assert.deepEqual(predictionsTable(room.record.values(), about, plain).split("\r\n"), [
    "scene,title,vote,choice,text,predictions,predicted,followers",
    'emrl,"Weights, ""signed""",1,1,yes,4,5,9',
    'emrl,"Weights, ""signed""",1,2,no,1,5,9',
    'emrl,"Weights, ""signed""",2,1,yes,1,6,9',
    'emrl,"Weights, ""signed""",2,2,no,5,6,9',
    "",
  ]);
});

test("a follower sees no counts before the answer, whatever it is told", () => {
  Object.assign(room.app, { sceneId: "emrl", isRevealed: false });
  room.receive({ type: "following", code: "ABCDEF" });
  room.receive({ type: "votes", scene: "emrl", round: 3, counts: null, predicted: 5, followers: 9 });
  assert.equal(room.seenVotes, null);
  room.receive({ type: "votes", scene: "emrl", round: 3, counts: [4, 1], predicted: 5, followers: 9 });
  assert.equal(room.seenVotes, null);
});

test("a presenter who reloads has the first distribution and the rows of the table again", () => {
  const votes = (round, counts, predicted) => ({
    type: "votes",
    scene: "emrl",
    round,
    counts,
    predicted,
    followers: 3,
  });
  const record = [votes(1, [0, 3], 3), votes(2, [1, 0], 1)];
  room.receive({ type: "presenting", code: "ABCDEF", token: "t", scene: "emrl", first: [0, 3], record });
  room.receive(votes(2, [2, 0], 2));
  room.receive(votes(2, [0, 0], 0)); // all have left
  assert.deepEqual(room.first.emrl, [0, 3]);
  const table = predictionsTable(room.record.values(), () => undefined, String);
  const counts = table
    .trim()
    .split("\r\n")
    .slice(1)
    .map((line) => line.split(",").slice(5).join());
  assert.deepEqual(counts, ["0,3,3", "3,3,3", "2,2,3", "0,2,3"]);
  room.receive({ type: "presenting", code: "GHJKMN", token: "u", scene: null, first: null, record: [] });
  assert.deepEqual([room.record.size, Object.keys(room.first).length], [0, 0], "another room begins with nothing");
});
