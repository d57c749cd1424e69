// Keeps the site for visits without a network. What is named by its contents is answered from what is kept; a page is
// asked for first, and answered from what is kept where nobody answers.

const KEPT = "offrl";
/** What the build writes in the place of KEEP: the folders of this version, and what is shown without Python. Python's own files are kept
 * when they are loaded. */
const { folders: FOLDERS, files: FILES } = KEEP;

/** @import { Keeper } from "./types.d.ts" */

const worker = /** @type {Keeper} */ (/** @type {unknown} */ (globalThis));
const scope = worker.registration.scope;
const ours = (/** @type {string} */ path) => /^(stage|pyodide)\//.test(path);

worker.addEventListener("install", (event) => {
  event.waitUntil(
    (async () => {
      const kept = await caches.open(KEPT);
      await Promise.all(
        FILES.map(async (/** @type {string} */ path) => {
          // The page has just loaded most of them: the browser's own cache has them.
          const answer = await fetch(new URL(path, scope), { cache: ours(path) ? "force-cache" : "no-cache" });
          if (answer.ok) await kept.put(new URL(path, scope).href, plain(answer));
        }),
      );
      await worker.skipWaiting();
    })(),
  );
});

worker.addEventListener("activate", (event) => {
  event.waitUntil(
    (async () => {
      const kept = await caches.open(KEPT);
      for (const { url } of await kept.keys()) {
        // Another site of the same host has its files here, too.
        const path = url.startsWith(scope) ? url.slice(scope.length) : "";
        if (ours(path) && !FOLDERS.some((folder) => path.startsWith(folder))) await kept.delete(url);
      }
      await worker.clients.claim();
    })(),
  );
});

worker.addEventListener("fetch", (event) => {
  const { request } = event;
  const url = new URL(request.url);
  if (request.method !== "GET" || !url.href.startsWith(scope)) return;
  const path = url.href.slice(scope.length).split("?")[0];
  if (ours(path)) event.respondWith(keptOr(new URL(path, scope).href, request));
  else if (request.mode === "navigate" || path.startsWith("docs/")) event.respondWith(pageOr(path, request));
});

/** @param {string} href @param {Request} request */
async function keptOr(href, request) {
  const kept = await caches.open(KEPT);
  const there = await kept.match(href);
  if (there) return there;
  const answer = await fetch(request);
  if (answer.ok && answer.status === 200) await kept.put(href, answer.clone()).catch(() => {});
  return answer;
}

/** @param {string} path @param {Request} request */
async function pageOr(path, request) {
  const kept = await caches.open(KEPT);
  try {
    return await fetch(request);
  } catch (error) {
    const folder = path.replace(/(index\.html|\/)$/, "");
    for (const name of [path || "./", `${folder}/index.html`]) {
      const there = await kept.match(new URL(name, scope).href);
      // A page's addresses begin at its folder: one that is asked for without a slash behind it is led there.
      if (there && name !== path && folder === path && path) return Response.redirect(new URL(`${path}/`, scope));
      if (there) return there;
    }
    throw error;
  }
}

/** A page that was redirected may not be given for another address. @param {Response} answer */
function plain(answer) {
  if (!answer.redirected) return answer;
  return new Response(answer.body, { status: answer.status, headers: answer.headers });
}
