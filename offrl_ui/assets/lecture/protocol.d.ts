// The messages of `/scene` (offrl_ui/lecture/socket.py), and the pictures in them (offrl_lecture/base/pictures.py, as
// encode.py writes them). A test compares these declarations with the Python records.

// --- numbers and words

/** A number; null is missing, and what JSON cannot say is a word. */
export type Numeral = number | null | "inf" | "-inf";
/** A label of a drawing: text, or pieces `[text, "" | "i" | "sub" | "sup"]`. */
export type Label = string | readonly (readonly [text: string, kind: "" | "i" | "sub" | "sup"])[];
/** Markup made by the server. */
export type Html = string;
/** What a control can be set to. */
export type Value = number | string | boolean;
export type State = Record<string, Value>;
export type Height = "short" | "normal" | "tall";

// --- what pictures consist of

export interface Axis {
  label: Html;
  unit: string;
  scale: "linear" | "log" | "symlog";
  low: Numeral;
  high: Numeral;
  threshold: number;
  ticks: readonly Numeral[];
  tick_labels: readonly Label[];
}

export interface Line {
  name: Html;
  x: readonly Numeral[];
  y: readonly Numeral[];
  color: string;
  dash: boolean;
  mode: "line" | "points" | "both" | "steps";
  label: Label;
  band: readonly [readonly Numeral[], readonly Numeral[]] | null;
  band_name: Html;
  faint: boolean;
  width: number;
}

export interface Mark {
  at: Numeral;
  label: Label;
  axis: "x" | "y";
  color: string;
  dash: boolean;
}

export interface Zone {
  low: Numeral;
  high: Numeral;
  label: Label;
  color: string;
  axis: "x" | "y";
}

export interface Point {
  x: Numeral;
  y: Numeral;
  label: Label;
  color: string;
  control_x: string;
  control_y: string;
  shape: "circle" | "square" | "diamond" | "cross";
  optional: boolean;
}

export interface Bar {
  name: Html;
  values: readonly Numeral[];
  color: string;
  colors: readonly string[];
  targets: readonly Numeral[];
  target_name: Html;
  controls: readonly string[];
}

export interface Path {
  name: Html;
  color: string;
  cells: readonly number[];
  xy: readonly (readonly [Numeral, Numeral])[];
  dash: boolean;
  weight: number;
  label: Label;
}

export interface Target {
  state: number;
  action: number;
  label: Html;
  color: string;
  sources: readonly number[];
}

export interface Panel {
  label: Html;
  lines: Lines;
  value: Value;
  verdict: Html;
  tone: string;
  sets: readonly (readonly [string, Value])[];
}

export interface Number {
  label: Html;
  value: Numeral | string;
  unit: string;
  target: Numeral | string;
  target_name: Label;
  tone: "" | "good" | "bad" | "muted";
  help: Html;
}

export interface Check {
  ok: boolean | null;
  text: Html;
}

export interface Card {
  row: number;
  column: number;
  label: Html;
  value: string;
  text: Html;
  color: string;
}

/** A grid world, row by row: a cell's letter, and its state or −1. */
export interface Layout {
  rows: number;
  cols: number;
  cells: string;
  state_of_cell: readonly number[];
  directions: readonly (readonly [number, number])[];
  labels: readonly (readonly [string, string])[];
}

// --- pictures

interface Common {
  title: Html;
  caption: Html;
  alarm: Html;
  alt: string;
  height: Height;
}

export interface Lines extends Common {
  kind: "lines";
  x: Axis;
  y: Axis;
  lines: readonly Line[];
  marks: readonly Mark[];
  zones: readonly Zone[];
  points: readonly Point[];
  legend: boolean;
}

export interface Bars extends Common {
  kind: "bars";
  categories: readonly Label[];
  y: Axis;
  bars: readonly Bar[];
  marks: readonly Mark[];
  legend: boolean;
}

export interface NumberLine extends Common {
  kind: "number-line";
  axis: Axis;
  points: readonly Point[];
  marks: readonly Mark[];
  zones: readonly Zone[];
}

/** How numbers become colours. */
export interface Colouring {
  palette: "sequential" | "diverging";
  middle: number;
  low: Numeral;
  high: Numeral;
}

export interface Heat extends Common, Colouring {
  kind: "heat";
  x: Axis;
  y: Axis;
  z: readonly (readonly Numeral[])[];
  z_label: Html;
  z_unit: string;
  log: boolean;
  missing: readonly (readonly boolean[])[];
  contours: readonly Line[];
  points: readonly Point[];
  show_values: boolean;
}

export interface Grid extends Common, Colouring {
  kind: "grid";
  layout: Layout;
  value_label: Html;
  action_values: readonly (readonly Numeral[])[] | null;
  state_values: readonly Numeral[] | null;
  policy: readonly (readonly Numeral[])[] | null;
  seen: readonly (readonly boolean[])[] | null;
  paths: readonly Path[];
  targets: readonly Target[];
  selected: number | null;
  control: string;
  action_names: readonly Label[];
  state_names: readonly Label[];
}

export interface Plane extends Common, Colouring {
  kind: "plane";
  x: Axis;
  y: Axis;
  walls: readonly (readonly [Numeral, Numeral, Numeral, Numeral])[];
  regions: readonly (readonly [Label, Numeral, Numeral, Numeral, Numeral])[];
  dots: readonly (readonly [Numeral, Numeral, Numeral])[];
  dots_label: Html;
  arrows: readonly (readonly [number, number, number, number])[];
  paths: readonly Path[];
  points: readonly Point[];
  bare: boolean;
}

