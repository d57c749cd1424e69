// Python in this tab, as the page sees it: the server that the modules of the app speak to, and how things stand with it.

/** @import { Server, Socket } from "../../offrl_ui/assets/shared/serving.d.ts" */
/** @import { FromWorker, Status, ToWorker } from "./types.d.ts" */

/** (module (func (result v128) i32.const 0 i8x16.splat)): only an engine with SIMD takes it. */
const SIMD = [0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 8, 1, 6, 0, 65, 0, 253, 15, 11];

export const TOO_OLD =
  "This browser cannot train here: it lacks WebAssembly with SIMD, or workers made of modules. The gallery works all " +
  "the same; a current Firefox, Chrome, Edge or Safari trains, too.";

/** What went wrong, in words. @param {unknown} error */
export const reasonOf = (error) => (error instanceof Error ? error.message : String(error));

/** Whether a browser can load modules in a worker, and run Pyodide. */
function isAble() {
  let modules = false;
  const options = {
    get type() {
      modules = true;
      return /** @type {const} */ ("module");
    },
  };
  try {
    const address = URL.createObjectURL(new Blob([""], { type: "text/javascript" }));
    new Worker(address, options).terminate();
    URL.revokeObjectURL(address);
    return modules && typeof DecompressionStream === "function" && WebAssembly.validate(new Uint8Array(SIMD));
  } catch {
    return false;
  }
}

const able = isAble();

/** A connection to Python: what a WebSocket is to a server. @implements {Socket} */
class Line {
  steady = true;
  binaryType = "arraybuffer";
  readyState = 0;
  /** @type {((event: Event) => unknown) | null} */
  onopen = null;
  /** @type {((event: MessageEvent) => unknown) | null} */
  onmessage = null;
  /** @type {((event: CloseEvent) => unknown) | null} */
  onclose = null;

  /** @param {Engine} engine @param {number} number @param {string} path */
  constructor(engine, number, path) {
    this.engine = engine;
    this.number = number;
    engine.tell({ do: "open", line: number, path });
  }

  opened() {
    this.readyState = 1;
    this.onopen?.(new Event("open"));
  }

  /** @param {string | ArrayBuffer} data */
  heard(data) {
    this.onmessage?.(new MessageEvent("message", { data }));
  }

  /** @param {number} code @param {string} reason */
  closed(code, reason) {
    if (this.readyState === 3) return;
    this.readyState = 3;
    this.onclose?.(new CloseEvent("close", { code, reason }));
  }

  /** @param {string} text */
  send(text) {
    this.engine.tell({ do: "say", line: this.number, text });
  }

  close() {
    this.engine.lines.delete(this.number);
    this.engine.tell({ do: "shut", line: this.number });
    this.closed(1000, "");
  }
}

/** One worker with Python in it. @implements {Server} */
export class Engine {
  /** @param {string} name - of the worker, for tools that look into a page */
  constructor(name) {
    this.name = name;
    /** Whether this browser can train at all. */
    this.able = able;
    /** @type {Status} */
    this.status = { state: "asleep" };
    /** @type {Set<(status: Status) => void>} */
    this.watching = new Set();
    /** Called when Python was started again, and remembers nothing. @type {Set<() => void>} */
    this.forgetful = new Set();
    /** @type {Worker | null} */
    this.worker = null;
    /** @type {Map<number, Line>} */
    this.lines = new Map();
    /** @type {Map<number, { resolve: (data: string | ArrayBuffer) => void, reject: (error: Error) => void }>} */
    this.questions = new Map();
    this.count = 0;
    this.starts = 0;
    /** Told how far the reading of a file is. @type {(share: number, doing: string) => void} */
    this.reading = () => {};
  }

  /** Load Python and the program; does nothing where that has begun. */
  start() {
    if (this.worker || this.status.state === "impossible") return;
    if (!able) {
      this.become({ state: "impossible", reason: TOO_OLD });
      this.giveUp(TOO_OLD);
      return;
    }
    this.become({ state: "loading", what: "Python", share: 0 });
    this.worker = new Worker(new URL("./worker.js", import.meta.url), { type: "module", name: this.name });
    this.worker.onmessage = ({ data }) => this.hear(data);
    this.worker.onerror = (event) => this.failed(event.message || "its worker could not be loaded");
    this.starts += 1;
    if (this.starts > 1) for (const told of this.forgetful) told();
  }

  /** Begin again after a failure: the runs are gone, and are computed anew when they are asked for. */
  again() {
    if (this.status.state !== "failed") return;
    this.status = { state: "asleep" };
    this.start();
  }

