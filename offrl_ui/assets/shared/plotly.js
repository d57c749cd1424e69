// Plotly, loaded once per page and late: the world is drawn without it.

/** @import { PlotlyLibrary } from "./types.d.ts" */

/** @type {Promise<PlotlyLibrary> | null} */
let loading = null;

/** @returns {Promise<PlotlyLibrary>} */
export function loadPlotly() {
  const there = globalThis.Plotly;
  if (there && "animate" in there) return Promise.resolve(there);
  if (globalThis.offrlPlotly) return globalThis.offrlPlotly;
  loading ??= new Promise((resolve, reject) => {
    /** @param {string} why */
    const fail = (why) => {
      loading = null;
      reject(new Error(why));
    };
    const script = document.createElement("script");
    script.src = new URL("../plotly.min.js", import.meta.url).href;
    script.async = true;
    script.onload = () => {
      if (globalThis.Plotly) resolve(globalThis.Plotly);
      else fail("plotly.min.js brought no library");
    };
    script.onerror = () => fail("plotly.min.js could not be loaded");
    document.head.append(script);
  });
  return loading;
}