export interface Code extends Common {
  kind: "code";
  left_title: Html;
  left: string;
  right_title: Html;
  right: string;
  active_left: readonly number[];
  active_right: readonly number[];
}

export interface Panels extends Common {
  kind: "panels";
  panels: readonly Panel[];
  control: string;
  selected: number | null;
  columns: number;
}

export interface Equation extends Common {
  kind: "equation";
  rows: readonly (readonly [math: string, note: Html])[];
}

export interface NumberTiles extends Common {
  kind: "numbers";
  numbers: readonly Number[];
}

export interface Checks extends Common {
  kind: "checks";
  checks: readonly Check[];
}

export interface Table extends Common {
  kind: "table";
  columns: readonly Html[];
  rows: readonly (readonly (Numeral | Html)[])[];
  tones: readonly string[];
  selected: number | null;
}

export interface Board extends Common {
  kind: "board";
  row_title: Html;
  column_title: Html;
  rows: readonly Html[];
  columns: readonly Html[];
  cards: readonly Card[];
  control: string;
  selected: string;
}

export interface Words extends Common {
  kind: "words";
  text: Html;
}

/** A picture that is drawn, and fills the room that it gets. */
export type Drawing = Lines | Bars | NumberLine | Heat | Grid | Plane;
/** A picture made of words and numbers. */
export type Text = Equation | NumberTiles | Checks | Table | Code | Board | Words;
export type Picture = Drawing | Text | Panels;

// --- scenes

export interface Control {
  name: string;
  symbol: Html;
  label: Html;
  text: string;
  help: Html;
  help_text: string;
  default: Value;
  low: number;
  high: number;
  choices: readonly (readonly [value: string, label: Html, text: string])[];
  texts: readonly (readonly [value: number, text: string])[];
  scale: "linear" | "log";
  integer: boolean;
  special: readonly (readonly [value: number, name: string])[];
  step: number | null;
  unit: string;
  widget: "auto" | "select" | "none";
  shown_if: readonly [name: string, values: readonly Value[]] | null;
}

export interface Prediction {
  ask: Html;
  choices: readonly Html[];
  at: State;
}

export interface Play {
  control: string;
  per_second: number;
  stride: number;
  label: string;
}

export interface Preset {
  label: Html;
  values: State;
}

/** A place in the layout: which picture, and how wide beside its neighbours. */
export interface Place {
  name: string;
  width: number;
}

export interface Scene {
  id: string;
  title: Html;
  title_text: string;
  question: Html;
  setup: Html;
  source: Html;
  controls: readonly Control[];
  prediction: Prediction | null;
  layout: readonly (readonly Place[])[];
  covered: readonly string[];
  stand_in: Record<string, string>;
  aside: readonly string[];
  presets: readonly Preset[];
  play: Play | null;
}

/** What is drawn for a state; `right` is the prediction that was right, `partial` that more is coming. */
export interface Result {
  pictures: Record<string, Picture>;
  answer: Html;
  more: Html;
  answer_text: string;
  right: number | null;
  run: Run;
  partial: boolean;
}

/** What a scene opens in the playground; nothing differs where it is the scene's own run. */
export interface Run {
  title: string;
  differs: Html;
  differs_text: string;
}

// --- what the page hands over (offrl_ui/lecture/page.py)

/** The scene that a link opens, in the link's state; its result as JSON where the page has computed it. */
export interface Opening {
  number: number;
  scene: string;
  state: State;
  revealed: boolean;
  notes: string[];
  result: string | null;
}

export interface PageData {
  page: string;
  title: string;
  pages: { name: string; title: string }[];
  scenes: Scene[];
  opening: Opening;
  /** What a link says beside it. */
  options: { present: boolean; embed: boolean; rooms: boolean; follow: string; hide: string[]; fix: string[] };
  notes: string[];
}

// --- messages

export type FromBrowser =
  | { type: "compute"; id: number; scene: string; state: State; revealed: boolean }
  | { type: "describe"; scene: string }
  | { type: "present"; code?: string; token?: string; scene?: string; round?: number }
  | { type: "follow"; code: string }
  | { type: "leave" }
  | { type: "vote"; scene: string; choice: number }
  | { type: "clear"; again?: boolean }
  | { type: "end" }
  | { type: "qr"; url: string };

export interface ResultMessage {
  type: "result";
  id: number;
  scene: string;
  ms: number;
  result: Result;
}

export interface ShowMessage {
  type: "show";
  scene: string;
  round: number;
  /** What was predicted before the discussion, where this is the second time. */
  first?: readonly number[] | null;
  state: State;
  revealed: boolean;
  result: Result;
}

/** The room is one's own, with what it knows: what was predicted before the discussion, and in every round. */
export interface PresentingMessage {
  type: "presenting";
  code: string;
  token: string;
  scene?: string | null;
  first?: readonly number[] | null;
  record?: readonly VotesMessage[];
}

export interface VotesMessage {
  type: "votes";
  scene: string;
  round: number;
  /** Null for a follower until the answer is revealed. */
  counts: readonly number[] | null;
  predicted: number;
  followers: number;
}

export interface RefusedMessage {
  type: "refused";
  id: number | null;
  message: string;
}

/** What a room is told. */
export type RoomMessage =
  | { type: "scene"; page: string; scene: Scene }
  | PresentingMessage
  | { type: "following"; code: string }
  | ShowMessage
  | VotesMessage
  | { type: "presence"; away: boolean }
  | { type: "ended" };

export type Answer = ResultMessage | RefusedMessage | { type: "qr"; url: string; svg: string } | RoomMessage;
/** `alive` only says that the connection stands. */
export type FromServer = Answer | { type: "alive" };
