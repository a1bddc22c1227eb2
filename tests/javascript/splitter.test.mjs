import assert from "node:assert/strict";
import { test } from "node:test";

import { load } from "./load.mjs";

const { moved, within } = load(["parts/heard.js", "pages/splitter.js"], ["moved", "within"]);

test("a column keeps a quarter of the width at least", () => {
  assert.deepEqual([0, 0.25, 0.4567, 0.75, 2].map(within), [0.25, 0.25, 0.457, 0.75, 0.75]);
  assert.equal(within(Number.NaN), 0.5);
});

test("arrows move the bar, Home and End take it to its ends, Enter to the middle, other keys nowhere", () => {
  assert.equal(moved("ArrowLeft", 0.5), 0.48);
  assert.equal(moved("ArrowRight", 0.74), 0.75);
  assert.deepEqual(
    ["Home", "End", "Enter"].map((key) => moved(key, 0.6)),
    [0.25, 0.75, 0.5],
  );
  assert.equal(moved("a", 0.5), undefined);
});
