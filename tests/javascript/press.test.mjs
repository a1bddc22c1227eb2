import assert from "node:assert/strict";
import { beforeEach, mock, test } from "node:test";

import { load } from "./load.mjs";
import { makePage } from "./page.mjs";

const { Presses, pressLine } = load(["parts/press.js"], ["Presses", "pressLine"]);

let now = 0;
let sent = [];
let said = [];

beforeEach(() => {
  now = 0;
  sent = [];
  said = [];
  mock.reset();
  mock.timers.reset();
  mock.timers.enable({ apis: ["setTimeout"] });
  mock.method(performance, "now", () => now);
});

function pass(milliseconds) {
  now += milliseconds;
  mock.timers.tick(milliseconds);
}

function make() {
  return new Presses((message) => sent.push(message), (text, choices) => said.push({ text, choices }));
}

/** Choose what was offered last under a name. */
function choose(name) {
  const [, chosen] = said.at(-1).choices.find(([one]) => one === name);
  chosen();
}

/** Press, and hand the press's id back with what takes it. */
function pressed(button = "start", name = "Start") {
  const presses = make();
  presses.press(button, name);
  return { presses, press: sent[0].press };
}

test("a press is sent at once, and nothing is said of one that is answered soon", () => {
  const { presses, press } = pressed();
  assert.deepEqual(sent, [{ kind: "press", press, button: "start" }]);
  pass(299);
  presses.receive({ kind: "asked", press });
  presses.receive({ kind: "done", press, text: "Started." });
  pass(60_000);
  assert.deepEqual(said, [{ text: "Started.", choices: [] }]);
});

test("a press that waits for 300 ms is said to wait", () => {
  pressed();
  pass(299);
  assert.equal(said.length, 0);
  pass(1);
  assert.match(said[0].text, /^Start waits: .* Nothing is done yet\.$/);
});

test("a young press is confirmed by itself, and said to be under way once it is slow", () => {
  const { presses, press } = pressed();
  pass(2000);
  presses.receive({ kind: "asked", press });
  assert.deepEqual(sent.at(-1), { kind: "yes", press });
  pass(300);
  assert.deepEqual(said.at(-1), { text: "Start ...", choices: [] });
});

test("of an old press the person is asked, and nothing is confirmed without an answer", () => {
  const { presses, press } = pressed();
  pass(2001);
  presses.receive({ kind: "asked", press });
  assert.equal(sent.length, 1);
  assert.equal(said.at(-1).text, "Start was pressed 2 s ago and is not done yet.");
  choose("Do it now");
  assert.deepEqual(sent.at(-1), { kind: "yes", press });
});

test("an old press that the person leaves is a no", () => {
  const { presses, press } = pressed();
  pass(5000);
  presses.receive({ kind: "asked", press });
  choose("Leave it");
  assert.deepEqual(sent.at(-1), { kind: "no", press });
  assert.equal(said.at(-1).text, "Start was taken back: nothing was done.");
});

test("a question that nobody answers is a no after 15 s", () => {
  const { presses, press } = pressed();
  pass(5000);
  presses.receive({ kind: "asked", press });
  pass(14_999);
  assert.equal(sent.length, 1);
  pass(1);
  assert.deepEqual(sent.at(-1), { kind: "no", press });
});

test("a press that waits can be taken back, and the kernel's later question is a no", () => {
  const { presses, press } = pressed();
  pass(300);
  choose("Take it back");
  assert.deepEqual(sent.at(-1), { kind: "no", press });
  presses.receive({ kind: "asked", press });
  assert.deepEqual(sent.at(-1), { kind: "no", press });
  assert.equal(sent.length, 3);
});

test("a second press takes back the first one", () => {
  const { presses, press } = pressed();
  presses.press("stop", "Stop");
  const kinds = sent.map((message) => message.kind);
  assert.deepEqual(kinds, ["press", "no", "press"]);
  assert.equal(sent[1].press, press);
  presses.receive({ kind: "asked", press: sent[2].press });
  assert.deepEqual(sent.at(-1), { kind: "yes", press: sent[2].press });
});

test("what is confirmed is not taken back by the next press", () => {
  const { presses, press } = pressed();
  presses.receive({ kind: "asked", press });
  presses.press("stop", "Stop");
  assert.deepEqual(sent.map((message) => message.kind), ["press", "yes", "press"]);
});

test("what is asked again after a late yes can be left", () => {
  const { presses, press } = pressed();
  presses.receive({ kind: "asked", press });
  pass(3000);
  presses.receive({ kind: "asked", press });
  choose("Leave it");
  assert.deepEqual(sent.at(-1), { kind: "no", press });
});

test("what came of an earlier press is said beside the question of this one", () => {
  const { presses, press } = pressed();
  presses.receive({ kind: "asked", press });
  presses.press("stop", "Stop");
  pass(3000);
  presses.receive({ kind: "asked", press: sent.at(-1).press });
  presses.receive({ kind: "done", press, text: "Started." });
  assert.equal(said.at(-1).text, "Started. Stop was pressed 3 s ago and is not done yet.");
  choose("Do it now");
  assert.equal(sent.at(-1).kind, "yes");
});

test("presses of another view are none of this view's business", () => {
  const { presses } = pressed();
  presses.receive({ kind: "asked", press: "another view's" });
  presses.receive({ kind: "done", press: "another view's", text: "Done." });
  assert.equal(sent.length, 1);
  assert.equal(said.length, 0);
});

test("nothing is said after the view is closed", () => {
  const { presses } = pressed();
  presses.close();
  pass(60_000);
  assert.equal(said.length, 0);
});

test("the line is hidden while it is empty, and its buttons choose", () => {
  globalThis.document = makePage();
  const { line, say } = pressLine();
  assert.equal(line.hidden, true);
  const chosen = mock.fn();
  say("Really?", [["Yes", chosen]]);
  const [words, button] = line.children;
  assert.deepEqual([line.hidden, words.textContent, button.textContent], [false, "Really?", "Yes"]);
  button.click();
  assert.equal(chosen.mock.callCount(), 1);
  say("", []);
  assert.equal(line.hidden, true);
});

test("what was typed just before a press belongs to it, though the kernel hears of it later", () => {
  let field = "0.25";
  const presses = new Presses((message) => sent.push(message), (text, choices) => said.push({ text, choices }), () => field);
  presses.press("apply", "Apply");
  const { press } = sent[0];
  presses.receive({ kind: "asked", press });
  presses.receive({ kind: "asked", press, changed: true });
  assert.deepEqual(sent.slice(1), [{ kind: "yes", press }, { kind: "yes", press }]);
  // What is written after it does not.
  field = "0.5";
  presses.receive({ kind: "asked", press, changed: true });
  assert.deepEqual(sent.at(-1), { kind: "no", press });
  assert.match(said.at(-1).text, /The fields have changed since this was pressed/);
});
