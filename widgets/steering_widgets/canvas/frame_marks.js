// @ts-check
// What is no count in a frame, in words.

const MARK_WORDS = ["", "masked", "dead", "saturated"];

/**
 * What there is of each kind, the worst first.
 *
 * @param {ImageMessage} message
 * @returns {{ kind: number, text: string }[]}
 */
function marksOf({ marked, frame, binning }) {
  const all = frame[0] * frame[1] * binning ** 2;
  const found = [];
  for (let kind = MARK_WORDS.length - 1; kind > 0; kind--) {
    const count = marked[kind - 1];
    const share = (100 * count) / all;
    if (count) found.push({ kind, text: `${count} ${MARK_WORDS[kind]}${share >= 1 ? ` (${shortNumber(share)} %)` : ""}` });
  }
  return found;
}

/**
 * Write them with the colours that they are drawn in.
 *
 * @param {HTMLElement} root
 * @param {ImageMessage} message
 * @param {Uint8Array} colours
 */
// biome-ignore lint/correctness/noUnusedVariables: the other files of this widget follow.
function writeMarks(root, message, colours) {
  const found = marksOf(message);
  const text = found.map((one) => one.text).join(", ");
  if (root.dataset.said === text) return; // most frames have the same
  root.dataset.said = text;
  root.replaceChildren(...found.map(({ kind, text: said }) => {
    const colour = [0, 1, 2].map((part) => colours[(kind - 1) * 3 + part]).join(" ");
    return node("span", {}, node("i", { style: `background:rgb(${colour})`, "aria-hidden": "true" }), said);
  }));
}
