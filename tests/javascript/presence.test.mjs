import assert from "node:assert/strict";
import { mock, test } from "node:test";

import { load } from "./load.mjs";
import { makePage } from "./page.mjs";

const { comeForward, hideOldWords, looks, offerTabs, span, markLate, runAgain, watchSight } = load(
  ["parts/heard.js", "pages/sight.js", "pages/looking.js", "pages/presence.js"],
  ["comeForward", "hideOldWords", "looks", "offerTabs", "span", "markLate", "runAgain", "watchSight"],
);

test("an age is said in seconds, minutes or hours", () => {
  const said = { 0: "0 s", 59.4: "59 s", 60: "1 min 00 s", 61: "1 min 01 s", 3599: "59 min 59 s", 3600: "1 h 00 min" };
  for (const [seconds, text] of Object.entries(said)) assert.equal(span(Number(seconds)), text);
  assert.equal(span(25 * 3600 + 7 * 60 + 59), "25 h 07 min");
});

test("a time that rounds up to a minute is a minute", () => {
  assert.equal(span(59.5), "1 min 00 s");
});

test("an age is never negative, whatever the clocks say", () => {
  assert.equal(span(-3), "0 s");
});

/** A page with one view that has had news at some time, and whether it is grey. */
function pageOf(state, since, period = "0") {
  const classes = new Set();
  const toggle = (name, on) => classes[on ? "add" : "delete"](name);
  const panel = { classList: { toggle, remove: (name) => toggle(name, false) } };
  const parts = {
    ".st-direct-bar": { getAttribute: () => state },
    ".st-light": { getAttribute: () => period },
  };
  const one = { dataset: { since: String(since) }, closest: () => panel };
  const late = () => (classes.has("st-late") ? [{ ...panel, querySelector: () => news[0] ?? null }] : []);
  const news = [one];
  const root = { querySelector: (name) => parts[name], querySelectorAll: (name) => (name.endsWith("late") ? late() : news) };
  const look = (now) => {
    markLate(root, now);
    return classes.has("st-late");
  };
  return { look, news };
}

test("a view that shows something without an age is not late any more", () => {
  const page = pageOf("running", 100);
  assert.equal(page.look(103), true);
  page.news.length = 0;
  assert.equal(page.look(104), false);
});

test("a view without news for more than 2 s is late while a scan runs, and not any more when news come", () => {
  assert.equal(pageOf("running", 100).look(102), false);
  const page = pageOf("running", 100);
  assert.equal(page.look(102.1), true);
  assert.equal(pageOf("running", 102).look(102.1), false);
});

test("no view is late while no scan runs, or while it waits", () => {
  for (const state of ["idle", "paused", "opening", "aborting"]) assert.equal(pageOf(state, 0).look(1000), false);
});

test("points that take long bring news no sooner", () => {
  assert.equal(pageOf("running", 100, "5").look(111), false);
  assert.equal(pageOf("running", 100, "5").look(113), true);
});

const kernelOf = (content) => ({
  codes: [],
  requestExecute({ code }) {
    this.codes.push(code);
    return { done: content instanceof Error ? Promise.reject(content) : Promise.resolve({ content }) };
  },
});

test("a cell is run again, and its page is opened in a tab", async () => {
  const kernel = kernelOf({ status: "ok" });
  assert.match(await runAgain(kernel, "session = steering.open()"), /^Reconnected/);
  assert.match(kernel.codes[0], /^session = steering\.open\(\)\n.*show_newest\(\)$/);
});

test("a cell that fails says why, and a kernel that cannot be asked says so", async () => {
  const failed = kernelOf({ status: "error", ename: "NameError", evalue: "name 'where' is not defined" });
  assert.match(await runAgain(failed, "steering.open(where)"), /NameError: name 'where' is not defined/);
  assert.match(await runAgain(kernelOf({ status: "abort" }), ""), /\(abort\)/);
  assert.match(await runAgain(kernelOf(new Error("gone")), ""), /could not be asked/);
});

test("what was said to be done goes after 20 s, and an error stays", () => {
  const done = { dataset: { said: "100" }, hidden: false };
  const root = { querySelectorAll: (name) => (name === ":is(.st-said, .st-take-home) [data-said]" ? [done] : []) };
  hideOldWords(root, 119);
  assert.equal(done.hidden, false);
  hideOldWords(root, 121);
  assert.equal(done.hidden, true);
});

