import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { load } from "./load.mjs";

const NAMES = [
  "between", "directionWords", "endsOf", "keyedPlace", "linesOf", "marksOf", "npy", "paint", "pictureLayout", "pictureWords", "placeOf", "readLimit", "regionWords", "rounded", "shortNumber",
  "sidesOf", "ticksOf", "twoTheta", "valueAt", "waveVector", "windowWithin", "zoomed",
];
const CANVAS = [...["scale", "window", "regions", "picture", "marks", "geometry", "large", "profiles"].map((file) => `frame_${file}`), "elements", "histogram"];
const {
  between, directionWords, endsOf, keyedPlace, linesOf, marksOf, npy, paint, pictureLayout, pictureWords, placeOf, readLimit, regionWords, rounded, shortNumber, sidesOf, ticksOf, twoTheta, valueAt,
  waveVector, windowWithin, zoomed,
} = load([
  "parts/heard.js", "parts/numbers.js", ...CANVAS.map((file) => `canvas/${file}.js`), "frames/limits.js", "frames/image.js",
], NAMES);

test("ticks are round and lie within the levels", () => {
  assert.deepEqual(ticksOf(0, 100, false), [0, 20, 40, 60, 80, 100]);
  assert.deepEqual(ticksOf(3, 47, false), [10, 20, 30, 40]);
  assert.deepEqual(ticksOf(-1, 1, false), [-1, -0.5, 0, 0.5, 1]);
});

test("the highest level has its tick although its steps do not add up exactly", () => {
  assert.equal(ticksOf(0, 0.3, false).length, 4);
});

test("ticks of a logarithmic scale are powers of ten, or its ends where there are fewer than two", () => {
  assert.deepEqual(ticksOf(0.5, 2000, true), [1, 10, 100, 1000]);
  assert.deepEqual(ticksOf(2, 50, true), [2, 50]);
});

test("equal levels have no ticks", () => {
  assert.deepEqual(ticksOf(5, 5, false), []);
  assert.deepEqual(ticksOf(5, NaN, true), []);
  assert.deepEqual(ticksOf(0, 100, true), [0, 100]);
  // Numbers as far apart as numbers of this size can be.
  assert.deepEqual(ticksOf(2 ** 53, 2 ** 53 + 2, false), [2 ** 53, 2 ** 53 + 2]);
});

test("numbers are short, and keep three digits", () => {
  const said = { 0: "0", 1234: "1230", 0.01: "0.01", 0.12345: "0.123", 99999: "100000" };
  for (const [value, text] of Object.entries(said)) assert.equal(shortNumber(Number(value)), text);
  assert.equal(shortNumber(-2.5), "-2.5");
});

test("numbers that are very large or very small have an exponent", () => {
  assert.equal(shortNumber(100_000), "1.0e5");
  assert.equal(shortNumber(-2_345_678), "-2.3e6");
  assert.equal(shortNumber(0.00123), "1.2e-3");
});

for (const shape of [[2, 3], [1, 1], [4362, 4148], [100_000_000, 1_000_000_000]]) {
  test(`a saved frame of ${shape.join(" × ")} is a .npy file of format 1.0`, async () => {
    const data = new Uint8Array([1, 2, 3, 4, 5, 6]);
    const bytes = new Uint8Array(await npy("<u2", shape, data).arrayBuffer());
    assert.deepEqual([...bytes.subarray(0, 8)], [0x93, ...Buffer.from("NUMPY"), 1, 0]);
    const length = bytes[8] + 256 * bytes[9];
    assert.equal((10 + length) % 64, 0);
    const header = Buffer.from(bytes.subarray(10, 10 + length)).toString("latin1");
    assert.match(header, /^[^\n]* *\n$/);
    assert.equal(header.trimEnd(), `{'descr': '<u2', 'fortran_order': False, 'shape': (${shape.join(", ")}), }`);
    assert.deepEqual([...bytes.subarray(10 + length)], [...data]);
  });
}

test("a header that just fills its blocks, and one a byte longer, are aligned", async () => {
  for (let size = 1; size <= 300; size += 1) {
    const bytes = new Uint8Array(await npy("x".repeat(size), [1, 1], new Uint8Array()).arrayBuffer());
    assert.equal(bytes.length % 64, 0);
    assert.equal(bytes.length, 10 + bytes[8] + 256 * bytes[9]);
    assert.equal(bytes.at(-1), 10);
  }
});

test("a window is kept within its frame, and is of whole pixels", () => {
  assert.deepEqual(windowWithin([100, 200], 10.4, 20.6, 30, 40), [10, 21, 30, 40]);
  assert.deepEqual(windowWithin([100, 200], -5, -5, 30, 40), [0, 0, 30, 40]);
  assert.deepEqual(windowWithin([100, 200], 99, 199, 30, 40), [70, 160, 30, 40]);
});

