// What the pages of the static edition, their worker and the Python in it hand each other.

import type { SettingsData } from "../../offrl_ui/assets/widgets/declared.d.ts";
import type { Branch } from "../../offrl_ui/assets/widgets/tree.js";
import type { StageOptions } from "../../offrl_ui/assets/stage/stage.js";
import type { GridData } from "../../offrl_ui/assets/widgets/grid_editor.js";
import type { Group } from "../../offrl_ui/assets/widgets/picker.js";

/** What the build knows: see offrl_web/build.py. */
export interface Facts {
  version: string;
  /** The folder of Pyodide. */
  pyodide: string;
  /** Top-level module → archives to unpack when it is imported. */
  archives: Record<string, string[]>;
  /** Top-level module → an archive of the data files of a package. */
  files: Record<string, string>;
  /** Files that lie there compressed, under these names and `.gz`. */
  packed: string[];
  /** Bytes of the large files that Python begins with, by their paths. */
  sizes: Record<string, number>;
  pages: PageFacts[];
}

export interface PageFacts {
  path: string;
  title: string;
  about: string;
}

/** What the page tells its worker. */
export type ToWorker =
  | { do: "open"; line: number; path: string }
  | { do: "say"; line: number; text: string }
  | { do: "shut"; line: number }
  | { do: "ask"; id: number; path: string; body: string; data?: ArrayBuffer };

/** What the worker tells the page. */
export type FromWorker =
  | { type: "progress"; stage: Stage; loaded: number; total: number; what: string }
  | { type: "ready"; bytes: number }
  | { type: "failed"; reason: string }
  | { type: "reading"; share: number; what: string }
  | { type: "opened"; line: number }
  | { type: "heard"; line: number; data: string | ArrayBuffer }
  | { type: "closed"; line: number; code: number; reason: string }
  | { type: "answer"; id: number; data?: string | ArrayBuffer; error?: string };

/** What is being done before Python can answer. */
export type Stage = "loading" | "starting" | "fetching";

/** How things stand with Python in this tab. */
export type Status =
  | { state: "asleep" }
  | { state: "loading"; what: string; share: number }
  | { state: "ready" }
  | { state: "busy"; what: string }
  | { state: "failed"; reason: string }
  | { state: "impossible"; reason: string };

/** A value of Python's that lives until it is let go of. */
export interface Proxy {
  destroy(): void;
}

export interface Bytes extends Proxy {
  getBuffer(type: "u8"): { data: Uint8Array; release(): void };
}

/** `offrl_web.runtime.tab.Line`. */
export interface PythonLine extends Proxy {
  say(text: string): void;
  take(): Proxy & Iterable<string | Bytes>;
  close(): void;
}

/** `offrl_web.runtime.tab.Tab`. */
export interface PythonTab extends Proxy {
  open(path: string, notify: () => void): PythonLine;
  ask(path: string, body: string, data?: Bytes): string | Bytes;
  turn(): number;
  tick(): void;
}

/** The part of Pyodide that is used. */
export interface Pyodide {
  unpackArchive(data: ArrayBuffer | Uint8Array, format: string, options: { extractDir: string }): void;
  pyimport(
    name: string,
  ): Proxy & {
    start(
      fetch: (path: string) => Uint8Array,
      link: (module: Bytes) => (...records: number[]) => void,
      told: (share: number, doing: string) => void,
      facts: string,
    ): PythonTab;
  };
  runPython(code: string): unknown;
  toPy(data: Uint8Array): Bytes;
  _module: {
    HEAP8: Int8Array;
    loadWebAssemblyModule(module: Uint8Array, how: { loadAsync: false }): { multiply: (...records: number[]) => void };
  };
}

/** A page that is shown, until it is left. */
export interface Shown {
  /** The link was changed by going back or forward. */
  moved?(): void;
  close(): void;
}

export type Link = Record<string, string>;

export interface Panel {
  scope: string;
  sections: SettingsData["sections"];
  refused: Record<string, string>;
}

export interface Cards {
  datasets: Group["cards"];
  algorithms: Group[];
  presets: Group[];
}

export interface Preset {
  id: string;
  title: string;
  sentence: string;
  view: { mode?: string; member?: number; state?: number };
  link: Link;
}

