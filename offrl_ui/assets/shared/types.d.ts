// Types that several rooms share.

import type { SvgContext } from "./svg.js";

/** What pictures are drawn with: a canvas' context, or the one that writes SVG. */
export type Pen = CanvasRenderingContext2D | SvgContext;

export type Point = [x: number, y: number];
export type Polygon = Point[];
export type Span = [low: number, high: number];
/** Numbers of a table, one for each action and state. */
export type Numbers = ArrayLike<number>;

export interface Box {
  x: number;
  y: number;
  width: number;
  height: number;
}

/** Colours and font of the page. */
export interface Theme {
  dark: boolean;
  background: string;
  surface: string;
  text: string;
  muted: string;
  faint: string;
  line: string;
  wall: string;
  accent: string;
  warning: string;
  font: string;
  actions: string[];
  lanes: string[];
  series: string[];
}

export type RampKind = "value" | "amount" | "diverging";

/** A grid world as its picture needs it; -1 where a cell is no state. */
export interface GridShape {
  rows: number;
  cols: number;
  cells: string | readonly string[];
  state_of_cell: readonly number[];
  directions?: readonly (readonly [row: number, col: number])[];
}

/** How a layout names and turns its actions: what a sign of an action is drawn from. */
export interface ActionSigns {
  kind: string;
  directions?: [number, number][] | null;
  action_grid?: [rows: number, cols: number] | null;
}

/** The part of Plotly that the curves use. */
export interface PlotlyLibrary {
  newPlot(element: HTMLElement, data: object[], layout: object, config: object): Promise<unknown>;
  react(element: HTMLElement, data: object[], layout: object): Promise<unknown>;
  animate(element: HTMLElement, update: object, options: object): Promise<unknown>;
  downloadImage(figure: object, options: object): Promise<unknown>;
  purge(element: HTMLElement): void;
}

/** A Streamlit component, as its module is given it. */
export interface Component<Data> {
  parentElement: HTMLElement | ShadowRoot;
  data: Data;
  setStateValue(name: string, value: unknown): void;
  setTriggerValue(name: string, value: unknown): void;
}

declare global {
  var Plotly: PlotlyLibrary | undefined;
  /** A replay in a single file brings the chart library along. */
  var offrlPlotly: Promise<PlotlyLibrary> | undefined;
}