test("a window as large as its frame in one direction is the whole frame", () => {
  assert.deepEqual(windowWithin([100, 200], 10, 10, 100, 20), [0, 0, 0, 0]);
  assert.deepEqual(windowWithin([100, 200], 10, 10, 20, 200), [0, 0, 0, 0]);
  assert.deepEqual(windowWithin([100, 200], 0, 0, Infinity, Infinity), [0, 0, 0, 0]);
});

test("a drawn rectangle has both ends in it, whichever way it was drawn", () => {
  const sides = { top: 2, bottom: 6, left: 1, right: 9 };
  assert.deepEqual(between([2.7, 8.1], [5.0, 1.9]), sides);
  assert.deepEqual(between([5.0, 1.9], [2.7, 8.1]), sides);
  assert.deepEqual(between([3.5, 3.5], [3.5, 3.5]), { top: 3, bottom: 4, left: 3, right: 4 });
});

test("each pixel is painted in its level's colour, opaque, and the canvas has the frame's size", () => {
  const colours = new Uint8Array(768);
  colours.set([10, 20, 30], 0);
  colours.set([200, 150, 100], 255 * 3);
  const painted = [];
  const canvas = {
    width: 16, height: 16,
    getContext: () => ({
      createImageData: (columns, rows) => ({ data: new Uint8ClampedArray(columns * rows * 4) }),
      putImageData: (picture) => painted.push([...picture.data]),
    }),
  };
  // The bytes of a message lie somewhere within its buffer.
  const pixels = new DataView(new Uint8Array([9, 255, 0, 9]).buffer, 1, 2);
  paint({ canvas }, { shape: [1, 2] }, [pixels, new DataView(colours.buffer)]);
  assert.deepEqual([canvas.width, canvas.height], [2, 1]);
  assert.deepEqual(painted, [[200, 150, 100, 255, 10, 20, 30, 255]]);
});

const SCALES = [
  { low: 0, high: 200, scale: "linear" }, { low: 0.5, high: 5000, scale: "log" }, { low: -30, high: 70, scale: "sqrt" },
];

test("a place on a scale and the counts there belong together", () => {
  for (const levels of SCALES) {
    assert.equal(placeOf(levels.low, levels), 0);
    assert.ok(Math.abs(placeOf(levels.high, levels) - 1) < 1e-12);
    for (const place of [0, 0.25, 0.5, 1]) assert.ok(Math.abs(placeOf(valueAt(place, levels), levels) - place) < 1e-9);
  }
  assert.equal(placeOf(-5, SCALES[1]), 0);
  assert.equal(placeOf(400, SCALES[0]), 2);
});

test("counts are rounded to what a handle can be moved by, and not by more", () => {
  assert.equal(rounded(57.123456, { low: 0, high: 100, scale: "linear" }), 57.1);
  assert.equal(rounded(57123.4, { low: 0, high: 100000, scale: "linear" }), 57100);
  assert.equal(rounded(1001.2345, { low: 1000, high: 1002, scale: "linear" }), 1001.23);
  assert.equal(rounded(0.0123456, { low: 0.001, high: 10, scale: "log" }), 0.01235);
});

test("keys move a handle, and other keys are left to the page", () => {
  assert.equal(keyedPlace("ArrowRight", 0.5), 0.51);
  assert.equal(keyedPlace("PageDown", 0.5), 0.4);
  assert.equal(keyedPlace("Home", 0.5), 0);
  assert.equal(keyedPlace("End", 0.5), 1);
  assert.equal(keyedPlace("Tab", 0.5), undefined);
});

test("a typed limit is counts, or nothing for automatic, or a sentence that says what is wrong", () => {
  const shown = { low: 10, high: 300, scale: "linear" };
  assert.deepEqual(readLimit(" 1.2e2 ", "low", shown, "counts"), { value: 120 });
  assert.deepEqual(readLimit("", "high", shown, "counts"), {});
  assert.match(readLimit("many", "high", shown, "counts").wrong, /“many” is no number of counts\. Write one/);
  assert.match(readLimit("NaN", "high", shown, "counts").wrong, /is no number/);
  assert.match(readLimit("300", "low", shown, "counts").wrong, /The darkest, 300 counts, must be below the brightest, 300 counts/);
  assert.match(readLimit("10", "high", shown, "counts").wrong, /must be above the darkest, 10 counts/);
});

test("zooming keeps the pixel under the pointer where it is, and ends at a few pixels", () => {
  assert.deepEqual(zoomed([0, 0, 100, 200], 0.5, [10, 20]), [5, 10, 50, 100]);
  assert.deepEqual(zoomed([0, 0, 100, 200], 0.5, null), [25, 50, 50, 100]);
  assert.deepEqual(zoomed([40, 40, 8, 8], 0.5, null), [40, 40, 8, 8]);
});

