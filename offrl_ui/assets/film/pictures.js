// How a film is drawn: over the world's own picture where states have a place there (grids, mazes), else as the thing
// itself (cart and pole, hill and car, two links, taxi) or as the way through the states over time (patients, abstract
// worlds).

import { drawAcrobot, drawCartPole, drawMountainCar } from "./classic_control.js";
import { drawOverTime } from "./over_time.js";
import { drawTaxi } from "./taxi.js";
import { drawOnGrid, drawOnPlane } from "./walks.js";

/**
 * @import { Layout } from "../run/protocol.d.ts"
 * @import { FilmPicture } from "./types.d.ts"
 */

/** @type {Record<string, FilmPicture>} */
const WORLDS = {
  cartpole: { overlay: false, speed: 50, draw: drawCartPole },
  "mountain-car": { overlay: false, speed: 30, draw: drawMountainCar },
  acrobot: { overlay: false, speed: 15, draw: drawAcrobot },
  taxi: { overlay: false, speed: 4, draw: drawTaxi },
};

/** @param {Layout} layout @param {string} world @returns {FilmPicture} */
export function pictureFor(layout, world) {
  if (WORLDS[world]) return WORLDS[world];
  if (layout.kind === "grid") return { overlay: true, speed: 5, draw: drawOnGrid };
  if (layout.kind === "plane") return { overlay: true, speed: 11, draw: drawOnPlane };
  return { overlay: false, speed: 2.5, draw: drawOverTime };
}
