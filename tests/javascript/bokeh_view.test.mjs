import assert from "node:assert/strict";
import { beforeEach, mock, test } from "node:test";

import { load } from "./load.mjs";
import { makeModel, makePage, settle } from "./page.mjs";

const {
  ask,
  bufferOf,
  CalmStyles,
  Company,
  fillTab,
  holdRanges,
  initialize,
  installed,
  loadBokeh,
  onceShown,
  rangesOf,
  takeDrags,
  viewsOf,
} = load(
    ["parts/heard.js", "bokeh_view/calm_styles.js", "bokeh_view/company.js", "bokeh_view/drags.js", "bokeh_view/view.js"],
    [
      "fillTab",
      "ask",
      "bufferOf",
      "CalmStyles",
      "Company",
      "holdRanges",
      "initialize",
      "installed",
      "loadBokeh",
      "onceShown",
      "rangesOf",
      "takeDrags",
      "viewsOf",
    ],
  );

beforeEach(() => {
  mock.reset();
  mock.timers.reset();
  mock.timers.enable({ apis: ["setTimeout", "Date"], now: 1_000_000 });
  mock.method(console, "warn", () => {});
  delete globalThis.Bokeh;
  delete globalThis.__steering_bokeh_loading__;
});

/** Let so many tenths of a second pass, one after another, as a loop that waits needs it. */
async function pass(tenths) {
  for (let i = 0; i < tenths; i += 1) {
    await settle();
    mock.timers.tick(100);
  }
  await settle();
}

test("a buffer is the bytes of a view, and no others of the message that they came in", () => {
  const message = new Uint8Array([1, 2, 3, 4, 5]).buffer;
  assert.deepEqual([...new Uint8Array(bufferOf(new DataView(message, 1, 3)))], [2, 3, 4]);
});

test("BokehJS is found by its version, also where another one came first", () => {
  assert.equal(installed("3.9.2"), null);
  const [first, second] = [{ version: "3.9.2" }, { version: "3.8.0" }];
  globalThis.Bokeh = Object.assign(first, { "3.8.0": second });
  assert.equal(installed("3.9.2"), first);
  assert.equal(installed("3.8.0"), second);
  assert.equal(installed("3.7.0"), null);
});

test("a question is asked at once, and again each 1.5 s until it is answered", async () => {
  let answered = false;
  const question = mock.fn();
  const done = ask(question, () => answered);
  assert.equal(question.mock.callCount(), 1);
  await pass(14);
  assert.equal(question.mock.callCount(), 1);
  await pass(1);
  assert.equal(question.mock.callCount(), 2);
  answered = true;
  await pass(1);
  await done;
  await pass(30);
  assert.equal(question.mock.callCount(), 2);
});

test("what is answered already is not asked", async () => {
  const question = mock.fn();
  await ask(question, () => true);
  assert.equal(question.mock.callCount(), 0);
});

test("a question that cannot be put is put again", async () => {
  const question = mock.fn(() => {
    if (question.mock.callCount() === 0) throw new Error("no kernel");
  });
  const done = ask(question, () => question.mock.callCount() === 2);
  await pass(16);
  await done;
  assert.equal(question.mock.callCount(), 2);
});

test("of all views of a page one asks for BokehJS, and one asks again once nobody has heard it", async () => {
  let closed = false;
  const [one, other] = [makeModel({ bokeh_version: "3.9.2" }), makeModel({ bokeh_version: "3.9.2" })];
  const loads = [loadBokeh(one, "one", () => closed), loadBokeh(other, "other", () => closed)];
  await pass(10);
  assert.deepEqual([...one.sent, ...other.sent], [{ kind: "source", view: "one" }]);
  await pass(6);
  assert.equal(one.sent.length + other.sent.length, 2);
  // Once it was heard nobody asks for a while: it takes its time to come.
  const [{ view }] = [...one.sent, ...other.sent].slice(-1);
  for (const model of [one, other]) model.hear({ kind: "coming", view }, []);
  await pass(150);
  assert.equal(one.sent.length + other.sent.length, 2);
  await pass(80);
  assert.ok(one.sent.length + other.sent.length > 2);
  closed = true;
  await pass(1);
  assert.deepEqual(await Promise.all(loads), [null, null]);
});