test("what is no count is counted, the worst first, with a share only where it is large", () => {
  const message = { marked: [12, 0, 3], frame: [100, 100], binning: 1 };
  assert.deepEqual(marksOf(message), [{ kind: 3, text: "3 saturated" }, { kind: 1, text: "12 masked" }]);
  assert.deepEqual(marksOf({ ...message, marked: [0, 800, 0], binning: 2 }), [{ kind: 2, text: "800 dead (2 %)" }]);
  assert.deepEqual(marksOf({ ...message, marked: [0, 0, 0] }), []);
});

test("a profile has 0 in it, and one without counts has no ends", () => {
  assert.deepEqual(endsOf(new Float32Array([3, NaN, 9])), [0, 9]);
  assert.deepEqual(endsOf(new Float32Array([-3, -2])), [-3, 0]);
  assert.deepEqual(endsOf(new Float32Array([0, 0])), [0, 1]);
  assert.equal(endsOf(new Float32Array([NaN])), null);
  assert.equal(endsOf(new Float32Array()), null);
});

test("a region lies where its pixels are, whatever the frame was binned by, and is told in words", () => {
  const region = { name: "spot", rows: [10, 20], columns: [30, 50], masked: true, draft: false };
  assert.deepEqual(sidesOf(region, 2), { top: 5, bottom: 10, left: 15, right: 25 });
  assert.equal(regionWords([region], null), "spot: rows 10 to 19, columns 30 to 49, left out");
  const shown = (/** @type {[number, number]} */ frame, /** @type {number} */ binning) => ({ frame, binning });
  assert.equal(regionWords([region], shown([10, 25], 2)), "spot: rows 10 to 19, columns 30 to 49, left out");
  assert.equal(
    regionWords([region], shown([20, 49], 1)), "spot: rows 10 to 19, columns 30 to 49, left out, outside this frame",
  );
});

test("words that are too long for a picture are broken between words", () => {
  const measure = (text) => text.length;
  assert.deepEqual(linesOf("frame 12, th 0.22 °", 10, measure), ["frame 12,", "th 0.22 °"]);
  assert.deepEqual(linesOf("averyveryverylongword a", 5, measure), ["averyveryverylongword", "a"]);
  assert.deepEqual(linesOf("", 5, measure), []);
});

test("a picture has room for its frame, its bar and its words", () => {
  const place = pictureLayout(400, 300, 1, 2);
  assert.ok(place.bar.left > place.frame.left + 400 && place.bar.left + 22 < place.width);
  assert.ok(place.words >= place.frame.top + 300);
  assert.ok(place.height >= place.words + 2 * 18);
});

test("a picture says its limits, its scale and its part of the frame in the detector's pixels", () => {
  const shown = {
    low: 0.5, high: 700, units: "counts", scale: "log", window: [10, 20, 100, 200], binning: 2, pitch: 1, frame: [512, 512],
    marked: [0, 0, 3],
  };
  assert.deepEqual(pictureWords(shown, "viridis"), [
    "0.5 to 700 counts, log, viridis", "rows 20 to 219, columns 40 to 439, maximum of 2 × 2 pixels", "No counts: 3 saturated",
  ]);
});

const WRITTEN = JSON.parse(readFileSync(new URL("../geometry/recorded.json", import.meta.url), "utf8"));

test("angles and wave vectors are those that pyFAI gives", () => {
  assert.equal(WRITTEN.recorded.length, 3);
  const near = (found, recorded) => assert.ok(Math.abs(found / recorded - 1) < 1e-12, `${found} ${recorded}`);
  for (const { geometry, two_theta: angles, q } of WRITTEN.recorded) {
    WRITTEN.rows.forEach((row, index) => {
      near(twoTheta(geometry, row, WRITTEN.columns[index]), angles[index]);
      near(waveVector(geometry, row, WRITTEN.columns[index]), q[index]);
    });
  }
});

test("a pixel of a binned frame sees what the middle of its pixels sees, and nothing is said where it is not known", () => {
  const { geometry } = WRITTEN.recorded[0];
  const words = (row, column) =>
    `2θ ${((twoTheta(geometry, row, column) * 180) / Math.PI).toFixed(4)}°, q ${waveVector(geometry, row, column).toPrecision(5)} 1/Å`;
  assert.equal(directionWords(geometry, [3, 7], 1), words(3, 7));
  assert.equal(directionWords(geometry, [3, 7], 2), words(6.5, 14.5));
  assert.match(directionWords(geometry, [0, 3], 1), /^2θ 3\.7\d+°, q 0\.33494 1\/Å$/);
  assert.equal(directionWords(null, [3, 7], 2), "");
});
