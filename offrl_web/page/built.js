// What the build knows of the site: offrl_web/build.py writes it in the place of FACTS.

/** @import { Facts } from "./types.d.ts" */

/** @type {Facts} */
export const BUILT = FACTS;
