// @ts-check
// Shows one Bokeh document. The kernel holds the truth: each view asks for a snapshot and then applies patches.

const LOADING = "__steering_bokeh_loading__"; // until when nobody else asks for BokehJS
const UNHEARD_MS = 1400; // a question that was heard is answered sooner, if the kernel runs no cell
const COMING_MS = 20000;
const LEAST_HEIGHT = 280; // pixels, of a plot alone in a tab

/**
 * @typedef {{ key: string, bokeh_version: string, label: string }} Traits
 * @typedef {{ kind: "coming", view: string }} Coming BokehJS was asked for by this view, and is on its way.
 * @typedef {{ kind: "source", view: string }} Source The code of BokehJS is in the message's buffer.
 * @typedef {{ kind: "snapshot", view: string, document: object, shared: string[], axes: string[] }} Snapshot
 * @typedef {{ kind: "hold", axes: string[] }} Hold Keep what is shown along these axes; along the others follow the data.
 * @typedef {{ kind: "patch", patch: object, ids: string[], not?: string }} Patch Not for the view that made it.
 * @typedef {{ kind: "zoomed", view: string, axes: string[] }} Zoomed A person has zoomed along these axes.
 * @typedef {{ kind: "source" | "hello", view: string } | { kind: "patch", view: string, patch: object } | Zoomed} Sent
 * @typedef {Coming | Source | Snapshot | Patch | Hold} Received
 * @typedef {Model<Traits, Received, Sent>} Plot
 */

/**
 * Call back as soon as an element takes part in the page, and return what ends the wait: a plot that is hidden is not drawn.
 *
 * @param {HTMLElement} el
 * @param {() => void} callback
 */
function onceShown(el, callback) {
  const observer = new ResizeObserver(() => {
    if (el.getClientRects().length === 0) return;
    observer.disconnect();
    callback();
  });
  observer.observe(el);
  return () => observer.disconnect();
}

/** @param {DataView<ArrayBuffer>} view */
function bufferOf(view) {
  return view.buffer.slice(view.byteOffset, view.byteOffset + view.byteLength);
}

/**
 * @param {string} version
 * @returns {BokehLibrary | null}
 */
function installed(version) {
  const found = globalThis.Bokeh;
  if (!found) return null;
  return found.version === version ? found : (found[version] ?? null);
}

/**
 * Ask the kernel, and ask again until it has answered: a question is lost while the page joins a running kernel.
 *
 * @param {() => void} question
 * @param {() => unknown} answered
 */
