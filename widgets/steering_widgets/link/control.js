// @ts-check
// Pause, resume, finish and abort straight from the page to the beamline service, past the kernel.

/**
 * @typedef {"idle" | "opening" | "running" | "paused" | "aborting" | "offline"} State
 * @typedef {"pause" | "resume" | "finish" | "abort"} Name Of an action.
 * @typedef {{ key: string, state: State | "", problem: string, asking: string, wrong: string }} Traits
 * @typedef {{ port: string, token: string }} Address
 * @typedef {{ kind: "address", view: string } & (Address | { port?: undefined })} AddressHeard
 * @typedef {PressSent | { kind: "hello", view: string }} Sent
 *
 * What the beamline service says:
 *
 * @typedef {{ kind: "status", state: State, scanning: boolean, beat: number, why?: string, ended?: string }} Status
 * @typedef {{ kind: "ruling", id: string, ruling: { verdict: string, reason: string, kind: string } }} Ruled
 * @typedef {{ kind: "error" | "late", id: string, message: string }} NotDone
 */

const FIRST_WAIT_MS = 500;
const UNANSWERED_MS = 3000;
const LONGEST_WAIT_MS = 5000;
const CONFIRM_MS = 10000; // on a slow machine the question is read late
const READ_MS = 600;
const LOOK_MS = 500;
const SILENT_MS = 2500; // while a scan runs the service is heard at least once a second
const ANSWER_MS = 2000;
const NOT_LATER = "If it has not arrived, it will not be carried out later.";
/** @type {Record<string, string | undefined>} */
const STATES = {
  idle: "idle", opening: "opening", running: "running", paused: "paused", aborting: "aborting", offline: "offline",
};
/** @type {Record<Name, [text: string, meaning: string, states: string[]]>} */
const ACTIONS = {
  pause: ["Pause", "Wait before the next point", ["opening", "running"]],
  resume: ["Resume", "Go on after a pause", ["paused"]],
  finish: ["Finish", "End before the next point; the run is complete", ["running", "paused"]],
  abort: ["Abort", "Stop now, in the middle of a point if need be", ["opening", "running", "paused", "aborting"]],
};

const NAMES = /** @type {Name[]} */ (Object.keys(ACTIONS));
// With Alt and Shift, wherever on the page: neither JupyterLab nor a browser has a command of its own there.
/** @type {Record<string, Name | undefined>} */
const KEYS = { KeyP: "pause", KeyR: "resume", KeyF: "finish", KeyA: "abort" };

function baseUrl() {
  const config = document.getElementById("jupyter-config-data");
  if (config) return JSON.parse(config.textContent).baseUrl ?? "/";
  return document.body.dataset.baseUrl ?? "/";
}

/** @param {Name} name */
function button(name) {
  const [text, meaning] = ACTIONS[name];
  const made = document.createElement("button");
  made.type = "button";
  made.className = `st-direct st-direct-${name}`;
  made.textContent = text;
  const key = /** @type {string} */ (Object.keys(KEYS).find((code) => KEYS[code] === name)).slice(3);
  made.title = `${meaning} (Alt+Shift+${key})`;
  made.setAttribute("aria-keyshortcuts", `Alt+Shift+${key}`);
  return made;
}

