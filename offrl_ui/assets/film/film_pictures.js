// How a film is drawn: over the world's own picture where states have a place there (grids, mazes), else as the thing itself
// (cart and pole, hill and car, two links, taxi) or as the way through the states over time (patients, abstract worlds).
//
// A picture is { overlay, speed (steps a second), draw(ctx, shot) }. A shot is { episode, at (time, in steps), steps (of the
// film's longest episode), box, theme, layout, names (of the actions), scene, geo (of the world's pane) }.

import { drawLabel, drawStrip, drawTrail, drawWalker } from "./film_draw.js";
import { actionColour, arrowPath, drawAction, mix } from "../shared/palette.js";
import { number } from "../shared/format.js";

export function pictureFor({ layout, film }) {
  if (THINGS[film.world]) return THINGS[film.world];
  if (layout.kind === "grid") return { overlay: true, speed: 5, draw: drawOnGrid };
  if (layout.kind === "plane") return { overlay: true, speed: 11, draw: drawOnPlane };
  return { overlay: false, speed: 2.5, draw: drawOverTime };
}

// Where the walker is between two places: `share` of the way.
const between = ([ax, ay], [bx, by], share) => [ax + (bx - ax) * share, ay + (by - ay) * share];

function drawWay(ctx, { episode, at, layout, theme, box }, point, radius) {
  const t = Math.min(Math.floor(at), episode.length);
  const over = t >= episode.length;
  const points = Array.from({ length: t + 1 }, (_, k) => point(k));
  if (!over) points.push(episode.nudge?.(t, at - t, point) ?? between(point(t), point(t + 1), at - t));
  drawTrail(ctx, points, theme, Math.min(Math.max(radius * 0.26, 1.6), 3));
  drawWalker(ctx, points.at(-1), radius, over ? -1 : episode.action(t), layout, theme);
  if (over) drawLabel(ctx, episode.ending, [points.at(-1)[0], points.at(-1)[1] - radius], theme, box);
}

function drawOnGrid(ctx, shot) {
  const { scene, geo, episode, layout } = shot;
  const point = (k) => scene.corner(geo, episode.state(k)).map((edge) => edge + geo.size / 2);
  // Against a wall: a step towards it and back.
  episode.nudge = (t, share) => {
    const [dy, dx] = layout.directions[episode.action(t)] ?? [0, 0];
    if (episode.state(t) !== episode.state(t + 1) || (!dx && !dy)) return null;
    const [x, y] = point(t);
    const push = 0.24 * geo.size * Math.sin(Math.PI * share);
    return [x + dx * push, y + dy * push];
  };
  drawWay(ctx, shot, point, Math.min(Math.max(geo.size * 0.3, 6), 17));
}

function drawOnPlane(ctx, shot) {
  const { scene, geo, episode, layout } = shot;
  const place = (value, d) => (value - layout.low[d]) / scene.span(d);
  drawWay(
    ctx,
    shot,
    (k) => {
      const seen = episode.observation(k);
      return [
        geo.x + place(seen[scene.x], scene.x) * geo.width,
        geo.y + (1 - place(seen[scene.y], scene.y)) * geo.height,
      ];
    },
    geo.small ? 6 : 10,
  );
}

// The thing above, a strip with the number that decides below.
function split({ x, y, width, height }) {
  const low = Math.min(Math.max(height * 0.24, 60), 120);
  return [
    { x, y, width, height: height - low - 40 },
    { x: x + 6, y: y + height - low - 10, width: width - 22, height: low },
  ];
}

function line(ctx, points, colour, width) {
  ctx.strokeStyle = colour;
  ctx.lineWidth = width;
  ctx.lineCap = ctx.lineJoin = "round";
  ctx.beginPath();
  points.forEach((point, i) => ctx[i ? "lineTo" : "moveTo"](...point));
  ctx.stroke();
}

function disc(ctx, [x, y], radius, colour) {
  ctx.fillStyle = colour;
  ctx.beginPath();
  ctx.arc(x, y, radius, 0, 2 * Math.PI);
  ctx.fill();
}

