// The words around the pictures: where we are, what to predict, what was seen.

/** @import { Result } from "./protocol.d.ts" */
/** @import { Lecture } from "./scene.js" */

import { v } from "../shared/patch.js";

/** @param {Lecture} app */
export function header(app) {
  const { result } = app;
  const data = app.component.data;
  const scenes = [...app.declared.values()];
  const at = scenes.findIndex(({ id }) => id === app.sceneId);
  return v(
    "header",
    { class: "lecture-head", key: "head" },
    v(
      "nav",
      { class: "steps", "aria-label": data.title },
      v(
        "button",
        {
          type: "button",
          class: "round",
          "aria-label": "Previous scene",
          disabled: at === 0 && data.pages[0].name === data.page,
          onclick: () => app.step(-1),
        },
        "‹",
      ),
      v(
        "ol",
        {},
        scenes.map(({ id, title, title_text }, i) =>
          v(
            "li",
            {},
            v(
              "button",
              {
                type: "button",
                class: id === app.sceneId ? "step here" : "step",
                "aria-current": id === app.sceneId ? "step" : null,
                title: title_text,
                onclick: () => app.go(id),
              },
              v("span", { class: "step-number" }, String(i + 1)),
              v("span", { class: "step-title", html: title }),
            ),
          ),
        ),
      ),
      v(
        "button",
        {
          type: "button",
          class: "round",
          "aria-label": "Next scene",
          disabled: at === scenes.length - 1 && data.pages.at(-1)?.name === data.page,
          onclick: () => app.step(1),
        },
        "›",
      ),
    ),
    !app.options.embed && result && openButton(app, result),
    !app.options.present &&
      !app.options.embed &&
      v(
        "button",
        { type: "button", class: "chip", onclick: () => app.sharing.show(true) },
        v("span", {}, "Share"),
        v("span", { class: "present-word" }, "· present"),
      ),
    v(
      "button",
      {
        type: "button",
        class: "round",
        "aria-label": "Keys (?)",
        title: "Keys (?)",
        onclick: () => app.keys.list.show(),
      },
      "?",
    ),
  );
}

/** @param {Lecture} app @param {Result} result */
const openButton = (app, { run }) =>
  v(
    "button",
    { type: "button", class: "chip", title: `${run.title}. ${run.differs_text}`.trim(), onclick: () => app.openRun() },
    "Open in the playground",
  );

/** @param {boolean} presenting @param {boolean} second */
const kicker = (presenting, second) =>
  `${presenting ? "The audience predicts" : "Your prediction"}${second ? ", after the discussion" : ""}`;

/** A choice's share of all predictions. @param {string} name @param {readonly number[]} counts @param {number} i */
function bar(name, counts, i) {
  const total = counts.reduce((a, b) => a + b, 0);
  const share = total ? (100 * counts[i]) / total : 0;
  return v("span", { class: name, style: `width:${share.toFixed(1)}%`, "aria-hidden": "true" });
}

/** What a presenter may do with predictions before the answer. @param {Lecture} app @param {boolean} once */
const audience = ({ follow }, once) =>
  v(
    "div",
    { class: "audience" },
    v(
      "button",
      {
        type: "button",
        class: "chip",
        "aria-pressed": String(follow.peeks),
        onclick: () => {
          follow.peeks = !follow.peeks;
          follow.app.draw();
        },
      },
      follow.peeks ? "Hide the predictions" : "Show the predictions",
    ),
    once && v("button", { type: "button", class: "chip", onclick: () => follow.again() }, "Discussed: predict again"),
  );

/** The audience's or one's own commitment. @param {Lecture} app */
export function predictionCard(app) {
  const { scene, result } = app;
  if (!scene.prediction) return null;
  const chosen = app.committed[scene.id];
  const open = app.isRevealed;
  const votes = app.follow.room && app.follow.votes?.scene === scene.id ? app.follow.votes : null;
  const counts = app.follow.seenVotes?.counts ?? null;
  const first = app.follow.room ? (app.follow.first[scene.id] ?? null) : null;
  const presenting = app.follow.presenting;
  return v(
    "section",
    { class: `prediction${open ? " settled" : ""}${counts ? " voted" : ""}`, "aria-labelledby": "prediction-ask" },
    v("p", { class: "kicker" }, open ? "The question" : kicker(presenting, first !== null)),
    v("p", { id: "prediction-ask", class: "ask-text", html: scene.prediction.ask }),
    v(
      "div",
      { class: "options", role: "group", "aria-labelledby": "prediction-ask" },
      scene.prediction.choices.map((choice, i) => {
        const right = open && result?.right === i;
        const wrong = open && chosen === i && result?.right !== i && result?.right !== null;
        return v(
          "button",
          {
            type: "button",
            class: ["option", chosen === i ? "chosen" : "", right ? "right" : "", wrong ? "wrong" : ""].join(" "),
            disabled: open || chosen !== undefined || presenting,
            "aria-pressed": chosen === i ? "true" : "false",
            onclick: () => app.commit(i),
          },
          counts && bar("share-bar", counts, i),
          counts && first && bar("first-bar", first, i),
          v(
            "span",
            { class: "option-sign", "aria-hidden": "true" },
            right ? "✓" : wrong ? "✗" : chosen === i ? "●" : "○",
          ),
          v("span", { class: "option-text", html: choice }),
          right && v("span", { class: "unseen" }, " (right)"),
          wrong && v("span", { class: "unseen" }, " (not right)"),
          counts && v("span", { class: "count" }, first ? `${first[i]} → ${counts[i]}` : String(counts[i])),
        );
      }),
    ),
    votes && v("p", { class: "tally" }, `${votes.predicted} of ${votes.followers} have predicted`),
    counts && first && v("p", { class: "tally" }, "Thin bars: before the discussion; broad bars: after it."),
    !open && presenting && votes && votes.predicted > 0 && audience(app, first === null),
    !open &&
      (app.follow.led
        ? chosen !== undefined && v("p", { class: "tally" }, "Committed: waiting for the answer.")
        : v(
            "button",
            { type: "button", class: "reveal", onclick: () => app.reveal() },
            presenting ? "Reveal" : "Reveal without predicting",
          )),
  );
}

/** The answer: its point beside the question, the rest below the controls. @param {Lecture} app */
export function answerCard(app) {
  const { scene, result } = app;
  if (!app.isRevealed || !result) return null;
  return v(
    "section",
    { class: "answer", "aria-label": "what you saw" },
    v(
      "div",
      { class: "answer-text" },
      v("div", { class: "point", html: result.answer }),
      v(
        "div",
        { class: "more" },
        result.more && v("div", { html: result.more }),
        v(
          "p",
          { class: "source" },
          `In the playground: ${result.run.title}. `,
          v("span", { html: result.run.differs }),
        ),
        scene.source && v("p", { class: "source", html: scene.source }),
      ),
    ),
  );
}
