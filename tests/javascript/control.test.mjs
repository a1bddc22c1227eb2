import assert from "node:assert/strict";
import { afterEach, beforeEach, mock, test } from "node:test";

import { load } from "./load.mjs";
import { makeModel, makePage } from "./page.mjs";

const { baseUrl, render } = load(["parts/heard.js", "parts/press.js", "link/alerts.js", "link/control.js"], ["baseUrl", "render"]);

let now = 0;
/** The sockets that were opened, oldest first. */
let sockets = [];
let close = () => {};
/** What the whole page listens to. */
let onPage = {};

class FakeSocket {
  static CONNECTING = 0;
  static OPEN = 1;

  constructor(url) {
    this.url = String(url);
    this.sent = [];
    this.takers = {};
    this.readyState = 0;
    sockets.push(this);
  }

  addEventListener(kind, take) {
    this.takers[kind] = take;
  }

  send(text) {
    this.sent.push(JSON.parse(text));
  }

  close() {
    this.readyState = 3;
  }

  open() {
    this.readyState = 1;
    this.takers.open({});
  }

  say(message) {
    this.takers.message({ data: JSON.stringify(message) });
  }

  end(reason = "") {
    this.readyState = 3;
    this.takers.close({ reason });
  }
}

beforeEach(() => {
  now = 0;
  sockets = [];
  mock.reset();
  mock.timers.reset();
  mock.timers.enable({ apis: ["setTimeout", "setInterval"] });
  mock.method(performance, "now", () => now);
  globalThis.document = makePage();
  globalThis.location = { href: "https://hub.example/user/me/lab" };
  globalThis.WebSocket = FakeSocket;
  onPage = {};
  globalThis.addEventListener = (kind, take) => {
    onPage[kind] = take;
  };
  globalThis.removeEventListener = (kind) => {
    delete onPage[kind];
  };
});

afterEach(() => close());

function pass(milliseconds) {
  for (let passed = 0; passed < milliseconds; passed += 100) {
    now += 100;
    mock.timers.tick(100);
  }
}

/** The bar in a page, and what a person sees and does there. */
async function makeBar() {
  const model = makeModel({ key: "k", state: "", problem: "" });
  const el = document.createElement("div");
  close = await render({ model, el });
  const [text] = el.find("st-direct-text");
  return {
    model,
    view: model.sent[0].view,
    text: () => text.textContent,
    button: (name) => el.find(`st-direct-${name}`)[0],
  };
}

/** A bar that is connected to a service in some state. */
async function makeLiveBar(state = "running", scanning = true) {
  const bar = await makeBar();
  bar.model.hear({ kind: "address", view: bar.view, port: "8123", token: "secret" });
  const [socket] = sockets;
  socket.open();
  socket.say({ kind: "status", state, scanning, beat: 1 });
  return { ...bar, socket };
}

const proposed = (socket) => socket.sent.filter((message) => message.kind === "propose");

test("the server's base address is what JupyterLab's page says, else the body's, else the root", () => {
  globalThis.document = makePage({ "jupyter-config-data": { textContent: '{"baseUrl": "/user/me/"}' } });
  document.body.dataset.baseUrl = "/other/";
  assert.equal(baseUrl(), "/user/me/");
  globalThis.document = makePage({ "jupyter-config-data": { textContent: "{}" } });
  assert.equal(baseUrl(), "/");
  globalThis.document = makePage();
  assert.equal(baseUrl(), "/");
  document.body.dataset.baseUrl = "/other/";
  assert.equal(baseUrl(), "/other/");
});

test("the page joins the service through the proxy, and says its token first", async () => {
  const { socket, text } = await makeLiveBar();
  assert.equal(socket.url, "wss://hub.example/proxy/8123/control");
  assert.deepEqual(socket.sent, [{ kind: "hello", token: "secret" }]);
  assert.equal(text(), "Connected: running");
});

test("an address for another view is not taken", async () => {
  const { model } = await makeBar();
  model.hear({ kind: "address", view: "another", port: "8123", token: "secret" });
  assert.equal(sockets.length, 0);
});

test("the kernel is asked for the address until it answers", async () => {
  const { model } = await makeBar();
  pass(6000);
  assert.deepEqual(model.sent.map((message) => message.kind), ["hello", "hello", "hello"]);
});

