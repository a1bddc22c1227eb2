// @ts-check
// A detector image: 8-bit pixels and 256 colours come from the kernel, each frame is painted once and acknowledged.
// The view says how large it is, which part of the frame it looks at, and whether anybody can see it.

/**
 * @typedef {[row: number, column: number]} Pixel
 * @typedef {[row: number, column: number, rows: number, columns: number]} Window Zeros show the whole frame.
 * @typedef {{ top: number, bottom: number, left: number, right: number }} Sides The first pixel, and one past the last.
 *
 * @typedef {object} Settings
 * @property {string} colour_map
 * @property {boolean} log
 * @property {number} low
 * @property {number} high
 *
 * @typedef {Settings & { key: string, colour_maps: string[], label: string, drawing: boolean }} Traits
 *
 * @typedef {object} Image Its pixels, and then the colours of the 256 levels, are in the message's buffers.
 * @property {"image"} kind
 * @property {string} view
 * @property {number} serial
 * @property {[rows: number, columns: number]} shape Of the pixels that came.
 * @property {Window} window
 * @property {[rows: number, columns: number]} frame
 * @property {number} pitch Pixels of the frame to one that came, in each direction.
 * @property {number} binning Pixels of the detector to one of the frame.
 * @property {number} number
 * @property {number} low
 * @property {number} high
 * @property {boolean} log
 * @property {string} units
 * @property {number} masked
 *
 * @typedef {{ kind: "value", view: string, row: number, column: number, value: string, number: number }} Value
 * @typedef {{ kind: "exact", view: string, number: number, type: string, shape: number[] }} Exact
 * @typedef {Image | Value | Exact | { kind: "known", view: string }} Heard
 *
 * @typedef {{ kind: "view", width: number, height: number, window: Window, visible: boolean }} Seen
 * @typedef {Seen | { kind: "painted", serial: number } | { kind: "probe", row: number, column: number }
 *   | ({ kind: "drawn" } & Sides) | { kind: "exact" | "bye" }} Sent
 *
 * @typedef {Model<Traits, Heard, Sent & { view: string }>} ImageModel
 * @typedef {ReturnType<typeof build>} Parts
 */

const SMALLEST_WINDOW = 8;
const AGAIN_MS = 2000;

/**
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Record<string, string | number>} [attributes]
 * @param {(Node | string)[]} children
 */
function node(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, String(value));
  made.append(...children);
  return made;
}

/**
 * @param {string} hook
 * @param {string} text
 * @param {string} label
 */
function button(hook, text, label) {
  return node("button", { type: "button", class: `st-tool ${hook}`, title: label, "aria-label": label }, text);
}

/** @param {ImageModel} model */
function build(model) {
  const parts = {
    map: node("select", { class: "st-colour-map", "aria-label": "Colour map", title: "Colour map" }),
    log: node("input", { type: "checkbox", class: "st-log" }),
    low: node("input", { type: "number", class: "st-low", min: 0, max: 100, step: 0.1, "aria-label": "Darkest percentile" }),
    high: node("input", { type: "number", class: "st-high", min: 0, max: 100, step: 0.1, "aria-label": "Brightest percentile" }),
    out: button("st-zoom-out", "−", "Zoom out (key −)"),
    into: button("st-zoom-in", "+", "Zoom in (key +)"),
    fit: button("st-zoom-fit", "Fit", "Show the whole frame (key 0)"),
    save: button("st-save-exact", "Save", "Save this frame with its exact counts as a .npy file"),
    canvas: node("canvas", {
      class: "st-canvas", tabindex: "0", role: "img", width: 16, height: 16,
      "aria-label": `${model.get("label")}. Arrow keys move the cursor, plus and minus zoom, 0 shows the whole frame.`,
    }),
    cross: node("div", { class: "st-cross", "aria-hidden": "true", hidden: "" }),
    band: node("div", { class: "st-band", "aria-hidden": "true", hidden: "" }),
    empty: node("div", { class: "st-empty" }, "No frame yet"),
    bar: node("canvas", { class: "st-bar", width: 1, height: 256, "aria-hidden": "true" }),
    ticks: node("div", { class: "st-ticks", "aria-hidden": "true" }),
    unit: node("div", { class: "st-unit" }),
    value: node("output", { class: "st-value", "aria-live": "polite" }),
    detail: node("span", { class: "st-detail" }),
  };
  for (const name of model.get("colour_maps")) parts.map.append(node("option", { value: name }, name));
  const stage = node("div", { class: "st-stage" }, parts.canvas, parts.cross, parts.band, parts.empty);
  const toolbar = node(
    "div", { class: "st-toolbar", role: "toolbar", "aria-label": "How the frame is drawn" },
    parts.map,
    node("label", { class: "st-check" }, parts.log, "Log"),
    node("span", { class: "st-tools" }, parts.out, parts.into, parts.fit, parts.save),
    node("label", { class: "st-range", title: "Percentiles of the counts that are drawn darkest and brightest" },
      "Range", parts.low, "–", parts.high, "%"),
  );
  const scale = node("div", { class: "st-scale" }, parts.unit, node("div", { class: "st-gauge" }, parts.bar, parts.ticks));
  const root = node(
    "div", { class: "st-image" }, toolbar,
    node("div", { class: "st-picture" }, stage, scale),
    node("div", { class: "st-below" }, parts.value, parts.detail),
  );
  return { ...parts, stage, root };
}

