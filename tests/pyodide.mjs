// Runs a file of Python in Pyodide under Node: node pyodide.mjs PYODIDE ROOT FILE [ARGUMENT…]. Folders named in ROOT and
// ARGUMENT are there under their own names.

import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const [pyodide, root, file, ...given] = process.argv.slice(2);
process.on("uncaughtException", ({ message }) => {
  console.error(message.slice(-4000));
  process.exit(1);
});
const { loadPyodide } = await import(pathToFileURL(`${pyodide}/pyodide.mjs`).href);
const python = await loadPyodide({ indexURL: `${pyodide}/`, packageCacheDir: `${pyodide}/` });
await python.loadPackage(["numpy"], { messageCallback: () => {} });
for (const folder of [root, ...given.filter((name) => name.startsWith("/"))]) {
  python.FS.mkdirTree(folder);
  python.FS.mount(python.FS.filesystems.NODEFS, { root: folder }, folder);
}
python.globals.set("given", python.toPy(given));
python.runPython(`import sys; sys.path.insert(0, ${JSON.stringify(root)}); sys.dont_write_bytecode = True`);
python.globals.set("link", (/** @type {any} */ module) =>
  python._module.loadWebAssemblyModule(module.toJs(), { loadAsync: false }).multiply,
);
python.runPython(readFileSync(file, "utf8"));
