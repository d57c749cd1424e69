// Addresses of this app. Its modules lie in `stage/{version}/{folder}/` below the place where it is served, whatever
// path a proxy puts before them.

/**
 * An address below the place where a module's app is served.
 * @param {string} module - the module's own address
 * @param {string} path
 */
export const below = (module, path) => new URL(path, new URL("../../../", module)).href;

/** @param {string} path - without a slash before it: `math` */
export const siteAddress = (path) => below(import.meta.url, path);

/** The same for a WebSocket, safe where the page is safe. @param {string} path */
export const socketAddress = (path) => siteAddress(path).replace(/^http/, "ws");
