// Films of Gymnasium's classic control: cart and pole, hill and car, two links. Each is drawn as the thing itself,
// above a strip with the number that decides.

import { actionColour, mix } from "../shared/palette.js";
import { arrowPath } from "../shared/signs.js";
import { disc, drawStrip, drawWalker, ending, line } from "./drawing.js";

/**
 * @import { Box, Point } from "../shared/types.d.ts"
 * @import { Shot } from "./types.d.ts"
 */

/** @typedef {CanvasRenderingContext2D} Context */

// The thing above, a strip with the number that decides below.
/** @param {Box} box @returns {[thing: Box, strip: Box]} */
function split({ x, y, width, height }) {
  const low = Math.min(Math.max(height * 0.24, 60), 120);
  return [
    { x, y, width, height: height - low - 40 },
    { x: x + 6, y: y + height - low - 10, width: width - 22, height: low },
  ];
}

/**
 * What is done at this moment, as an arrow of its colour along (dx, dy).
 * @param {Context} pen
 * @param {Shot} shot
 * @param {Point} from
 * @param {number[]} dx
 * @param {number} length
 */
function force(pen, shot, from, dx, length) {
  const action = shot.episode.action(Math.floor(shot.at));
  if (action < 0 || !dx[action]) return;
  pen.fillStyle = actionColour(shot.theme, action);
  arrowPath(pen, from[0], from[1], dx[action], 0, length, length * 0.16);
  pen.fill();
}

/** @param {Context} pen @param {Shot} shot */
export function drawCartPole(pen, shot) {
  const { episode, theme, at, box, steps } = shot;
  const [scene, strip] = split(box);
  const [position, , angle] = episode.between(at);
  const unit = Math.min(scene.width / 5.4, scene.height / 1.75);
  const ground = scene.y + scene.height - unit * 0.2;
  const middle = scene.x + scene.width / 2;
  /** @param {number} position @param {number} y @returns {Point} */
  const along = (position, y) => [middle + position * unit, y];
  line(pen, [along(-2.4, ground), along(2.4, ground)], theme.muted, 2);
  for (const limit of [-2.4, 2.4])
    line(pen, [along(limit, ground - unit * 0.18), along(limit, ground + 5)], theme.warning, 3);
  /** @type {Point} */
  const cart = [middle + position * unit, ground - unit * 0.17];
  /** @param {number} theta @param {number} [length] @returns {Point} */
  const tip = (theta, length = 1) => [
    cart[0] + Math.sin(theta) * unit * length,
    cart[1] - Math.cos(theta) * unit * length,
  ];
  const most = (12 * Math.PI) / 180;
  pen.setLineDash([5, 5]);
  for (const limit of [-most, most]) line(pen, [cart, tip(limit, 1.12)], theme.warning, 1.2);
  pen.setLineDash([]);
  pen.fillStyle = mix(theme.text, theme.background, 0.25);
  pen.beginPath();
  pen.roundRect(cart[0] - unit * 0.26, cart[1] - unit * 0.13, unit * 0.52, unit * 0.26, unit * 0.04);
  pen.fill();
  for (const side of [-1, 1]) disc(pen, [cart[0] + side * unit * 0.15, ground - unit * 0.03], unit * 0.05, theme.text);
  line(pen, [cart, tip(angle)], theme.series[1], unit * 0.075);
  disc(pen, cart, unit * 0.05, theme.accent);
  force(pen, shot, [cart[0], cart[1]], [-1, 1], unit * 0.55);
  drawStrip(pen, strip, theme, {
    label: "angle of the pole, degrees; over at ±12",
    low: -15,
    high: 15,
    limits: [-12, 12],
    upto: Math.floor(at),
    steps,
    value: (t) => (episode.observation(t)[2] * 180) / Math.PI,
  });
  ending(pen, shot, [cart[0], cart[1] - unit * 0.2]);
}

