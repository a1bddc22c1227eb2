import assert from "node:assert/strict";
import { mock, test } from "node:test";

import { load } from "./load.mjs";
import { makeModel } from "./page.mjs";

const { bytesOf, mapPixels, chosenAfter, placeAfter, linkTo, notebookOf, runOf, fileLink, untilHeard } = load(
  ["parts/heard.js", "runs/table.js"],
  ["bytesOf", "mapPixels", "chosenAfter", "placeAfter", "linkTo", "notebookOf", "runOf", "fileLink", "untilHeard"],
);

test("a row is chosen and left again, and of three the first goes", () => {
  assert.deepEqual(chosenAfter([], "a"), ["a"]);
  assert.deepEqual(chosenAfter(["a"], "b"), ["a", "b"]);
  assert.deepEqual(chosenAfter(["a", "b"], "c"), ["b", "c"]);
  assert.deepEqual(chosenAfter(["a", "b"], "a"), ["b"]);
});

test("keys go from row to row, and not beyond the ends", () => {
  assert.equal(placeAfter("ArrowDown", 0, 3), 1);
  assert.equal(placeAfter("ArrowDown", 2, 3), 2);
  assert.equal(placeAfter("ArrowUp", 0, 3), 0);
  assert.equal(placeAfter("PageDown", 1, 30), 11);
  assert.equal(placeAfter("PageUp", 1, 30), 0);
  assert.equal(placeAfter("Home", 2, 3), 0);
  assert.equal(placeAfter("End", 0, 3), 2);
  assert.equal(placeAfter("x", 0, 3), -1);
  assert.equal(placeAfter("ArrowDown", 0, 0), -1);
});

test("a link names the notebook, which a second page of a JupyterLab would not open by itself", () => {
  const page = new URL("http://h:8888/user/ana/lab?reset");
  const base = "/user/ana/";
  assert.equal(linkTo(page, "3fa2", "my scans/a b.ipynb", base), "http://h:8888/user/ana/lab/tree/my%20scans/a%20b.ipynb?steering-run=3fa2");
  assert.equal(linkTo(page, "3fa2", "", base), "http://h:8888/user/ana/lab?steering-run=3fa2");
  // Another page than a JupyterLab's has no such addresses.
  const other = new URL("http://h:8888/user/ana/voila/render/a.ipynb");
  assert.equal(linkTo(other, "3fa2", "a.ipynb", base), "http://h:8888/user/ana/voila/render/a.ipynb?steering-run=3fa2");
});

test("the server says where the notebook of a kernel lies, and nothing is known where it does not", async () => {
  mock.method(console, "warn", () => {});
  const sessions = [{ path: "other.ipynb", kernel: { id: "k1" } }, { path: "a/b.ipynb", kernel: { id: "k2" } }, {}];
  globalThis.fetch = async (address) => ({ ok: address === "/x/api/sessions", json: async () => sessions });
  assert.equal(await notebookOf("/x/", "k2"), "a/b.ipynb");
  assert.equal(await notebookOf("/x/", "k3"), "");
  assert.equal(await notebookOf("/y/", "k2"), "");
  globalThis.fetch = async () => {
    throw new Error("gone");
  };
  assert.equal(await notebookOf("/x/", "k2"), "");
});

test("a link leads back to its run, and carries no token", () => {
  const page = new URL("http://127.0.0.1:8888/lab/tree/steer.ipynb?token=secret&reset#here");
  const link = linkTo(page, "3fa2 b/1");
  assert.equal(link, "http://127.0.0.1:8888/lab/tree/steer.ipynb?steering-run=3fa2%20b%2F1");
  assert.equal(runOf(link), "3fa2 b/1");
  assert.equal(runOf(`${link}#top`), "3fa2 b/1");
  assert.equal(runOf(page.href), "");
  assert.equal(runOf("http://h/lab"), "");
  assert.equal(runOf(""), "");
});

test("a file below the server's root can be downloaded, and no other", () => {
  const config = { serverRoot: "~/work", baseUrl: "/user/ana/" };
  const home = "/home/ana";
  assert.equal(fileLink("/home/ana/work/ex ports/a#1.csv", home, config), "/user/ana/files/ex%20ports/a%231.csv");
  assert.equal(fileLink("/home/ana/workers/a.csv", home, config), "");
  assert.equal(fileLink("/home/ana/work/.local/a.csv", home, config), "", "the server shows no hidden folder");
  assert.equal(fileLink("/data/a.csv", home, { serverRoot: "/data/" }), "/files/a.csv");
  assert.equal(fileLink("", home, config), "");
  assert.equal(fileLink("/a.csv", home, {}), "");
});

test("the kernel is told of the address' run until it has heard", () => {
  mock.timers.enable({ apis: ["setInterval"] });
  const model = makeModel();
  untilHeard(model, "3fa2");
  mock.timers.tick(3000);
  assert.equal(model.sent.length, 3);
  assert.equal(new Set(model.sent.map((message) => message.ask)).size, 1);
  model.hear({ ask: "of another page" });
  mock.timers.tick(1500);
  assert.equal(model.sent.length, 4);
  model.hear({ ask: model.sent[0].ask });
  mock.timers.tick(9000);
  assert.equal(model.sent.length, 4);
  mock.timers.reset();
});

test("a small map has the colours of its levels, and nothing where nothing was measured", () => {
  const colours = new Uint8Array(768);
  colours.set([10, 20, 30], 3);
  colours.set([200, 150, 100], 255 * 3);
  const levels = bytesOf(btoa(String.fromCharCode(255, 0, 1)));
  assert.deepEqual([...mapPixels(levels, colours)], [200, 150, 100, 255, 0, 0, 0, 0, 10, 20, 30, 255]);
});
