// Pause, resume and abort straight from the page to the beamline service, past the kernel.

const FIRST_WAIT_MS = 500;
const UNANSWERED_MS = 3000;
const LONGEST_WAIT_MS = 15000;
const CONFIRM_MS = 5000;
const STATES = { idle: "idle", running: "running", paused: "paused", aborting: "aborting", offline: "offline" };

function baseUrl() {
  const config = document.getElementById("jupyter-config-data");
  if (config) return JSON.parse(config.textContent).baseUrl ?? "/";
  return document.body.dataset.baseUrl ?? "/";
}

function button(hook, text, meaning) {
  const made = document.createElement("button");
  made.type = "button";
  made.className = `st-direct ${hook}`;
  made.textContent = text;
  made.title = meaning;
  made.disabled = true;
  return made;
}

async function render({ model, el }) {
  await beHeard(model);
  const view = crypto.randomUUID();
  const root = document.createElement("div");
  root.className = "st-direct-bar";
  root.setAttribute("role", "group");
  root.setAttribute("aria-label", "Direct control, also while a cell runs");
  const label = document.createElement("span");
  label.className = "st-direct-label";
  label.textContent = "Direct control";
  label.title = "Goes from this page straight to the beamline service, so it works while a cell keeps the kernel busy";
  const pause = button("st-direct-pause", "Pause", "Wait before the next point, even while a cell runs");
  const resume = button("st-direct-resume", "Resume", "Go on after a pause, even while a cell runs");
  const abort = button("st-direct-abort", "Abort", "Stop now, even while a cell runs");
  const text = document.createElement("span");
  text.className = "st-direct-text";
  text.setAttribute("role", "status");
  text.setAttribute("aria-live", "polite");
  root.append(label, pause, resume, abort, text);
  el.append(root);

  let address = null;
  let socket = null;
  let connected = false;
  let status = null;
  let remark = "";
  let wait = FIRST_WAIT_MS;
  let retry = 0;
  let armed = 0;
  let closed = false;

  const show = () => {
    const state = connected ? (status?.state ?? "") : "";
    root.dataset.connected = String(connected);
    root.dataset.state = state;
    pause.disabled = state !== "running";
    resume.disabled = state !== "paused";
    abort.disabled = state !== "running" && state !== "paused";
    if (abort.disabled) disarm();
    const line = connected ? `Connected: ${STATES[state] ?? "waiting for news"}` : "Not connected";
    const said = remark ? `${line}. ${remark}` : line;
    if (text.textContent !== said) text.textContent = said; // an aria-live region speaks at each write
  };

  const disarm = () => {
    clearTimeout(armed);
    armed = 0;
    abort.textContent = "Abort";
    abort.classList.remove("st-armed");
  };

  const propose = (action) => {
    if (!connected) return;
    remark = "";
    socket.send(JSON.stringify({ kind: "propose", id: crypto.randomUUID(), action }));
  };

  const take = (message) => {
    if (message.kind === "status") {
      if (status?.state !== message.state) remark = "";
      status = message;
    } else if (message.kind === "ruling") {
      const ruling = message.ruling ?? message;
      remark = ruling.verdict === "refused" ? ruling.reason : `${ruling.kind} accepted.`;
    } else if (message.kind === "error") {
      remark = message.message;
    }
    show();
  };

  const connect = () => {
    if (closed || !address) return;
    const url = new URL(`${baseUrl()}proxy/${address.port}/control`, location.href);
    url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
    const opened = (socket = new WebSocket(url));
    opened.addEventListener("open", () => {
      opened.send(JSON.stringify({ kind: "hello", token: address.token }));
    });
    opened.addEventListener("message", (event) => {
      if (opened !== socket) return;
      connected = true; // only a service that knows the token says anything
      wait = FIRST_WAIT_MS;
      take(JSON.parse(event.data));
    });
    opened.addEventListener("close", (event) => {
      if (opened !== socket || closed) return;
      connected = false;
      status = null;
      remark = event.reason || "";
      show();
      // The token may have run out or the service may have a new port: ask for the address again.
      retry = setTimeout(hello, wait);
      wait = Math.min(wait * 2, LONGEST_WAIT_MS);
    });
  };

  const hello = () => {
    if (closed) return;
    if (address) connect(); // the old address may well do, and a busy kernel cannot give another
    model.send({ kind: "hello", view });
    if (address) return;
    // The question is lost while the page joins a running kernel, and unanswered while the kernel is busy.
    clearTimeout(retry);
    retry = setTimeout(hello, UNANSWERED_MS);
  };

  const receive = (message) => {
    if (message.kind !== "address" || message.view !== view) return;
    if (!message.port) {
      remark = message.problem;
      show();
      clearTimeout(retry);
      retry = setTimeout(hello, LONGEST_WAIT_MS);
      return;
    }
    const fresh = !address || address.port !== message.port || !connected;
    address = { port: message.port, token: message.token };
    if (fresh && (!socket || socket.readyState > WebSocket.OPEN)) connect();
  };

  pause.addEventListener("click", () => propose({ kind: "pause" }));
  resume.addEventListener("click", () => propose({ kind: "resume" }));
  abort.addEventListener("click", () => {
    if (!armed) {
      abort.textContent = "Really abort?";
      abort.classList.add("st-armed");
      armed = setTimeout(disarm, CONFIRM_MS);
      return;
    }
    disarm();
    propose({ kind: "abort", reason: "aborted from the notebook" });
  });

  model.on("msg:custom", receive);
  show();
  hello();

  return () => {
    closed = true;
    clearTimeout(retry);
    clearTimeout(armed);
    model.off("msg:custom", receive);
    socket?.close();
  };
}

export default { render };
