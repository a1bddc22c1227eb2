// @ts-check
// A detector image: 8-bit pixels and 256 colours come from the kernel, each frame is painted once, and acknowledged if it asks.
// The view says how large it is, which part of the frame it looks at, and whether anybody can see it.

/** @typedef {ReturnType<typeof build>} Parts */

const AGAIN_MS = 2000;
const HINT_MS = 1500;
const WRITTEN_MS = 12000; // where a picture was written is no news for longer
const SILENT_MS = 3000; // the caption goes on a frame at a time, a picture comes with each
const PAN_PART = 0.1; // of the window, a key
const KEYS = "With the mouse: Ctrl and the wheel zoom, in full screen the wheel alone; a drag moves. "
  + "Keys: arrows move the part that is seen, with Shift the cursor; + and − zoom, 0 shows the whole frame, "
  + "F fills the screen, L follows the newest again, [ and ] show the frame before and after, P the profiles.";

/** @param {ImageModel} model */
function build(model) {
  const set = (/** @type {Partial<ImageTraits>} */ traits) => {
    for (const [name, value] of Object.entries(traits)) model.set(/** @type {keyof ImageTraits} */ (name), value);
    model.save_changes();
  };
  const limits = new Limits(model, set);
  const histogram = new Histogram(set);
  const profiles = new Profiles();
  const parts = {
    set, limits, histogram, profiles,
    out: button("st-zoom-out", "−", "Zoom out (key −)"),
    into: button("st-zoom-in", "+", "Zoom in (key +)"),
    fit: button("st-zoom-fit", "Fit", "Show the whole frame (key 0)"),
    lines: button("st-profiles", "Profiles", "Counts along the row and the column of the cursor (key P)"),
    save: button("st-save-exact", "Save", "Save this frame with its exact counts as a .npy file"),
    shoot: button("st-save-picture", "PNG", "Write a picture of the frame as it is shown, with its colours and limits"),
    caption: node("div", { class: "st-caption" }),
    written: node("div", { class: "st-written", role: "status", "aria-live": "polite" }),
    help: button("st-help", "?", "Which keys there are"),
    keys: node("div", { class: "st-keys", hidden: "" }, `Click the frame first. ${KEYS}`),
    fill: button("st-fill", "Full screen", "Fill the screen with the frame (key F; Escape leaves)"),
    canvas: node("canvas", {
      class: "st-canvas", tabindex: "0", role: "img", width: 16, height: 16,
      "aria-label": `${model.get("label")}. ${KEYS}`,
    }),
    over: node("div", { class: "st-over", "aria-hidden": "true" }),
    outlines: node("div", { class: "st-outlines" }),
    cross: node("div", { class: "st-cross", hidden: "" }),
    band: node("div", { class: "st-band", hidden: "" }),
    empty: node("div", { class: "st-empty" }, "No frame yet"),
    how: node("div", { class: "st-how", role: "status", hidden: "" }, "Ctrl and the wheel zoom"),
    bar: node("canvas", { class: "st-bar", width: 1, height: 256, "aria-hidden": "true" }),
    ticks: node("div", { class: "st-ticks", "aria-hidden": "true" }),
    unit: node("div", { class: "st-unit" }),
    value: node("output", { class: "st-value", "aria-live": "polite" }),
    direction: node("output", { class: "st-direction", "aria-live": "polite" }),
    marks: node("div", { class: "st-marks", "aria-label": "Pixels that are no counts" }),
    detail: node("span", { class: "st-detail" }),
    words: node("span", { class: "st-region-words" }),
  };
  parts.over.append(parts.outlines, parts.cross, parts.band);
  const stage = node("div", { class: "st-stage" }, parts.canvas, parts.over, parts.empty, parts.how, parts.written);
  const toolbar = node(
    "div", { class: "st-toolbar", role: "toolbar", "aria-label": "How the frame is drawn" },
    limits.map, limits.scale,
    node("span", { class: "st-tools" }, parts.out, parts.into, parts.fit, parts.lines, parts.save, parts.shoot, parts.fill, parts.help),
  );
  const scale = node("div", { class: "st-scale" }, parts.unit, node("div", { class: "st-gauge" }, parts.bar, parts.ticks));
  const picture = node("div", { class: "st-picture" }, stage, profiles.down, scale, profiles.across);
  const root = node(
    "div", { class: "st-image" }, parts.caption, toolbar, parts.keys, picture, heightBar(picture),
    node("div", { class: "st-below" }, node("span", { class: "st-read" }, parts.value, parts.direction), parts.detail), parts.marks, parts.words,
    histogram.root, limits.root, limits.said,
  );
  return { ...parts, stage, picture, root };
}

