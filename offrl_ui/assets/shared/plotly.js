// Plotly, loaded once per page and late: the world is drawn without it.

let loading = null;

export function loadPlotly(assets) {
  if (globalThis.Plotly?.animate) return Promise.resolve(globalThis.Plotly);
  if (globalThis.offrlPlotly) return globalThis.offrlPlotly; // a single-file replay brings its own
  loading ??= new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = new URL("plotly.min.js", new URL(assets, location.href)).href;
    script.async = true;
    script.onload = () => resolve(globalThis.Plotly);
    script.onerror = () => {
      loading = null;
      reject(new Error("plotly.min.js could not be loaded"));
    };
    document.head.append(script);
  });
  return loading;
}
