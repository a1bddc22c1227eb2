// @ts-check
// Knows whether a dashboard is seen and whether what it shows is live; counts ages here, so that nothing is sent for it.

const TICK_MS = 1000;
// So often the kernel is asked whether it still knows this view: no server takes that question for activity.
const ASK_MS = 10_000;
// While a scan runs, a view without news for so long (seconds), and two points, is late.
const LATE_S = 2;
const SAID_S = 20;
// So long after the page was loaded (milliseconds) JupyterLab still opens what it is to show.
const OPENING_MS = 15_000;
// What a page lies in, in a notebook and in a tab. A rule with ":has()" would say the same, and has the browser style all
// that is in the page anew whenever a word of it changes.
const HOLDERS = ".jp-Cell-outputArea, .jp-OutputArea-child, .jp-OutputArea-output, .jp-Cell-outputWrapper, .jp-LinkedOutputView";
const HOLDS = "st-holds-page";
const RECONNECTED = "Reconnected: the live page is in the tab “Steering”.";
/** @type {Record<string, string>} */
const WORDS = {
  saved: "This is a saved view; nothing in it is live. Run the cell to see the beamline as it is now.",
  ended: "The kernel has ended. This is how things were then; a scan goes on by itself if its service does.",
  unreachable: "The kernel cannot be reached. This is how things were then; a scan goes on by itself if its service does.",
};

/**
 * @typedef {{ key: string, ended: string, holds: boolean, scans: boolean }} Traits
 * @typedef {{ kind: "clock", view: string, now: number, asked: number, again?: string }} Heard
 * @typedef {{ kind: "here", asked: number } | { kind: "left" | "looking" | "mended" } | { kind: "alone", panel: string }
 *   | { kind: "sees", panels: string[] }} Sent
 * @typedef {"saved" | "ended" | "unreachable" | "closed" | ""} Reason Why what is shown is not live.
 */

/**
 * A time as a person says it.
 *
 * @param {number} seconds
 */
