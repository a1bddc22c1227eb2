import assert from "node:assert/strict";
import { test } from "node:test";

import { load } from "./load.mjs";

const { span } = load(["parts/heard.js", "pages/presence.js"], ["span"]);

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