test("a press goes to the service with the beat that was heard last, and its ruling is said", async () => {
  const { button, socket, text } = await makeLiveBar();
  button("pause").click();
  const [{ id, ...rest }] = proposed(socket);
  assert.deepEqual(rest, { kind: "propose", action: { kind: "pause" }, heard: 1 });
  socket.say({ kind: "ruling", id, ruling: { verdict: "refused", reason: "Not now.", kind: "pause" } });
  pass(2500);
  assert.match(text(), /Not now\.$/);
});

test("a press that the service does not answer is said not to be carried out later", async () => {
  const { button, socket, text } = await makeLiveBar("paused", false);
  button("resume").click();
  pass(1900);
  assert.equal(text(), "Connected: paused");
  pass(100);
  assert.match(text(), /Resume was not answered within 2 s\. If it has not arrived, it will not be carried out later\.$/);
  assert.equal(proposed(socket).length, 1);
});

test("an abort is sent by its second press only", async () => {
  const { button, socket } = await makeLiveBar();
  button("abort").click();
  assert.equal(button("abort").textContent, "Really abort?");
  assert.equal(proposed(socket).length, 0);
  pass(600);
  button("abort").click();
  assert.equal(proposed(socket)[0].action.kind, "abort");
  assert.equal(button("abort").textContent, "Abort");
});

test("a double click on abort only asks", async () => {
  const { button, socket } = await makeLiveBar();
  for (let number = 0; number < 5; number += 1) {
    button("abort").click();
    pass(100);
  }
  assert.equal(button("abort").textContent, "Really abort?");
  assert.equal(proposed(socket).length, 0);
  pass(100);
  button("abort").click();
  assert.equal(proposed(socket).length, 1);
});

test("an abort that is not pressed again within 10 s, or is followed by Escape, is taken back", async () => {
  const { button, socket } = await makeLiveBar("paused", false);
  button("abort").click();
  pass(10000);
  assert.equal(button("abort").textContent, "Abort");
  button("abort").click();
  document.listeners.keydown({ type: "keydown", key: "a" });
  assert.equal(button("abort").textContent, "Really abort?");
  document.listeners.keydown({ type: "keydown", key: "Escape" });
  assert.equal(button("abort").textContent, "Abort");
  button("abort").click();
  document.listeners.pointerdown({ type: "pointerdown", target: button("abort") });
  assert.equal(button("abort").textContent, "Really abort?");
  document.listeners.pointerdown({ type: "pointerdown", target: button("pause") });
  assert.equal(button("abort").textContent, "Abort");
  assert.equal(proposed(socket).length, 0);
});

test("a press that can do nothing now is answered, and not sent", async () => {
  const { button, socket, text } = await makeLiveBar("idle", false);
  assert.equal(button("pause").getAttribute("aria-disabled"), "true");
  button("pause").click();
  assert.match(text(), /Pause does nothing now: the beamline is idle\.$/);
  assert.equal(proposed(socket).length, 0);
});

test("a service that is silent during a scan is lost: a press is refused, and the page joins anew", async () => {
  const { button, socket, text } = await makeLiveBar();
  pass(2500);
  assert.equal(text(), "Connected: running");
  pass(500);
  assert.match(text(), /^Link lost: nothing heard for 3 s\./);
  assert.equal(socket.readyState, 3);
  button("pause").click();
  assert.match(text(), /Pause was not sent, and will not be sent later/);
  pass(500);
  assert.equal(sockets.length, 2);
  sockets[1].open();
  sockets[1].say({ kind: "status", state: "running", scanning: true, beat: 1 });
  assert.match(text(), /^Connected: running/);
  assert.equal(proposed(sockets[1]).length, 0);
});

test("a service that is silent while no scan runs is still there", async () => {
  const { text } = await makeLiveBar("idle", false);
  pass(60_000);
  assert.equal(text(), "Connected: idle");
});

/** How long it takes until the page tries to join the service again (milliseconds). */
function untilJoined({ model, view }) {
  const [before, began] = [sockets.length, now];
  for (let tries = 0; sockets.length === before && tries < 100; tries += 1) pass(100);
  model.hear({ kind: "address", view, port: "8123", token: "secret" });
  return now - began;
}

