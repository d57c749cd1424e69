import assert from "node:assert/strict";
import { afterEach, beforeEach, mock, test } from "node:test";
import { FakeSocket, newest } from "./fake_socket.js";

const { Connection } = await import("../../offrl_ui/assets/shared/connection.js");
const { below } = await import("../../offrl_ui/assets/shared/site.js");
const { SocketSource } = await import("../../offrl_ui/assets/run/source.js");
const { Session } = await import("../../offrl_ui/assets/run/session.js");
const { Store } = await import("../../offrl_ui/assets/run/store.js");

let told;
let connection;

beforeEach(() => {
  mock.timers.enable({ apis: ["setTimeout"] });
  FakeSocket.all.length = 0;
  told = [];
  connection = new Connection(() => `${FakeSocket.all.length}`, {
    opened: () => told.push("opened"),
    heard: (data) => told.push(data),
    lost: ({ reason, final, attempt }) => told.push([reason, final, attempt]),
  });
  connection.connect();
});
afterEach(() => mock.timers.reset());

test("a connection on which nothing comes any more is given up within six seconds and opened again", () => {
  newest().open();
  newest().say("a word");
  mock.timers.tick(4900);
  assert.equal(FakeSocket.all.length, 1);
  newest().say("another");
  mock.timers.tick(5000);
  mock.timers.tick(250);
  assert.deepEqual(told.at(-1), ["the server stopped answering", false, 1]);
  assert.equal(FakeSocket.all[0].readyState, 3);
  mock.timers.tick(520);
  assert.equal(FakeSocket.all.length, 2, "it is opened again half a second later");
  FakeSocket.all[0].say("too late");
  assert.ok(!told.includes("too late"));
});

test("what the busy page finds in its queue is heard before the connection is given up", () => {
  newest().open();
  newest().say("a word");
  mock.timers.tick(5100);
  newest().say("it lay in the queue");
  mock.timers.tick(4900);
  assert.equal(FakeSocket.all.length, 1);
});

test("a large message on a slow line is waited for longer the next time", () => {
  newest().open();
  newest().say("a word");
  for (const part of [5000, 250, 600]) mock.timers.tick(part);
  newest().open();
  newest().say("a word");
  mock.timers.tick(9900);
  assert.equal(FakeSocket.all.length, 2);
});

test("who answers within the page is waited for, however long it is busy", () => {
  newest().steady = true;
  newest().open();
  newest().say("a word");
  mock.timers.tick(60_000);
  assert.equal(FakeSocket.all.length, 1);
});

test("a server that takes the connection and never speaks is given up, too", () => {
  newest().open();
  for (const part of [15_000, 250, 520]) mock.timers.tick(part);
  assert.equal(FakeSocket.all.length, 2);
});

test("attempts come at growing distances until a word is heard", () => {
  for (const attempt of [1, 2, 3]) {
    newest().open();
    newest().close(1006);
    assert.deepEqual(told.at(-1), ["", false, attempt]);
    mock.timers.tick(400 * 2 ** (attempt - 1) * 0.69);
    assert.equal(FakeSocket.all.length, attempt);
    mock.timers.tick(400 * 2 ** (attempt - 1) * 0.62);
    assert.equal(FakeSocket.all.length, attempt + 1);
  }
  newest().open();
  newest().say("a word");
  newest().close(1006);
  assert.deepEqual(told.at(-1), ["", false, 1]);
});

test("what the server itself refuses is not asked again", () => {
  newest().close(4404, "there is no such run here");
  assert.deepEqual(told, [["there is no such run here", true, 1]]);
  mock.timers.tick(60_000);
  assert.equal(FakeSocket.all.length, 1);
});

test("addresses lie below the place where the modules come from", () => {
  const at = (site) => below(`${site}stage/0a1b2c3d4e5f/shared/site.js`, "live/r");
  assert.equal(at("https://a.example/"), "https://a.example/live/r");
  assert.equal(at("http://a.example:8443/rl/lab/"), "http://a.example:8443/rl/lab/live/r");
});

test("a run is asked for what is new only", () => {
  let after = -1;
  const source = new SocketSource("a/b", () => after);
  source.start(() => {});
  assert.match(newest().address, /\/live\/a%2Fb$/);
  newest().open();
  after = 7;
  newest().close(1006);
  mock.timers.tick(520);
  assert.match(newest().address, /\/live\/a%2Fb\?after=7$/);
});

test("the stage says why it cannot connect, and that nobody answers", async () => {
  const store = new Store();
  const session = new Session(store, { began() {}, firstFrame() {}, changed() {}, emit() {} });
  await session.connect({ run: "r" });
  newest().close(4403, "its origin is https://b.example, but the server was asked as a.example");
  assert.match(store.closed, /origin is https:\/\/b.example.*X-Forwarded-Host.*server.corsAllowedOrigins/);
  await session.connect({ run: "r" });
  for (const wait of [520, 1040]) {
    newest().close(1006);
    assert.equal(store.closed, null);
    mock.timers.tick(wait);
  }
  newest().close(1006);
  assert.match(store.closed, /does not answer.*the proxy must pass WebSockets on/);
  mock.timers.tick(2100);
  newest().open();
  assert.equal(store.closed, null);
});
