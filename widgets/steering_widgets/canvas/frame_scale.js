// @ts-check
// Where counts lie between two limits, and the bar that says which colour they have.

/**
 * Where counts lie on a scale: 0 at its low end, 1 at its high end.
 *
 * @param {number} value
 * @param {Levels} levels
 */
function placeOf(value, { low, high, scale }) {
  if (scale === "log") return Math.log(Math.max(value, low) / low) / Math.log(high / low);
  const part = (value - low) / (high - low);
  return scale === "sqrt" ? Math.sqrt(Math.max(part, 0)) : part;
}

/**
 * Which counts lie at a place of a scale.
 *
 * @param {number} place
 * @param {Levels} levels
 */
// biome-ignore lint/correctness/noUnusedVariables: the other files of this widget follow.
function valueAt(place, { low, high, scale }) {
  if (scale === "log") return low * (high / low) ** place;
  return low + (high - low) * (scale === "sqrt" ? place * place : place);
}

/**
 * Round counts to what a person can see of a difference on a scale.
 *
 * @param {number} value
 * @param {Levels} levels
 */
// biome-ignore lint/correctness/noUnusedVariables: the other files of this widget follow.
function rounded(value, { low, high, scale }) {
  const width = scale === "log" ? Math.abs(value) : high - low;
  const digits = -Math.floor(Math.log10(width / 200));
  // By its digits, as 0.1 times a whole number would not be the number that is meant.
  return digits > 0 ? Number(value.toFixed(Math.min(digits, 100))) : Math.round(value / 10 ** -digits) * 10 ** -digits;
}

/**
 * @param {{ bar: HTMLCanvasElement, ticks: HTMLElement, unit: HTMLElement }} parts
 * @param {ImageMessage} message
 * @param {Uint8Array} colours
 * @param {string} colourMap The name that they go by.
 */
// biome-ignore lint/correctness/noUnusedVariables: the other files of this widget follow.
function drawScale(parts, message, colours, colourMap) {
  drawBar(parts.bar, message.reserved, colours, colourMap);
  const ticks = ticksOf(message.low, message.high, message.scale === "log").map((value) =>
    ({ at: `${(100 * placeOf(value, message)).toFixed(1)}%`, text: shortNumber(value) }));
  // Limits move with each frame, and mostly by less than can be seen.
  const key = JSON.stringify(ticks);
  if (parts.ticks.dataset.key !== key) {
    parts.ticks.dataset.key = key;
    parts.ticks.replaceChildren(...ticks.map(({ at, text }) => node("span", { style: `bottom:${at}` }, text)));
  }
  if (parts.unit.textContent !== message.units) parts.unit.textContent = message.units;
}

/**
 * Draw the bar anew if its colours are others: what is drawn again costs the page a layer, also where nothing moves.
 *
 * @param {HTMLCanvasElement} bar
 * @param {number} reserved How many of the lowest colours mark pixels.
 * @param {Uint8Array} colours
 * @param {string} colourMap The name that they go by.
 */
function drawBar(bar, reserved, colours, colourMap) {
  const key = `${reserved} ${colourMap}`;
  if (bar.dataset.key === key) return;
  bar.dataset.key = key;
  const context = contextOf(bar);
  const strip = context.createImageData(1, 256);
  for (let row = 0; row < 256; row++) {
    const level = Math.max(255 - row, reserved);
    for (let part = 0; part < 3; part++) strip.data[row * 4 + part] = colours[level * 3 + part];
    strip.data[row * 4 + 3] = 255;
  }
  context.putImageData(strip, 0, 0);
}
