// @ts-check
// Which scattering angle and which wave vector a pixel sees, as steering.geometry says it, without asking the kernel.

/**
 * By which angle light is scattered that arrives at a place of the detector, in radians.
 *
 * @param {DetectorGeometry} geometry
 * @param {number} row In the detector's pixels; 0 is the middle of the first.
 * @param {number} column
 */
function twoTheta(geometry, row, column) {
  const up = (row + 0.5) * geometry.pixel1 - geometry.poni1;
  const left = (column + 0.5) * geometry.pixel2 - geometry.poni2;
  const along = geometry.distance;
  const [sin1, sin2] = [Math.sin(geometry.rot1), Math.sin(geometry.rot2)];
  const [cos1, cos2] = [Math.cos(geometry.rot1), Math.cos(geometry.rot2)];
  // A turn about the beam changes no angle with it.
  const first = up * cos2 + left * sin1 * sin2 - along * cos1 * sin2;
  const second = left * cos1 + along * sin1;
  const third = up * sin2 - left * cos2 * sin1 + along * cos1 * cos2;
  return Math.atan2(Math.hypot(first, second), third);
}

/**
 * The length of the wave-vector transfer in 1/angstrom.
 *
 * @param {DetectorGeometry} geometry
 * @param {number} row
 * @param {number} column
 */
function waveVector(geometry, row, column) {
  return (4 * Math.PI * Math.sin(twoTheta(geometry, row, column) / 2)) / (geometry.wavelength * 1e10);
}

/**
 * Say what a pixel of a frame sees; nothing where nobody has said where the detector stands.
 *
 * @param {DetectorGeometry | null} geometry
 * @param {Pixel} pixel Of the frame.
 * @param {number} binning Pixels of the detector to one of the frame: it sees what their middle sees.
 */
// biome-ignore lint/correctness/noUnusedVariables: the image's own file follows.
function directionWords(geometry, [row, column], binning) {
  if (!geometry) return "";
  const middle = (/** @type {number} */ index) => index * binning + (binning - 1) / 2;
  const at = /** @type {const} */ ([middle(row), middle(column)]);
  const degrees = (twoTheta(geometry, ...at) * 180) / Math.PI;
  return `2θ ${degrees.toFixed(4)}°, q ${waveVector(geometry, ...at).toPrecision(5)} 1/Å`;
}
