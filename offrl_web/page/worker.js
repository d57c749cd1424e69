// The tab's Python, in a worker: it is started, given turns, and carries what the page and it say to each other.

import { BUILT } from "./built.js";

/** @import { Bytes, FromWorker, OwnWorker, Pyodide, PythonLine, PythonTab, ToWorker } from "./types.d.ts" */

const root = new URL("../../../", import.meta.url);
const stage = `stage/${BUILT.version}/`;
const TICK = 250;
/** Everything that was loaded is kept here for the next visit; sw.js answers from it. */
const KEPT = "offrl";

/** @param {FromWorker} message @param {Transferable[]} [transfer] */
const tell = (message, transfer = []) =>
  /** @type {OwnWorker} */ (/** @type {unknown} */ (globalThis)).postMessage(message, transfer);

/** @type {Map<number, { python: PythonLine | null, due: boolean }>} */
const lines = new Map();
/** What the page said before Python was there. @type {ToWorker[]} */
const early = [];
/** @type {PythonTab | null} */
let tab = null;
/** @type {Pyodide | null} */
let python = null;
let woken = false;
/** @type {ReturnType<typeof setTimeout> | undefined} */
let alarm;

// A message to oneself comes at once; a timer would be held back for milliseconds.
const bell = new MessageChannel();
bell.port1.onmessage = () => {
  woken = false;
  guarded(work);
};

function wake() {
  clearTimeout(alarm);
  if (woken) return;
  woken = true;
  bell.port2.postMessage(0);
}

/** One turn, and what came of it. */
function work() {
  if (!tab) return;
  const wait = tab.turn();
  flush();
  if (wait < 0) return;
  if (wait < 0.001) wake();
  else alarm = setTimeout(wake, 1000 * wait);
}

function flush() {
  for (const [line, entry] of lines) {
    if (!entry.due || !entry.python) continue;
    entry.due = false;
    const messages = entry.python.take();
    for (const message of messages) {
      if (typeof message === "string") tell({ type: "heard", line, data: message });
      else {
        const data = copied(message);
        tell({ type: "heard", line, data }, [data]);
      }
    }
    messages.destroy();
  }
}

/** @param {Bytes} bytes */
function copied(bytes) {
  const view = bytes.getBuffer("u8");
  const { buffer } = view.data.slice();
  view.release();
  bytes.destroy();
  return /** @type {ArrayBuffer} */ (buffer);
}

/** Python that cannot go on ends this worker; the page lives. @param {() => void} act */
function guarded(act) {
  try {
    act();
  } catch (error) {
    fail(error);
  }
}

/** @param {unknown} error */
function fail(error) {
  console.error(error);
  tab = null;
  tell({ type: "failed", reason: words(error) });
}

/** The last line of a Python traceback says what was wrong; an error that was raised here and went through Python still
 * bears its own name behind Python's. @param {unknown} error */
function words(error) {
  const text = error instanceof Error ? error.message : String(error);
  const last = text.trim().split("\n").at(-1) ?? text;
  return last.replace(/^[\w.]*(?:Error|Exception|Closed): (?:Error: )?/, "");
}

/** @type {{ [K in ToWorker["do"]]: (message: Extract<ToWorker, { do: K }>) => void }} */
const obey = {
  open({ line, path }) {
    /** @type {{ python: PythonLine | null, due: boolean }} */
    const entry = { python: null, due: true };
    lines.set(line, entry);
    try {
      entry.python = /** @type {PythonTab} */ (tab).open(path, () => {
        entry.due = true;
        wake();
      });
    } catch (error) {
      if (fatal(error)) throw error;
      lines.delete(line);
      const [, code, reason] = /^(\d{4}) (.*)$/s.exec(words(error)) ?? [null, "1011", words(error)];
      tell({ type: "closed", line, code: Number(code), reason });
      return;
    }
    tell({ type: "opened", line });
  },
  say({ line, text }) {
    lines.get(line)?.python?.say(text);
  },
  shut({ line }) {
    const entry = lines.get(line);
    lines.delete(line);
    entry?.python?.close();
    entry?.python?.destroy();
  },
  ask({ id, path, body, data: file }) {
    try {
      const there = /** @type {PythonTab} */ (tab);
      const given = file && python?.toPy(new Uint8Array(file));
      const answer = given ? there.ask(path, body, given) : there.ask(path, body);
      if (typeof answer === "string") tell({ type: "answer", id, data: answer });
      else {
        const data = copied(answer);
        tell({ type: "answer", id, data }, [data]);
      }
    } catch (error) {
      if (fatal(error)) throw error;
      console.error(error);
      tell({ type: "answer", id, error: words(error) });
    }
  },
};

