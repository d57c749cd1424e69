import assert from "node:assert/strict";
import { mock, test } from "node:test";
import { Session } from "../../offrl_ui/assets/run/session.js";
import { Store } from "../../offrl_ui/assets/run/store.js";
import { bus } from "../../offrl_ui/assets/shared/bus.js";
import { frame, hello, known } from "./example.js";

globalThis.WebSocket = class {
  close() {}
};

// A session with the messages in `script`: texts as objects, binary messages as they are decoded.
function session(live = true) {
  const told = [];
  const made = new Session(new Store(), {
    began: (again) => told.push(["began", again]),
    firstFrame: () => told.push(["first frame"]),
    changed: () => {},
    emit: (name, payload) => told.push([name, payload]),
  });
  const source = { live, open: true, sent: [], start() {}, send: (command) => source.sent.push(command), close() {} };
  made.source = source;
  bus.attach(source);
  const hear = (...messages) => {
    for (const message of messages) made.receive(message);
  };
  return { session: made, source, told, hear, store: made.store };
}
const WORKING = { type: "state", state: "running", step: 1, budget: 100, speed: 0, rate: 0 };

test("a run begins with its hello, is ready with what never changes, and shows its first frame", () => {
  const { told, hear, store, session: made } = session();
  hear(WORKING, hello());
  assert.equal(made.ready, false);
  hear(known(), frame(0, [[0, 0, 0]]), frame(1, [[0, 0, 0]]));
  assert.deepEqual(told, [["began", false], ["first frame"]]);
  assert.deepEqual([store.state.state, store.frames.length, made.newest()], ["running", 2, 1]);
});

test("frames that come before a hello are not looked at", () => {
  const { hear, store } = session();
  hear(frame(0, [[0, 0, 0]]));
  assert.equal(store.frames.length, 0);
});

test("after a lost connection the same run keeps its frames", () => {
  const { told, hear, store } = session();
  hear(hello(), known(), frame(0, [[0, 0, 0]]), hello(), known(), frame(1, [[0, 0, 0]]));
  assert.equal(store.frames.length, 2);
  assert.deepEqual(told.at(-1), ["began", true]);
});

test("frames that are drawn are acknowledged, each once, and only by a live run that is ready", () => {
  const { session: made, source, hear } = session();
  hear(hello());
  made.drawn(3);
  hear(known(), frame(3, [[0, 0, 0]]));
  made.drawn(3);
  made.drawn(3);
  assert.deepEqual(source.sent, [{ cmd: "ack", seq: 3 }]);
  const recorded = session(false);
  recorded.hear(hello(), known(), frame(3, [[0, 0, 0]]));
  recorded.session.drawn(3);
  assert.deepEqual([recorded.source.sent, recorded.session.recording], [[], true]);
});

test("changes, alarms, equations and truths are taken in", () => {
  const { hear, store } = session();
  hear(hello(), known());
  hear({ type: "mark", step: 3, lane: 0, what: { rho: [0, 0.5] } });
  hear({ type: "alarm", kind: "diverged", member: 0, step: 4, title: "", cause: "", panel: "q", mode: "q" });
  hear({ type: "equation", lane: 0, equation: "y = x", formulas: { loss_td: "x" } });
  hear({ type: "truth", truth: { optimal: 7 } });
  assert.deepEqual([store.marks.length, store.alarms.length], [1, 1]);
  assert.equal(store.run.lanes[0].equation, "y = x");
  assert.equal(store.run.truth.optimal, 7);
  assert.equal(bus.hyperparameters(0)[0].value, 0.5, "the page's other parts know the new value");
});

test("a command has a number of its own, and the stage knows its own", () => {
  const { session: made, source } = session();
  const id = made.send({ cmd: "play" });
  assert.deepEqual(source.sent, [{ cmd: "play", id }]);
  assert.ok(made.own.has(id));
});

test("without a connection a command is refused", () => {
  const { session: made, source } = session();
  source.open = false;
  const refusals = [];
  const off = bus.on("refused", ({ message }) => refusals.push(message));
  assert.equal(made.send({ cmd: "play" }), null);
  off();
  assert.deepEqual(refusals, ["There is no connection to a run at the moment."]);
});

