// What the drawings of a lecture share.

import type { Child, Description } from "../shared/element.d.ts";
import type { readTheme } from "../shared/palette.js";
import type { PictureAxis } from "./axes.js";
import type { Labels } from "./labels.js";
import type { Control, Html, Value } from "./protocol.d.ts";

export type Theme = ReturnType<typeof readTheme>;
/** A corner in pixels. */
export type Corner = readonly [x: number, y: number];
/** Where a word may stand: x, y of the baseline, text-anchor. */
export type WordPlace = readonly [x: number, y: number, anchor: "start" | "middle" | "end"];

/** What pictures and controls get to know and may do. */
export interface Env {
  theme: Theme;
  /** Changes with whatever a drawing depends on beside its picture and its size. */
  look: string;
  /** Tells the parts of one lecture from another's on the same page. */
  uid: string;
  /** Lecture mode: nothing but the scene, large type. */
  present: boolean;
  /** The colour of a role. */
  colour: (role: string) => string;
  /** Pixels of the type's size. */
  em: number;
  /** The control of a name, null where there is none or it may not be moved. */
  control: (name: string | undefined) => Control | null;
  revealed: boolean;
  /** A follower has predicted, and the presenter has not revealed the answer. */
  waiting: boolean;
  frozen: (name: string) => boolean;
  hidden: (name: string) => boolean;
  /** Set controls; `final`: let go; `exact`: not snapped to the controls' steps. */
  set: (values: Record<string, Value>, final: boolean, exact?: boolean) => void;
  /** Move a control by so many of its steps. */
  nudge: (name: string, steps: number) => void;
  reset: () => void;
  refusal: { name: string | undefined; message: string } | null;
  /** Show or hide the help of a control. */
  help: (name: string) => void;
  helped: string | null;
  playing: boolean;
  play: () => void;
  pause: () => void;
  /** Draw again when the element changes its size. */
  watch: (element: Element) => void;
}

/** What one drawing gets: the environment, its room, and the pointer in its own pixels. */
export interface Context extends Env {
  id: string;
  width: number;
  height: number;
  /** A small picture among others: without numbers and names. */
  mini: boolean;
  /** Where words were put the last time. */
  memory: Map<string, number>;
  pointer: (event: MouseEvent) => [x: number, y: number];
  drag: (
    event: PointerEvent & { readonly currentTarget: Element },
    move: (event: PointerEvent, final: boolean) => void,
  ) => void;
}

/** The room inside a drawing, and its axes. */
export interface Frame {
  x: PictureAxis;
  y: PictureAxis;
  left: number;
  right: number;
  top: number;
  bottom: number;
  width: number;
  labels: Labels;
}

/** One line of the box beside the pointer. */
export interface TipRow {
  colour: string;
  name: Html;
  text: string;
  dash?: boolean;
}

/** What is at the pointer. */
export interface Found {
  x: number;
  y?: number;
  title: string;
  rows: TipRow[];
  /** The height of a line through the place, if there is one. */
  line: { top: number; bottom: number } | null;
  overlay?: Child[];
}

/** The legend of a map, whose limits come from its data. */
export interface MapLegend {
  name: Html;
  unit: string;
  low: number;
  high: number;
  /** Colours from low to high; null without values. */
  stops: string[] | null;
  hatch: boolean;
  paths: { name: Html; colour: string; dash: boolean }[];
}

/** A drawing: SVG, what is painted below it, what is at a place, and a legend. */
export interface Drawn {
  nodes: Child[];
  probe: ((x: number, y: number) => Found | null) | null;
  paint?: ((pen: CanvasRenderingContext2D, ratio: number) => void) | null;
  legend?: MapLegend;
}

export type { Child, Description };
