// Standing charts, drawn with the library that the stage's curves use.

import { loadPlotly } from "../../offrl_ui/assets/shared/plotly.js";
import { reasonOf } from "./engine.js";

/** @import { Chart } from "./types.d.ts" */

const HOW = { displayModeBar: false, responsive: true };

export class Charts {
  constructor() {
    /** @type {Set<HTMLElement>} */
    this.shown = new Set();
  }

  /** @param {HTMLElement} host @param {Chart} chart */
  async draw(host, { data, layout }) {
    host.style.height = `${layout.height}px`;
    this.shown.add(host);
    try {
      const plotly = await loadPlotly();
      if (this.shown.has(host)) await plotly.newPlot(host, data, layout, HOW);
    } catch (error) {
      host.textContent = `This chart could not be drawn: ${reasonOf(error)}`;
    }
  }

  clear() {
    for (const host of this.shown) globalThis.Plotly?.purge(host);
    this.shown.clear();
  }
}