test("a view that goes while BokehJS is on its way to it keeps the others from nothing", async () => {
  const gone = { one: false };
  const [one, other] = [makeModel({ bokeh_version: "3.9.2" }), makeModel({ bokeh_version: "3.9.2" })];
  const loads = [loadBokeh(one, "one", () => gone.one), loadBokeh(other, "other", () => false)];
  await pass(1);
  one.hear({ kind: "coming", view: "one" }, []);
  gone.one = true;
  await pass(17);
  assert.deepEqual(other.sent, [{ kind: "source", view: "other" }]);
  globalThis.Bokeh = { version: "3.9.2" };
  await pass(1);
  assert.deepEqual(await Promise.all(loads), [null, globalThis.Bokeh]);
});

test("BokehJS that comes is put into the page once, whichever view of the plot has asked for it", async () => {
  const page = makePage();
  page.head = page.createElement("head");
  globalThis.document = page;
  const model = makeModel({ bokeh_version: "3.9.2" });
  const done = loadBokeh(model, "mine", () => false);
  const source = [new DataView(new TextEncoder().encode("the code").buffer)];
  model.hear({ kind: "source", view: "another" }, source);
  assert.equal(page.head.children[0].textContent, "the code");
  globalThis.Bokeh = { version: "3.9.2" };
  model.hear({ kind: "source", view: "mine" }, source);
  assert.equal(page.head.children.length, 1);
  await pass(1);
  assert.equal(await done, globalThis.Bokeh);
});

test("BokehJS is asked for before a plot has a place in the page, until its model goes", async () => {
  const model = makeModel({ bokeh_version: "3.9.2" });
  const end = initialize({ model });
  await pass(1);
  assert.deepEqual(
    model.sent.map((message) => message.kind),
    ["source"],
  );
  end();
  await pass(60);
  assert.equal(model.sent.length, 1);
});

/** Watches sizes, as a browser does, when it is told to. */
class Sizes {
  static made = [];

  constructor(told) {
    this.told = told;
    Sizes.made.push(this);
  }

  observe(el) {
    this.el = el;
  }

  disconnect() {
    this.el = null;
  }
}

test("a plot is drawn once it is shown, and only once", () => {
  globalThis.ResizeObserver = Sizes;
  const el = { places: [], getClientRects: () => el.places };
  const drawn = mock.fn();
  onceShown(el, drawn);
  const sizes = Sizes.made.at(-1);
  sizes.told();
  assert.equal(drawn.mock.callCount(), 0);
  el.places = [{}];
  sizes.told();
  assert.equal(drawn.mock.callCount(), 1);
  assert.equal(sizes.el, null);
});

test("a plot that goes before it is shown is never drawn", () => {
  globalThis.ResizeObserver = Sizes;
  const el = { getClientRects: () => [{}] };
  onceShown(el, mock.fn())();
  assert.equal(Sizes.made.at(-1).el, null);
});

test("a plot alone in a tab is as high as the tab allows, and one in a page stays as it is", () => {
  const roots = [{ setv: mock.fn() }];
  const doc = { roots: () => roots };
  globalThis.innerHeight = 1000;
  fillTab(doc, { closest: () => null });
  assert.equal(roots[0].setv.mock.callCount(), 0);
  fillTab(doc, { closest: () => ({}) });
  globalThis.innerHeight = 200;
  fillTab(doc, { closest: () => ({}) });
  assert.deepEqual(
    roots[0].setv.mock.calls.map((call) => call.arguments[0]),
    [{ height: 600 }, { height: 280 }],
  );
});

