// The predictions of a room as a table: counts only, for nobody knows who said what.

/** @import { Scene, VotesMessage } from "./protocol.d.ts" */

/** @param {string | number} cell */
const quoted = (cell) => (/[",\n]/.test(String(cell)) ? `"${String(cell).replaceAll('"', '""')}"` : String(cell));

/**
 * A line for each choice of each vote, the votes on one scene numbered in order.
 *
 * @param {Iterable<VotesMessage>} record - the last counts of each round
 * @param {(scene: string) => Pick<Scene, "title_text" | "prediction"> | undefined} about
 * @param {(html: string) => string} plain - the text of a choice
 */
export function predictionsTable(record, about, plain) {
  const lines = [["scene", "title", "vote", "choice", "text", "predictions", "predicted", "followers"]];
  /** @type {Map<string, number>} */
  const votes = new Map();
  for (const { scene, counts, predicted, followers } of record) {
    const { title_text: title, prediction } = about(scene) ?? {};
    const vote = (votes.get(scene) ?? 0) + 1;
    votes.set(scene, vote);
    (counts ?? []).forEach((count, i) => {
      const text = plain(prediction?.choices[i] ?? "");
      lines.push([scene, title ?? "", vote, i + 1, text, count, predicted, followers].map(String));
    });
  }
  return `${lines.map((line) => line.map(quoted).join(",")).join("\r\n")}\r\n`;
}
