// What the pictures of a world have in common, whatever its layout.

import type { Scale } from "../shared/scale.js";
import type { Box, Pen, Theme } from "../shared/types.d.ts";
import type { Read } from "./reads.js";

/** What is coloured. `values` has one number per action and state, or per state. */
export interface Painted {
  values: ArrayLike<number>;
  scale: Scale;
  theme: Theme;
  perState: boolean;
  /** Whether the policy is drawn as signs of its actions, instead of colours. */
  arrows: boolean;
  policy: ArrayLike<number> | null;
  /** Parameters of a Q that is linear in features of pairs. */
  theta: ArrayLike<number> | null;
}

export interface Outline {
  colour: string;
  /** Colour of a line beneath, on which the outline reads. */
  inner?: string;
  width: number;
  action: number | null;
}

export interface Hit {
  state: number;
  action: number | null;
}

/** A picture of the world: `Geo` says where it stands. */
export interface Scene<Geo = unknown> {
  /** Width by height that it likes best. */
  aspect: number;
  /** Whether what moves lies above what never changes. */
  above?: boolean;
  geometry(box: Box): Geo;
  draw(pen: Pen, geo: Geo, what: Painted): void;
  /** Numbers written into the picture, above all else, where there is room for them. */
  drawNumbers?(pen: Pen, geo: Geo, what: Painted): void;
  /** Arrows from what targets read; the state pointed at stands out, or all are as strong where they stand `still`. */
  drawReads?(
    pen: Pen,
    geo: Geo,
    reads: readonly Read[],
    theme: Theme,
    how: { pointed: number | null; still: boolean },
  ): void;
  /** What never changes: walls, hatches, letters, lines between cells. */
  drawStatic(pen: Pen, geo: Geo, theme: Theme, ratio: number, small: boolean): void;
  outline(pen: Pen, geo: Geo, state: number, style: Outline): void;
  /** A state in which the worlds shown choose different greedy actions. */
  markDifference(pen: Pen, geo: Geo, state: number, theme: Theme): void;
  hit(geo: Geo, x: number, y: number): Hit | null;
  name(state: number): string;
  neighbour(state: number, dx: number, dy: number): number;
  /** Bring a state into view, where not all have room; whether the picture is another then. */
  reveal?(state: number): boolean;
}