test("all views of a document are found, those within others too", () => {
  const leaf = {};
  const branch = { children_views: () => [leaf] };
  const root = { children_views: () => [branch] };
  assert.deepEqual(viewsOf({ views_manager: { roots: [root] } }), [root, branch, leaf]);
  assert.deepEqual(viewsOf(null), []);
});

/**
 * A plot's tool for boxes, and what Bokeh's part of it was told: whether Shift was held.
 *
 * @param {string[]} under What lies under the pointer.
 */
function boxTool(under) {
  const told = [];
  const tell = (what) =>
    function (event) {
      told.push([what, event.modifiers.shift, this._draw_basepoint]);
    };
  const gestures = { _start_timeout: mock.fn() };
  const tool = {
    model: { type: "BoxEditTool", renderers: ["box"] },
    ui_event_bus: { ui_gestures: gestures },
    _draw_basepoint: [1, 2],
    _select_event: () => under,
    _pan_start: tell("start"),
    _pan: tell("pan"),
    _pan_end: tell("end"),
  };
  const doc = { views_manager: { roots: [tool] } };
  const drag = (shifts, pointerType = "mouse") => {
    const [start, go, end] = shifts.map((shift) => ({ sx: 3, modifiers: { shift }, native: { pointerType } }));
    tool._pan_start(start);
    tool._pan(go, false, false);
    tool._pan_end(end);
    return told.splice(0).map(([, shift]) => shift);
  };
  return { doc, tool, gestures, told, drag };
}

test("a drag draws a box, with Shift or without, and what it does is settled as it begins", () => {
  const { doc, drag } = boxTool([]);
  takeDrags(doc);
  assert.deepEqual(drag([false, false, false]), [true, true, true]);
  assert.deepEqual(drag([true, true, false]), [true, true, true]);
  assert.deepEqual(drag([false, true, true]), [true, true, true]);
});

test("a drag that begins on the box moves it, unless Shift is held", () => {
  const { doc, drag } = boxTool(["box"]);
  takeDrags(doc);
  assert.deepEqual(drag([false, true, false]), [false, false, false]);
  assert.deepEqual(drag([true, false, false]), [true, true, true]);
});

test("a finger draws no box, and moves the page up and down past any plot", () => {
  const { doc, drag } = boxTool([]);
  const replace = mock.fn();
  const plot = { _update_touch_action: () => replace("Bokeh's"), canvas: { touch_action: { replace } } };
  doc.views_manager.roots.push(plot);
  takeDrags(doc);
  assert.deepEqual(drag([false, false, false], "touch"), [false, false, false]);
  plot._update_touch_action(); // as Bokeh does when another tool is chosen
  assert.deepEqual(
    replace.mock.calls.map(({ arguments: [css] }) => css.match(/touch-action: ([^;]*)/)[1]),
    ["pan-y pinch-zoom", "pan-y pinch-zoom"],
  );
});

test("a box ends with its drag, after Bokeh has taken the end, and a press that rests begins none", () => {
  const { doc, tool, gestures, told } = boxTool([]);
  const rests = gestures._start_timeout;
  takeDrags(doc);
  tool._pan_end({ modifiers: { shift: true }, native: {} });
  assert.deepEqual(told, [["end", false, [1, 2]]]);
  assert.equal(tool._draw_basepoint, null);
  gestures._start_timeout();
  assert.equal(rests.mock.callCount(), 0);
});

/** A document with one plot, whose ranges follow the data. */
function plotted() {
  const range = () => ({ type: "DataRange1d", have_updated_interactively: false, reset: mock.fn() });
  const model = { type: "Figure", x_range: range(), y_range: range() };
  const plot = { model, invalidate_dataranges: false, request_repaint: mock.fn() };
  return { doc: { views_manager: { roots: [plot] } }, plot, ...model };
}

test("a range that is held follows the data no more, and the other one shows all of them again", () => {
  const { doc, plot, x_range, y_range } = plotted();
  holdRanges(doc, ["x"]);
  assert.equal(x_range.have_updated_interactively, true);
  assert.equal(x_range.reset.mock.callCount(), 0);
  assert.equal(y_range.reset.mock.callCount(), 1);
  assert.equal(plot.invalidate_dataranges, true);
  assert.equal(plot.request_repaint.mock.callCount(), 1);
});