/**
 * @param {ImageModel} model
 * @param {Parts} parts
 */
function bindSettings(model, parts) {
  const write = () => {
    parts.map.value = model.get("colour_map");
    parts.log.checked = model.get("log");
    if (document.activeElement !== parts.low) parts.low.value = String(model.get("low"));
    if (document.activeElement !== parts.high) parts.high.value = String(model.get("high"));
  };
  /**
   * @template {keyof Settings} Setting
   * @param {Setting} name
   * @param {Traits[Setting]} value
   */
  const set = (name, value) => {
    model.set(name, value);
    model.save_changes();
  };
  const percentile = (/** @type {"low" | "high"} */ name, /** @type {HTMLInputElement} */ input) => {
    const value = Number(input.value);
    const fits = input.value !== "" && value >= 0 && value <= 100;
    input.setAttribute("aria-invalid", String(!fits));
    if (fits) set(name, value);
  };
  parts.map.addEventListener("change", () => set("colour_map", parts.map.value));
  parts.log.addEventListener("change", () => set("log", parts.log.checked));
  parts.low.addEventListener("change", () => percentile("low", parts.low));
  parts.high.addEventListener("change", () => percentile("high", parts.high));
  const names = /** @type {const} */ ("change:colour_map change:log change:low change:high");
  model.on(names, write);
  write();
  return () => model.off(names, write);
}

/**
 * @param {HTMLCanvasElement} canvas
 * @returns {CanvasRenderingContext2D}
 */
function contextOf(canvas) {
  // It is null only where the canvas has another kind of context.
  return /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
}

/**
 * @param {Parts} parts
 * @param {Image} message
 * @param {Uint8Array} colours
 */
function drawScale(parts, message, colours) {
  const context = contextOf(parts.bar);
  const strip = context.createImageData(1, 256);
  for (let row = 0; row < 256; row++) {
    const level = Math.max(255 - row, message.masked > 0 ? 1 : 0); // the lowest stands for what is no count
    for (let part = 0; part < 3; part++) strip.data[row * 4 + part] = colours[level * 3 + part];
    strip.data[row * 4 + 3] = 255;
  }
  context.putImageData(strip, 0, 0);
  const { low, high, log } = message;
  const place = (/** @type {number} */ value) =>
    log ? Math.log(value / low) / Math.log(high / low) : (value - low) / (high - low);
  parts.ticks.replaceChildren(
    ...ticksOf(low, high, log).map((value) =>
      node("span", { style: `bottom:${(100 * place(value)).toFixed(2)}%` }, shortNumber(value))),
  );
  parts.unit.textContent = message.units;
}

/**
 * @param {Parts} parts
 * @param {Image} message
 * @param {Buffers} buffers
 */