test("a service that stays away is looked for ever more slowly, up to every 5 s, until it is back", async () => {
  const bar = await makeLiveBar("idle", false);
  bar.socket.end("The token has run out.");
  const waits = [];
  for (let tries = 0; tries < 6; tries += 1) {
    waits.push(untilJoined(bar));
    if (tries < 5) sockets.at(-1).end();
  }
  assert.deepEqual(waits, [500, 1000, 2000, 4000, 5000, 5000]);
  sockets.at(-1).open();
  sockets.at(-1).say({ kind: "status", state: "idle", scanning: false, beat: 1 });
  sockets.at(-1).end();
  assert.equal(untilJoined(bar), 500);
});

test("where no service can be reached the kernel is asked, through presses", async () => {
  const { model, view, button, text } = await makeBar();
  model.hear({ kind: "address", view });
  model.change("state", "running");
  assert.equal(text(), "Through the kernel: these wait while a cell runs.");
  button("pause").click();
  const { kind, button: name } = model.sent.at(-1);
  assert.deepEqual([kind, name], ["press", "pause"]);
});

test("a view that is closed closes its socket, says nothing of it and looks for no other", async () => {
  const { socket, text } = await makeLiveBar();
  close();
  assert.equal(socket.readyState, 3);
  socket.end();
  pass(60_000);
  assert.equal(sockets.length, 1);
  assert.equal(text(), "Connected: running");
});

test("an address that is taken back while a link to it is made does not keep that link from its greeting", async () => {
  const bar = await makeBar();
  bar.model.hear({ kind: "address", view: bar.view, port: "8123", token: "secret" });
  const [socket] = sockets;
  bar.model.hear({ kind: "address", view: bar.view });
  socket.open();
  assert.deepEqual(socket.sent, [{ kind: "hello", token: "secret" }]);
});

const press = (code, more = {}) => {
  const event = {
    code, altKey: true, shiftKey: true, defaultPrevented: false, ...more,
    preventDefault() {
      this.defaultPrevented = true;
    },
    stopPropagation() {},
  };
  onPage.keydown(event);
  return event;
};

test("a key does what its button does, wherever the focus is, and once where two views of it are", async () => {
  const { socket } = await makeLiveBar();
  const event = press("KeyP");
  assert.equal(event.defaultPrevented, true);
  assert.deepEqual(proposed(socket).map(({ action }) => action.kind), ["pause"]);
  press("KeyP", { defaultPrevented: true });
  press("KeyP", { repeat: true });
  press("KeyP", { altKey: false });
  press("KeyP", { ctrlKey: true });
  press("KeyX");
  assert.equal(proposed(socket).length, 1);
});

test("a key for abort asks once more, as the button does, and ends with the view", async () => {
  const { socket, button } = await makeLiveBar();
  press("KeyA");
  assert.equal(button("abort").textContent, "Really abort?");
  assert.deepEqual(proposed(socket), []);
  pass(600);
  press("KeyA");
  assert.equal(proposed(socket)[0].action.kind, "abort");
  close();
  assert.equal(onPage.keydown, undefined);
});

test("what an agent asks and what goes wrong is told with its reason, and that it is over is not", async () => {
  const shown = [];
  globalThis.Notification = class {
    static permission = "granted";

    constructor(title, { body, requireInteraction }) {
      shown.push([title, body, requireInteraction]);
    }
  };
  globalThis.localStorage = { getItem: (name) => (name.endsWith("notify") ? "on" : null), setItem() {} };
  try {
    const { model } = await makeBar();
    model.change("asking", "contrast is 0.02, below 0.05");
    model.change("asking", "");
    model.change("wrong", "The flow run keep-3f2a has failed. Free space, and resume.");
    model.change("wrong", "");
    assert.deepEqual(shown, [
      ["An agent suggests a change", "contrast is 0.02, below 0.05", false],
      ["Something has gone wrong", "The flow run keep-3f2a has failed. Free space, and resume.", true],
    ]);
  } finally {
    delete globalThis.Notification;
    delete globalThis.localStorage;
  }
});