/** @param {Context} pen @param {Shot} shot */
export function drawMountainCar(pen, shot) {
  const { episode, theme, at, box, steps } = shot;
  const [scene, strip] = split(box);
  const [position] = episode.between(at);
  const unit = Math.min(scene.width / 1.9, (scene.height - 34) / 1.0);
  const left = scene.x + (scene.width - 1.8 * unit) / 2;
  /** @param {number} x @returns {Point} */
  const place = (x) => [left + (x + 1.2) * unit, scene.y + scene.height - 8 - (Math.sin(3 * x) * 0.45 + 0.5) * unit];
  /** @param {number} from @param {number} to */
  const curve = (from, to) => Array.from({ length: 81 }, (_, i) => place(from + ((to - from) * i) / 80));
  line(pen, curve(-1.2, 0.6), theme.muted, 2.5);
  const reached = Array.from({ length: Math.floor(at) + 1 }, (_, t) => episode.observation(t)[0]);
  line(pen, curve(Math.min(...reached), Math.max(...reached)), theme.series[0], 4);
  const goal = place(0.5);
  line(pen, [goal, [goal[0], goal[1] - 0.16 * unit]], theme.text, 2);
  pen.fillStyle = theme.warning;
  pen.beginPath();
  pen.moveTo(goal[0], goal[1] - 0.16 * unit);
  pen.lineTo(goal[0] + 0.1 * unit, goal[1] - 0.13 * unit);
  pen.lineTo(goal[0], goal[1] - 0.09 * unit);
  pen.fill();
  const car = place(position);
  pen.save();
  pen.translate(...car);
  pen.rotate(-Math.atan(Math.cos(3 * position) * 1.35));
  pen.fillStyle = mix(theme.text, theme.background, 0.2);
  pen.beginPath();
  pen.roundRect(-0.055 * unit, -0.075 * unit, 0.11 * unit, 0.05 * unit, 3);
  pen.fill();
  for (const side of [-1, 1]) disc(pen, [side * 0.035 * unit, -0.022 * unit], 0.02 * unit, theme.accent);
  force(pen, shot, [0, -0.11 * unit], [-1, 0, 1], 0.13 * unit);
  pen.restore();
  drawStrip(pen, strip, theme, {
    label: "position; the goal is at 0.5",
    low: -1.25,
    high: 0.65,
    limits: [0.5],
    upto: Math.floor(at),
    steps,
    value: (t) => episode.observation(t)[0],
  });
  ending(pen, shot, [car[0], car[1] - 0.1 * unit]);
}

/** Places of elbow and tip. @param {ArrayLike<number>} observation @returns {[elbow: Point, tip: Point]} */
const links = (observation) => {
  const [c1, s1, c2, s2] = Array.from(observation);
  const [first, second] = [Math.atan2(s1, c1), Math.atan2(s2, c2)];
  return [
    [Math.sin(first), -Math.cos(first)],
    [Math.sin(first) + Math.sin(first + second), -Math.cos(first) - Math.cos(first + second)],
  ];
};

/** @param {Context} pen @param {Shot} shot */
export function drawAcrobot(pen, shot) {
  const { episode, theme, at, box, steps, layout } = shot;
  const [scene, strip] = split(box);
  const unit = Math.min(scene.width, scene.height) / 4.3;
  /** @type {Point} */
  const base = [scene.x + scene.width / 2, scene.y + scene.height / 2];
  /** @param {Point} point @returns {Point} */
  const place = ([x, y]) => [base[0] + x * unit, base[1] - y * unit];
  const [elbow, tip] = links(episode.between(at)).map(place);
  pen.setLineDash([6, 5]);
  line(pen, [place([-2.1, 1]), place([2.1, 1])], theme.warning, 1.6);
  pen.setLineDash([]);
  const way = Array.from({ length: Math.min(Math.floor(at), 30) + 1 }, (_, k) =>
    place(links(episode.observation(Math.floor(at) - k))[1]),
  );
  line(pen, way, mix(theme.series[0], theme.background, 0.45), 1.6);
  line(pen, [base, elbow], theme.series[0], unit * 0.11);
  line(pen, [elbow, tip], theme.series[1], unit * 0.11);
  disc(pen, base, unit * 0.09, theme.text);
  const action = episode.action(Math.floor(at));
  drawWalker(pen, elbow, Math.max(unit * 0.13, 7), action, layout, theme);
  drawStrip(pen, strip, theme, {
    label: "height of the tip; over above 1",
    low: -2.1,
    high: 2.1,
    limits: [1],
    upto: Math.floor(at),
    steps,
    value: (t) => links(episode.observation(t))[1][1],
  });
  ending(pen, shot, tip);
}