async function ask(question, answered) {
  for (let tries = 0; !answered(); tries += 1) {
    if (tries % 15 === 0) {
      try {
        question();
      } catch (error) {
        // A page that is still joining, or has lost its kernel for a moment: the next question may get through.
        console.warn("The kernel could not be asked", error);
      }
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/**
 * BokehJS of the kernel's version, fetched from the kernel by the first view of the page that needs it.
 *
 * @param {Plot} model
 * @param {string} view
 * @param {() => boolean} closed
 */
async function loadBokeh(model, view, closed) {
  const version = model.get("bokeh_version");
  const receive = (/** @type {Received} */ message, /** @type {Buffers} */ buffers) => {
    if (message.kind === "coming" && message.view === view) globalThis[LOADING] = Date.now() + COMING_MS;
    if (message.kind !== "source" || installed(version)) return; // whichever view of the plot has asked for it
    const script = document.createElement("script");
    script.textContent = new TextDecoder().decode(buffers[0]);
    document.head.append(script);
  };
  model.on("msg:custom", receive);
  let asked = false;
  await ask(
    () => {
      // More than a megabyte: one view asks for all, and another takes over only if nobody has heard it.
      if (Date.now() < (globalThis[LOADING] ?? 0)) return;
      globalThis[LOADING] = Date.now() + UNHEARD_MS;
      asked = true;
      model.send({ kind: "source", view });
    },
    () => installed(version) || closed(),
  );
  model.off("msg:custom", receive);
  // What was sent to a view that has gone reaches nobody: the others need not wait for it.
  if (asked && !installed(version)) globalThis[LOADING] = 0;
  return installed(version);
}

/**
 * Canvas colours come from CSS variables, which Bokeh reads when it paints; so a new theme needs a repaint.
 *
 * @param {() => void} repaint
 */
function followTheme(repaint) {
  /** @type {number[]} */
  let timers = [];
  const observer = new MutationObserver(() => {
    timers.forEach(clearTimeout);
    // JupyterLab swaps the style sheet after the attribute, some time later.
    timers = [50, 300, 1000].map((delay) => setTimeout(repaint, delay));
  });
  observer.observe(document.body, { attributes: true, attributeFilter: ["data-jp-theme-light", "data-jp-theme-name"] });
  return () => {
    observer.disconnect();
    timers.forEach(clearTimeout);
  };
}

/**
 * The labels of a colour bar are drawn by a part that has no place in the page and so sees no CSS variables.
 *
 * @param {BokehDocument | null} doc
 */
function inkColourBars(doc) {
  const ink = getComputedStyle(document.body).getPropertyValue("--jp-ui-font-color1").trim() || "#444";
  for (const model of doc?._all_models?.values() ?? []) {
    if (model.type === "ColorBar") model.setv({ title_text_color: ink, major_label_text_color: ink });
  }
}

/**
 * The ranges of a document that follow its data, with the plot that each belongs to and the name of its axis.
 *
 * @param {BokehDocument | null} doc
 */
function rangesOf(doc) {
  /** @type {{ plot: BokehNode, axis: string, range: BokehRange }[]} */
  const found = [];
  for (const plot of viewsOf(doc)) {
    const ranges = { x: plot.model?.x_range, y: plot.model?.y_range };
    for (const [axis, range] of Object.entries(ranges)) {
      if (range?.type === "DataRange1d") found.push({ plot, axis, range });
    }
  }
  return found;
}

/**
 * A range that a person has moved no longer follows the data, until it is reset: Bokeh's own flag says which.
 *
 * @param {BokehDocument | null} doc
 * @param {string[]} axes
 */
function holdRanges(doc, axes) {
  for (const { plot, axis, range } of rangesOf(doc)) {
    if (axes.includes(axis)) {
      range.have_updated_interactively = true;
    } else {
      range.reset();
      plot.invalidate_dataranges = true;
      plot.request_repaint?.();
    }
  }
}

/**
 * Fetch BokehJS as soon as the first plot is known: the page has much to make until one is shown.
 *
 * @param {Place<Plot>} place
 */
function initialize({ model }) {
  let closed = false;
  beHeard(model)
    .then(() => loadBokeh(model, crypto.randomUUID(), () => closed))
    .catch((error) => console.warn("BokehJS was not fetched before the first plot is drawn", error));
  return () => {
    closed = true;
  };
}

/**
 * Make a plot that stands alone in a tab as high as the tab leaves room for.
 *
 * @param {BokehDocument} doc
 * @param {HTMLElement} host
 */
function fillTab(doc, host) {
  if (!host.closest(".st-alone")) return;
  const height = Math.max(Math.round(0.6 * globalThis.innerHeight), LEAST_HEIGHT);
  // A plot that is no wider than its square pixels need is wider as it is higher.
  for (const root of doc.roots()) {
    const wider = root.max_width && root.height ? { max_width: Math.round((root.max_width * height) / root.height) } : {};
    root.setv({ height, ...wider });
  }
}

/** @param {Place<Plot>} place */
async function render({ model, el }) {
  await beHeard(model);
  const view = crypto.randomUUID();
  const host = document.createElement("div");
  host.className = "st-plot";
  host.setAttribute("role", "img");
  host.setAttribute("aria-label", model.get("label"));
  el.append(host);

  /** @type {BokehDocument | null} */
  let doc = null;
  let closed = false;
  let greeted = false;
  /** @type {string[]} */
  let held = [];
  /** @type {string[]} */
  const fresh = [];
  /** @type {Promise<unknown>} */
  let work = Promise.resolve();

  const onChange = (/** @type {Set<string | undefined>} */ shared) => (/** @type {BokehEvent} */ event) => {
    // `sync` is false for what came from the kernel: sending it back would double every row. Events of no model, such
    // as "document ready", mean nothing to the kernel.
    const events = (event.events ?? [event]).filter((item) => item.sync && shared.has(item.model?.id));
    if (events.length === 0 || event.sync === false) return;
    const patch = JSON.parse(JSON.stringify(/** @type {BokehDocument} */ (doc).create_json_patch(events)));
    model.send({ kind: "patch", view, patch });
  };

  const styles = new CalmStyles();
  const showSnapshot = async (/** @type {BokehLibrary} */ Bokeh, /** @type {Snapshot} */ message) => {
    const { Document } = Bokeh.require("document");
    const { add_document_standalone } = Bokeh.require("embed/standalone");
    doc?.clear();
    host.replaceChildren();
    doc = Document.from_json(message.document);
    doc.on_change(onChange(new Set(message.shared)), true);
    inkColourBars(doc);
    fillTab(doc, host);
    styles.look();
    await add_document_standalone(doc, host);
    styles.calm(doc);
    takeDrags(doc);
    held = message.axes;
    if (held.length > 0) holdRanges(doc, held);
    for (const { axis, range } of rangesOf(doc)) {
      const tell = () => {
        if (!range.have_updated_interactively || held.includes(axis)) return;
        held = [...held, axis];
        fresh.push(axis);
        // One gesture moves both axes: they are told of in one message.
        if (fresh.length === 1) queueMicrotask(() => model.send({ kind: "zoomed", view, axes: fresh.splice(0) }));
      };
      range.properties.start.change.connect(tell);
      range.properties.end.change.connect(tell);
    }
    host.dataset.ready = "true";
  };

  /** @type {BokehLibrary | null} */
  let Bokeh = null;

  const company = new Company();
  const complain = (/** @type {unknown} */ error) => console.error("A Bokeh patch could not be applied", error);
  const receive = (/** @type {Received} */ message, /** @type {Buffers} */ buffers) => {
    if (!Bokeh) return; // the snapshot, which is asked for later, holds it
    const library = Bokeh;
    if (message.kind !== "patch") company.go();
    if (message.kind === "snapshot" && message.view === view) {
      greeted = true;
      work = work.then(() => (closed ? null : showSnapshot(library, message)));
    } else if (message.kind === "patch" && message.not !== view) {
      const found = new Map(message.ids.map((id, index) => [id, bufferOf(buffers[index])]));
      // In turn, so that a patch that overtakes the drawing of the snapshot waits for it.
      company.join(() => {
        work = work.then(() => {
          if (!doc || closed) return;
          doc.apply_json_patch(message.patch, found);
          styles.calm(doc); // what the patch brought, such as another curve
        });
        work = work.catch(complain);
      });
    }
    if (message.kind === "hold") {
      work = work.then(() => {
        held = message.axes;
        holdRanges(doc, held);
      });
    }
    work = work.catch(complain);
  };
  model.on("msg:custom", receive);
  // More than a megabyte: it comes while the first point is measured, not after it.
  const loading = loadBokeh(model, view, () => closed);
  const begin = async () => {
    Bokeh = await loading;
    if (closed || !Bokeh) return;
    await ask(
      () => model.send({ kind: "hello", view }),
      () => greeted || closed,
    );
  };
  const unwait = onceShown(host, begin);

  const forget = followTheme(() => {
    styles.look();
    inkColourBars(doc);
    for (const root of doc?.views_manager?.roots ?? []) root.request_repaint?.();
  });

  return () => {
    closed = true;
    company.end();
    unwait();
    forget();
    model.off("msg:custom", receive);
    doc?.clear();
  };
}

export default { initialize, render };
