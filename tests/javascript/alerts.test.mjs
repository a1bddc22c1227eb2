import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

import { load } from "./load.mjs";
import { makePage, settle } from "./page.mjs";

const { alertOf, Alerts } = load(["link/alerts.js"], ["alertOf", "Alerts"]);

let shown = [];
let kept = {};

class FakeNotification {
  static permission = "granted";
  static answer = "granted";

  static async requestPermission() {
    FakeNotification.permission = FakeNotification.answer;
    return FakeNotification.answer;
  }

  constructor(title, options) {
    shown.push([title, options.body]);
  }
}

beforeEach(() => {
  shown = [];
  kept = {};
  FakeNotification.permission = FakeNotification.answer = "granted";
  globalThis.document = makePage();
  globalThis.Notification = FakeNotification;
  Object.defineProperty(globalThis, "localStorage", {
    configurable: true,
    value: { getItem: (name) => kept[name] ?? null, setItem: (name, value) => (kept[name] = value) },
  });
});

const running = { state: "running" };

for (const [after, title, urgent] of [
  [{ state: "paused", why: "Paused by ana." }, "The scan is paused", true],
  [{ state: "idle", ended: "success" }, "The scan has ended", false],
  [{ state: "idle", ended: "abort", why: "" }, "The scan was aborted", true],
  [{ state: "idle", ended: "fail" }, "The scan has failed", true],
]) {
  test(`told: ${title}`, () => {
    assert.deepEqual(alertOf(running, after), { title, text: after.why ?? "", urgent });
  });
}

test("nothing is told of what was so before, of the first state, and of a scan that goes on", () => {
  assert.equal(alertOf(running, running), null);
  assert.equal(alertOf(null, { state: "idle" }), null);
  assert.equal(alertOf({ state: "paused" }, running), null);
});

test("a switch that the browser allows stays on, also for the next page, and what happens is shown", async () => {
  const alerts = new Alerts(() => {});
  alerts.tell({ title: "unheard", text: "", urgent: false });
  alerts.buttons.notify.click();
  await settle();
  alerts.tell({ title: "The scan is paused", text: "Paused by ana.", urgent: true });
  assert.deepEqual(shown, [["The scan is paused", "Paused by ana."]]);
  assert.equal(new Alerts(() => {}).buttons.notify.getAttribute("aria-pressed"), "true");
});

test("a browser that allows no notifications says so, and the switch stays off", async () => {
  FakeNotification.permission = "default";
  FakeNotification.answer = "denied";
  const said = [];
  const alerts = new Alerts((text) => said.push(text));
  alerts.buttons.notify.click();
  await settle();
  assert.match(said[0], /does not let this page show notifications/);
  assert.equal(alerts.buttons.notify.getAttribute("aria-pressed"), "false");
});

test("a browser that keeps nothing does not keep the switches from working", async () => {
  Object.defineProperty(globalThis, "localStorage", {
    configurable: true,
    get() {
      throw new Error("not allowed");
    },
  });
  const alerts = new Alerts(() => {});
  alerts.buttons.notify.click();
  await settle();
  assert.equal(alerts.buttons.notify.getAttribute("aria-pressed"), "true");
});

test("the sound is one low note for what is well, and two high ones for what is urgent", () => {
  const played = [];
  globalThis.AudioContext = class {
    currentTime = 0;
    destination = "speakers";

    createOscillator() {
      const tone = { frequency: { value: 0 }, connect: (next) => next, stop() {}, addEventListener() {} };
      tone.start = (at) => played.push([tone.frequency.value, at]);
      return tone;
    }

    createGain() {
      return { gain: { setValueAtTime() {}, exponentialRampToValueAtTime() {} }, connect() {} };
    }
  };
  try {
    const alerts = new Alerts(() => {});
    alerts.tell({ title: "unheard", text: "", urgent: true });
    assert.deepEqual(played, []);
    alerts.buttons.sound.click(); // and lets it be heard
    alerts.tell({ title: "The scan has ended", text: "", urgent: false });
    alerts.tell({ title: "The scan has failed", text: "", urgent: true });
    assert.deepEqual(played, [[587, 0], [587, 0], [880, 0], [880, 0.25]]);
    assert.deepEqual(shown, [], "a sound is no notification");
  } finally {
    delete globalThis.AudioContext;
  }
});