export interface TakenFile {
  name: string;
  what: string;
  one: boolean;
  as: string;
  media: string;
}

/** The playground: see offrl_web/runtime/playground.py. */
export interface PlaygroundView {
  link: Link;
  notes: string[];
  error: string;
  lesson: string;
  captions: string[];
  run: string | null;
  stage: Pick<StageOptions, "member" | "turn" | "order" | "axes" | "step" | "mode" | "state" | "share" | "goes_on">;
  /** The cards that the link puts away. */
  hidden: string[];
  dataset: string;
  brought: Group["cards"];
  options: Panel;
  reward: string;
  /** `offer`: the words of its button; `board` null: the grid is none of one's own. */
  own_grid: {
    offer: string;
    about: string;
    title: string;
    how: string;
    board: Omit<GridData, "seq"> | null;
    refused: string;
  };
  lanes: string[];
  lane: number;
  more: boolean;
  algorithm: string;
  settings: Panel & { lane: number };
  rule: { title: string; summary: string; formulas: string[]; source: string };
  loss: { title: string; code: string }[];
  tree: Branch[];
  nothing_yet: string;
  offer: { files: TakenFile[]; models: string[]; which: string };
}

export interface Table {
  heads: string[];
  cells: string[][];
}

export interface Chart {
  data: object[];
  layout: { height: number };
}

export type Picture = { svg: string; title: string; legend: [string, string][] } | { figure: Chart };

/** The datasets page: see offrl_web/runtime/datasets.py. */
export interface DatasetsView {
  link: Link;
  playground: Link;
  notes: string[];
  brought: Group["cards"];
  dataset: string;
  title: string;
  about: string;
  ready: boolean;
  options: Panel;
  options_note: string;
  reward: string;
  numbers: [string, string, string][];
  pictures: Picture[][];
  axes: { names: string[]; shown: [number, number] } | null;
  asking: string;
  report: {
    heading: string;
    summary: string;
    findings: { severity: string; kind: string; text: string }[];
    actions_taken: string;
    actions: Table;
  } | null;
  estimates: {
    heading: string;
    about: string;
    refusal: string;
    label: string;
    choices: [string, string, string][];
  } | null;
  episodes: {
    heading: string;
    what: string;
    standing_out: Table;
    to_leave_out: number[];
    to_take_back: number[];
    any_out: boolean;
    count: number;
    episode: number;
    is_out: boolean;
    listed: boolean;
    about: string;
    rows: Table;
  };
  formats: { name: string; title: string; as: string }[];
}

export interface Assumed {
  heading: string;
  heads: string[];
  chosen: number;
  rows: [string, string[]][];
  meaning: string;
}

export interface Estimated {
  made: string;
  rows: Table;
  doubts: string[];
  meaning: string;
}

/** What is asked about a file: see offrl_web/runtime/own_file.py. */
export interface FileForm {
  format: string;
  mapped: boolean;
  question: string;
  names: string[];
  columns: string[];
  sample: string[][];
  several: { role: string; label: string; value: string[] }[];
  one: { role: string; label: string; help: string; needed: boolean; value: string | null }[];
  meanings: { role: string; label: string; choices: [string, string][]; value: string }[];
  bins: Record<string, { label: string; most: number; value: number }>;
  shrink: { label: string; help: string; unset: string; most: number; value: number | null };
  more: string;
  gamma: string;
}

/** The part of a service worker that is used; the types of workers and of pages exclude each other. */
export interface Keeper {
  registration: { scope: string };
  clients: { claim(): Promise<void> };
  skipWaiting(): Promise<void>;
  addEventListener(
    type: "install" | "activate",
    listener: (event: { waitUntil(work: Promise<unknown>): void }) => void,
  ): void;
  addEventListener(
    type: "fetch",
    listener: (event: { request: Request; respondWith(answer: Promise<Response>): void }) => void,
  ): void;
}

/** The part of a dedicated worker that is used. */
export interface OwnWorker {
  postMessage(message: FromWorker, transfer?: Transferable[]): void;
}

declare global {
  /** Written by the build. */
  var FACTS: Facts;
  var KEEP: { folders: string[]; files: string[] };
}