function paint(parts, message, buffers) {
  const [rows, columns] = message.shape;
  const pixels = new Uint8Array(buffers[0].buffer, buffers[0].byteOffset, buffers[0].byteLength);
  const colours = new Uint8Array(buffers[1].buffer, buffers[1].byteOffset, buffers[1].byteLength);
  const table = new Uint32Array(256);
  // Canvas memory is red, green, blue, alpha; every machine that runs a browser is little-endian.
  for (let i = 0; i < 256; i++) {
    table[i] = 0xff000000 | (colours[i * 3 + 2] << 16) | (colours[i * 3 + 1] << 8) | colours[i * 3];
  }
  const { canvas } = parts;
  if (canvas.width !== columns || canvas.height !== rows) {
    canvas.width = columns;
    canvas.height = rows;
  }
  const context = contextOf(canvas);
  const picture = context.createImageData(columns, rows);
  const words = new Uint32Array(picture.data.buffer);
  for (let i = 0; i < pixels.length; i++) words[i] = table[pixels[i]];
  context.putImageData(picture, 0, 0);
  return colours;
}

/**
 * A part of a frame of so many rows and columns; the whole frame if the part would be larger.
 *
 * @param {[rows: number, columns: number]} frame
 * @param {number} row
 * @param {number} column
 * @param {number} rows
 * @param {number} columns
 * @returns {Window}
 */
function windowWithin([frameRows, frameColumns], row, column, rows, columns) {
  if (rows >= frameRows || columns >= frameColumns) return [0, 0, 0, 0];
  return [
    Math.round(Math.min(Math.max(row, 0), frameRows - rows)),
    Math.round(Math.min(Math.max(column, 0), frameColumns - columns)),
    Math.round(rows), Math.round(columns),
  ];
}

/**
 * The rectangle of whole pixels from one place to another, both in it.
 *
 * @param {Pixel} from
 * @param {Pixel} to
 * @returns {Sides}
 */
function between(from, to) {
  return {
    top: Math.floor(Math.min(from[0], to[0])), bottom: Math.floor(Math.max(from[0], to[0])) + 1,
    left: Math.floor(Math.min(from[1], to[1])), right: Math.floor(Math.max(from[1], to[1])) + 1,
  };
}

