// How an episode is drawn.

import type { Layout } from "../run/protocol.d.ts";
import type { Box, Theme } from "../shared/types.d.ts";
import type { Scene } from "../world/scenes.d.ts";
import type { Episode } from "./episode.js";

/** One moment of an episode. */
export interface Shot {
  episode: Episode;
  /** Time, in steps of the episode. */
  at: number;
  /** Steps of the film's longest episode. */
  steps: number;
  box: Box;
  theme: Theme;
  layout: Layout;
  /** Of the actions. */
  names: Record<number, string>;
  /** The world's own picture, and where it stands. */
  scene?: Scene;
  geo?: unknown;
}

export interface FilmPicture {
  /** Whether it lies over the world's own picture. */
  overlay: boolean;
  /** Steps a second. */
  speed: number;
  draw(pen: CanvasRenderingContext2D, shot: Shot): void;
}