/** Whether Python itself is broken, and no exception was raised in it. @param {unknown} error */
const fatal = (error) => !(error instanceof Error && "type" in error);

/** @param {ToWorker} message */
function hear(message) {
  if (!tab) early.push(message);
  else {
    guarded(() => obey[message.do](/** @type {never} */ (message)));
    wake();
  }
}
globalThis.onmessage = ({ data }) => hear(data);

/** Bytes that have come so far of the large files. */
let loaded = 0;
const total = Object.values(BUILT.sizes).reduce((sum, size) => sum + size, 0);

/** Tells what has come of a file. @param {Response} answer */
function counted(answer) {
  const { body, status, statusText } = answer;
  if (!body) return answer;
  const count = new TransformStream({
    /** @param {Uint8Array} chunk */
    transform(chunk, out) {
      loaded += chunk.byteLength;
      tell({ type: "progress", stage: "loading", loaded, total, what: "Python" });
      out.enqueue(chunk);
    },
  });
  return new Response(body.pipeThrough(count), { status, statusText, headers: answer.headers });
}

const loadFrom = globalThis.fetch.bind(globalThis);

/** As `fetch`; large files are counted, packed ones unpacked, and everything of this site is kept.
 * @param {RequestInfo | URL} what @param {RequestInit} [how] */
globalThis.fetch = async (what, how) => {
  const asked = what instanceof Request ? what.url : new URL(what, root).href;
  if (!asked.startsWith(root.href)) return loadFrom(what, how);
  const packed = BUILT.packed.includes(asked.slice(root.href.length));
  const href = packed ? `${asked}.gz` : asked;
  const path = href.slice(root.href.length);
  const store = await caches.open(KEPT).catch(() => null);
  const there = await store?.match(href);
  const answer = there ?? (await loadFrom(href));
  if (!answer.ok) throw new Error(`${path} could not be loaded (${answer.status})`);
  if (!there) await store?.put(href, answer.clone()).catch(() => {});
  const told = path in BUILT.sizes ? counted(answer) : answer;
  return packed && told.body ? new Response(told.body.pipeThrough(new DecompressionStream("gzip"))) : told;
};

/** The kernel's function, on Python's own memory. @param {Pyodide} own @param {Bytes} module */
function linked(own, module) {
  const { multiply } = own._module.loadWebAssemblyModule(new Uint8Array(copied(module)), { loadAsync: false });
  return multiply;
}

/** A file of the site, waited for: Python imports what it needs in the middle of its work. @param {string} path */
function fetched(path) {
  tell({
    type: "progress",
    stage: "fetching",
    loaded: 0,
    total: 0,
    what: path.split("/").at(-1)?.split("-")[0] ?? path,
  });
  const request = new XMLHttpRequest();
  request.open("GET", new URL(path, root), false);
  request.responseType = "arraybuffer";
  try {
    request.send();
  } catch {
    throw new Error(`${path} could not be loaded: there is no network, and it was not needed before`);
  } finally {
    tell({ type: "progress", stage: "fetching", loaded: 1, total: 1, what: "" });
  }
  if (request.status !== 200) throw new Error(`${path} could not be loaded (${request.status})`);
  return new Uint8Array(request.response);
}

async function begin() {
  const at = new URL(`${BUILT.pyodide}/`, root).href;
  const program = fetch(new URL(`${stage}python/program.bin`, root)).then(async (answer) => {
    const plain = /** @type {ReadableStream} */ (answer.body).pipeThrough(new DecompressionStream("gzip"));
    return new Response(plain).arrayBuffer();
  });
  program.catch(() => {}); // it is told below, after what comes before it
  const { loadPyodide } = await import(`${at}pyodide.mjs`);
  /** @type {Pyodide} */
  const own = await loadPyodide({ indexURL: at, packages: ["numpy"], checkIntegrity: false });
  tell({ type: "progress", stage: "starting", loaded: total, total, what: "the program" });
  python = own;
  Object.assign(globalThis, { offrlPython: own }); // for tools that look into a page
  const folder = String(own.runPython("import site; site.getsitepackages()[0]"));
  own.unpackArchive(await program, "tar", { extractDir: folder });
  const started = own.pyimport("offrl_web.runtime.start");
  const { archives, files } = BUILT;
  const told = (/** @type {number} */ share, /** @type {string} */ what) => tell({ type: "reading", share, what });
  const facts = JSON.stringify({ archives, files, stage });
  tab = started.start(fetched, (module) => linked(own, module), told, facts);
  started.destroy();
  setInterval(() => {
    guarded(() => tab?.tick());
    wake();
  }, TICK);
  tell({ type: "ready", bytes: own._module.HEAP8.length });
  for (const message of early.splice(0)) hear(message);
  wake();
}

begin().catch(fail);
