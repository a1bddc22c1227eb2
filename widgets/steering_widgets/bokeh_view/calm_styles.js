// @ts-check
// What Bokeh asks the page's style sheets for at each painting is asked for seldom.
//
// Bokeh (3.9) looks up each colour, width and font of each axis, grid and title whenever it measures or paints one. Each
// look has the browser style and lay out the whole page anew: it was the larger part of what a curve costs.

const STYLES_LAST_MS = 1000; // a theme that somebody changes is told of; another style sheet is seen so soon
const STYLES_SETTLE_MS = 1500; // a plot's own style sheets come a moment after it

/**
 * All views of a document, from the roots down.
 *
 * @param {BokehDocument | null} doc
 */
function viewsOf(doc) {
  const views = [...(doc?.views_manager?.roots ?? [])];
  for (const view of views) views.push(...(view.children_views?.() ?? []));
  return views;
}

// biome-ignore lint/correctness/noUnusedVariables: the view's own file follows.
class CalmStyles {
  constructor() {
    this.settled = 0;
    /** @type {WeakSet<BokehVisual | BokehNode>} */
    this.calmed = new WeakSet();
  }

  /** Look afresh for a while: plot or theme are new. */
  look() {
    this.settled = Date.now() + STYLES_SETTLE_MS;
  }

  /**
   * Have a document's views remember; those that have come since, too.
   *
   * @param {BokehDocument | null} doc
   */
  calm(doc) {
    for (const view of viewsOf(doc)) {
      if (view.base_font_size !== undefined && !this.calmed.has(view)) {
        this.calmed.add(view);
        const prototype = Object.getPrototypeOf(view);
        const size = this.remembered(() => Reflect.get(prototype, "base_font_size", view));
        Object.defineProperty(view, "base_font_size", { get: () => size("") });
      }
      for (const visual of view.visuals ?? []) {
        if (this.calmed.has(visual) || !visual._get_css_value) continue;
        this.calmed.add(visual);
        visual._get_css_value = this.remembered(visual._get_css_value.bind(visual));
      }
    }
  }

  /**
   * @template Found
   * @param {(name: string) => Found} look
   */
  remembered(look) {
    /** @type {Map<string, { found: Found, age: number }>} */
    const known = new Map();
    return (/** @type {string} */ name) => {
      const now = Date.now();
      // All are as old as each other, so that they are looked up together: the first look is the one that costs.
      const age = Math.floor(now / STYLES_LAST_MS);
      const held = known.get(name);
      if (held?.age === age && now > this.settled) return held.found;
      const found = look(name);
      known.set(name, { found, age });
      return found;
    };
  }
}
