// @ts-check
/**
 * The table of runs: a grid of which rows are chosen, one or two. The arrows go from row to row, Space or Enter chooses,
 * Right goes to the row's button, Escape chooses none.
 */

/**
 * @typedef {object} Row
 * @property {string} uid
 * @property {string} when
 * @property {string} scan
 * @property {string} sample
 * @property {string} status Its kind: running, success, abort, fail or unfinished.
 * @property {string} said The same in a word that a person knows.
 * @property {string} points
 * @property {[string, string][]} features Names and values.
 * @property {string} curve A path of SVG, or nothing.
 * @property {number} columns Of the small map; 0 where there is none.
 * @property {string} levels Its pixels from the top, in base64: 0 where nothing was measured.
 */
/** @typedef {{ uid?: string, points?: string }} Counted The run that goes on. */
/** @typedef {{ paths?: string[], home?: string }} Written */
/** @typedef {{ key: string, rows: Row[], picked: string[], empty: string, written: Written, counted: Counted, colours: string }} Traits */
/** @typedef {{ ask: string }} Heard */
/** @typedef {{ run: string, ask: string }} Sent */

const HEADS = ["Started", "Scan", "Sample", "Status", "Points", "Main features", "Curve or map", ""];
const MOST = 2;
const SVG = "http://www.w3.org/2000/svg";
const BOX = "0 0 96 24"; // as table.py draws it
const QUERY = "steering-run";
const AGAIN_MS = 1500;

/**
 * What is chosen after a press on a row: it is added or taken out, and of three the first goes.
 *
 * @param {string[]} chosen
 * @param {string} uid
 */
function chosenAfter(chosen, uid) {
  if (chosen.includes(uid)) return chosen.filter((one) => one !== uid);
  return [...chosen, uid].slice(-MOST);
}

/**
 * The row that a key goes to; -1 if it goes to none.
 *
 * @param {string} key
 * @param {number} place
 * @param {number} count
 */
function placeAfter(key, place, count) {
  const steps = { ArrowDown: place + 1, ArrowUp: place - 1, PageDown: place + 10, PageUp: place - 10, Home: 0, End: count };
  const wanted = /** @type {Record<string, number>} */ (steps)[key];
  return wanted === undefined || !count ? -1 : Math.min(Math.max(wanted, 0), count - 1);
}

/**
 * The address that opens a run in a page again; without the token that may stand in this one's. A second page of a JupyterLab
 * gets a workspace of its own, with nothing in it, unless its address names the notebook.
 *
 * @param {{ origin: string, pathname: string }} location
 * @param {string} uid
 * @param {string} notebook Where it lies; empty if that is not known.
 * @param {string} base Of the server's addresses.
 */
function linkTo(location, uid, notebook = "", base = "/") {
  const lab = notebook && location.pathname.startsWith(`${base}lab`);
  const path = lab ? `${base}lab/tree/${notebook.split("/").map(encodeURIComponent).join("/")}` : location.pathname;
  return `${location.origin}${path}?${QUERY}=${encodeURIComponent(uid)}`;
}

/**
 * Where the notebook of a kernel lies, as the server knows it; empty if it does not say.
 *
 * @param {string} base
 * @param {string | undefined} kernel
 */
async function notebookOf(base, kernel) {
  try {
    const answer = await fetch(`${base}api/sessions`);
    /** @type {{ path?: string, kernel?: { id: string } }[]} */
    const sessions = answer.ok ? await answer.json() : [];
    return sessions.find((session) => session.kernel?.id === kernel)?.path ?? "";
  } catch (error) {
    console.warn("The server does not say where the notebook is", error);
    return "";
  }
}

/** What the page says of its server. */
function pageConfig() {
  return JSON.parse(document.getElementById("jupyter-config-data")?.textContent || "{}");
}

/**
 * The run that an address names; empty if it names none.
 *
 * @param {string} address
 */
function runOf(address) {
  const question = address.indexOf("?");
  return question < 0 ? "" : new URLSearchParams(address.slice(question).split("#")[0]).get(QUERY) ?? "";
}

/**
 * Where the page's server has a file; empty if it lies elsewhere, or where the server shows nothing.
 *
 * @param {string} path
 * @param {string} home Of whom the kernel belongs to.
 * @param {{ serverRoot?: string, baseUrl?: string }} config
 */
function fileLink(path, home, config) {
  const root = (config.serverRoot ?? "").replace(/^~/, home).replace(/\/$/, "");
  if (!root || !path.startsWith(`${root}/`)) return "";
  const parts = path.slice(root.length + 1).split("/");
  if (parts.some((part) => part.startsWith("."))) return "";
  return `${config.baseUrl ?? "/"}files/${parts.map(encodeURIComponent).join("/")}`;
}

/**
 * @param {string} tag
 * @param {string} role
 * @param {string} name Class.
 * @param {string} [text]
 */
function element(tag, role, name, text = "") {
  const made = document.createElement(tag);
  if (role) made.setAttribute("role", role);
  made.className = name;
  if (text) made.textContent = text;
  return made;
}

