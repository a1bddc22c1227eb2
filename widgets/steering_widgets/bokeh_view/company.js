// @ts-check
// What a plot is told waits a moment for a frame to be painted along with.
//
// Frames come ten times a second, and each time that the page is painted costs, however little of it has changed.

const COMPANY_MS = 100; // nobody sees that a curve is so much later
const FRAME_EVENT = "st-frame"; // an image has got a frame, and paints it next

// biome-ignore lint/correctness/noUnusedVariables: the view's own file follows.
class Company {
  constructor() {
    /** @type {(() => void)[]} */
    this.waiting = [];
    this.came = -Infinity;
    this.timer = 0;
    this.take = () => {
      this.came = performance.now();
      this.go();
    };
    document.addEventListener(FRAME_EVENT, this.take);
  }

  /**
   * Do something with the next frame; at once where none has come lately, and soon in any case.
   *
   * @param {() => void} act
   */
  join(act) {
    this.waiting.push(act);
    if (performance.now() - this.came > 2 * COMPANY_MS) this.go();
    else this.timer ||= setTimeout(() => this.go(), COMPANY_MS);
  }

  /** Do all that waits, in its order. */
  go() {
    clearTimeout(this.timer);
    this.timer = 0;
    for (const act of this.waiting.splice(0)) act();
  }

  end() {
    document.removeEventListener(FRAME_EVENT, this.take);
    this.go();
  }
}
