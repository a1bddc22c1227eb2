// @ts-check
// A bar between two columns that is dragged, or moved with the arrow keys; how wide the left one is goes to the kernel.

const LEAST = 0.25; // of the width, for either column
const STEP = 0.02;
const USUAL = 0.5;

/** @param {number} share */
function within(share) {
  if (!Number.isFinite(share)) return USUAL;
  return Math.round(Math.min(Math.max(share, LEAST), 1 - LEAST) * 1000) / 1000;
}

/**
 * Where a key takes the bar; nothing for a key that is none of its own.
 *
 * @param {string} key
 * @param {number} share
 */
function moved(key, share) {
  /** @type {Record<string, number | undefined>} */
  const places = { ArrowLeft: share - STEP, ArrowRight: share + STEP, Home: LEAST, End: 1 - LEAST, Enter: USUAL };
  const place = places[key];
  return place === undefined ? undefined : within(place);
}

/** @param {Place<Model<{ key: string, share: number }, { kind: string }, { kind: string }>>} place */
async function render({ model, el }) {
  await beHeard(model);
  el.classList.add("st-splitter");
  const bar = document.createElement("div");
  bar.className = "st-splitter-bar";
  bar.tabIndex = 0;
  bar.title = "Drag to give the plots or the frame more room. With keys: arrows; Enter halves.";
  const names = { role: "separator", "aria-label": "Width of the plots", "aria-orientation": "vertical" };
  for (const [name, value] of Object.entries(names)) bar.setAttribute(name, value);
  bar.setAttribute("aria-valuemin", String(100 * LEAST));
  bar.setAttribute("aria-valuemax", String(100 - 100 * LEAST));
  el.append(bar);
  let share = within(model.get("share"));

  const show = () => {
    // The columns belong to the band that this stands in.
    el.parentElement?.style.setProperty("--st-share", String(share));
    bar.setAttribute("aria-valuenow", String(Math.round(100 * share)));
  };
  const keep = () => {
    model.set("share", share);
    model.save_changes();
  };
  const heard = () => {
    share = within(model.get("share"));
    show();
  };

  bar.addEventListener("keydown", (event) => {
    const place = moved(event.key, share);
    if (place === undefined) return;
    event.preventDefault();
    event.stopPropagation(); // JupyterLab has commands on the same keys
    share = place;
    show();
    keep();
  });
  bar.addEventListener("pointerdown", (event) => {
    event.preventDefault();
    bar.focus();
    bar.setPointerCapture(event.pointerId);
    el.classList.add("st-moving");
  });
  bar.addEventListener("pointermove", (event) => {
    const box = el.parentElement?.getBoundingClientRect();
    if (!bar.hasPointerCapture(event.pointerId) || !box?.width) return;
    share = within((event.clientX - box.left) / box.width);
    show();
  });
  bar.addEventListener("lostpointercapture", () => {
    el.classList.remove("st-moving");
    keep();
  });
  bar.addEventListener("dblclick", () => {
    share = USUAL;
    show();
    keep();
  });
  model.on("change:share", heard);
  // Its place in the page comes after this.
  const waiting = requestAnimationFrame(show);
  return () => {
    cancelAnimationFrame(waiting);
    model.off("change:share", heard);
  };
}

export default { render };
