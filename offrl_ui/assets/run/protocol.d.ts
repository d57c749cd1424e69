// The wire protocol (docs/protocol.md): a type for each message, in the order of that page.

import type { Lost } from "../shared/connection.js";

/** A value of a hyperparameter. */
export type Value = number | string | boolean;

// Binary messages

export type Dtype = "f4" | "f2" | "u1" | "i4" | "b1";
/** An array in a payload. A `u1` field with `lo` and `hi` is quantised linearly between them; 255 is missing. */
export interface Field {
  name: string;
  dtype: Dtype;
  shape: number[];
  offset: number;
  lo?: number | null;
  hi?: number | null;
}
export interface Payload {
  buffer: ArrayBuffer;
  /** Where the payload begins in the buffer. */
  start: number;
}
/** A binary message as `decode` gives it. */
export interface Binary<Kind extends string = string, Header = object> {
  kind: Kind;
  header: Header & { kind?: string; fields?: Field[] };
  payload: Payload;
}

export interface FrameHeader {
  seq?: number;
  step: number;
  time?: number;
  rate?: number;
  member?: number;
  members?: number[];
  fields: Field[];
  /** Large worlds: the state whose rows are sent in full precision, and which rows these are. */
  selected?: { state: number; rows: string[] };
}
export type StaticMessage = Binary<"static">;
export type FrameMessage = Binary<"frame", FrameHeader>;
export type BacklogMessage = Binary<"backlog", { frames: FrameHeader[] }>;
export type HistoryMessage = Binary<"history", { frames: FrameHeader[]; id: number; member: number }>;
export type FramesMessage = FrameMessage | BacklogMessage | HistoryMessage;
export type SelectedMessage = Binary<"selected", { state: number; member: number; rows: string[]; steps: number[] }>;
export interface FilmHeader {
  id: number;
  step: number;
  member: number;
  seed: number;
  gamma: number;
  horizon: number;
  lengths: number[];
  terminated: boolean[];
  endings: string[];
}
export type FilmMessage = Binary<"film", FilmHeader>;
/** The world of a recording, of which films are played in the page. */
export type WorldMessage = Binary<"world", { endings: Record<string, string> }>;
export type BinaryMessage = StaticMessage | WorldMessage | FramesMessage | SelectedMessage | FilmMessage;

// Text messages from the server

