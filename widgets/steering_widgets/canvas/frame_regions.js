// @ts-check
// Outlines of what analyses look at, or leave out.

/**
 * Where a region lies in a frame's pixels, of which each stands for several of the detector.
 *
 * @param {FrameRegion} region
 * @param {number} binning
 * @returns {Sides}
 */
function sidesOf({ rows, columns }, binning) {
  return { top: rows[0] / binning, bottom: rows[1] / binning, left: columns[0] / binning, right: columns[1] / binning };
}

/**
 * Whether a region is one of this frame: that of a larger detector is not drawn over a smaller one.
 *
 * @param {FrameRegion} region
 * @param {Pick<ImageMessage, "frame" | "binning">} shown
 */
function isWithin({ rows, columns }, { frame, binning }) {
  return rows[1] <= frame[0] * binning && columns[1] <= frame[1] * binning;
}

/**
 * @param {HTMLElement} over What lies over the window.
 * @param {FrameRegion[]} regions
 * @param {ImageMessage} shown
 */
// biome-ignore lint/correctness/noUnusedVariables: the other files of this widget follow.
function drawRegions(over, regions, shown) {
  over.replaceChildren(...regions.filter((region) => isWithin(region, shown)).map((region) => {
    const kind = `${region.masked ? " st-left-out" : ""}${region.draft ? " st-draft" : ""}`;
    const box = node("div", { class: `st-outline${kind}` }, node("span", {}, region.name));
    layOver(box, shown.window, sidesOf(region, shown.binning));
    return box;
  }));
}

/**
 * Say in words which regions there are.
 *
 * @param {FrameRegion[]} regions
 * @param {Pick<ImageMessage, "frame" | "binning"> | null} shown
 */
// biome-ignore lint/correctness/noUnusedVariables: the other files of this widget follow.
function regionWords(regions, shown) {
  return regions.map((region) => {
    const { name, rows, columns, masked } = region;
    const where = `rows ${rows[0]} to ${rows[1] - 1}, columns ${columns[0]} to ${columns[1] - 1}`;
    return `${name}: ${where}${masked ? ", left out" : ""}${shown && !isWithin(region, shown) ? ", outside this frame" : ""}`;
  }).join("; ");
}