  /** @param {(status: Status) => void} told @returns {() => void} lets go */
  watch(told) {
    this.watching.add(told);
    told(this.status);
    return () => this.watching.delete(told);
  }

  /** @param {Status} status */
  become(status) {
    this.status = status;
    for (const told of this.watching) told(status);
  }

  /** Python is told as soon as it is there; one that ended is told nothing.
   * @param {ToWorker} message @param {Transferable[]} [transfer] */
  tell(message, transfer = []) {
    this.worker?.postMessage(message, transfer);
  }

  /** @param {string} path */
  open(path) {
    this.start();
    this.count += 1;
    const line = new Line(this, this.count, path);
    this.lines.set(this.count, line);
    return line;
  }

  /** @param {string} path @param {unknown} body */
  async ask(path, body) {
    return JSON.parse(/** @type {string} */ (await this.question(path, body)));
  }

  /** @param {string} path @param {unknown} body @returns {Promise<ArrayBuffer>} */
  async bytes(path, body) {
    return /** @type {ArrayBuffer} */ (await this.question(path, body));
  }

  /**
   * Ask about a file, whose bytes go along. Whatever it does to Python, or however long it takes, the page goes on: the
   * worker is ended, and the next question starts another.
   *
   * @param {string} path @param {unknown} body @param {File} file @param {number} seconds
   * @returns {Promise<string | ArrayBuffer>}
   */
  async askAbout(path, body, file, seconds) {
    this.again();
    const data = await file.arrayBuffer();
    await this.ready();
    const end = setTimeout(() => this.failed(`${file.name}: reading it took longer than ${seconds} s`), 1000 * seconds);
    try {
      return await this.question(path, body, data);
    } finally {
      clearTimeout(end);
    }
  }

  /** When Python is there. @returns {Promise<void>} */
  ready() {
    this.start();
    return new Promise((resolve, reject) => {
      const off = this.watch((status) => {
        if (status.state === "failed" || status.state === "impossible") reject(new Error(status.reason));
        else if (status.state !== "ready" && status.state !== "busy") return;
        else resolve();
        queueMicrotask(() => off());
      });
    });
  }

  /** @param {string} path @param {unknown} body @param {ArrayBuffer} [data] @returns {Promise<string | ArrayBuffer>} */
  question(path, body, data) {
    const { status } = this;
    if (status.state === "impossible" || status.state === "failed") return Promise.reject(new Error(status.reason));
    this.start();
    this.count += 1;
    const id = this.count;
    return new Promise((resolve, reject) => {
      this.questions.set(id, { resolve, reject });
      this.tell({ do: "ask", id, path, body: JSON.stringify(body), data }, data ? [data] : []);
    });
  }

  /** @param {FromWorker} message */
  hear(message) {
    if (message.type === "heard") this.lines.get(message.line)?.heard(message.data);
    else if (message.type === "answer") {
      const question = this.questions.get(message.id);
      this.questions.delete(message.id);
      if (message.data === undefined) question?.reject(new Error(message.error ?? "there was no answer"));
      else question?.resolve(message.data);
    } else if (message.type === "opened") this.lines.get(message.line)?.opened();
    else if (message.type === "closed") {
      const line = this.lines.get(message.line);
      this.lines.delete(message.line);
      line?.closed(message.code, message.reason);
    } else if (message.type === "ready") this.become({ state: "ready" });
    else if (message.type === "failed") this.failed(message.reason);
    else if (message.type === "reading") this.reading(message.share, message.what);
    else if (message.stage === "fetching")
      this.become(message.what ? { state: "busy", what: message.what } : { state: "ready" });
    else
      this.become({
        state: "loading",
        what: message.what,
        share: message.stage === "loading" ? 0.8 * (message.loaded / message.total) : 0.85,
      });
  }

  /** @param {string} reason */
  failed(reason) {
    this.worker?.terminate();
    this.worker = null;
    this.become({ state: "failed", reason });
    this.giveUp(reason);
  }

  /** Nobody is there to answer. @param {string} reason */
  giveUp(reason) {
    const [lines, questions] = [[...this.lines.values()], [...this.questions.values()]];
    this.lines.clear();
    this.questions.clear();
    for (const line of lines) line.closed(1008, reason);
    for (const { reject } of questions) reject(new Error(reason));
  }
}

/** Trains, and answers for the playground and the datasets. */
export const engine = new Engine("Python");
/** Reads files of one's own, which may end it; and where a device has cores for both, computes the lecture's scenes while
 * the other trains. */
export const second = new Engine("Python, the second");
export const scenes = navigator.hardwareConcurrency > 1 ? second : engine;
