// @ts-check
// Numbers as a person reads them, and as NumPy does.

/** @param {number} value */
// biome-ignore lint/correctness/noUnusedVariables: the file of a widget that shows numbers follows this one.
function shortNumber(value) {
  const size = Math.abs(value);
  if (size >= 1e5 || (size > 0 && size < 1e-2)) return value.toExponential(1).replace("e+", "e");
  return String(Number(value.toPrecision(3)));
}

/**
 * Round values between two levels for the colour bar's ticks.
 *
 * @param {number} low
 * @param {number} high
 * @param {boolean} log
 */
// biome-ignore lint/correctness/noUnusedVariables: the file of a widget that shows numbers follows this one.
function ticksOf(low, high, log) {
  if (!(low < high)) return [];
  if (log) {
    if (!(low > 0)) return [low, high];
    const found = [];
    for (let power = Math.ceil(Math.log10(low)); power <= Math.floor(Math.log10(high)); power++) found.push(10 ** power);
    return found.length >= 2 ? found : [low, high];
  }
  const rough = (high - low) / 5;
  const unit = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * unit).find((value) => value >= rough) ?? NaN;
  const first = Math.ceil(low / step) * step;
  // Counted, because a sum does not grow where the step is smaller than the distance of two numbers.
  const count = Math.floor((high - first) / step + 1e-6) + 1;
  return [...new Set(Array.from({ length: count }, (_, number) => first + number * step))];
}

/**
 * A NumPy .npy file of version 1.0.
 *
 * @param {string} type
 * @param {number[]} shape
 * @param {BlobPart} bytes
 */
// biome-ignore lint/correctness/noUnusedVariables: the file of a widget that shows numbers follows this one.
function npy(type, shape, bytes) {
  const text = `{'descr': '${type}', 'fortran_order': False, 'shape': (${shape.join(", ")}), }`;
  const padded = `${text.padEnd(Math.ceil((text.length + 11) / 64) * 64 - 11, " ")}\n`;
  const head = new Uint8Array([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0, padded.length & 255, padded.length >> 8]);
  return new Blob([head, padded, bytes], { type: "application/octet-stream" });
}
