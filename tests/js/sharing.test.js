import assert from "node:assert/strict";
import { test } from "node:test";
import { Sharing } from "../../offrl_ui/assets/shared/sharing.js";
import { slidable } from "../../offrl_ui/assets/stage/pinned.js";
import { rulesOf, sharedLink } from "../../offrl_ui/assets/stage/share.js";

const RUN = "https://hall.example/below/?v=1&data=double-crossing&algo=bcq&at=120:rho=0.3;500:rho=0";

test("a link holds its run, the moment and the rules, and nothing of where the page was opened from", () => {
  const moment = { step: 480, view: "policy", model: 2, state: 17, arrows: 1 };
  const link = sharedLink(
    `${RUN}&back=reweighting&story=rho&step=3&state=1&hide=gamma#x`,
    moment,
    [["fix", "rho,net"]],
    0,
  );
  assert.equal(link, `${RUN}&step=480&view=policy&model=2&state=17&arrows=1&fix=rho,net`);
  assert.equal(sharedLink(link, {}, [], 0), RUN);
});

test("a step beyond the budget takes the budget along", () => {
  const budget = (/** @type {number} */ step) =>
    new URL(sharedLink(`${RUN}&budget=500`, { step }, [], 500)).searchParams.get("budget");
  assert.deepEqual([budget(500), budget(501)], ["500", "501"]);
});

test("rules of the link that is open are those of the next one, until they are changed", () => {
  let drawn = 0;
  const sharing = new Sharing(
    { root: /** @type {any} */ (null), draw: () => (drawn += 1), ask: () => {} },
    { moment: true },
  );
  sharing.rules = rulesOf({ hide: ["gamma"], fix: ["rho"] });
  assert.deepEqual(sharing.ruled, [
    ["hide", "gamma"],
    ["fix", "rho"],
  ]);
  sharing.setRule("rho", "show");
  sharing.setRule("x.seed", "hide");
  assert.deepEqual([sharing.ruled, drawn], [[["hide", "gamma,x.seed"]], 2]);
});

test("a code is asked for once", () => {
  /** @type {string[]} */
  const asked = [];
  const sharing = new Sharing({ root: /** @type {any} */ (null), draw: () => {}, ask: (url) => asked.push(url) }, {});
  assert.equal(sharing.code("a") + sharing.code("a") + sharing.code("b"), "");
  assert.deepEqual(asked, ["a", "b"]);
});

test("what a link holds still is not at hand below the stage", () => {
  const one = { live: true, value: 0.5, low: 0, high: 1, choices: [] };
  const names = (/** @type {string[]} */ still) =>
    slidable(
      /** @type {any} */ ([
        { ...one, name: "rho" },
        { ...one, name: "gamma" },
      ]),
      still,
    ).map(({ name }) => name);
  assert.deepEqual([names([]), names(["rho"])], [["rho", "gamma"], ["gamma"]]);
});
