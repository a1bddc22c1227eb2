import assert from "node:assert/strict";
import { test } from "node:test";

import { load } from "./load.mjs";

const { span, markLate, runAgain } = load(["parts/heard.js", "pages/presence.js"], ["span", "markLate", "runAgain"]);

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
  const panel = { classList: { toggle: (name, on) => classes[on ? "add" : "delete"](name) } };
  const parts = {
    ".st-direct-bar": { getAttribute: () => state },
    ".st-light": { getAttribute: () => period },
  };
  const one = { dataset: { since: String(since) }, closest: () => panel };
  const root = { querySelector: (name) => parts[name], querySelectorAll: () => [one] };
  const look = (now) => {
    markLate(root, now);
    return classes.has("st-late");
  };
  return { look };
}

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