// What is done at this moment, as an arrow of its colour along (dx, dy).
function force(ctx, shot, from, dx, length) {
  const action = shot.episode.action(Math.floor(shot.at));
  if (action < 0 || !dx[action]) return;
  ctx.fillStyle = actionColour(shot.theme, action);
  arrowPath(ctx, from[0], from[1], dx[action], 0, length, length * 0.16);
  ctx.fill();
}

function ending(ctx, shot, place) {
  if (shot.at >= shot.episode.length) drawLabel(ctx, shot.episode.ending, place, shot.theme, shot.box, 13);
}

function drawCartPole(ctx, shot) {
  const { episode, theme, at, box, steps } = shot;
  const [scene, strip] = split(box);
  const [position, , angle] = episode.between(at);
  const unit = Math.min(scene.width / 5.4, scene.height / 1.75);
  const ground = scene.y + scene.height - unit * 0.2;
  const middle = scene.x + scene.width / 2;
  line(
    ctx,
    [
      [middle - 2.4 * unit, ground],
      [middle + 2.4 * unit, ground],
    ],
    theme.muted,
    2,
  );
  for (const limit of [-2.4, 2.4])
    line(
      ctx,
      [
        [middle + limit * unit, ground - unit * 0.18],
        [middle + limit * unit, ground + 5],
      ],
      theme.warning,
      3,
    );
  const cart = [middle + position * unit, ground - unit * 0.17];
  const tip = (theta, length = 1) => [
    cart[0] + Math.sin(theta) * unit * length,
    cart[1] - Math.cos(theta) * unit * length,
  ];
  const most = (12 * Math.PI) / 180;
  ctx.setLineDash([5, 5]);
  for (const limit of [-most, most]) line(ctx, [cart, tip(limit, 1.12)], theme.warning, 1.2);
  ctx.setLineDash([]);
  ctx.fillStyle = mix(theme.text, theme.background, 0.25);
  ctx.beginPath();
  ctx.roundRect(cart[0] - unit * 0.26, cart[1] - unit * 0.13, unit * 0.52, unit * 0.26, unit * 0.04);
  ctx.fill();
  for (const side of [-1, 1]) disc(ctx, [cart[0] + side * unit * 0.15, ground - unit * 0.03], unit * 0.05, theme.text);
  line(ctx, [cart, tip(angle)], theme.series[1], unit * 0.075);
  disc(ctx, cart, unit * 0.05, theme.accent);
  force(ctx, shot, [cart[0], cart[1]], [-1, 1], unit * 0.55);
  drawStrip(ctx, strip, theme, {
    label: "angle of the pole, degrees; over at ±12",
    low: -15,
    high: 15,
    limits: [-12, 12],
    upto: Math.floor(at),
    steps,
    value: (t) => (episode.observation(t)[2] * 180) / Math.PI,
  });
  ending(ctx, shot, [cart[0], cart[1] - unit * 0.2]);
}

