import assert from "node:assert/strict";
import { beforeEach, mock, test } from "node:test";

import { load } from "./load.mjs";
import { makeModel, settle } from "./page.mjs";

const { beHeard, keepToMainShell, onReconnect } = load(
  ["parts/heard.js"], ["beHeard", "keepToMainShell", "onReconnect"],
);

beforeEach(() => {
  mock.reset();
  mock.timers.reset();
  mock.timers.enable({ apis: ["setInterval"] });
  mock.method(console, "warn", () => {});
  delete globalThis.__steering_main_shell__;
});

/** A model of JupyterLab: anywidget's own, of which `answer` is the way messages are taken. */
function makeFound(answer) {
  class Handler {
    async _handle_comm_msg(message) {
      this.taken = message;
    }
  }
  class AnyModel extends Handler {}
  const found = new AnyModel();
  found._handle_comm_msg = answer;
  found.comm = { sent: [], on_msg(take) { this.take = take; }, send(data) { this.sent.push(data); } };
  return found;
}

function makeKernel() {
  const takers = new Set();
  return {
    _comms: new Map([["a", { _subshellId: "gone" }]]),
    isDisposed: false,
    connectionStatus: "connected",
    connectionStatusChanged: { connect: (take) => takers.add(take), disconnect: (take) => takers.delete(take) },
    become(status) {
      this.connectionStatus = status;
      for (const take of takers) take(this, status);
    },
  };
}

test("a model that is heard is left as it is", async () => {
  const answer = mock.fn(async () => {});
  const found = makeFound(answer);
  await beHeard(makeModel({ key: "k" }, found));
  assert.equal(found._handle_comm_msg, answer);
  assert.deepEqual(found.comm.sent, []);
});

test("a model whose code came late hears again, and asks for what it missed", async () => {
  const found = makeFound(async () => {
    throw new Error("refused");
  });
  await beHeard(makeModel({ key: "k" }, found));
  assert.deepEqual(found.comm.sent, [{ method: "request_state" }]);
  await found.comm.take("by the comm");
  assert.equal(found.taken, "by the comm");
  await found._handle_comm_msg("by the model");
  assert.equal(found.taken, "by the model");
});

test("messages are kept to the main shell, also those of widgets that come later", () => {
  const kernel = makeKernel();
  keepToMainShell(kernel);
  assert.equal(kernel._comms.get("a")._subshellId, null);
  // JupyterLab makes a new map when the kernel is restarted.
  kernel._comms = new Map([["b", { _subshellId: "gone" }]]);
  mock.timers.tick(500);
  assert.equal(kernel._comms.get("b")._subshellId, null);
});

test("a kernel is looked at once for all of a page's widgets, and no more when it is disposed of", () => {
  const kernel = makeKernel();
  const looks = mock.method(kernel._comms, "values");
  keepToMainShell(kernel);
  keepToMainShell(kernel);
  mock.timers.tick(500);
  assert.equal(looks.mock.callCount(), 2);
  kernel.isDisposed = true;
  mock.timers.tick(500);
  mock.timers.tick(5000);
  assert.equal(looks.mock.callCount(), 3);
});

test("a kernel that has no messages of widgets yet is looked at when it has", () => {
  const kernel = makeKernel();
  const comms = kernel._comms;
  delete kernel._comms;
  keepToMainShell(undefined);
  keepToMainShell(kernel);
  kernel._comms = comms;
  keepToMainShell(kernel);
  assert.equal(comms.get("a")._subshellId, null);
});

test("a view is called back when its kernel is found again, until it ends that", async () => {
  const kernel = makeKernel();
  const callback = mock.fn();
  const forget = onReconnect(makeModel({ key: "k" }, { comm: { jsServicesComm: { _kernel: kernel } } }), callback);
  await settle();
  kernel.become("connecting");
  assert.equal(callback.mock.callCount(), 0);
  kernel.become("connected");
  assert.equal(callback.mock.callCount(), 1);
  forget();
  kernel.become("connected");
  assert.equal(callback.mock.callCount(), 1);
});

test("a view that is closed before its model is found is never called back", async () => {
  const kernel = makeKernel();
  const callback = mock.fn();
  onReconnect(makeModel({ key: "k" }, { comm: { jsServicesComm: { _kernel: kernel } } }), callback)();
  await settle();
  kernel.become("connected");
  assert.equal(callback.mock.callCount(), 0);
});