function span(seconds) {
  const whole = Math.max(Math.round(seconds), 0);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${String(whole % 60).padStart(2, "0")} s`;
  return `${Math.floor(whole / 3600)} h ${String(Math.floor((whole % 3600) / 60)).padStart(2, "0")} min`;
}

/**
 * Write what is new: an attribute that is written again is work for the page, whatever it was.
 *
 * @template {object} Target
 * @template {keyof Target} Name
 * @param {Target} target
 * @param {Name} name
 * @param {Target[Name]} value
 */
function put(target, name, value) {
  if (target[name] !== value) target[name] = value;
}

/**
 * Grey what has brought no news for longer than it should while a scan runs.
 *
 * @param {HTMLElement} root
 * @param {number} now Seconds, by the kernel's clock.
 */
function markLate(root, now) {
  // A panel alone in a tab knows it from the page that it came from.
  const bar = root.querySelector(".st-direct-bar") ?? document.querySelector(".st-dashboard .st-direct-bar");
  const running = bar?.getAttribute("data-state") === "running";
  // A point that takes long brings news no sooner.
  const period = Number(root.querySelector(".st-light")?.getAttribute("data-period")) || 0;
  // What shows something now of which nobody knows the age is not late any more.
  for (const panel of root.querySelectorAll(".st-panel.st-late")) {
    if (!panel.querySelector(".st-news")) panel.classList.remove("st-late");
  }
  /** @type {NodeListOf<HTMLElement>} */
  const news = root.querySelectorAll(".st-panel .st-news");
  for (const one of news) {
    const late = running && now - Number(one.dataset.since) > LATE_S + 2 * period;
    one.closest(".st-panel")?.classList.toggle("st-late", late);
  }
}

/**
 * Give the handles of sliders the names that stand beside them: ipywidgets leaves them without.
 *
 * @param {HTMLElement} root
 */
function nameSliders(root) {
  for (const handle of root.querySelectorAll(".noUi-handle:not([aria-label])")) {
    const name = handle.closest(".widget-slider")?.querySelector(".widget-label")?.textContent;
    if (name) handle.setAttribute("aria-label", name);
  }
}

/**
 * Give each card of a page a button that opens it in a tab of its own.
 *
 * @param {HTMLElement} root
 * @param {(panel: string) => void} open Called with the panel's name.
 */
function offerTabs(root, open) {
  if (root.classList.contains("st-alone")) return;
  /** @type {NodeListOf<HTMLElement>} */
  const heads = root.querySelectorAll(".st-row .st-panel > .st-head:not([data-tab])");
  for (const head of heads) {
    const card = /** @type {HTMLElement} */ (head.parentElement);
    const panel = cardName(card);
    const title = head.querySelector(".st-title")?.textContent;
    if (!panel || !title) continue; // its words come later
    head.dataset.tab = panel;
    const made = document.createElement("button");
    made.type = "button";
    made.className = "st-to-tab";
    made.title = "Open in a tab of its own";
    made.setAttribute("aria-label", `Open ${title} in a tab of its own`);
    made.addEventListener("click", () => open(panel));
    head.append(made);
  }
}

/**
 * Take away what was said to have been done, once it is old: a person has done something else since.
 *
 * @param {HTMLElement} root
 * @param {number} now Seconds, by the kernel's clock.
 */
function hideOldWords(root, now) {
  /** @type {NodeListOf<HTMLElement>} */
  const said = root.querySelectorAll(":is(.st-said, .st-take-home) [data-said]");
  for (const one of said) one.hidden = now - Number(one.dataset.said) > SAID_S;
}

/**
 * Bring the tab of a page to the front while JupyterLab opens: the notebook, which it opens after it, would hide it. What
 * a person does ends that. Returns what ends it too.
 *
 * @param {HTMLElement} el
 */
function comeForward(el) {
  const id = el.closest(".jupyterlab-sidecar")?.id;
  const began = performance.now();
  if (!id || began > OPENING_MS || el.closest(".st-alone")) return () => {};
  const look = () => {
    const tab = document.querySelector(`.lm-TabBar-tab[data-id="${id}"]`);
    if (tab && !tab.classList.contains("lm-mod-current")) pressTab(tab);
    if (performance.now() - began > OPENING_MS) stop();
  };
  const timer = setInterval(look, 250);
  const stop = () => {
    clearInterval(timer);
    for (const kind of ["pointerdown", "keydown"]) globalThis.removeEventListener(kind, byPerson, true);
  };
  const byPerson = (/** @type {Event} */ event) => {
    if (event.isTrusted) stop();
  };
  for (const kind of ["pointerdown", "keydown"]) globalThis.addEventListener(kind, byPerson, true);
  return stop;
}

/**
 * Press what stands on a tab, as a mouse does.
 *
 * @param {Element} what
 */
function pressTab(what) {
  const box = what.getBoundingClientRect();
  const at = { bubbles: true, button: 0, clientX: box.x + box.width / 2, clientY: box.y + box.height / 2 };
  for (const kind of ["pointerdown", "pointerup"]) what.dispatchEvent(new PointerEvent(kind, at));
}

/**
 * Close the tab that a page has for itself; JupyterLab does it when its cross is pressed.
 *
 * @param {HTMLElement} el
 */
function closeTab(el) {
  const id = el.closest(".jupyterlab-sidecar")?.id;
  const cross = id && document.querySelector(`.lm-TabBar-tab[data-id="${id}"] .lm-TabBar-tabCloseIcon`);
  if (cross) pressTab(cross);
}

/**
 * Run code in a kernel, and open the page that it makes; say what came of it.
 *
 * @param {LabKernel} kernel
 * @param {string} code
 */
async function runAgain(kernel, code) {
  const opened = "from steering_widgets.pages.dashboard import show_newest; show_newest()";
  try {
    const answer = await kernel.requestExecute({ code: `${code}\n${opened}`, store_history: false }).done;
    if (answer.content.status === "ok") return RECONNECTED;
    const why = "ename" in answer.content ? `${answer.content.ename}: ${answer.content.evalue}` : answer.content.status;
    return `The cell could not be run again (${why}). Run the notebook's cells from the first.`;
  } catch (error) {
    console.warn("A cell could not be run again", error);
    return "The kernel could not be asked. Run the notebook's cells from the first.";
  }
}