/** @param {Place<ImageModel>} place */
async function render({ model, el }) {
  await beHeard(model);
  const view = crypto.randomUUID();
  const parts = build(model);
  el.append(parts.root);
  const unbind = bindSettings(model, parts);

  let known = false; // whether the kernel knows of this view
  let seen = false; // whether the view is scrolled into sight
  /** @type {Window} */
  let window_ = [0, 0, 0, 0];
  /** @type {Image | null} */
  let shown = null; // header of the frame that is painted
  /** @type {{ message: Image, buffers: Buffers } | null} */
  let next = null; // the newest frame that is not painted yet
  /** @type {Pixel | null} */
  let cursor = null; // in the frame's pixels
  let probing = false;
  let scaleKey = "";

  const send = (/** @type {Sent} */ message) => model.send({ view, ...message });
  const visible = () => seen && document.visibilityState === "visible";

  const sayView = () => {
    const ratio = globalThis.devicePixelRatio || 1;
    const width = Math.round(parts.stage.clientWidth * ratio);
    const height = Math.round(parts.stage.clientHeight * ratio);
    send({ kind: "view", width, height, window: window_, visible: visible() && width > 0 });
  };

  /** Fit the canvas into the stage with square pixels. */
  const place = () => {
    if (!shown) return;
    const [, , rows, columns] = shown.window;
    const scale = Math.min(parts.stage.clientWidth / columns, parts.stage.clientHeight / rows);
    parts.canvas.style.width = `${columns * scale}px`;
    parts.canvas.style.height = `${rows * scale}px`;
    placeCross();
  };

  const placeCross = () => {
    const inside = cursor && shown && cursor[0] >= shown.window[0] && cursor[1] >= shown.window[1]
      && cursor[0] < shown.window[0] + shown.window[2] && cursor[1] < shown.window[1] + shown.window[3];
    parts.cross.hidden = !inside || document.activeElement !== parts.canvas;
    if (parts.cross.hidden || !cursor || !shown) return;
    const box = parts.canvas.getBoundingClientRect();
    const stage = parts.stage.getBoundingClientRect();
    const [row, column, rows, columns] = shown.window;
    parts.cross.style.left = `${box.left - stage.left + ((cursor[1] + 0.5 - column) / columns) * box.width}px`;
    parts.cross.style.top = `${box.top - stage.top + ((cursor[0] + 0.5 - row) / rows) * box.height}px`;
  };

  const probe = () => {
    if (!cursor || probing || !shown) return;
    probing = true;
    send({ kind: "probe", row: cursor[0], column: cursor[1] });
    setTimeout(() => (probing = false), 1000); // a blocked kernel answers late
  };

  const step = () => {
    if (!next) return;
    const { message, buffers } = next;
    next = null;
    const reshaped = !shown || String(shown.window) !== String(message.window);
    const colours = paint(parts, message, buffers);
    shown = message;
    parts.empty.hidden = true;
    const key = [message.low, message.high, message.log, model.get("colour_map")].join();
    if (key !== scaleKey) drawScale(parts, message, colours);
    scaleKey = key;
    if (reshaped) place();
    const pitch = message.pitch * message.binning;
    const size = message.frame.map((length) => length * message.binning);
    const binned = pitch > 1 ? `, maximum of ${pitch} × ${pitch}` : ", every pixel";
    const masked = shown.masked > 0 ? `, ${shortNumber(shown.masked * 100)} % masked` : "";
    parts.detail.textContent = `${size[0]} × ${size[1]} pixels${binned}${masked}`;
    parts.root.dataset.painted = String(Number(parts.root.dataset.painted ?? 0) + 1);
    parts.root.dataset.number = String(message.number);
    send({ kind: "painted", serial: message.serial });
    probe();
  };

  const save = (/** @type {Exact} */ message, /** @type {Buffers} */ buffers) => {
    const link = node("a", { download: `frame-${message.number}.npy` });
    link.href = URL.createObjectURL(npy(message.type, message.shape, buffers[0]));
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  };

  const receive = (/** @type {Heard} */ message, /** @type {Buffers} */ buffers) => {
    if (message.view !== view) return;
    if (message.kind === "image") {
      if (!next) requestAnimationFrame(step);
      else send({ kind: "painted", serial: next.message.serial }); // overtaken: the newest wins
      next = { message, buffers };
    } else if (message.kind === "value") {
      probing = false;
      if (!cursor) return;
      const binning = shown?.binning ?? 1;
      const units = shown?.units ?? "";
      const counts = message.value ? `${message.value} ${units}` : "masked: no counts";
      parts.value.textContent = `row ${message.row * binning}, column ${message.column * binning}: ${counts}`;
      if (message.row !== cursor[0] || message.column !== cursor[1]) probe();
    } else if (message.kind === "exact") save(message, buffers);
    else if (message.kind === "known") known = true;
  };

  /**
   * Where in the painted frame the pointer is; there must be one.
   *
   * @param {MouseEvent} event
   * @returns {Pixel}
   */
  const pixelAt = (event) => {
    const box = parts.canvas.getBoundingClientRect();
    const [row, column, rows, columns] = /** @type {Image} */ (shown).window;
    const at = [row + ((event.clientY - box.top) / box.height) * rows, column + ((event.clientX - box.left) / box.width) * columns];
    return [Math.min(Math.max(at[0], row), row + rows - 1e-6), Math.min(Math.max(at[1], column), column + columns - 1e-6)];
  };

  /** @param {Window} wanted Of the painted frame; there must be one. */
  const look = (...wanted) => {
    window_ = windowWithin(/** @type {Image} */ (shown).frame, ...wanted);
    sayView();
  };

  /**
   * Zoom by a factor, keeping one pixel where it is on the screen.
   *
   * @param {number} factor
   * @param {Pixel | null} about
   */
  const zoom = (factor, about) => {
    if (!shown) return;
    const [row, column, rows, columns] = window_[2] ? window_ : [0, 0, ...shown.frame];
    const scale = Math.max(factor, SMALLEST_WINDOW / Math.min(rows, columns));
    const [y, x] = about ?? [row + rows / 2, column + columns / 2];
    look(y - (y - row) * scale, x - (x - column) * scale, rows * scale, columns * scale);
  };

  const onKey = (/** @type {KeyboardEvent} */ event) => {
    // With these keys the browser has commands of its own, such as its zoom.
    if (!shown || event.ctrlKey || event.metaKey || event.altKey) return;
    /** @type {Record<string, Pixel | undefined>} */
    const moves = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
    const [row, column, rows, columns] = shown.window;
    const move = moves[event.key];
    if (move) {
      const pace = event.shiftKey ? 10 : 1;
      const from = cursor ?? [Math.floor(row + rows / 2), Math.floor(column + columns / 2)];
      const [down, right] = move;
      cursor = [
        Math.min(Math.max(from[0] + down * pace, row), row + rows - 1),
        Math.min(Math.max(from[1] + right * pace, column), column + columns - 1),
      ];
      placeCross();
      probe();
    } else if (event.key === "+" || event.key === "=") zoom(0.5, cursor);
    else if (event.key === "-") zoom(2, cursor);
    else if (event.key === "0") look(0, 0, Infinity, Infinity);
    else if (event.key === "Escape" && model.get("drawing")) {
      drawnFrom = null;
      model.set("drawing", false);
      model.save_changes();
    }
    else return;
    event.preventDefault();
    event.stopPropagation(); // JupyterLab has shortcuts for some of these keys
  };

  /** Draw a rectangle over the painted frame, or none. */
  const placeBand = (/** @type {Sides | null} */ sides) => {
    parts.band.hidden = !sides;
    if (!sides || !shown) return;
    const box = parts.canvas.getBoundingClientRect();
    const stage = parts.stage.getBoundingClientRect();
    const [row, column, rows, columns] = shown.window;
    parts.band.style.left = `${box.left - stage.left + ((sides.left - column) / columns) * box.width}px`;
    parts.band.style.top = `${box.top - stage.top + ((sides.top - row) / rows) * box.height}px`;
    parts.band.style.width = `${((sides.right - sides.left) / columns) * box.width}px`;
    parts.band.style.height = `${((sides.bottom - sides.top) / rows) * box.height}px`;
  };
  const showDrawing = () => {
    parts.canvas.classList.toggle("st-drawing", model.get("drawing"));
    if (!model.get("drawing")) placeBand(null);
  };

  /** @type {Pixel | null} */
  let dragged = null;
  /** @type {Pixel | null} */
  let drawnFrom = null;
  parts.canvas.addEventListener("keydown", onKey);
  parts.canvas.addEventListener("focus", placeCross);
  parts.canvas.addEventListener("blur", placeCross);
  parts.canvas.addEventListener("pointerdown", (event) => {
    if (shown && model.get("drawing")) {
      drawnFrom = pixelAt(event);
      parts.canvas.setPointerCapture(event.pointerId);
      return;
    }
    if (!shown || !window_[2]) return;
    dragged = pixelAt(event);
    parts.canvas.setPointerCapture(event.pointerId);
  });
  parts.canvas.addEventListener("pointerup", (event) => {
    dragged = null;
    if (drawnFrom && shown) send({ kind: "drawn", ...between(drawnFrom, pixelAt(event)) });
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
    if (drawnFrom) placeBand(between(drawnFrom, at));
    if (dragged) {
      const [row, column, rows, columns] = window_;
      look(row + dragged[0] - at[0], column + dragged[1] - at[1], rows, columns);
      return;
    }
    cursor = [Math.floor(at[0]), Math.floor(at[1])];
    placeCross();
    probe();
  });
  parts.canvas.addEventListener("pointerleave", () => {
    if (document.activeElement === parts.canvas) return;
    cursor = null;
    parts.value.textContent = "";
  });
  parts.canvas.addEventListener("wheel", (event) => {
    if (!shown || !(event.ctrlKey || event.shiftKey)) return; // a bare wheel scrolls the notebook
    event.preventDefault();
    zoom((event.deltaY || event.deltaX) > 0 ? 1.25 : 0.8, pixelAt(event));
  }, { passive: false });
  parts.into.addEventListener("click", () => zoom(0.5, null));
  parts.out.addEventListener("click", () => zoom(2, null));
  parts.fit.addEventListener("click", () => shown && look(0, 0, Infinity, Infinity));
  parts.save.addEventListener("click", () => send({ kind: "exact" }));

  model.on("msg:custom", receive);
  model.on("change:drawing", showDrawing);
  showDrawing();
  const resized = new ResizeObserver(() => {
    place();
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
  const asking = setInterval(() => known || sayView(), AGAIN_MS);

  return () => {
    clearInterval(asking);
    forget();
    resized.disconnect();
    sighted.disconnect();
    document.removeEventListener("visibilitychange", sayView);
    model.off("msg:custom", receive);
    model.off("change:drawing", showDrawing);
    unbind();
    send({ kind: "bye" });
  };
}

export default { render };