/** @param {Place<ImageModel>} place */
async function render({ model, el }) {
  await beHeard(model);
  const view = crypto.randomUUID();
  const parts = build(model);
  el.append(parts.root);

  let came = 0; // when the newest picture came
  let known = false; // whether the kernel knows of this view
  let seen = false; // whether the view is scrolled into sight
  /** @type {FrameWindow} */
  let window_ = [0, 0, 0, 0];
  /** @type {ImageMessage | null} */
  let shown = null; // header of the frame that is painted
  /** @type {{ message: ImageMessage, buffers: Buffers } | null} */
  let next = null; // the newest frame that is not painted yet
  /** @type {Pixel | null} */
  let cursor = null; // in the frame's pixels
  let probing = false;
  /** @type {ImageMessage | null} */
  let probed = null; // what was painted when the kernel was asked
  let scaleKey = "";
  /** @type {Blob | null} */
  let pictured = null; // until the kernel has said where it lies
  /** @type {HTMLElement | null} */
  let asker = null; // what had the focus when a region was asked for

  const send = (/** @type {ImageSent} */ message) => {
    try {
      model.send({ view, ...message });
    } catch {
      known = false; // the kernel has gone, which the page says; it is asked again when it is back
    }
  };
  const visible = () => seen && document.visibilityState === "visible";

  /** How many of the detector's pixels stand in a row of one of the frame's, where each is shown. */
  const grain = () => (shown && shown.pitch < 1 ? shown.binning : 1);
  /** Where the pixel begins in which a place lies; a little more, as what was divided comes back a little less. */
  const onPixel = (/** @type {Pixel} */ at) =>
    /** @type {Pixel} */ (at.map((place) => Math.floor(place * grain() + 1e-6) / grain()));

  const sayView = () => {
    const ratio = globalThis.devicePixelRatio || 1;
    const width = Math.round(parts.stage.clientWidth * ratio);
    const height = Math.round(parts.stage.clientHeight * ratio);
    send({ kind: "view", width, height, window: window_, visible: visible() && width > 0 });
  };

  /** Fit the canvas into the stage with square pixels, and what lies over it over it. */
  const place = () => {
    if (!shown) return;
    const [, , rows, columns] = shown.window;
    const scale = Math.min(parts.stage.clientWidth / columns, parts.stage.clientHeight / rows);
    for (const { style } of [parts.canvas, parts.over]) {
      style.width = `${columns * scale}px`;
      style.height = `${rows * scale}px`;
    }
    showRegions();
    placeCross();
    parts.profiles.again(parts.canvas.getBoundingClientRect());
  };

  const placeCross = () => {
    const inside = cursor && shown && cursor[0] >= shown.window[0] && cursor[1] >= shown.window[1]
      && cursor[0] < shown.window[0] + shown.window[2] && cursor[1] < shown.window[1] + shown.window[3];
    const pixel = /** @type {Pixel} */ (cursor?.map((place) => Math.round(place * grain())));
    const direction = inside && shown ? directionWords(model.get("geometry"), pixel, shown.binning / grain()) : "";
    if (parts.direction.textContent !== direction) parts.direction.textContent = direction;
    parts.cross.hidden = !inside || document.activeElement !== parts.canvas;
    if (parts.cross.hidden || !cursor || !shown) return;
    const [row, column, rows, columns] = shown.window;
    parts.cross.style.left = `${(100 * (cursor[1] + 0.5 / grain() - column)) / columns}%`;
    parts.cross.style.top = `${(100 * (cursor[0] + 0.5 / grain() - row)) / rows}%`;
  };

  const probe = () => {
    if (!cursor || probing || !shown) return;
    probing = true;
    probed = shown;
    send({ kind: "probe", row: cursor[0], column: cursor[1] });
    setTimeout(() => (probing = false), 1000); // a blocked kernel answers late
  };

  /** Read no pixel any more. */
  const lookAway = () => {
    cursor = null;
    placeCross();
    parts.value.textContent = "";
    parts.profiles.clear();
  };

  const step = () => {
    if (!next) return;
    const { message, buffers } = next;
    next = null;
    const reshaped = !shown || [shown.window, shown.frame].join() !== [message.window, message.frame].join();
    const colours = paint(parts, message, buffers);
    const before = [shown?.binning, grain()].join();
    shown = message;
    if ([shown.binning, grain()].join() !== before) {
      if (cursor) cursor = onPixel(cursor);
      placeCross();
    }
    if (!parts.empty.hidden) parts.empty.hidden = true;
    const key = [message.low, message.high, message.scale, message.reserved, model.get("colour_map")].join();
    if (key !== scaleKey) drawScale(parts, message, colours, model.get("colour_map"));
    scaleKey = key;
    // Another detector may have no such pixel.
    if (cursor && (cursor[0] >= message.frame[0] || cursor[1] >= message.frame[1])) lookAway();
    if (reshaped) place();
    if (message.histogram) tell(message, colours);
    parts.root.dataset.painted = String(Number(parts.root.dataset.painted ?? 0) + 1);
    parts.root.dataset.number = String(message.number);
    if (message.asks) send({ kind: "painted", serial: message.serial });
    probe();
  };

  /** Write what a person reads, a few times a second. */
  const tell = (/** @type {ImageMessage} */ message, /** @type {Uint8Array} */ colours) => {
    parts.histogram.show(message, colours);
    parts.limits.show(message);
    writeMarks(parts.marks, message, colours);
    const pitch = Math.round(message.pitch * message.binning);
    const size = message.frame.map((length) => length * message.binning);
    const often = message.pitch < 1 ? ", once a second" : "";
    const binned = (pitch > 1 ? `, maximum of ${pitch} × ${pitch}` : ", every pixel") + often;
    parts.detail.textContent = `${size[0]} × ${size[1]} pixels${binned}`;
  };

  const save = (/** @type {ExactMessage} */ message, /** @type {Buffers} */ buffers) => {
    download(npy(message.type, message.shape, buffers[0]), `${model.get("called")}.npy`);
  };

  const shoot = () => {
    if (!shown) return;
    const taken = model.get("taken");
    const title = `${model.get("label")}. ${model.get("caption")}${taken ? `, ${new Date(taken * 1000).toLocaleString("sv")}` : ""}`;
    const about = { title, colourMap: model.get("colour_map"), regions: model.get("regions") };
    framePicture(parts, shown, about).toBlob(async (blob) => {
      if (!blob) return;
      pictured = blob;
      model.send({ view, kind: "picture" }, undefined, [await blob.arrayBuffer()]);
    });
  };
  let fading = 0;
  /** The words lie over the frame, so that nothing moves when they come; whoever touches the frame wants to see it. */
  const forgetWritten = () => (parts.written.textContent = "");
  /** Say where the picture lies; where the kernel keeps none, the browser does. */
  const told = (/** @type {WrittenMessage} */ message) => {
    parts.written.textContent = message.text;
    clearTimeout(fading);
    if (message.done) fading = setTimeout(forgetWritten, WRITTEN_MS);
    parts.written.classList.toggle("st-wrong", Boolean(message.text) && !message.done);
    if (!message.text && pictured && shown) download(pictured, `${model.get("called")}.png`);
    pictured = null;
  };

  const showCaption = () => {
    if (known && visible() && performance.now() - came > SILENT_MS) {
      // The caption goes on, and no picture comes: whatever was lost, it is asked for.
      came = performance.now();
      sayView();
    }
    const taken = model.get("taken");
    const age = taken ? [", exposed ", node("span", { class: "st-age", "data-since": taken }), " ago"] : [];
    parts.caption.replaceChildren(model.get("caption"), ...age);
  };

  const answer = (/** @type {ValueMessage} */ message, /** @type {Buffers} */ buffers) => {
    probing = false;
    // While the page still shows squares, or shows them no more, the next frame asks again.
    if (!cursor || !shown || message.grain !== grain()) return;
    const { binning, units, window } = shown;
    const counts = message.mark ? `${MARK_WORDS[message.mark]}: no counts` : `${message.value} ${units}`;
    const [row, column] = [message.row, message.column].map((place) => Math.round(place * binning));
    parts.value.textContent = `row ${row}, column ${column}: ${counts}`;
    const half = 0.5 / grain();
    const at = /** @type {[number, number]} */ ([
      (message.column + half - window[1]) / window[3], (message.row + half - window[0]) / window[2],
    ]);
    parts.profiles.draw(buffers, parts.canvas.getBoundingClientRect(), at);
    // A frame that was painted meanwhile may be the last for long.
    if (message.row !== cursor[0] || message.column !== cursor[1] || probed !== shown) probe();
  };

  const receive = (/** @type {ImageHeard} */ message, /** @type {Buffers} */ buffers) => {
    if (message.view !== view) return;
    if (message.kind === "image") {
      came = performance.now();
      document.dispatchEvent(new Event("st-frame")); // the plots are painted along with it
      if (!next) requestAnimationFrame(step);
      else if (next.message.asks) send({ kind: "painted", serial: next.message.serial }); // overtaken: the newest wins
      // What is overtaken may have had the histogram, which does not come with each.
      if (next && !message.histogram) message.histogram = next.message.histogram;
      next = { message, buffers };
    } else if (message.kind === "value") answer(message, buffers);
    else if (message.kind === "exact") save(message, buffers);
    else if (message.kind === "written") told(message);
    else if (message.kind === "known") known = true;
    else if (message.kind === "forgotten") {
      known = false; // and asked again until the kernel knows of it
      sayView();
    }
  };

  /**
   * Where in the painted frame the pointer is; there must be one.
   *
   * @param {MouseEvent} event
   * @returns {Pixel}
   */
  const pixelAt = (event) => {
    const box = parts.canvas.getBoundingClientRect();
    const [row, column, rows, columns] = /** @type {ImageMessage} */ (shown).window;
    const at = [row + ((event.clientY - box.top) / box.height) * rows, column + ((event.clientX - box.left) / box.width) * columns];
    return [Math.min(Math.max(at[0], row), row + rows - 1e-6), Math.min(Math.max(at[1], column), column + columns - 1e-6)];
  };

  /** @param {FrameWindow} wanted Of the painted frame; there must be one. */
  const look = (...wanted) => {
    window_ = windowWithin(/** @type {ImageMessage} */ (shown).frame, ...wanted);
    sayView();
  };
  const zoom = (/** @type {number} */ factor, /** @type {Pixel | null} */ about) => {
    if (shown) look(...zoomed(window_[2] ? window_ : [0, 0, ...shown.frame], factor, about));
  };
  const fit = () => shown && look(0, 0, Infinity, Infinity);

  const large = makeLarge(parts.root, parts.fill, () => {
    place();
    parts.histogram.draw();
    if (large.isLarge()) parts.canvas.focus({ preventScroll: true });
  });

  const moveCursor = (/** @type {number} */ down, /** @type {number} */ right) => {
    const [row, column, rows, columns] = /** @type {ImageMessage} */ (shown).window;
    const one = 1 / grain();
    const from = cursor ?? [row + rows / 2, column + columns / 2];
    cursor = onPixel([
      Math.min(Math.max(from[0] + down * one, row), row + rows - one),
      Math.min(Math.max(from[1] + right * one, column), column + columns - one),
    ]);
    placeCross();
    probe();
  };
  const pan = (/** @type {number} */ down, /** @type {number} */ right) => {
    if (!window_[2]) return;
    const [row, column, rows, columns] = window_;
    const pace = (/** @type {number} */ length) => Math.max(Math.round(length * PAN_PART), 1);
    look(row + down * pace(rows), column + right * pace(columns), rows, columns);
  };
  const toggleProfiles = () => parts.set({ profiles: !model.get("profiles") });
  /** @type {Record<string, (() => unknown) | undefined>} */
  const keys = {
    "+": () => zoom(0.5, cursor), "=": () => zoom(0.5, cursor), "-": () => zoom(2, cursor), 0: fit,
    f: () => large.toggle(), l: () => send({ kind: "newest" }), p: toggleProfiles,
    "[": () => send({ kind: "step", by: -1 }), "]": () => send({ kind: "step", by: 1 }),
  };
  /** @type {Record<string, Pixel | undefined>} */
  const arrows = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };

  const showKeys = (/** @type {boolean} */ on) => {
    parts.keys.hidden = !on;
    parts.help.setAttribute("aria-expanded", String(on));
  };
  const giveUp = () => {
    if (model.get("drawing")) {
      drawnFrom = null;
      parts.set({ drawing: false });
    } else if (!parts.keys.hidden) showKeys(false);
    else if (large.isLarge()) large.leave();
    else return false;
    return true;
  };
  const onKey = (/** @type {KeyboardEvent} */ event) => {
    // With these keys the browser has commands of its own, such as its zoom.
    if (!shown || event.ctrlKey || event.metaKey || event.altKey) return;
    const move = arrows[event.key];
    const act = keys[event.key.length === 1 ? event.key.toLowerCase() : event.key];
    if (move && event.shiftKey) moveCursor(...move);
    else if (move) pan(...move);
    else if (act) act();
    else return;
    event.preventDefault();
    event.stopPropagation(); // JupyterLab has shortcuts for some of these keys
  };
  const onEscape = (/** @type {KeyboardEvent} */ event) => {
    if (event.key !== "Escape" || !giveUp()) return;
    event.preventDefault();
    event.stopPropagation();
  };

  /** Draw a rectangle over the painted frame, or none. */
  const placeBand = (/** @type {Sides | null} */ sides) => {
    parts.band.hidden = !sides;
    if (sides && shown) layOver(parts.band, shown.window, sides);
  };
  const showDrawing = () => {
    const on = model.get("drawing");
    parts.canvas.classList.toggle("st-drawing", on);
    if (!on) placeBand(null);
    // The button that asks for it may be far from the frame: the page goes to the frame, and back when it is drawn.
    if (on && document.hasFocus() && parts.stage.offsetParent) {
      asker = /** @type {HTMLElement | null} */ (document.activeElement);
      parts.stage.scrollIntoView({ block: "center" });
      parts.canvas.focus({ preventScroll: true });
    } else if (!on) {
      if (document.activeElement === parts.canvas) asker?.focus();
      asker = null;
    }
  };
  const showRegions = () => {
    parts.words.textContent = regionWords(model.get("regions"), shown);
    if (shown) drawRegions(parts.outlines, model.get("regions"), shown);
  };
  /** Whether a pixel is read although the pointer is elsewhere: the profiles of where it was go on with the frames. */
  const keepsCursor = () => model.get("profiles") || document.activeElement === parts.canvas;
  const showProfiles = () => {
    const on = model.get("profiles");
    parts.root.classList.toggle("st-with-profiles", on);
    parts.lines.setAttribute("aria-pressed", String(on));
    parts.profiles.toggle(on);
    if (!keepsCursor() && !parts.canvas.matches(":hover")) lookAway();
    probe();
  };

  let hinting = 0;
  /** @type {Pixel | null} */
  let dragged = null;
  /** @type {Pixel | null} */
  let drawnFrom = null;
  /** @type {Sides | null} */
  let drawn = null; // what is drawn now: it is sent as it was seen, also if the page moved under the pointer since
  parts.canvas.addEventListener("keydown", onKey);
  parts.root.addEventListener("keydown", onEscape);
  parts.canvas.addEventListener("focus", placeCross);
  parts.canvas.addEventListener("blur", placeCross);
  parts.canvas.addEventListener("pointerdown", forgetWritten);
  parts.canvas.addEventListener("pointerdown", (event) => {
    if (shown && model.get("drawing")) {
      drawnFrom = pixelAt(event);
      drawn = null;
      parts.canvas.setPointerCapture(event.pointerId);
      return;
    }
    if (!shown || !window_[2]) return;
    dragged = pixelAt(event);
    parts.canvas.setPointerCapture(event.pointerId);
  });
  parts.canvas.addEventListener("pointerup", (event) => {
    dragged = null;
    if (drawnFrom && shown) send({ kind: "drawn", ...(drawn ?? between(drawnFrom, pixelAt(event))) });
    drawnFrom = null;
  });
  parts.canvas.addEventListener("pointercancel", () => {
    dragged = null;
    drawnFrom = null;
    placeBand(null);
  });
  parts.canvas.addEventListener("pointermove", (event) => {
    if (!shown) return;
    const at = pixelAt(event);
    // A pointer that rests is said to move, too, when the page moves under it.
    if (drawnFrom && (event.movementX || event.movementY)) {
      drawn = between(drawnFrom, at);
      placeBand(drawn);
    }
    if (dragged) {
      const [row, column, rows, columns] = window_;
      look(row + dragged[0] - at[0], column + dragged[1] - at[1], rows, columns);
      return;
    }
    cursor = onPixel(at);
    placeCross();
    probe();
  });
  parts.canvas.addEventListener("pointerleave", () => {
    if (!keepsCursor()) lookAway();
  });
  parts.canvas.addEventListener("wheel", (event) => {
    // A bare wheel scrolls the page, which is not there in full screen.
    if (!shown) return;
    if (!(event.ctrlKey || event.shiftKey || large.isLarge())) {
      // Whoever wanted to zoom learns how; the page scrolls as it did.
      parts.how.hidden = false;
      clearTimeout(hinting);
      hinting = setTimeout(() => (parts.how.hidden = true), HINT_MS);
      return;
    }
    event.preventDefault();
    zoom((event.deltaY || event.deltaX) > 0 ? 1.25 : 0.8, pixelAt(event));
  }, { passive: false });
  parts.into.addEventListener("click", () => zoom(0.5, null));
  parts.out.addEventListener("click", () => zoom(2, null));
  parts.fit.addEventListener("click", fit);
  parts.lines.addEventListener("click", toggleProfiles);
  parts.help.setAttribute("aria-expanded", "false");
  parts.help.addEventListener("click", () => {
    showKeys(Boolean(parts.keys.hidden));
  });
  parts.fill.addEventListener("click", large.toggle);
  parts.save.addEventListener("click", () => send({ kind: "exact" }));
  parts.shoot.addEventListener("click", shoot);

  model.on("msg:custom", receive);
  const shows = {
    "change:drawing": showDrawing, "change:regions": showRegions, "change:profiles": showProfiles,
    "change:geometry": placeCross, "change:caption": showCaption, "change:taken": showCaption,
  };
  for (const [name, show] of Object.entries(shows)) {
    model.on(/** @type {`change:${string}`} */ (name), show);
    show();
  }
  const resized = new ResizeObserver(() => {
    place();
    parts.histogram.draw();
    sayView();
  });
  resized.observe(parts.stage);
  const sighted = new IntersectionObserver((entries) => {
    seen = Boolean(entries.at(-1)?.isIntersecting);
    sayView();
  });
  sighted.observe(parts.root);
  document.addEventListener("visibilitychange", sayView);
  const forget = onReconnect(model, () => {
    known = false;
    sayView();
  });
  // A question is lost while the page joins a running kernel; once it is answered nothing more is sent.
  const asking = setInterval(() => {
    // A page that is made anew for another kernel may leave this one aside without ending it.
    if (!known && parts.root.isConnected) sayView();
  }, AGAIN_MS);

  return () => {
    clearInterval(asking);
    forget();
    resized.disconnect();
    sighted.disconnect();
    document.removeEventListener("visibilitychange", sayView);
    model.off("msg:custom", receive);
    for (const [name, show] of Object.entries(shows)) model.off(/** @type {`change:${string}`} */ (name), show);
    clearTimeout(hinting);
    clearTimeout(fading);
    parts.limits.close();
    large.close();
    send({ kind: "bye" });
  };
}

export default { render };
