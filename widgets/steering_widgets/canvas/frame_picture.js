// @ts-check
// A frame as it is shown, as one picture for a log book: pixels, outlines, the bar of colours, limits and words.

const EDGE = 12;
const LINE = 18; // pixels from one line of words to the next
const BAR_ROOM = 84;
const LABEL_ROOM = 200; // as much of a region's name as the page shows

/**
 * Where everything lies in the picture, in its pixels.
 *
 * @param {number} width Of the frame's part.
 * @param {number} height
 * @param {number} above Lines of words.
 * @param {number} below Likewise.
 */
function pictureLayout(width, height, above, below) {
  const top = EDGE + above * LINE;
  return {
    width: width + BAR_ROOM + 3 * EDGE, height: top + height + EDGE + below * LINE + EDGE,
    frame: { left: EDGE, top, width, height }, bar: { left: EDGE + width + EDGE, top: top + LINE, height: height - LINE - 8 },
    words: top + height + EDGE,
  };
}

/**
 * The words under a frame: between which counts it is drawn, how, and what is no count.
 *
 * @param {ImageMessage} shown
 * @param {string} colourMap
 */
function pictureWords(shown, colourMap) {
  const [row, column, rows, columns] = shown.window.map((length) => length * shown.binning);
  const pitch = Math.round(shown.pitch * shown.binning);
  const binned = pitch > 1 ? `maximum of ${pitch} × ${pitch} pixels` : "every pixel";
  const marks = marksOf(shown).map(({ text }) => text).join(", ");
  return [
    `${shortNumber(shown.low)} to ${shortNumber(shown.high)} ${shown.units}, ${shown.scale}, ${colourMap}`,
    `rows ${row} to ${row + rows - 1}, columns ${column} to ${column + columns - 1}, ${binned}`,
    ...(marks ? [`No counts: ${marks}`] : []),
  ];
}

/**
 * Break words into lines that are no wider than the picture.
 *
 * @param {string} words
 * @param {number} width
 * @param {(text: string) => number} measure
 */
function linesOf(words, width, measure) {
  /** @type {string[]} */
  const lines = [];
  for (const word of words.split(" ").filter(Boolean)) {
    const longer = lines.length ? `${lines.at(-1)} ${word}` : word;
    if (lines.length && measure(longer) <= width) lines[lines.length - 1] = longer;
    else lines.push(word);
  }
  return lines;
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {FrameRegion[]} regions
 * @param {ImageMessage} shown
 * @param {{ left: number, top: number, width: number, height: number }} frame
 */
function outline(context, regions, shown, frame) {
  const [row, column, rows, columns] = shown.window;
  context.save();
  context.beginPath();
  context.rect(frame.left, frame.top, frame.width, frame.height);
  context.clip();
  for (const region of regions) {
    const sides = sidesOf(region, shown.binning);
    const x = frame.left + ((sides.left - column) / columns) * frame.width;
    const y = frame.top + ((sides.top - row) / rows) * frame.height;
    const size = /** @type {const} */ ([
      ((sides.right - sides.left) / columns) * frame.width, ((sides.bottom - sides.top) / rows) * frame.height,
    ]);
    context.setLineDash(region.draft ? [6, 4] : []);
    for (const [colour, thick] of /** @type {const} */ ([["#000", 3], ["#fff", 1]])) {
      context.strokeStyle = colour;
      context.lineWidth = thick;
      context.strokeRect(x, y, ...size);
    }
    const wide = Math.min(context.measureText(region.name).width + 8, LABEL_ROOM);
    context.fillStyle = "rgb(0 0 0 / 65%)";
    context.fillRect(x, y, wide, LINE - 2);
    context.fillStyle = "#fff";
    context.fillText(region.name, x + 4, y + 2, LABEL_ROOM - 8);
  }
  context.restore();
}

/**
 * Make the picture of what a view shows.
 *
 * @param {{ canvas: HTMLCanvasElement, bar: HTMLCanvasElement }} parts What is painted.
 * @param {ImageMessage} shown
 * @param {{ title: string, colourMap: string, regions: FrameRegion[] }} about
 */
// biome-ignore lint/correctness/noUnusedVariables: the image's own file follows.
function framePicture({ canvas, bar }, shown, { title, colourMap, regions }) {
  const ratio = globalThis.devicePixelRatio || 1;
  const made = document.createElement("canvas");
  const context = contextOf(made);
  const font = "12px sans-serif";
  const width = Math.round(Math.max(canvas.clientWidth, 240));
  const height = Math.round((width * shown.window[2]) / shown.window[3]);
  context.font = font;
  const broken = (/** @type {string} */ text) => linesOf(text, width + BAR_ROOM, (line) => context.measureText(line).width);
  const above = broken(title);
  const below = pictureWords(shown, colourMap).flatMap(broken);
  const place = pictureLayout(width, height, above.length, below.length);
  made.width = Math.round(place.width * ratio);
  made.height = Math.round(place.height * ratio);
  context.scale(ratio, ratio);
  context.font = font;
  context.textBaseline = "top";
  context.fillStyle = "#fff";
  context.fillRect(0, 0, place.width, place.height);
  context.fillStyle = "#000";
  above.forEach((line, index) => {
    context.fillText(line, EDGE, EDGE / 2 + index * LINE);
  });
  below.forEach((line, index) => {
    context.fillText(line, EDGE, place.words + index * LINE);
  });
  // A pixel of the detector is a square, not a blur.
  context.imageSmoothingEnabled = false;
  context.drawImage(canvas, place.frame.left, place.frame.top, width, height);
  context.drawImage(bar, place.bar.left, place.bar.top, 14, place.bar.height);
  context.fillText(shown.units, place.bar.left, place.frame.top);
  context.textBaseline = "middle";
  for (const value of ticksOf(shown.low, shown.high, shown.scale === "log")) {
    const y = place.bar.top + (1 - placeOf(value, shown)) * place.bar.height;
    context.fillRect(place.bar.left + 14, y, 4, 1);
    context.fillText(shortNumber(value), place.bar.left + 22, y);
  }
  context.textBaseline = "top";
  outline(context, regions, shown, place.frame);
  return made;
}
