// @ts-check
// The counts along the row and along the column of the cursor, drawn beside the frame.

/**
 * The least and the most of the counts of a line, with 0 in between; nothing if it has none.
 *
 * @param {Float32Array} line NaN where there is no count.
 * @returns {[least: number, most: number] | null}
 */
function endsOf(line) {
  let least = Infinity;
  let most = -Infinity;
  for (const value of line) {
    if (value < least) least = value;
    if (value > most) most = value;
  }
  if (!(least <= most)) return null;
  return [Math.min(least, 0), Math.max(most, least + 1, 0)];
}

// biome-ignore lint/correctness/noUnusedVariables: the other files of this widget follow.
class Profiles {
  constructor() {
    this.across = node("canvas", { class: "st-across", role: "img", "aria-label": "Counts along the row of the cursor" });
    this.down = node("canvas", { class: "st-down", role: "img", "aria-label": "Counts along the column of the cursor" });
    this.on = false;
    /** @type {[row: Float32Array, column: Float32Array, at: [across: number, down: number]] | null} */
    this.last = null; // what was drawn
  }

  /** @param {boolean} on */
  toggle(on) {
    this.on = on;
    for (const canvas of [this.across, this.down]) canvas.hidden = !on;
    if (on) this.clear();
  }

  clear() {
    this.last = null;
    if (!this.on) return;
    for (const canvas of [this.across, this.down]) {
      const { context, width, height } = freshCanvas(canvas);
      context.fillStyle = getComputedStyle(canvas).color;
      context.globalAlpha = 0.75;
      context.font = "11px sans-serif";
      context.textAlign = "center";
      if (canvas === this.across) context.fillText("Point at the frame for its profiles", width / 2, height / 2 + 4);
    }
  }

  /**
   * @param {Buffers} buffers Counts along the row and along the column, as float32.
   * @param {DOMRect} picture Where the pixels are on the screen.
   * @param {[across: number, down: number]} at Where the cursor is, in parts of them.
   */
  draw(buffers, picture, at) {
    if (!this.on || buffers.length < 2) return;
    // Copied, since they may begin anywhere within their message.
    const [row, column] = buffers.map(({ buffer, byteOffset, byteLength }) =>
      new Float32Array(buffer.slice(byteOffset, byteOffset + byteLength)));
    this.last = [row, column, at];
    this.again(picture);
  }

  /**
   * Draw the same lines again, beside a picture that has another size on the screen.
   *
   * @param {DOMRect} picture
   */
  again(picture) {
    if (!this.on || !this.last) return;
    const [row, column, [x, y]] = this.last;
    this.line(this.across, row, picture, x, false);
    this.line(this.down, column, picture, y, true);
  }

  /**
   * @param {HTMLCanvasElement} canvas
   * @param {Float32Array} line
   * @param {DOMRect} picture
   * @param {number} cursor In parts of the line.
   * @param {boolean} upright
   */
  line(canvas, line, picture, cursor, upright) {
    const { context, width, height } = freshCanvas(canvas);
    const own = canvas.getBoundingClientRect();
    const style = getComputedStyle(canvas);
    const ends = endsOf(line);
    canvas.setAttribute("aria-label", `Counts along the ${upright ? "column" : "row"} of the cursor: ${
      ends ? `up to ${shortNumber(ends[1])}` : "none"}`);
    if (!ends) return;
    const [begin, length, thick] = upright
      ? [picture.top - own.top, picture.height, width] : [picture.left - own.left, picture.width, height];
    const point = (/** @type {number} */ along, /** @type {number} */ value) => {
      const far = 2 + ((value - ends[0]) / (ends[1] - ends[0])) * (thick - 4);
      return upright ? /** @type {const} */ ([far, begin + along * length]) : /** @type {const} */ ([begin + along * length, thick - far]);
    };
    context.strokeStyle = style.getPropertyValue("--st-edge");
    context.beginPath();
    context.moveTo(...point(cursor, ends[0]));
    context.lineTo(...point(cursor, ends[1]));
    context.stroke();
    context.strokeStyle = style.getPropertyValue("--st-main");
    context.beginPath();
    line.forEach((value, index) => {
      if (Number.isNaN(value)) return;
      const next = line[index - 1] === undefined || Number.isNaN(line[index - 1]) ? "moveTo" : "lineTo";
      // A step a pixel: what lies between two pixels was not measured.
      context[next](...point(index / line.length, value));
      context.lineTo(...point((index + 1) / line.length, value));
    });
    context.stroke();
    context.fillStyle = style.color;
    context.font = "11px sans-serif";
    context.textAlign = "right";
    context.fillText(shortNumber(ends[1]), width - 3, 11);
  }
}
