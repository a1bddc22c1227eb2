// @ts-check
// Which part of a frame is looked at.

const SMALLEST_WINDOW = 8;

/**
 * A part of a frame of so many rows and columns; the whole frame if the part would be larger.
 *
 * @param {[rows: number, columns: number]} frame
 * @param {number} row
 * @param {number} column
 * @param {number} rows
 * @param {number} columns
 * @returns {FrameWindow}
 */
// biome-ignore lint/correctness/noUnusedVariables: the other files of this widget follow.
function windowWithin([frameRows, frameColumns], row, column, rows, columns) {
  if (rows >= frameRows || columns >= frameColumns) return [0, 0, 0, 0];
  return [
    Math.round(Math.min(Math.max(row, 0), frameRows - rows)),
    Math.round(Math.min(Math.max(column, 0), frameColumns - columns)),
    Math.round(rows), Math.round(columns),
  ];
}

/**
 * A part that is larger by a factor, with one pixel where it is on the screen.
 *
 * @param {FrameWindow} window
 * @param {number} factor
 * @param {Pixel | null} about The middle, if there is none.
 * @returns {FrameWindow}
 */
// biome-ignore lint/correctness/noUnusedVariables: the other files of this widget follow.
function zoomed([row, column, rows, columns], factor, about) {
  const scale = Math.max(factor, SMALLEST_WINDOW / Math.min(rows, columns));
  const [y, x] = about ?? [row + rows / 2, column + columns / 2];
  return [y - (y - row) * scale, x - (x - column) * scale, rows * scale, columns * scale];
}

/**
 * The rectangle of whole pixels from one place to another, both in it.
 *
 * @param {Pixel} from
 * @param {Pixel} to
 * @returns {Sides}
 */
// biome-ignore lint/correctness/noUnusedVariables: the other files of this widget follow.
function between(from, to) {
  return {
    top: Math.floor(Math.min(from[0], to[0])), bottom: Math.floor(Math.max(from[0], to[0])) + 1,
    left: Math.floor(Math.min(from[1], to[1])), right: Math.floor(Math.max(from[1], to[1])) + 1,
  };
}

/**
 * Lay an element over the pixels of a rectangle, in parts of what shows the window.
 *
 * @param {HTMLElement} element
 * @param {FrameWindow} window
 * @param {Sides} sides
 */
// biome-ignore lint/correctness/noUnusedVariables: the other files of this widget follow.
function layOver(element, [row, column, rows, columns], { top, bottom, left, right }) {
  element.style.left = `${(100 * (left - column)) / columns}%`;
  element.style.top = `${(100 * (top - row)) / rows}%`;
  element.style.width = `${(100 * (right - left)) / columns}%`;
  element.style.height = `${(100 * (bottom - top)) / rows}%`;
}
