// @ts-check
// How a range or a region is marked in a plot: with one drag, as in every other program.

// Up and down a finger moves the page: a plot is as wide as a telephone, and would hold whoever scrolls past it.
const FINGERS = "pan-y pinch-zoom";

/**
 * A drag that begins beside the box draws another, and one that begins on it moves it; with Shift it draws in any case. It
 * ends with its button. For Bokeh's own tool a drag without Shift draws nothing; a press that rests for 0.3 s before it
 * moves is the first of two that begin and end a box; and a drag whose Shift is let go first goes on without its button:
 * to a person who hesitates, a box that follows the pointer and of which nobody is told.
 *
 * @param {BokehDocument | null} doc
 */
// biome-ignore lint/correctness/noUnusedVariables: the view's own file follows this one.
function takeDrags(doc) {
  for (const view of viewsOf(doc)) {
    const gestures = view.ui_event_bus?.ui_gestures;
    if (gestures) gestures._start_timeout = () => {};
    if (view._update_touch_action && view.canvas) {
      const { canvas } = view;
      view._update_touch_action = () => canvas.touch_action.replace(`.bk-events { touch-action: ${FINGERS}; }`);
      view._update_touch_action();
    }
    if (view.model?.type === "BoxEditTool") drawByDrag(/** @type {BokehBoxTool} */ (view));
  }
}

/** @param {BokehBoxTool} tool */
function drawByDrag(tool) {
  const [begin, go, end] = [tool._pan_start.bind(tool), tool._pan.bind(tool), tool._pan_end.bind(tool)];
  let draws = false;
  // Bokeh reads anew from each event whether Shift is held; what a drag does is settled as it begins.
  const settled = (/** @type {BokehDrag} */ event) => ({ ...event, modifiers: { ...event.modifiers, shift: draws } });
  tool._pan_start = (event) => {
    const moves = () => tool._select_event(event, "append", tool.model.renderers).length > 0;
    // A finger that drags goes through the page, and marks by writing into the form.
    draws = event.modifiers.shift || (event.native.pointerType !== "touch" && !moves());
    begin(settled(event));
  };
  tool._pan = (event, ...more) => go(settled(event), ...more);
  tool._pan_end = (event) => {
    end(settled(event));
    tool._draw_basepoint = null;
  };
}