/** A declared hyperparameter, with its value as it is now. */
export interface Hyperparameter {
  name: string;
  symbol: string;
  label?: string;
  default: Value;
  value: Value;
  help: string;
  low: number | null;
  high: number | null;
  choices: string[];
  scale: "linear" | "log";
  integer: boolean;
  live: boolean;
  paper: string;
  greedier: "up" | "down" | "";
  special: Record<string, string> | null;
}
export interface Member {
  index: number;
  lane?: number;
  label: string;
  algorithm?: string;
  values?: Record<string, Value>;
  seed: number;
}
export interface Lane {
  algorithm: string;
  approximator: string;
  title?: string;
  group?: string;
  seeds?: number;
  axes?: string[];
  /** Whether a target reads Q of an action at s′; recordings made before this was told do not say. */
  reads?: boolean;
  equation: string;
  formulas?: Record<string, string>;
  hyperparameters: Hyperparameter[];
}
export interface Metric {
  name: string;
  panel: string;
  unit?: string;
  title?: string;
  formula?: string;
  help?: string;
  bad?: string;
}
export interface Truth {
  behavior?: number | null;
  behavior_interval?: [number, number] | null;
  behavior_kind?: string | null;
  optimal?: number | null;
  optimal_interval?: [number, number] | null;
  optimal_kind?: string | null;
  in_support?: number | null;
  q_bound?: number | null;
  /** What learners are given for a reward r, and the best return in that; absent where it is the reward itself. */
  rewards?: string;
  given_optimal?: number | null;
  gamma?: number | null;
  exact?: boolean;
}
export interface GridLayout {
  kind: "grid";
  rows: number;
  cols: number;
  cells: string;
  state_of_cell: number[];
  directions: [row: number, col: number][];
  labels: [letter: string, meaning: string][];
  action_grid?: undefined;
  image?: undefined;
  terminal?: undefined;
}
export interface MatrixLayout {
  kind: "matrix";
  order: number[];
  row_title: string;
  column_title: string;
  row_value: number[];
  terminal: number[];
  action_grid: [rows: number, cols: number] | null;
  directions?: undefined;
  image?: undefined;
}
/** A log without a world: a row for each state, the most visited first; value and labels stand in that order. */
export interface TableLayout {
  kind: "table";
  order: number[];
  by_value: number[];
  value: (number | null)[];
  labels: string[];
  terminal: number[];
  action_grid?: undefined;
  directions?: undefined;
  image?: undefined;
}
export interface PlaneLayout {
  kind: "plane";
  names: string[];
  low: number[];
  high: number[];
  x: number;
  y: number;
  walls: [x0: number, y0: number, x1: number, y1: number][];
  directions: [dx: number, dy: number][];
  regions: [label: string, x0: number, y0: number, x1: number, y1: number][];
  /** The last axes; recordings made before these could be others know no `origin`. */
  projection: number[][] | null;
  origin?: number[];
  image: [rows: number, cols: number] | null;
  action_grid?: undefined;
  terminal?: undefined;
}
export type Layout = GridLayout | MatrixLayout | TableLayout | PlaneLayout;
export interface RunConfig {
  dataset: string;
  options?: Record<string, unknown>;
  /** Updates after which it ends, 0 for never. */
  budget?: number;
}
/** The run that this one branched off, and what was changed there. */
export interface Parent {
  id: string;
  step: number;
  lane: number;
  what: Record<string, Value>;
  /** The own file that was saved. */
  saved?: string;
}
export interface Hello {
  type: "hello";
  protocol: number;
  run: { id: string; key: string; title: string; private: boolean; parent: Parent | null; config: RunConfig };
  layout: Layout;
  states: number;
  actions: number | string[];
  /** How an uploaded log was opened: file, format, mapping, gamma. */
  opened?: Record<string, unknown>;
  rows?: number;
  episodes?: number;
  steps_per_epoch?: number;
  members: Member[];
  lanes: Lane[];
  metrics: Metric[];
  truth: Truth;
  initial_states: number[];
  film?: { world?: string; horizon?: number; why_not?: string };
}
export type RunState = "queued" | "starting" | "running" | "paused" | "finished" | "diverged" | "failed" | "stopped";
export interface StateMessage {
  type: "state";
  state: RunState;
  reason?: string;
  place?: number | null;
  step: number;
  budget: number;
  speed: number;
  rate: number;
  alone?: boolean;
  playing?: boolean;
  /** What is wrong with the newest text of a file that the run's algorithms come from. */
  mistake?: string;
}
export interface Mark {
  type: "mark";
  step: number;
  lane: number;
  what: Record<string, [before: Value, after: Value]>;
}
export interface EquationMessage {
  type: "equation";
  lane: number;
  equation: string;
  formulas: Record<string, string>;
}
export interface Alarm {
  type: "alarm";
  kind: string;
  active?: boolean;
  member: number;
  step: number;
  title: string;
  cause: string;
  panel: string;
  mode: string;
}
export interface TruthMessage {
  type: "truth";
  truth: Truth;
}
export interface Moved {
  type: "moved";
  run_id: string;
  reason?: string;
  parent?: string;
  step?: number;
  after?: number;
  /** Whether all who watched are moved together. */
  shared?: boolean;
}
export interface Accepted {
  type: "accepted";
  id: number;
}
export interface Refused {
  type: "refused";
  id: number | null;
  message: string;
}
/** One number of an update, as the algorithm reports it. */
export interface ExplainedStep {
  name: string;
  title: string;
  latex: string;
  value: number | number[];
}
/** One row of the data on its way through the next update. */
export interface Explanation {
  /** The row's number; null where no row has this state and action. */
  row: number | null;
  rows: number;
  /** A number, or −1 where states are vectors. */
  state: number;
  action: number;
  reward: number;
  /** Whether the state after this row was recorded; recordings made before this was asked do not say. */
  next_known?: boolean;
  next_state: number;
  next_action: number | null;
  observation: number[] | null;
  next_observation: number[] | null;
  terminated: boolean;
  truncated: boolean;
  count: number;
  in_data: boolean;
  /** `cut`: the recording stopped before the episode had ended, and so does every return in it. */
  episode: { number: number; step: number; length: number; cut?: boolean } | null;
  /** The row's place among those with the same state and action. */
  pair: { at: number; of: number; previous: number | null; following: number | null } | null;
  steps: ExplainedStep[];
}
export interface Explained {
  type: "explain";
  id: number;
  step: number;
  data: Explanation;
}
export type TextMessage =
  | Hello
  | StateMessage
  | Mark
  | EquationMessage
  | Alarm
  | TruthMessage
  | Moved
  | Accepted
  | Refused
  | Explained;

/** What a source says about itself: it opened, it closed, it is a recording that has been read. */
export type SourceMessage = { type: "open" } | ({ type: "close" } & Lost) | { type: "recorded" };
export type Message = TextMessage | SourceMessage;
/** Everything that a source delivers. */
export type Delivered = Message | BinaryMessage;

// Commands from the viewer

export type Command =
  | { cmd: "play" | "pause" | "reset" | "stop" | "restart" }
  | { cmd: "step"; unit: string }
  | { cmd: "speed"; value: number }
  | { cmd: "set"; lane: number; values: Record<string, Value> }
  | { cmd: "branch"; step: number; lane: number; values: Record<string, Value> }
  | { cmd: "view"; member: number; members?: number[]; mode?: string; reads?: boolean }
  | { cmd: "select"; state: number | null }
  | { cmd: "history"; member: number }
  | { cmd: "frame"; step: number }
  | { cmd: "explain"; row?: number; state?: number; action?: number; member?: number; step?: number }
  | { cmd: "film"; step?: number; member?: number; seed?: number }
  | { cmd: "catch_up"; step: number }
  | { cmd: "ack"; seq: number };
export type Sent = Command & { id?: number };

/** Where messages come from: a live run, or a recording (source.js). */
export interface Source {
  /** Whether it can train on. */
  readonly live: boolean;
  readonly open: boolean;
  start(receive: (message: Delivered) => void): void;
  send(command: Sent): void;
  close(): void;
}
