import assert from "node:assert/strict";
import { afterEach, beforeEach, mock, test } from "node:test";
import { FakeSocket, newest } from "./fake_socket.js";

const { SceneSocket } = await import("../../offrl_ui/assets/lecture/socket.js");

let heard;
let states;
let socket;
const sent = () => newest().sent.map((text) => JSON.parse(text));
const ids = () => sent().map(({ id }) => id);
const answer = (message) => newest().say(JSON.stringify(message));

beforeEach(() => {
  mock.timers.enable({ apis: ["setTimeout"] });
  FakeSocket.all.length = 0;
  [heard, states] = [[], []];
  socket = new SceneSocket(
    (message) => heard.push(message.type),
    () => heard.push("open"),
    (online, why) => states.push(why || online),
  );
});
afterEach(() => mock.timers.reset());

test("it connects below the place where its modules come from", () => {
  assert.equal(newest().address, new URL("../../scene", import.meta.url).href);
});

test("a page that the server will not have is told why, and does not ask again", () => {
  newest().close(4403, "its origin is https://b.example, but the server was asked as a.example");
  assert.match(states[0], /https:\/\/b.example.*asked as a.example.*X-Forwarded-Host.*corsAllowedOrigins/);
  mock.timers.tick(60_000);
  assert.equal(FakeSocket.all.length, 1);
});

test("what is sent before the connection stands waits for it", () => {
  socket.send({ type: "present" });
  assert.deepEqual(sent(), []);
  newest().open();
  assert.deepEqual(sent(), [{ type: "present" }]);
  assert.deepEqual([heard, states], [["open"], [true]]);
});

test("of the states that a moving slider asks for only the newest waits", () => {
  newest().open();
  for (const x of [1, 2, 3]) socket.compute("emrl", { x }, true);
  assert.deepEqual(ids(), [1]);
  answer({ type: "result", id: 1 });
  assert.deepEqual(ids(), [1, 3]);
  assert.deepEqual(sent()[1], { type: "compute", id: 3, scene: "emrl", state: { x: 3 }, revealed: true });
});

test("an urgent question does not wait, and a late answer does not free the way", () => {
  newest().open();
  socket.compute("emrl", {}, true);
  socket.compute("rwr", {}, true, true);
  assert.deepEqual(ids(), [1, 2]);
  socket.compute("rwr", { x: 1 }, true);
  answer({ type: "result", id: 1 });
  assert.deepEqual(ids(), [1, 2]);
  answer({ type: "refused", id: 2, message: "no" });
  assert.deepEqual(ids(), [1, 2, 3]);
  assert.deepEqual(heard.slice(1), ["result", "refused"]);
});

test("a lost connection is opened again, and the question asked again", () => {
  newest().open();
  socket.compute("emrl", { x: 1 }, false);
  newest().close();
  assert.deepEqual(states, [true, false]);
  assert.equal(FakeSocket.all.length, 1);
  // Between 0.7 and 1.3 times 400 ms after the first loss.
  mock.timers.tick(270);
  assert.equal(FakeSocket.all.length, 1);
  mock.timers.tick(260);
  assert.equal(FakeSocket.all.length, 2);
  newest().open();
  assert.deepEqual(ids(), [1]);
});

test("a newer question replaces the one that was lost", () => {
  newest().open();
  socket.compute("emrl", { x: 1 }, false);
  newest().close();
  socket.compute("emrl", { x: 2 }, false);
  mock.timers.tick(1500);
  newest().open();
  assert.deepEqual(ids(), [2]);
});

test("once closed it stays closed", () => {
  newest().open();
  socket.close();
  mock.timers.tick(60_000);
  assert.equal(FakeSocket.all.length, 1);
});