/** @param {string} text Bytes in base64. */
function bytesOf(text) {
  return Uint8Array.from(atob(text), (one) => one.charCodeAt(0));
}

/**
 * The pixels of a small map as a canvas has them: red, green, blue and alpha; nothing is drawn where nothing was measured.
 *
 * @param {Uint8Array} levels
 * @param {Uint8Array} colours 256 triples.
 */
function mapPixels(levels, colours) {
  const pixels = new Uint8ClampedArray(levels.length * 4);
  levels.forEach((level, index) => {
    if (level) pixels.set([...colours.subarray(level * 3, level * 3 + 3), 255], index * 4);
  });
  return pixels;
}

/**
 * @param {Row} row
 * @param {Uint8Array} colours
 */
function mapElement(row, colours) {
  const levels = bytesOf(row.levels);
  const canvas = document.createElement("canvas");
  canvas.width = row.columns;
  canvas.height = levels.length / row.columns;
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", "Small map");
  canvas.getContext("2d")?.putImageData(new ImageData(mapPixels(levels, colours), canvas.width), 0, 0);
  return canvas;
}

/**
 * @param {Row} row
 * @param {(uid: string) => void} copy
 * @param {Uint8Array} colours Of small maps.
 */
function rowElement(row, copy, colours) {
  const made = element("div", "row", "st-run");
  made.dataset.uid = row.uid;
  const cell = (/** @type {string} */ name, /** @type {string} */ text) => {
    const one = element("div", "gridcell", `st-run-${name}`, text);
    made.append(one);
    return one;
  };
  const when = cell("when", row.when);
  const scan = cell("scan", row.scan);
  when.append(element("span", "", "st-run-mark"));
  scan.append(element("small", "", "st-run-uid", ` ${row.uid.slice(0, 8)}`));
  cell("sample", row.sample);
  const status = cell("status", row.said);
  status.classList.add(`st-run-is-${row.status}`);
  cell("points", row.points);
  const features = cell("features", "");
  for (const [name, value] of row.features) {
    const one = element("span", "", "st-run-feature");
    one.append(element("small", "", "", `${name} `), value);
    features.append(one);
  }
  const curve = cell("curve", "");
  if (row.curve) {
    const svg = document.createElementNS(SVG, "svg");
    svg.setAttribute("viewBox", BOX);
    svg.setAttribute("aria-hidden", "true");
    const path = document.createElementNS(SVG, "path");
    path.setAttribute("d", row.curve);
    svg.append(path);
    curve.append(svg);
  } else if (row.columns) curve.append(mapElement(row, colours));
  const button = element("button", "", "st-button st-run-link", "Copy link");
  button.setAttribute("type", "button");
  button.setAttribute("aria-label", `Copy the link to ${row.scan} of ${row.when}`);
  button.tabIndex = -1;
  button.addEventListener("click", (event) => {
    event.stopPropagation();
    copy(row.uid);
  });
  cell("act", "").append(button);
  return made;
}

/**
 * Tell the kernel which run the address names, again and again until it has heard: what is said while a page joins a
 * running kernel is lost. Returns what ends that.
 *
 * @param {Model<Traits, Heard, Sent>} model
 * @param {string} run
 */
function untilHeard(model, run) {
  const ask = crypto.randomUUID();
  const say = () => model.send({ run, ask });
  const heard = (/** @type {Heard} */ message) => {
    if (message.ask === ask) stop();
  };
  const timer = setInterval(say, AGAIN_MS);
  const stop = () => {
    clearInterval(timer);
    model.off("msg:custom", heard);
  };
  model.on("msg:custom", heard);
  say();
  return stop;
}