/** @param {Place<Model<Traits, AddressHeard | PressHeard, Sent>>} place */
async function render({ model, el }) {
  await beHeard(model);
  const view = crypto.randomUUID();
  const root = document.createElement("div");
  root.className = "st-direct-bar";
  root.setAttribute("role", "group");
  root.setAttribute("aria-label", "Control of the scan, also while a cell runs");
  const buttons = /** @type {Record<Name, HTMLButtonElement>} */ (
    Object.fromEntries(NAMES.map((name) => [name, button(name)]))
  );
  const row = document.createElement("div");
  row.className = "st-direct-row";
  row.append(...Object.values(buttons));
  const text = document.createElement("div");
  text.className = "st-direct-text";
  text.setAttribute("role", "status");
  text.setAttribute("aria-live", "polite");
  const { line, say } = pressLine();
  const alerts = new Alerts((why) => {
    remark = why;
    show();
  });
  root.append(row, text, line, alerts.root);
  el.append(root);

  /** @type {Address | null} */
  let address = null;
  /** @type {WebSocket | null} */
  let socket = null;
  /** @type {"none" | "live" | "lost"} */
  let link = "none";
  /** @type {Status | null} */
  let status = null;
  /** @type {Status | null} */
  let lastStatus = null; // what was heard before the link was lost, too
  let heard = 0;
  let heardAt = performance.now();
  let lostAt = heardAt;
  let remark = "";
  let wait = FIRST_WAIT_MS;
  let retry = 0;
  let armed = 0; // while it is asked whether an abort is meant
  let read = 0; // until that counts as read
  let closed = false;
  /** @type {Map<string, { name: Name, timer: number }>} */
  const unanswered = new Map();

  // Where no service can be reached from the page, the kernel does it.
  const presses = new Presses((message) => model.send(message), say);
  const throughKernel = () => !address && link === "none";

  // A service that measures nothing has nothing to say: it is silent from when the link is lost.
  const silence = () => Math.round((performance.now() - (lastStatus?.scanning ? heardAt : lostAt)) / 1000);

  const where = () => {
    if (throughKernel()) return model.get("problem") || "Through the kernel: these wait while a cell runs.";
    if (link === "lost") {
      const unknown = lastStatus?.scanning ? " The scan goes on by itself if its service does; that cannot be seen from here." : "";
      return `Link lost: nothing heard for ${silence()} s.${unknown}`;
    }
    if (link !== "live") return "No link to the beamline service yet.";
    // The large word says it already, unless the kernel that writes it is behind.
    if (status && root.closest(".st-panel")?.querySelector(`.st-progress .st-state-${status.state}`)) return "Connected";
    return `Connected: ${STATES[status?.state ?? ""] ?? "waiting for news"}`;
  };

  const state = () => (throughKernel() ? model.get("state") : link === "live" ? (status?.state ?? "") : "");

  const show = () => {
    const now = state();
    const words = { connected: String(link === "live"), link, state: now, remark: String(Boolean(remark)) };
    for (const [name, word] of Object.entries(words)) if (root.dataset[name] !== word) root.dataset[name] = word;
    // What the other panels say of the scan is then only what was heard last.
    root.closest(".st-dashboard")?.classList.toggle("st-unheard", link === "lost");
    for (const name of NAMES) {
      // A press must be answered also where it can do nothing, so it is never deaf.
      const disabled = String(!ACTIONS[name][2].includes(now));
      if (buttons[name].getAttribute("aria-disabled") !== disabled) buttons[name].setAttribute("aria-disabled", disabled);
    }
    if (armed && buttons.abort.getAttribute("aria-disabled") === "true") disarm();
    const said = remark ? `${where()}. ${remark}`.replace("..", ".") : where();
    if (text.textContent !== said) text.textContent = said; // an aria-live region speaks at each write
  };

  const disarm = () => {
    clearTimeout(armed);
    clearTimeout(read);
    armed = 0;
    buttons.abort.textContent = ACTIONS.abort[0];
    buttons.abort.classList.remove("st-armed");
  };

  const propose = (/** @type {Name} */ name) => {
    const action = name === "abort" ? { kind: name, reason: "aborted from the notebook" } : { kind: name };
    if (throughKernel()) return presses.press(name, ACTIONS[name][0]);
    if (link !== "live") {
      remark = `${ACTIONS[name][0]} was not sent, and will not be sent later: there is no link to the beamline service.`;
      return show();
    }
    const id = crypto.randomUUID();
    remark = "";
    socket?.send(JSON.stringify({ kind: "propose", id, action, heard }));
    const timer = setTimeout(() => {
      answered(id);
      remark = `${unheard(name)} within ${ANSWER_MS / 1000} s. ${NOT_LATER}`;
      show();
    }, ANSWER_MS);
    unanswered.set(id, { name, timer });
    show();
  };

  const unheard = (/** @type {Name} */ name) => `${ACTIONS[name][0]} was not answered`;

  const answered = (/** @type {string} */ id) => {
    clearTimeout(unanswered.get(id)?.timer);
    unanswered.delete(id);
  };

  const take = (/** @type {Status | Ruled | NotDone} */ message) => {
    heardAt = performance.now();
    if (message.kind === "status") {
      if (status?.state !== message.state) {
        remark = "";
        disarm();
        alerts.tell(alertOf(status ?? lastStatus, message));
      }
      status = lastStatus = message;
      heard = message.beat;
    } else if (message.kind === "ruling") {
      answered(message.id);
      const ruling = message.ruling;
      remark = ruling.verdict === "refused" ? ruling.reason : `${ruling.kind} accepted.`;
    } else {
      answered(message.id);
      remark = message.message;
    }
    show();
  };

  const lose = (/** @type {string} */ why) => {
    if (link !== "lost") lostAt = performance.now();
    link = "lost";
    if (unanswered.size) {
      const [{ name }] = [...unanswered.values()].slice(-1);
      remark = `${unheard(name)}. ${NOT_LATER}`;
    } else if (why || !remark.endsWith(NOT_LATER)) {
      remark = why;
    }
    for (const id of [...unanswered.keys()]) answered(id);
    disarm();
    show();
  };

  const connect = () => {
    if (closed || !address) return;
    const { port, token } = address;
    const url = new URL(`${baseUrl()}proxy/${port}/control`, location.href);
    url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
    const opened = new WebSocket(url);
    socket = opened;
    opened.addEventListener("open", () => {
      opened.send(JSON.stringify({ kind: "hello", token }));
    });
    opened.addEventListener("message", (event) => {
      if (opened !== socket) return;
      link = "live"; // only a service that knows the token says anything
      wait = FIRST_WAIT_MS;
      take(JSON.parse(event.data));
    });
    opened.addEventListener("close", (event) => {
      if (opened !== socket || closed) return;
      lose(event.reason || "");
      status = null;
      again();
    });
  };

  const again = () => {
    // The token may have run out or the service may have a new port: ask for the address again.
    clearTimeout(retry);
    retry = setTimeout(hello, wait);
    wait = Math.min(wait * 2, LONGEST_WAIT_MS);
  };

  // A dead link is not closed by anybody: only silence tells.
  const look = setInterval(() => {
    const due = socket?.readyState === WebSocket.CONNECTING || status?.scanning;
    if (link === "live" && due && performance.now() - heardAt > SILENT_MS) {
      lose("");
      // What lies in it must not arrive later; the service would refuse it too.
      const dead = socket;
      socket = null;
      dead?.close();
      again();
    } else if (link === "lost") show();
  }, LOOK_MS);

  const hello = () => {
    if (closed) return;
    if (address) connect(); // the old address may well do, and a busy kernel cannot give another
    model.send({ kind: "hello", view });
    clearTimeout(retry);
    // The question is lost while the page joins a running kernel, and unanswered while the kernel is busy.
    retry = setTimeout(address ? reconnect : hello, UNANSWERED_MS);
  };

  const reconnect = () => {
    if (link !== "live") hello();
  };

  const receive = (/** @type {AddressHeard | PressHeard} */ message) => {
    if (message.kind !== "address") {
      presses.receive(message);
      return;
    }
    if (message.view !== view) return;
    clearTimeout(retry);
    if (!message.port) {
      // Asked again when there is news: an idle page sends nothing.
      address = null;
      show();
      return;
    }
    const fresh = !address || address.port !== message.port || link !== "live";
    address = { port: message.port, token: message.token };
    if (fresh && (!socket || socket.readyState > WebSocket.OPEN)) connect();
  };

  const changed = () => {
    show();
    if (!address && link === "none") hello();
  };

  const click = (/** @type {Name} */ name) => {
    const made = buttons[name];
    if (made.getAttribute("aria-disabled") === "true" && (link === "live" || throughKernel())) {
      disarm();
      remark = `${ACTIONS[name][0]} does nothing now: the beamline is ${STATES[state()] ?? "not known yet"}.`;
      return show();
    }
    if (name === "abort" && !armed && (link === "live" || throughKernel())) {
      made.textContent = "Really abort?";
      armed = setTimeout(disarm, CONFIRM_MS);
      // A double click is one press: the second one counts when there was time to read the question.
      read = setTimeout(() => made.classList.add("st-armed"), READ_MS);
      return;
    }
    if (name === "abort" && armed && !made.classList.contains("st-armed")) return;
    disarm();
    propose(name);
  };
  for (const name of NAMES) buttons[name].addEventListener("click", () => click(name));
  // Whatever else is done, or Escape, takes back what only asks.
  const elsewhere = (/** @type {KeyboardEvent | PointerEvent} */ event) => {
    if (!armed) return;
    const kept = "key" in event ? event.key !== "Escape" : buttons.abort.contains(/** @type {Node} */ (event.target));
    if (!kept) disarm();
  };
  document.addEventListener("pointerdown", elsewhere, true);
  document.addEventListener("keydown", elsewhere, true);

  // Before JupyterLab, which would take a key for one of its own commands; of two views on a page one acts.
  const onKey = (/** @type {KeyboardEvent} */ event) => {
    const name = KEYS[event.code];
    if (!name || !event.altKey || !event.shiftKey || event.ctrlKey || event.metaKey || event.defaultPrevented) return;
    if (event.repeat || root.offsetParent === null) return;
    event.preventDefault();
    event.stopPropagation();
    click(name);
  };
  globalThis.addEventListener("keydown", onKey, true);
  const asked = () => {
    const text = model.get("asking");
    if (text) alerts.tell({ title: "An agent suggests a change", text, urgent: false });
  };
  const warned = () => {
    const text = model.get("wrong");
    if (text) alerts.tell({ title: "Something has gone wrong", text, urgent: true });
  };

  model.on("msg:custom", receive);
  model.on("change:state", changed);
  model.on("change:asking", asked);
  model.on("change:wrong", warned);
  show();
  hello();

  return () => {
    closed = true;
    clearTimeout(retry);
    clearTimeout(armed);
    clearTimeout(read);
    clearInterval(look);
    for (const id of [...unanswered.keys()]) answered(id);
    document.removeEventListener("pointerdown", elsewhere, true);
    document.removeEventListener("keydown", elsewhere, true);
    model.off("msg:custom", receive);
    model.off("change:state", changed);
    model.off("change:asking", asked);
    model.off("change:wrong", warned);
    globalThis.removeEventListener("keydown", onKey, true);
    presses.close();
    root.closest(".st-dashboard")?.classList.remove("st-unheard");
    socket?.close();
  };
}

export default { render };