function drawMountainCar(ctx, shot) {
  const { episode, theme, at, box, steps } = shot;
  const [scene, strip] = split(box);
  const [position] = episode.between(at);
  const unit = Math.min(scene.width / 1.9, (scene.height - 34) / 1.0);
  const left = scene.x + (scene.width - 1.8 * unit) / 2;
  const place = (x) => [left + (x + 1.2) * unit, scene.y + scene.height - 8 - (Math.sin(3 * x) * 0.45 + 0.5) * unit];
  const curve = (from, to) => Array.from({ length: 81 }, (_, i) => place(from + ((to - from) * i) / 80));
  line(ctx, curve(-1.2, 0.6), theme.muted, 2.5);
  const reached = Array.from({ length: Math.floor(at) + 1 }, (_, t) => episode.observation(t)[0]);
  line(ctx, curve(Math.min(...reached), Math.max(...reached)), theme.series[0], 4);
  const goal = place(0.5);
  line(ctx, [goal, [goal[0], goal[1] - 0.16 * unit]], theme.text, 2);
  ctx.fillStyle = theme.warning;
  ctx.beginPath();
  ctx.moveTo(goal[0], goal[1] - 0.16 * unit);
  ctx.lineTo(goal[0] + 0.1 * unit, goal[1] - 0.13 * unit);
  ctx.lineTo(goal[0], goal[1] - 0.09 * unit);
  ctx.fill();
  const car = place(position);
  ctx.save();
  ctx.translate(...car);
  ctx.rotate(-Math.atan(Math.cos(3 * position) * 1.35));
  ctx.fillStyle = mix(theme.text, theme.background, 0.2);
  ctx.beginPath();
  ctx.roundRect(-0.055 * unit, -0.075 * unit, 0.11 * unit, 0.05 * unit, 3);
  ctx.fill();
  for (const side of [-1, 1]) disc(ctx, [side * 0.035 * unit, -0.022 * unit], 0.02 * unit, theme.accent);
  force(ctx, shot, [0, -0.11 * unit], [-1, 0, 1], 0.13 * unit);
  ctx.restore();
  drawStrip(ctx, strip, theme, {
    label: "position; the goal is at 0.5",
    low: -1.25,
    high: 0.65,
    limits: [0.5],
    upto: Math.floor(at),
    steps,
    value: (t) => episode.observation(t)[0],
  });
  ending(ctx, shot, [car[0], car[1] - 0.1 * unit]);
}

const links = ([c1, s1, c2, s2]) => {
  const [first, second] = [Math.atan2(s1, c1), Math.atan2(s2, c2)];
  return [
    [Math.sin(first), -Math.cos(first)],
    [Math.sin(first) + Math.sin(first + second), -Math.cos(first) - Math.cos(first + second)],
  ];
};

function drawAcrobot(ctx, shot) {
  const { episode, theme, at, box, steps, layout } = shot;
  const [scene, strip] = split(box);
  const unit = Math.min(scene.width, scene.height) / 4.3;
  const base = [scene.x + scene.width / 2, scene.y + scene.height / 2];
  const place = ([x, y]) => [base[0] + x * unit, base[1] - y * unit];
  const [elbow, tip] = links(episode.between(at)).map(place);
  ctx.setLineDash([6, 5]);
  line(ctx, [place([-2.1, 1]), place([2.1, 1])], theme.warning, 1.6);
  ctx.setLineDash([]);
  const way = Array.from({ length: Math.min(Math.floor(at), 30) + 1 }, (_, k) =>
    place(links(episode.observation(Math.floor(at) - k))[1]),
  );
  line(ctx, way, mix(theme.series[0], theme.background, 0.45), 1.6);
  line(ctx, [base, elbow], theme.series[0], unit * 0.11);
  line(ctx, [elbow, tip], theme.series[1], unit * 0.11);
  disc(ctx, base, unit * 0.09, theme.text);
  const action = episode.action(Math.floor(at));
  drawWalker(ctx, elbow, Math.max(unit * 0.13, 7), action, layout, theme);
  drawStrip(ctx, strip, theme, {
    label: "height of the tip; over above 1",
    low: -2.1,
    high: 2.1,
    limits: [1],
    upto: Math.floor(at),
    steps,
    value: (t) => links(episode.observation(t))[1][1],
  });
  ending(ctx, shot, tip);
}

// Gymnasium's map: 5 × 5 cells, the stops, and the walls between columns, as (rows, column to their left).
const STOPS = [
  [0, 0],
  [0, 4],
  [4, 0],
  [4, 3],
];
const WALLS = [
  [[0, 1], 1],
  [[3, 4], 0],
  [[3, 4], 2],
];
const STOP_COLOURS = ["#d1495b", "#2a9d68", "#c9a227", "#3b6fb6"];

