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
 * @param {HTMLElement} over What lies over the window.
 * @param {FrameRegion[]} regions
 * @param {ImageMessage} shown
 */
// biome-ignore lint/correctness/noUnusedVariables: the other files of this widget follow.
function drawRegions(over, regions, shown) {
  over.replaceChildren(...regions.map((region) => {
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
 */
// biome-ignore lint/correctness/noUnusedVariables: the other files of this widget follow.
function regionWords(regions) {
  return regions.map(({ name, rows, columns, masked }) =>
    `${name}: rows ${rows[0]} to ${rows[1] - 1}, columns ${columns[0]} to ${columns[1] - 1}${masked ? ", left out" : ""}`,
  ).join("; ");
}
