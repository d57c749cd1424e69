// A table of texts that scrolls by itself.

import { v } from "../../offrl_ui/assets/shared/patch.js";

/** @import { Table } from "./types.d.ts" */

/** @param {Table} table */
export const tableOf = ({ heads, cells }) =>
  v(
    "div",
    { class: "scroll", tabindex: 0 },
    v(
      "table",
      {},
      v(
        "thead",
        {},
        v(
          "tr",
          {},
          heads.map((head) => v("th", {}, head)),
        ),
      ),
      v(
        "tbody",
        {},
        cells.map((row) =>
          v(
            "tr",
            {},
            row.map((cell) => v("td", {}, cell)),
          ),
        ),
      ),
    ),
  );