/** @param {Place<Model<Traits, Heard, Sent & { view: string }>>} place */
async function render({ model, el }) {
  el.classList.add("st-presence");
  const found = /** @type {LabModel} */ (await model.widget_manager.get_model(model.get("key")));
  const live = Boolean(found.comm) && found.comm_live !== false;
  if (live) await beHeard(model);
  const view = crypto.randomUUID();
  const kernel = found.comm?.jsServicesComm?._kernel;
  const banner = document.createElement("div");
  banner.className = "st-gone";
  banner.setAttribute("role", "status");
  banner.hidden = true;
  const words = document.createElement("span");
  const reconnect = document.createElement("button");
  reconnect.type = "button";
  reconnect.className = "st-choice st-reconnect";
  reconnect.textContent = "Reconnect";
  reconnect.title = "Run the cell that made this page again, and show it in a tab";
  reconnect.hidden = true;
  banner.append(words, reconnect);
  el.append(banner);

  /** @type {HTMLElement | null} */
  let root = null;
  let ahead = 0; // seconds by which the kernel's clock is ahead of this page's
  let heard = live ? Date.now() : 0;

  const send = (/** @type {Sent} */ message) => {
    try {
      model.send({ view, ...message });
    } catch (error) {
      console.warn("The kernel could not be told", error);
    }
  };

  let again = ""; // the code of the cell that made this page
  let tried = ""; // what came of a reconnection
  reconnect.addEventListener("click", async () => {
    reconnect.disabled = true;
    tried = "Reconnecting ...";
    show();
    tried = await runAgain(/** @type {LabKernel} */ (kernel), again);
    reconnect.disabled = false;
    show();
    if (tried === RECONNECTED) closeTab(el);
  });

  // Once the kernel that this view belongs to has gone, nothing brings it back, whatever runs in its place.
  let gone = false;
  const watch = (/** @type {LabKernel} */ _, /** @type {string} */ status) => {
    if (["restarting", "autorestarting", "terminating", "dead", "starting"].includes(status)) gone = live;
    show();
  };
  // A restart may not be heard of, as a new kernel's first word can be lost: the kernel is asked whether it knows this
  // view's model, after each reconnection and now and then while somebody looks. A question may be lost as well.
  let asked = 0;
  let silent = false; // it does not answer, and is not busy either
  const ask = async () => {
    const id = found.comm?.comm_id ?? found.comm?.commId;
    if (gone || !id || !kernel || Date.now() - asked < ASK_MS / 2) return;
    asked = Date.now();
    const late = setTimeout(() => {
      silent = kernel.status !== "busy";
      show();
    }, ASK_MS);
    try {
      const answer = await kernel.requestCommInfo({ target_name: "jupyter.widget" });
      silent = false;
      if (answer.content.status === "ok" && !(id in answer.content.comms)) gone = true;
    } catch (error) {
      console.warn("The kernel could not be asked for its widgets", error);
    }
    clearTimeout(late);
    show();
  };
  const askNowAndThen = () => {
    // One that is busy would find all the questions when it is done.
    const often = kernel?.status === "busy" ? 6 * ASK_MS : ASK_MS;
    if (live && kernel && !document.hidden && ["", "unreachable"].includes(why()) && Date.now() - asked >= often - TICK_MS) ask();
  };

  /** @returns {Reason} */
  const why = () => {
    if (!live) return "saved";
    if (gone || !found.comm || found.comm_live === false || kernel?.isDisposed || kernel?.status === "dead") return "ended";
    if (silent || (kernel && kernel.connectionStatus !== "connected")) return "unreachable";
    return model.get("ended") ? "closed" : "";
  };

  const show = () => {
    if (!root) return;
    const reason = why();
    if (!reason) heard = Date.now();
    root.classList.toggle("st-stale", Boolean(reason));
    put(root.dataset, "live", reason || "live");
    const when = heard && reason !== "saved" ? ` (${new Date(heard).toLocaleTimeString([], { hour12: false })})` : "";
    const text = reason === "closed" ? model.get("ended") : (WORDS[reason] ?? "").replace(" then", ` then${when}`);
    const said = reason === "ended" && tried ? tried : text;
    if (words.textContent !== said) words.textContent = said;
    put(banner, "hidden", !text);
    // A kernel that is there, though it is another one, can run the cell again.
    const can = reason === "ended" && again && kernel && !kernel.isDisposed && kernel.status !== "dead";
    put(reconnect, "hidden", !can);
  };

  /** @type {Set<Element>} */
  const holders = new Set();
  const mender = new Mender(found.widget_manager, kernel, () => send({ kind: "mended" }));
  const count = () => {
    show();
    if (!root) return;
    if (!why()) mender.look(root);
    for (let one = root.parentElement; one; one = one.parentElement) {
      if (!one.matches(HOLDERS) || holders.has(one)) continue;
      holders.add(one);
      one.classList.add(HOLDS);
    }
    const stopped = why();
    const now = Date.now() / 1000 + ahead;
    /** @type {NodeListOf<HTMLElement>} */
    const ages = root.querySelectorAll(".st-age");
    for (const one of ages) {
      if (stopped) continue; // an age that is not counted on is that of the moment when all stopped
      const since = Number(one.dataset.since);
      const text = one.dataset.until ? span(Number(one.dataset.until) - now) : span(now - since);
      if (one.textContent !== text) one.textContent = text;
    }
    if (!stopped) markLate(root, now);
    hideOldWords(root, now);
  };

  const receive = (/** @type {Heard} */ message) => {
    if (message.kind === "clock" && message.view === view) {
      const took = (performance.now() - message.asked) / 1000;
      // A kernel that was busy answers late: half of the way is then no measure.
      again = message.again ?? "";
      if (took < 2) ahead = message.now - (Date.now() / 1000 - took / 2);
    }
  };

  const here = () => {
    if (live) send({ kind: "here", asked: performance.now() });
  };
  const left = () => {
    if (live) send({ kind: "left" });
  };
  // New elements get their ages, names and buttons at once, not with the next second. New text alone is none of them: ages
  // that are counted on are such, and the numbers of the frame.
  const watcher = new MutationObserver((changes) => {
    if (!root || !changes.some((change) => [...change.addedNodes].some((node) => node instanceof Element))) return;
    dress(root);
    count();
  });
  const sight = watchSight((panels) => live && send({ kind: "sees", panels }));
  const dress = (/** @type {HTMLElement} */ page) => {
    nameSliders(page);
    sight.look(page);
    if (live) offerTabs(page, (panel) => send({ kind: "alone", panel }));
  };
  const bind = () => {
    root = el.closest(".st-dashboard");
    if (!root) {
      waiting = requestAnimationFrame(bind);
      return;
    }
    watcher.observe(root, { childList: true, subtree: true });
    dress(root);
    count();
    forward = comeForward(root);
  };
  let forward = () => {};
  let waiting = requestAnimationFrame(bind);
  const timer = setInterval(count, TICK_MS);
  const asker = setInterval(askNowAndThen, ASK_MS);
  const looked = whileLooking(
    (name) => model.get(name), () => Boolean(root?.offsetParent), () => live && send({ kind: "looking" }),
  );

  model.on("msg:custom", receive);
  model.on("change:ended", show);
  found.on?.("comm_live_update", show);
  const back = () => {
    show();
    if (kernel?.connectionStatus !== "connected") return;
    here();
    if (live) ask();
  };
  kernel?.connectionStatusChanged?.connect(back);
  kernel?.statusChanged?.connect(watch);
  globalThis.addEventListener("pagehide", left);
  here();

  return () => {
    cancelAnimationFrame(waiting);
    forward();
    for (const one of holders) one.classList.remove(HOLDS);
    clearInterval(timer);
    clearInterval(asker);
    looked();
    silent = false;
    watcher.disconnect();
    sight.end();
    model.off("msg:custom", receive);
    model.off("change:ended", show);
    found.off?.("comm_live_update", show);
    kernel?.connectionStatusChanged?.disconnect(back);
    kernel?.statusChanged?.disconnect(watch);
    globalThis.removeEventListener("pagehide", left);
    left();
    if (root) root.dataset.live = "gone"; // JupyterLab keeps what it takes off the page
  };
}

export default { render };