/** @param {Place<Model<Traits, Heard, Sent>>} place */
async function render({ model, el }) {
  await beHeard(model);
  const grid = element("div", "grid", "st-run-grid st-scroll");
  grid.setAttribute("aria-label", "Runs");
  grid.setAttribute("aria-multiselectable", "true");
  // The notebook's own keys stay out of it.
  grid.dataset.lmSuppressShortcuts = "true";
  const empty = element("div", "", "st-run-empty");
  const said = element("div", "status", "st-run-said");
  said.setAttribute("aria-live", "polite");
  el.append(grid, empty, said);
  const colours = bytesOf(model.get("colours"));
  let at = ""; // the row that Tab comes to

  const lines = () => /** @type {HTMLElement[]} */ ([...grid.querySelectorAll(".st-run")]);

  const copy = async (/** @type {string} */ uid) => {
    const found = /** @type {LabModel} */ (await model.widget_manager.get_model(model.get("key")));
    const base = pageConfig().baseUrl ?? "/";
    const notebook = await notebookOf(base, found.comm?.jsServicesComm?._kernel?.id);
    const link = linkTo(window.location, uid, notebook, base);
    try {
      await navigator.clipboard.writeText(link);
      said.textContent = `Copied: ${link}`;
    } catch {
      // A page that came without encryption may not write the clipboard.
      said.textContent = `Copy this link: ${link}`;
    }
  };

  const inSight = (/** @type {HTMLElement | undefined} */ row) => {
    const head = /** @type {HTMLElement | null} */ (grid.querySelector(".st-run-head"));
    if (!row) return false;
    return row.offsetTop - (head?.offsetHeight ?? 0) >= grid.scrollTop && row.offsetTop + row.offsetHeight <= grid.scrollTop + grid.clientHeight;
  };

  // What Show and Export act on is seen. The page itself stays where it is.
  const bring = (/** @type {HTMLElement | undefined} */ row) => {
    if (!row || inSight(row)) return;
    grid.scrollTop = row.offsetTop - (grid.clientHeight - row.offsetHeight) / 2;
  };

  const chosen = () => lines().filter((row) => model.get("picked").includes(row.dataset.uid ?? ""));

  const mark = () => {
    const picked = model.get("picked");
    const rows = lines();
    if (!rows.some((row) => row.dataset.uid === at)) at = rows[0]?.dataset.uid ?? "";
    for (const row of rows) {
      const uid = row.dataset.uid ?? "";
      row.setAttribute("aria-selected", String(picked.includes(uid)));
      row.tabIndex = uid === at ? 0 : -1;
    }
  };

  const count = () => {
    const { uid, points } = model.get("counted");
    const cell = lines().find((row) => row.dataset.uid === uid && row.querySelector(".st-run-is-running"))?.querySelector(".st-run-points");
    if (cell && points && cell.textContent !== points) cell.textContent = points;
  };

  const fill = () => {
    const held = grid.contains(document.activeElement);
    const top = grid.scrollTop;
    const seen = chosen().filter(inSight).map((row) => row.dataset.uid);
    const rows = model.get("rows");
    const head = element("div", "row", "st-run-head");
    head.append(...HEADS.map((text) => element("div", "columnheader", "", text)));
    head.lastElementChild?.setAttribute("aria-label", "Link");
    grid.replaceChildren(head, ...rows.map((row) => rowElement(row, copy, colours)));
    count();
    grid.hidden = !rows.length;
    empty.textContent = model.get("empty");
    empty.hidden = !empty.textContent;
    mark();
    grid.scrollTop = top;
    // A run that begins moves all others down.
    bring(lines().find((row) => seen.includes(row.dataset.uid)));
    if (held) lines().find((row) => row.dataset.uid === at)?.focus({ preventScroll: true });
  };

  const choose = (/** @type {string[]} */ picked) => {
    model.set("picked", picked);
    model.save_changes();
    mark();
  };

  const go = (/** @type {HTMLElement} */ row) => {
    at = row.dataset.uid ?? "";
    mark();
    row.focus();
  };

  grid.addEventListener("click", (event) => {
    /** @type {HTMLElement | null} */
    const row = /** @type {Element} */ (event.target).closest(".st-run");
    if (!row) return;
    go(row);
    choose(chosenAfter(model.get("picked"), at));
  });

  grid.addEventListener("keydown", (event) => {
    const rows = lines();
    const target = /** @type {HTMLElement} */ (event.target);
    /** @type {HTMLElement | null} */
    const row = target.closest(".st-run");
    if (!row || event.ctrlKey || event.altKey || event.metaKey) return;
    const next = placeAfter(event.key, rows.indexOf(row), rows.length);
    const onButton = target.tagName === "BUTTON";
    if (next >= 0) go(rows[next]);
    else if (event.key === "ArrowRight" && !onButton) row.querySelector("button")?.focus();
    else if (event.key === "ArrowLeft" && onButton) go(row);
    else if (event.key === "Escape") choose([]);
    else if ([" ", "Enter"].includes(event.key) && !onButton) choose(chosenAfter(model.get("picked"), row.dataset.uid ?? ""));
    else return;
    event.preventDefault();
    event.stopPropagation();
  });

  const tellWritten = () => {
    const { paths = [], home = "~" } = model.get("written");
    if (!paths.length) return;
    said.textContent = "";
    for (const path of paths) {
      const link = fileLink(path, home, pageConfig());
      if (!link) continue;
      const anchor = document.createElement("a");
      anchor.href = link;
      anchor.download = "";
      anchor.textContent = `Download ${path.split("/").at(-1)}`;
      said.append(anchor);
    }
  };

  model.on("change:rows", fill);
  model.on("change:empty", fill);
  model.on("change:counted", count);
  const pick = () => {
    mark();
    bring(lines().find((row) => row.dataset.uid === model.get("picked").at(-1)));
  };

  model.on("change:picked", pick);
  model.on("change:written", tellWritten);
  fill();
  let stop = () => {};

  // JupyterLab rewrites the address; what the page was loaded with is kept by the browser. Once a page is enough.
  const [loaded] = performance.getEntriesByType("navigation");
  const wanted = runOf(loaded?.name ?? "");
  const { dataset } = document.documentElement;
  if (wanted && dataset.steeringRun !== wanted) {
    dataset.steeringRun = wanted;
    stop = untilHeard(model, wanted);
  }

  return () => {
    stop();
    model.off("change:rows", fill);
    model.off("change:empty", fill);
    model.off("change:counted", count);
    model.off("change:picked", pick);
    model.off("change:written", tellWritten);
  };
}

export default { render };
