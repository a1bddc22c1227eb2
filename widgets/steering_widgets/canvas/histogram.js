// @ts-check
// How often which counts are on the screen, and two handles for what is drawn darkest and brightest.

/** @typedef {"low" | "high"} Side */

const FINE_STEP = 0.01;
const COARSE_STEP = 0.1;

/**
 * Where a key moves a handle that is at a place; nothing for other keys.
 *
 * @param {string} key
 * @param {number} place
 */
function keyedPlace(key, place) {
  /** @type {Record<string, number | undefined>} */
  const places = {
    ArrowLeft: place - FINE_STEP, ArrowDown: place - FINE_STEP, ArrowRight: place + FINE_STEP, ArrowUp: place + FINE_STEP,
    PageDown: place - COARSE_STEP, PageUp: place + COARSE_STEP, Home: 0, End: 1,
  };
  return places[key];
}

// biome-ignore lint/correctness/noUnusedVariables: the other files of this widget follow.
class Histogram {
  /** @param {SetTraits} set */
  constructor(set) {
    this.set = set;
    this.canvas = node("canvas", { class: "st-counts", "aria-hidden": "true" });
    this.handles = { low: this.handle("low", "Darkest"), high: this.handle("high", "Brightest") };
    this.root = node("div", { class: "st-histogram", hidden: "" }, this.canvas, this.handles.low, this.handles.high);
    /** @type {ImageMessage | null} */
    this.message = null;
    /** @type {Uint8Array} */
    this.colours = new Uint8Array(768);
    /** @type {HistogramOfCounts} */
    this.counts = { pixels: [], low: 0, high: 1 };
    /** @type {Side | null} */
    this.dragged = null;
    /** @type {Partial<Record<Side, number>>} */
    this.wanted = {}; // what a person wants and no frame has yet been drawn with
    this.due = 0;
    /** @type {(() => void) | null} */
    this.later = null; // shows what came while a handle was dragged
  }

  /** The scale along which the bars stand. */
  get axis() {
    return { low: this.counts.low, high: this.counts.high, scale: this.message?.scale ?? "linear" };
  }

  /**
   * @param {ImageMessage} message
   * @param {Uint8Array} colours
   */
  show(message, colours) {
    if (!message.histogram) return;
    if (this.dragged) {
      this.later = () => this.show(message, colours); // the axis stays under the pointer
      return;
    }
    this.message = message;
    this.counts = message.histogram;
    this.colours = colours;
    this.wanted = {};
    this.root.hidden = false;
    this.draw();
  }

  /** @param {Side} side */
  limit(side) {
    return this.wanted[side] ?? this.message?.[side] ?? 0;
  }

  draw() {
    if (!this.message || this.root.hidden) return;
    const { context, width, height } = freshCanvas(this.canvas);
    const bars = this.counts.pixels.length;
    const most = Math.log1p(Math.max(...this.counts.pixels, 1));
    const outside = getComputedStyle(this.root).getPropertyValue("--st-faint");
    const levels = { low: this.limit("low"), high: this.limit("high"), scale: this.axis.scale };
    this.counts.pixels.forEach((count, bar) => {
      const place = placeOf(valueAt((bar + 0.5) / bars, this.axis), levels);
      const level = this.message ? this.message.reserved + Math.round(place * (255 - this.message.reserved)) : 0;
      context.fillStyle = place < 0 || place > 1 || !(levels.low < levels.high)
        ? outside : `rgb(${[0, 1, 2].map((part) => this.colours[level * 3 + part]).join(" ")})`;
      const tall = (Math.log1p(count) / most) * (height - 2);
      if (count) context.fillRect((bar * width) / bars, height - Math.max(tall, 1), width / bars + 0.5, Math.max(tall, 1));
    });
    for (const side of /** @type {const} */ (["low", "high"])) this.place(side);
  }

  /** @param {Side} side */
  place(side) {
    const handle = this.handles[side];
    const value = this.limit(side);
    handle.style.left = `${100 * Math.min(Math.max(placeOf(value, this.axis), 0), 1)}%`;
    const said = {
      "aria-valuemin": String(side === "low" ? this.axis.low : this.limit("low")),
      "aria-valuemax": String(side === "high" ? this.axis.high : this.limit("high")),
      "aria-valuenow": String(value),
      "aria-valuetext": `${shortNumber(value)} ${this.message?.units ?? ""}`,
    };
    for (const [name, text] of Object.entries(said)) {
      if (handle.getAttribute(name) !== text) handle.setAttribute(name, text);
    }
  }

  /**
   * Want a limit at a place of the axis; the two never pass each other.
   *
   * @param {Side} side
   * @param {number} place
   */
  move(side, place) {
    const other = placeOf(this.limit(side === "low" ? "high" : "low"), this.axis);
    const free = side === "low" ? Math.min(place, other - FINE_STEP / 2) : Math.max(place, other + FINE_STEP / 2);
    this.wanted[side] = rounded(valueAt(Math.min(Math.max(free, 0), 1), this.axis), this.axis);
    this.draw();
    this.due ||= requestAnimationFrame(() => {
      this.due = 0;
      const value = this.wanted[side];
      if (value !== undefined) this.set(side === "low" ? { low: value, auto_low: false } : { high: value, auto_high: false });
    });
  }

  /**
   * @param {Side} side
   * @param {string} name
   */
  handle(side, name) {
    const handle = node("div", {
      class: `st-handle st-handle-${side}`, role: "slider", tabindex: 0, "aria-orientation": "horizontal",
      "aria-label": `${name} counts`, title: `${name}: drag, or use the arrow keys`, "aria-valuenow": 0,
    });
    handle.addEventListener("keydown", (event) => {
      const place = keyedPlace(event.key, placeOf(this.limit(side), this.axis));
      if (place === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      event.stopPropagation();
      this.move(side, place);
    });
    handle.addEventListener("pointerdown", (event) => {
      this.dragged = side;
      handle.setPointerCapture(event.pointerId);
      handle.focus();
      event.preventDefault();
    });
    handle.addEventListener("pointermove", (event) => {
      if (this.dragged !== side) return;
      const box = this.canvas.getBoundingClientRect();
      this.move(side, (event.clientX - box.left) / box.width);
    });
    for (const end of ["pointerup", "pointercancel"]) handle.addEventListener(end, () => this.drop());
    return handle;
  }

  drop() {
    const { later } = this;
    this.dragged = this.later = null;
    later?.();
  }
}