/** A tab of a page in a JupyterLab that opens, and what is done to it. */
function opening(current) {
  const pressed = [];
  const classes = { contains: () => current };
  const tab = {
    classList: classes,
    getBoundingClientRect: () => ({ x: 0, y: 0, width: 10, height: 10 }),
    dispatchEvent: (event) => pressed.push(event.type),
  };
  const listeners = {};
  globalThis.document = { querySelector: () => tab };
  globalThis.addEventListener = (kind, take) => {
    listeners[kind] = take;
  };
  globalThis.removeEventListener = (kind) => {
    delete listeners[kind];
  };
  globalThis.PointerEvent = class {
    constructor(type) {
      this.type = type;
    }
  };
  const el = { closest: (name) => (name === ".jupyterlab-sidecar" ? { id: "a" } : null) };
  return { el, pressed, listeners };
}

test("the page's tab comes before the notebook that JupyterLab opens after it, until a person does something", () => {
  mock.timers.reset();
  mock.timers.enable({ apis: ["setInterval"] });
  mock.method(performance, "now", () => 3000);
  const lab = opening(false);
  comeForward(lab.el);
  mock.timers.tick(250);
  assert.deepEqual(lab.pressed, ["pointerdown", "pointerup"]);
  lab.listeners.pointerdown({ isTrusted: false }); // its own press
  mock.timers.tick(250);
  assert.equal(lab.pressed.length, 4);
  lab.listeners.keydown({ isTrusted: true });
  mock.timers.tick(1000);
  assert.equal(lab.pressed.length, 4);
  assert.deepEqual(lab.listeners, {});
  mock.reset();
  mock.timers.reset();
});

test("a tab that is in front is left alone, and so is one that is opened later", () => {
  mock.timers.enable({ apis: ["setInterval"] });
  const now = mock.method(performance, "now", () => 3000);
  const lab = opening(true);
  const stop = comeForward(lab.el);
  mock.timers.tick(1000);
  assert.deepEqual(lab.pressed, []);
  stop();
  now.mock.mockImplementation(() => 60_000);
  const later = opening(false);
  comeForward(later.el);
  mock.timers.tick(1000);
  assert.deepEqual(later.pressed, []);
  mock.reset();
  mock.timers.reset();
});

test("each card of a page offers a tab of its own, and a card that is alone in one does not", () => {
  const page = makePage();
  globalThis.document = page;
  const head = page.createElement("div");
  head.parentElement = { classList: ["st-panel", "st-panel-curve"] };
  head.querySelector = () => ({ textContent: "Rocking curve" });
  const opened = [];
  const root = { classList: { contains: () => false }, querySelectorAll: () => [head] };
  offerTabs(root, (panel) => opened.push(panel));
  const [button] = head.children;
  assert.equal(button.attributes["aria-label"], "Open Rocking curve in a tab of its own");
  button.listeners.click();
  assert.deepEqual(opened, ["curve"]);
  offerTabs({ ...root, classList: { contains: () => true } }, () => {});
  assert.equal(head.children.length, 1);
});

test("who holds the lease looks while the page is in front, and a scan runs or something was done not long ago", () => {
  const page = { holds: true, scans: true, visible: true, idle: 3_600_000 };
  assert.equal(looks(page), true);
  assert.equal(looks({ ...page, holds: false }), false);
  assert.equal(looks({ ...page, visible: false }), false);
  assert.equal(looks({ ...page, scans: false }), false);
  assert.equal(looks({ ...page, scans: false, idle: 30_000 }), true);
});

/** What the kernel hears of three cards of which these came into sight one after another; null waits till it settles. */
function heardOfSight(...steps) {
  mock.timers.enable({ apis: ["setTimeout"] });
  let tell = () => {};
  globalThis.IntersectionObserver = class {
    constructor(told) {
      tell = told;
    }
    observe() {}
    disconnect() {}
  };
  const cards = ["curve", "trend", "runs"].map((name) => ({ classList: ["st-panel", `st-panel-${name}`] }));
  const said = [];
  const sight = watchSight((names) => said.push(names.join()));
  sight.look({ querySelectorAll: () => cards });
  for (const step of steps) {
    if (step) tell(cards.map((target, at) => ({ target, isIntersecting: step[at] })));
    else mock.timers.tick(200);
  }
  sight.end();
  mock.timers.reset();
  return said;
}

test("the kernel hears which cards are in sight, once for each change that stays", () => {
  const one = [true, false, false];
  assert.deepEqual(heardOfSight(one, null, [true, true, false], one, null, [true, false, true], null), ["curve", "curve,runs"]);
});

test("a page of which nothing is in sight says so too", () => {
  assert.deepEqual(heardOfSight([false, false, false], null), [""]);
});