function drawTaxi(ctx, shot) {
  const { episode, theme, at, box, layout, names } = shot;
  const size = Math.min(box.width - 16, box.height - 40) / 5;
  const [left, top] = [box.x + (box.width - 5 * size) / 2, box.y + 8];
  const centre = (row, col) => [left + (col + 0.5) * size, top + (row + 0.5) * size];
  const read = (k) => {
    const state = episode.state(k);
    return {
      row: Math.floor(state / 100),
      col: Math.floor(state / 20) % 5,
      passenger: Math.floor(state / 4) % 5,
      to: state % 4,
    };
  };
  ctx.strokeStyle = theme.line;
  ctx.lineWidth = 1;
  for (let i = 0; i <= 5; i++) {
    line(
      ctx,
      [
        [left + i * size, top],
        [left + i * size, top + 5 * size],
      ],
      theme.line,
      i % 5 ? 1 : 3,
    );
    line(
      ctx,
      [
        [left, top + i * size],
        [left + 5 * size, top + i * size],
      ],
      theme.line,
      i % 5 ? 1 : 3,
    );
  }
  STOPS.forEach(([row, col], i) => {
    ctx.fillStyle = mix(STOP_COLOURS[i], theme.background, 0.55);
    ctx.fillRect(left + col * size + 2, top + row * size + 2, size - 4, size - 4);
    ctx.font = `700 ${size * 0.3}px ${theme.font}`;
    ctx.fillStyle = theme.text;
    ctx.textAlign = "left";
    ctx.textBaseline = "top";
    ctx.fillText("RGYB"[i], left + col * size + 6, top + row * size + 5);
  });
  for (const [rows, col] of WALLS)
    line(
      ctx,
      [
        [left + (col + 1) * size, top + rows[0] * size],
        [left + (col + 1) * size, top + (rows.at(-1) + 1) * size],
      ],
      theme.text,
      4,
    );
  const t = Math.min(Math.floor(at), episode.length);
  const here = read(t);
  const next = read(Math.min(t + 1, episode.length));
  const taxi = between(centre(here.row, here.col), centre(next.row, next.col), at - t);
  drawTrail(ctx, [...Array.from({ length: t + 1 }, (_, k) => centre(read(k).row, read(k).col)), taxi], theme, 2);
  const [goalX, goalY] = centre(...STOPS[here.to]);
  ctx.setLineDash([4, 3]);
  ctx.strokeStyle = theme.text;
  ctx.lineWidth = 2;
  ctx.strokeRect(goalX - size / 2 + 5, goalY - size / 2 + 5, size - 10, size - 10);
  ctx.setLineDash([]);
  drawWalker(ctx, taxi, size * 0.26, t < episode.length ? episode.action(t) : -1, layout, theme);
  const rides = here.passenger === 4;
  disc(
    ctx,
    rides ? [taxi[0] + size * 0.2, taxi[1] - size * 0.2] : centre(...STOPS[here.passenger]).map((c) => c + size * 0.28),
    size * 0.1,
    theme.accent,
  );
  ctx.font = `12px ${theme.font}`;
  ctx.fillStyle = theme.muted;
  ctx.textAlign = "center";
  ctx.textBaseline = "alphabetic";
  ctx.fillText(
    `● passenger ${rides ? "in the taxi" : ""}   ▢ dashed: where to   ${t < episode.length ? names[episode.action(t)] : ""}`,
    box.x + box.width / 2,
    top + 5 * size + 20,
  );
  ending(ctx, shot, taxi);
}