test("a viewer that is moved keeps the common past and leaves a ghost", () => {
  const { session: made, hear, told, store } = session();
  made.runId = "run";
  const wanted = [];
  made.connect = (what, kept) => wanted.push([what, kept?.length, kept?.lastSeq]);
  hear(hello(), known(), frame(0, [[0, 0, 0]]), frame(5, [[0, 0, 0]]), frame(9, [[0, 0, 0]]));
  hear({ type: "moved", run_id: "mine", reason: "a branch", parent: "run", step: 5, after: 12 });
  assert.deepEqual(wanted, [[{ run: "mine" }, 2, 12]]);
  assert.equal(store.ghost.label, "a branch");
  assert.deepEqual(told.at(-1), ["moved", { run_id: "mine", previous: "run", reason: "a branch" }]);
});

test("a connection that is closed for good says why, and a run that is gone is told", () => {
  const { session: made, hear, told, store } = session();
  made.runId = "run";
  hear({ type: "close", code: 1006, reason: "", final: false });
  assert.equal(store.closed, null);
  hear({ type: "close", code: 4404, reason: "", final: true });
  assert.match(store.closed, /The server was restarted or has dropped this run/);
  assert.deepEqual(told.at(-1), ["gone", { run_id: "run" }]);
  made.disconnect();
});

test("that a run is gone is told until there is another, which is computed again up to where it was", () => {
  mock.timers.enable({ apis: ["setTimeout"] });
  const { session: made, source, hear, told, store } = session();
  made.runId = "run";
  hear(hello(), known(), frame(0, [[0, 0, 0]]), frame(40, [[0, 0, 0]]));
  hear({ type: "close", code: 4404, reason: "", final: true });
  for (const times of [1, 2, 3]) {
    assert.equal(told.filter(([name]) => name === "gone").length, times);
    mock.timers.tick(2000);
  }
  made.connect({ run: "anew" });
  made.source = source;
  mock.timers.tick(20_000);
  assert.equal(told.filter(([name]) => name === "gone").length, 4, "not after it has another");
  assert.equal(made.newest(), -1, "its frames have other numbers");
  hear(hello(), known());
  assert.deepEqual(source.sent, [{ cmd: "catch_up", step: 40 }]);
  assert.deepEqual(
    store.frames.list.map(({ step }) => step),
    [0, 40],
    "what was seen stays on screen",
  );
  hear(hello(), known());
  assert.equal(source.sent.length, 1);
  mock.timers.reset();
});

test("of another run nothing that was seen before stays", () => {
  mock.timers.enable({ apis: ["setTimeout"] });
  const { session: made, source, hear, store } = session();
  made.runId = "run";
  hear(hello(), known(), frame(0, [[0, 0, 0]]), frame(40, [[0, 0, 0]]));
  hear({ type: "close", code: 4404, reason: "", final: true });
  made.connect({ run: "another" });
  made.source = source;
  const other = hello();
  hear({ ...other, run: { ...other.run, key: "another" } }, known());
  assert.equal(store.frames.length, 0);
  mock.timers.reset();
});

test("a run takes the place of its recording where the viewer is, and no other run does", () => {
  mock.timers.enable({ apis: ["setTimeout"] });
  const { session: made, source, hear, told, store } = session(false);
  hear(hello(), known(), frame(0, [[0, 0, 0]]), frame(40, [[1, 1, 1]]));
  made.takeOver("run");
  made.source = source;
  const live = hello();
  hear({ ...live, run: { ...live.run, id: "run", key: "not the recording's" } }, known(), frame(0, [[2, 2, 2]]));
  assert.deepEqual(
    store.frames.list.map(({ step, metrics }) => [step, metrics[0]]),
    [
      [0, 2],
      [40, 1],
    ],
    "what is computed replaces what was recorded, frame by frame",
  );
  assert.deepEqual(told.at(-1), ["began", true], "the viewer stays where it is");
  assert.deepEqual(source.sent, [{ cmd: "catch_up", step: 40 }]);
  made.takeOver("run");
  made.connect({ run: "another" });
  made.source = source;
  hear({ ...live, run: { ...live.run, id: "another", key: "another" } }, known());
  assert.equal(store.frames.length, 0);
  mock.timers.reset();
});
