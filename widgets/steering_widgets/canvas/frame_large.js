// @ts-check
// The frame over the whole screen, and its height on the page.

const HEIGHT_STEP = 24;
const LEAST_HEIGHT = 160;

/**
 * Show an element over the whole screen, and as it was before. On a dashboard that is the dashboard's screen: its command bar
 * stays above, so that the scan is seen and can be stopped. Where the browser does not allow a full screen, as in the pages
 * of some editors, it lies over all of the page instead. Gives what toggles it, and what ends it.
 *
 * @param {HTMLElement} root
 * @param {HTMLElement} pressed The button that does it.
 * @param {() => void} changed
 */
// biome-ignore lint/correctness/noUnusedVariables: the image's own file follows.
function makeLarge(root, pressed, changed) {
  let over = false; // whether it lies over the page, in its top layer
  let full = false; // whether the dashboard has the screen for it
  /** @type {HTMLElement | null} */
  let before = null; // what had the focus
  /** @type {[Element, number][]} */
  let scrolled = []; // where the page stood: what is large has another height, and may not be scrolled
  const words = pressed.textContent;
  const page = () => /** @type {HTMLElement | null} */ (root.closest(".st-dashboard"));
  const bar = () => page()?.querySelector(".st-panel-progress") ?? null;
  const isLarge = () => over || document.fullscreenElement === root;
  const fit = () => {
    const top = over ? (bar()?.getBoundingClientRect().bottom ?? 0) : 0;
    root.style.top = root.style.height = "";
    // A bar that is scrolled away has no place above.
    if (top > 0 && top < globalThis.innerHeight / 2) [root.style.top, root.style.height] = [`${top}px`, `calc(100vh - ${top}px)`];
  };
  const barChanges = new ResizeObserver(fit);
  const tell = () => {
    root.classList.toggle("st-large", isLarge());
    pressed.setAttribute("aria-pressed", String(isLarge()));
    pressed.textContent = isLarge() ? "Close" : words;
    changed();
    if (isLarge()) return;
    before?.focus({ preventScroll: true });
    before = null;
    if (document.fullscreenElement) return; // it is told again once that is left
    const back = scrolled;
    scrolled = [];
    // Once the page has been laid out as it was.
    requestAnimationFrame(() => requestAnimationFrame(() => {
      for (const [one, top] of back) one.scrollTop = top;
    }));
  };
  const layOverPage = (/** @type {boolean} */ on) => {
    over = on;
    // Its room on the page stays: a page that became shorter would move, and its command bar out of sight.
    const room = root.parentElement;
    if (room) room.style.minHeight = on ? `${room.getBoundingClientRect().height}px` : "";
    root.popover = on ? "manual" : null;
    if (on) root.showPopover();
    const above = bar();
    if (on && above) barChanges.observe(above);
    else barChanges.disconnect();
    fit();
    tell();
  };
  const leave = () => {
    if (full) document.exitFullscreen().catch(() => {});
    full = false;
    if (over) layOverPage(false);
    else if (isLarge()) document.exitFullscreen().catch(tell);
  };
  const toggle = async () => {
    if (isLarge()) return leave();
    before = /** @type {HTMLElement | null} */ (document.activeElement);
    scrolled = scrolledAround(root);
    const whole = bar() ? /** @type {HTMLElement} */ (page()) : root;
    try {
      await whole.requestFullscreen();
      full = whole !== root;
    } catch {
      full = false;
    }
    if (document.fullscreenElement !== root) layOverPage(true);
  };
  const onChange = () => {
    // Escape is the browser's own: it is told of when it is over.
    if (full && !document.fullscreenElement) leave();
    else tell();
  };
  document.addEventListener("fullscreenchange", onChange);
  return {
    toggle, leave, isLarge,
    close: () => {
      leave();
      barChanges.disconnect();
      document.removeEventListener("fullscreenchange", onChange);
    },
  };
}

/**
 * What is scrolled around an element, and how far.
 *
 * @param {HTMLElement} element
 */
function scrolledAround(element) {
  /** @type {[Element, number][]} */
  const found = [];
  for (let one = element.parentElement; one; one = one.parentElement) if (one.scrollTop > 0) found.push([one, one.scrollTop]);
  return found;
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
