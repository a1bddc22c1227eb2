import assert from "node:assert/strict";
import { mock, test } from "node:test";

import { load } from "./load.mjs";

const { Mender } = load(["pages/mend.js"], ["Mender"]);
const model = (view) => Promise.resolve({ get: () => view });
const page = (broken) => ({ querySelector: () => (broken ? {} : null) });

/** A page's manager with models; what it loads is noted, and makes those anew that it lacks. */
function managerOf(models) {
  const manager = { _models: { ...models }, loads: 0 };
  manager._loadFromKernel = async () => {
    manager.loads += 1;
    for (const id of Object.keys(models)) manager._models[id] ??= model("HTMLView");
  };
  return manager;
}

test("what could not be made is forgotten, loaded again and told; all else stays as it is", async () => {
  const well = model("BoxView");
  const manager = managerOf({ well, broken: model("ErrorWidgetView"), coming: new Promise(() => {}) });
  const kernel = { _comms: new Map([["well", 1], ["broken", 2]]) };
  let told = 0;
  const mender = new Mender(manager, kernel, () => told++);
  await mender.look(page(false));
  assert.equal(manager.loads, 0);
  await mender.look(page(true));
  assert.deepEqual([manager.loads, told], [1, 1]);
  assert.equal(manager._models.well, well);
  assert.equal((await manager._models.broken).get(), "HTMLView");
  assert.deepEqual([...kernel._comms.keys()], ["well"]);
});

test("what is broken for another reason is left alone after three tries, and a page without a manager at once", async () => {
  mock.method(console, "warn", () => {});
  const manager = managerOf({ broken: model("ErrorWidgetView") });
  manager._loadFromKernel = async () => {
    manager.loads += 1;
    throw new Error("gone");
  };
  let told = 0;
  const mender = new Mender(manager, undefined, () => told++);
  for (let count = 0; count < 5; count++) {
    manager._models.broken = model("ErrorWidgetView");
    await mender.look(page(true), 1000 * count);
  }
  assert.deepEqual([manager.loads, told], [3, 0]);
  // Of what failed long ago it may be tried again.
  await mender.look(page(true), 700_000);
  assert.equal(manager.loads, 4);
  await new Mender(undefined, undefined, () => told++).look(page(true));
  assert.equal(told, 0);
});

test("what hears the kernel no more is to listen again, looked for every few seconds on a page where all is drawn", async () => {
  const warned = mock.method(console, "warn", () => {});
  const failed = Promise.reject(new Error("widget model not found"));
  failed.catch(() => {});
  const deaf = { get: () => "BoxView", model_id: "deaf", state_change: failed };
  const well = { get: () => "BoxView", model_id: "well", state_change: new Promise(() => {}) };
  const manager = managerOf({ deaf: Promise.resolve(deaf), well: Promise.resolve(well) });
  let told = 0;
  const mender = new Mender(manager, undefined, () => told++);
  await mender.look(page(false), 1000);
  assert.deepEqual([manager.loads, deaf.state_change === failed], [0, true]);
  await mender.look(page(false), 6000);
  await deaf.state_change;
  assert.deepEqual([manager.loads, told], [1, 1]);
  assert.match(String(warned.mock.calls.at(-1).arguments[2]), /not found/);
  await mender.look(page(false), 12_000);
  assert.equal(manager.loads, 1);
});
