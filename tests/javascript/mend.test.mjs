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
    await mender.look(page(true));
  }
  assert.deepEqual([manager.loads, told], [3, 0]);
  await new Mender(undefined, undefined, () => told++).look(page(true));
  assert.equal(told, 0);
});