test("ranges that do not follow data are left alone", () => {
  const { doc, x_range, y_range } = plotted();
  x_range.type = y_range.type = "Range1d";
  assert.deepEqual(rangesOf(doc), []);
  holdRanges(doc, []);
  assert.equal(x_range.reset.mock.callCount(), 0);
});

test("each range is found with its axis", () => {
  const { doc, x_range } = plotted();
  assert.deepEqual(
    rangesOf(doc).map(({ axis }) => axis),
    ["x", "y"],
  );
  assert.equal(rangesOf(doc)[0].range, x_range);
});

test("what a plot is painted with is looked up once a second, all together, and at once in a new theme", () => {
  let colour = "red";
  let looks = 0;
  const makeVisual = () => ({
    _get_css_value(name) {
      looks += 1;
      return `${name} ${colour}`;
    },
  });
  const [axis, grid] = [makeVisual(), makeVisual()];
  const styles = new CalmStyles();
  const doc = { views_manager: { roots: [{ visuals: [axis, {}], children_views: () => [{ visuals: [grid] }, {}] }] } };
  styles.look();
  styles.calm(doc);
  styles.calm(doc);
  axis._get_css_value("line-color");
  assert.equal(axis._get_css_value("line-color"), "line-color red");
  assert.equal(looks, 2); // its own style sheets may come at any moment
  mock.timers.tick(2_001);
  for (const one of [axis, grid, axis, grid]) assert.equal(one._get_css_value("line-color"), "line-color red");
  assert.equal(looks, 4);
  colour = "blue";
  assert.equal(axis._get_css_value("line-color"), "line-color red");
  assert.equal(axis._get_css_value("line-width"), "line-width blue");
  mock.timers.tick(1_000);
  assert.equal(axis._get_css_value("line-color"), "line-color blue");
  colour = "green";
  styles.look();
  assert.equal(axis._get_css_value("line-color"), "line-color green");
});

test("a plot's own size of letters is remembered as long", () => {
  let size = 13;
  class PlotView {
    get base_font_size() {
      return size;
    }
  }
  const plot = new PlotView();
  const styles = new CalmStyles();
  styles.calm({ views_manager: { roots: [plot] } });
  assert.equal(plot.base_font_size, 13);
  size = 20;
  assert.equal(plot.base_font_size, 13);
  mock.timers.tick(1_000);
  assert.equal(plot.base_font_size, 20);
});

test("what a plot is told waits for the next frame, in its order, and not for long", () => {
  let now = 0;
  mock.method(performance, "now", () => now);
  const page = makePage();
  const heard = [];
  page.addEventListener = (name, take) => heard.push([name, take]);
  page.removeEventListener = (name, take) => heard.splice(heard.findIndex(([other, one]) => other === name && one === take), 1);
  globalThis.document = page;
  const frame = () => {
    for (const [name, take] of heard) if (name === "st-frame") take();
  };
  const done = [];
  const company = new Company();
  company.join(() => done.push("no frame has come"));
  assert.deepEqual(done.splice(0), ["no frame has come"]);
  frame();
  company.join(() => done.push("a"));
  company.join(() => done.push("b"));
  assert.deepEqual(done, []);
  frame();
  assert.deepEqual(done.splice(0), ["a", "b"]);
  company.join(() => done.push("c"));
  mock.timers.tick(101);
  assert.deepEqual(done.splice(0), ["c"]);
  now = 1000;
  company.join(() => done.push("frames have stopped"));
  assert.deepEqual(done.splice(0), ["frames have stopped"]);
  frame();
  company.join(() => done.push("the view goes"));
  company.end();
  assert.deepEqual(done, ["the view goes"]);
  assert.deepEqual(heard, []);
});