// The way through numbered states over time: up is the state's number of its own (severity), else its place in the order.
function drawOverTime(ctx, shot) {
  const { episode, theme, at, box, steps, layout, names } = shot;
  const doses = layout.action_grid;
  const side = doses ? Math.min(box.width * 0.3, 190) : 0;
  const chart = { x: box.x + 48, y: box.y + 22, width: box.width - 62 - side, height: box.height - 66 };
  const place = new Map(layout.order.map((state, i) => [state, i]));
  const values = layout.row_value?.length ? layout.row_value : layout.order.map((_, i) => i);
  const ends = new Set(layout.terminal);
  const living = layout.order
    .map((state, i) => (ends.has(state) ? NaN : values[i]))
    .filter((value) => !Number.isNaN(value));
  let [low, high] = [Math.min(...living), Math.max(...living)];
  if (low === high) [low, high] = [low - 1, high + 1];
  const height = (k) => {
    const state = episode.state(k);
    return ends.has(state) && k > 0 ? height(k - 1) : (values[place.get(state)] ?? low);
  };
  const point = (k) => [
    chart.x + (k / Math.max(steps, 4)) * chart.width,
    chart.y + chart.height * (1 - (height(k) - low) / (high - low)),
  ];
  axes(ctx, chart, theme, { low, high, steps: Math.max(steps, 4), title: layout.row_title });
  const t = Math.min(Math.floor(at), episode.length);
  const over = t >= episode.length;
  const points = Array.from({ length: t + 1 }, (_, k) => point(k));
  if (!over) points.push(between(point(t), point(t + 1), at - t));
  drawTrail(ctx, points, theme, 2);
  for (let k = 0; k < t; k++) drawAction(ctx, episode.action(k), layout, theme, point(k), 7);
  drawWalker(ctx, points.at(-1), 11, over ? -1 : episode.action(t), layout, theme);
  if (over) drawLabel(ctx, episode.ending, points.at(-1), theme, box, 13);
  if (doses) drawDoses(ctx, { ...shot, t, over }, { x: chart.x + chart.width + 26, y: chart.y + 18, size: side - 34 });
  ctx.font = `12px ${theme.font}`;
  ctx.fillStyle = theme.text;
  ctx.textAlign = "center";
  ctx.textBaseline = "alphabetic";
  if (!over) ctx.fillText(names[episode.action(t)], box.x + box.width / 2, box.y + box.height - 8);
}

function axes(ctx, { x, y, width, height }, theme, { low, high, steps, title }) {
  ctx.strokeStyle = theme.line;
  ctx.lineWidth = 1;
  ctx.strokeRect(x, y, width, height);
  ctx.font = `11px ${theme.font}`;
  ctx.fillStyle = theme.muted;
  ctx.textBaseline = "middle";
  ctx.textAlign = "right";
  ctx.fillText(number(high, 3), x - 6, y + 6);
  ctx.fillText(number(low, 3), x - 6, y + height - 6);
  ctx.textBaseline = "alphabetic";
  ctx.textAlign = "left";
  ctx.fillText(`↑ ${title}`, x, y - 7, width);
  ctx.fillText("0", x, y + height + 15);
  ctx.textAlign = "right";
  ctx.fillText(`${steps} steps →`, x + width, y + height + 15);
}

// Treatments as a grid of two doses: how often each was given so far, and the one given now.
function drawDoses(ctx, { episode, theme, layout, t, over }, { x, y, size }) {
  const [rows, cols] = layout.action_grid;
  const cell = size / Math.max(rows, cols);
  const given = new Float32Array(rows * cols);
  for (let k = 0; k < t; k++) given[episode.action(k)] += 1;
  const most = Math.max(...given, 1);
  for (let a = 0; a < rows * cols; a++) {
    const [cx, cy] = [x + (a % cols) * cell, y + (rows - 1 - Math.floor(a / cols)) * cell];
    ctx.fillStyle = given[a] ? mix(theme.surface, theme.series[0], 0.25 + (0.75 * given[a]) / most) : theme.surface;
    ctx.fillRect(cx + 1, cy + 1, cell - 2, cell - 2);
    if (over || a !== episode.action(t)) continue;
    ctx.strokeStyle = theme.accent;
    ctx.lineWidth = 2.5;
    ctx.strokeRect(cx + 1.5, cy + 1.5, cell - 3, cell - 3);
  }
  ctx.font = `11px ${theme.font}`;
  ctx.fillStyle = theme.muted;
  ctx.textAlign = "left";
  ctx.textBaseline = "alphabetic";
  ctx.fillText("↑ fluids", x, y - 6);
  ctx.textAlign = "right";
  ctx.fillText("vasopressor →", x + cols * cell, y + rows * cell + 14);
}

const THINGS = {
  cartpole: { overlay: false, speed: 50, draw: drawCartPole },
  "mountain-car": { overlay: false, speed: 30, draw: drawMountainCar },
  acrobot: { overlay: false, speed: 15, draw: drawAcrobot },
  taxi: { overlay: false, speed: 4, draw: drawTaxi },
};
