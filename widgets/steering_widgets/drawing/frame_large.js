// @ts-check
// The frame over the whole screen, and its height on the page.

const HEIGHT_STEP = 24;
const LEAST_HEIGHT = 160;

/**
 * Show an element over the whole screen, and as it was before. Where the browser does not allow that, as in the pages of
 * some editors, it lies over all of the page instead. Gives what toggles it, and what ends it.
 *
 * @param {HTMLElement} root
 * @param {HTMLElement} pressed The button that does it.
 * @param {() => void} changed
 */
// biome-ignore lint/correctness/noUnusedVariables: the image's own file follows.
function makeLarge(root, pressed, changed) {
  let over = false; // whether it lies over the page, in its top layer
  const isLarge = () => over || document.fullscreenElement === root;
  const tell = () => {
    root.classList.toggle("st-large", isLarge());
    pressed.setAttribute("aria-pressed", String(isLarge()));
    changed();
  };
  const layOverPage = (/** @type {boolean} */ on) => {
    over = on;
    root.popover = on ? "manual" : null;
    if (on) root.showPopover();
    tell();
  };
  const leave = () => {
    if (over) layOverPage(false);
    else if (isLarge()) document.exitFullscreen().catch(tell);
  };
  const toggle = async () => {
    if (isLarge()) return leave();
    try {
      await root.requestFullscreen();
    } catch {
      layOverPage(true);
    }
  };
  document.addEventListener("fullscreenchange", tell);
  return {
    toggle, leave, isLarge,
    close: () => {
      leave();
      document.removeEventListener("fullscreenchange", tell);
    },
  };
}

/**
 * A bar under an element by which its height is changed, with the pointer and with the arrow keys.
 *
 * @param {HTMLElement} element
 */
// biome-ignore lint/correctness/noUnusedVariables: the image's own file follows.
function heightBar(element) {
  const bar = node("div", {
    class: "st-height", role: "separator", tabindex: 0, "aria-orientation": "horizontal", "aria-label": "Height of the frame",
    "aria-valuemin": LEAST_HEIGHT, "aria-valuenow": LEAST_HEIGHT, title: "Drag, or use the arrow keys, for another height; Home for the usual one",
  });
  const set = (/** @type {number | null} */ height) => {
    element.style.height = height === null ? "" : `${Math.max(Math.round(height), LEAST_HEIGHT)}px`;
    bar.setAttribute("aria-valuenow", String(Math.round(element.getBoundingClientRect().height)));
  };
  /** @type {number | null} */
  let grip = null; // from the pointer to the lower edge
  bar.addEventListener("focus", () => bar.setAttribute("aria-valuenow", String(Math.round(element.getBoundingClientRect().height))));
  bar.addEventListener("pointerdown", (event) => {
    grip = element.getBoundingClientRect().bottom - event.clientY;
    bar.setPointerCapture(event.pointerId);
  });
  bar.addEventListener("pointermove", (event) => {
    if (grip !== null) set(event.clientY + grip - element.getBoundingClientRect().top);
  });
  for (const end of ["pointerup", "pointercancel"]) bar.addEventListener(end, () => (grip = null));
  bar.addEventListener("dblclick", () => set(null));
  bar.addEventListener("keydown", (event) => {
    const height = element.getBoundingClientRect().height;
    if (event.key === "ArrowDown") set(height + HEIGHT_STEP);
    else if (event.key === "ArrowUp") set(height - HEIGHT_STEP);
    else if (event.key === "Home") set(null);
    else return;
    event.preventDefault();
    event.stopPropagation();
  });
  return bar;
}
