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

/** The audience's or one's own commitment. @param {Lecture} app */
export function predictionCard(app) {
  const { scene, result } = app;
  if (!scene.prediction) return null;
  const chosen = app.committed[scene.id];
  const open = app.isRevealed;
  const votes = app.follow.room && app.follow.votes?.scene === scene.id ? app.follow.votes : null;
  const shownVotes = app.follow.presenting || open || chosen !== undefined ? votes : null;
  const total = votes ? votes.counts.reduce((a, b) => a + b, 0) : 0;
  const presenting = app.follow.presenting;
  return v(
    "section",
    { class: `prediction${open ? " settled" : ""}${shownVotes ? " voted" : ""}`, "aria-labelledby": "prediction-ask" },
    v("p", { class: "kicker" }, open ? "The question" : presenting ? "The audience predicts" : "Your prediction"),
    v("p", { id: "prediction-ask", class: "ask-text", html: scene.prediction.ask }),
    v(
      "div",
      { class: "options", role: "group", "aria-labelledby": "prediction-ask" },
      scene.prediction.choices.map((choice, i) => {
        const right = open && result?.right === i;
        const wrong = open && chosen === i && result?.right !== i && result?.right !== null;
        const share = shownVotes && total ? shownVotes.counts[i] / total : 0;
        return v(
          "button",
          {
            type: "button",
            class: ["option", chosen === i ? "chosen" : "", right ? "right" : "", wrong ? "wrong" : ""].join(" "),
            disabled: open || chosen !== undefined || presenting,
            "aria-pressed": chosen === i ? "true" : "false",
            onclick: () => app.commit(i),
          },
          shownVotes &&
            v("span", { class: "share-bar", style: `width:${(100 * share).toFixed(1)}%`, "aria-hidden": "true" }),
          v(
            "span",
            { class: "option-sign", "aria-hidden": "true" },
            right ? "✓" : wrong ? "✗" : chosen === i ? "●" : "○",
          ),
          v("span", { class: "option-text", html: choice }),
          right && v("span", { class: "unseen" }, " (right)"),
          wrong && v("span", { class: "unseen" }, " (not right)"),
          shownVotes && v("span", { class: "count" }, String(shownVotes.counts[i])),
        );
      }),
    ),
    shownVotes && v("p", { class: "tally" }, `${total} of ${shownVotes.followers} have predicted`),
    !open &&
      (app.follow.led
        ? chosen !== undefined && v("p", { class: "tally" }, "Committed. The presenter will reveal.")
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
