"""The plan in the plots, in a real Chromium: what is dragged reaches Python, and a zoom is kept."""

from pathlib import Path

import pytest

from tests.widgets.lab import settled_box, write_notebook

SHOTS = Path(__file__).parents[2] / "artefacts" / "screenshots"
LIGHT, DARK = "JupyterLab Light", "JupyterLab Dark"
CURVE = """
from steering.core.action import InsertRegion, SetParameter
from steering_widgets.pages.ticker import Ticker
from steering_widgets.plots.curve import CurvePanel
from steering_widgets.plots.ghost import Ghost
from steering_widgets.plots.look import Look
from steering_widgets.plots.map import MapPanel
from tests.widgets.fake import FakeDesk
import ipywidgets

desk = FakeDesk()
look, ghost = Look(desk), Ghost(desk)
panel = CurvePanel(desk, look, ghost)
wrong = []
ticker = Ticker((look,), (panel,), (), wrong.append)
ticker.start()
box = ipywidgets.VBox([panel.widget])
box.add_class("st-dashboard")
box
"""
MAP = CURVE.replace("panel = CurvePanel(", "panel = MapPanel(")
RANGE = """(axis) => {
  const docs = Bokeh.index.roots.map((view) => view.model.document);
  const plot = docs.flatMap((doc) => [...doc._all_models.values()]).find((model) => model.type === 'Figure');
  return [plot[`${axis}_range`].start, plot[`${axis}_range`].end];
}"""

# Where within its axes it draws, in pixels of the page.
INNER = """() => {
  const view = Bokeh.index.roots.find((one) => one.model.type === 'Figure');
  const { left, top } = view.canvas_view.el.getBoundingClientRect();
  const { left: x, top: y, width, height } = view.frame.bbox;
  return { x: left + x, y: top + y, width, height };
}"""


def shoot(page, selector, name):
    SHOTS.mkdir(parents=True, exist_ok=True)
    page.locator(selector).first.screenshot(path=SHOTS / f"{name}.png")


def drag(page, box, begin, end, *, shift=False):
    """Drag with the mouse, from and to shares of a plot's box."""
    places = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in (begin, end)]
    if shift:
        page.keyboard.down("Shift")
    page.mouse.move(*places[0])
    page.mouse.down()
    page.mouse.move(*places[1], steps=8)
    page.mouse.up()
    if shift:
        page.keyboard.up("Shift")


@pytest.mark.browser
def test_a_range_of_a_curve_is_dragged_foretold_and_measured(notebooks):
    write_notebook(notebooks.folder / "curve.ipynb", CURVE)
    with notebooks.lab(failure=SHOTS) as lab:
        page = lab.page
        lab.open("curve.ipynb")
        lab.collapse_sidebar()
        lab.run_all()
        page.locator(".st-panel-curve .st-plot[data-ready]").wait_for()
        page.locator(".st-panel-curve").scroll_into_view_if_needed()
        lab.execute("desk.start('rocking')")
        # Before the first point the axis is that of the plan.
        page.wait_for_function(f"() => {{ const [low, high] = ({RANGE})('x'); return low < -0.2 && high > 0.7; }}")
        shoot(page, ".st-panel-curve", "curve-plan-before")
        lab.execute("desk.advance(30)")
        page.locator(".st-panel-curve").get_by_text("30 frames").wait_for()
        plot = settled_box(page.locator(".st-panel-curve .st-plot"))
        drag(page, plot, (0.3, 0.4), (0.4, 0.6))
        page.locator(".st-ghost").get_by_text("What the marked region would do").wait_for()
        # Beside it another is drawn, on it the range is moved, and with Shift one is drawn there too.
        lab.wait_for_value("panel.wanted.value is not None")
        first = lab.value("panel.wanted.value")
        drag(page, plot, (0.45, 0.4), (0.55, 0.6))
        lab.wait_for_value(f"panel.wanted.value[0] > {first[1]}")
        drawn = lab.value("panel.wanted.value")
        drag(page, plot, (0.5, 0.5), (0.55, 0.5))
        lab.wait_for_value(f"panel.wanted.value[0] > {drawn[0]}")
        moved = lab.value("panel.wanted.value")
        assert moved[1] - moved[0] == pytest.approx(drawn[1] - drawn[0])
        assert drawn[0] < moved[0] < drawn[1] < moved[1]
        drag(page, plot, (0.55, 0.4), (0.4, 0.6), shift=True)
        lab.wait_for_value(f"panel.wanted.value[1] - panel.wanted.value[0] > 1.3 * {drawn[1] - drawn[0]}")
        low, high = lab.value("panel.wanted.value")
        assert -0.28 < low < high < 0.72
        page.wait_for_function(
            "(low) => Math.abs(Number(document.querySelector('.st-range-low input').value) - low) < 1e-5", arg=low
        )
        shoot(page, ".st-panel-curve", "curve-range-light")
        lab.theme(DARK)
        shoot(page, ".st-panel-curve", "curve-range-dark")
        lab.theme(LIGHT)
        page.locator("button.st-range-measure").click()
        lab.wait_for_value("[action.parameter for action in desk.actions] == ['centre', 'range']")
        lab.execute("desk.advance(3)")
        page.locator(".st-panel-curve").get_by_text("33 frames").wait_for()
        lab.execute(
            "panel.overlay('run 7', __import__('numpy').linspace(-0.2, 0.7, 50),"
            " 500 + 300 * __import__('numpy').random.default_rng(1).normal(size=50))"
        )
        page.locator(".st-panel-curve").get_by_text("run 7 behind it").wait_for()
        # A zoom is kept while data come, and said; Fit takes it back.
        x0, x1 = page.evaluate(RANGE, "x")
        page.locator(".st-panel-curve .st-plot").hover()
        shoot(page, ".st-panel-curve", "curve-decided")
        # The wheel over the axis of positions moves it alone.
        page.evaluate("""() => {
          const docs = Bokeh.index.roots.map((view) => view.model.document);
          const models = docs.flatMap((doc) => [...doc._all_models.values()]);
          const plot = models.find((model) => model.type === 'Figure');
          plot.toolbar.active_scroll = models.find((model) => model.type === 'WheelZoomTool');
        }""")
        page.mouse.wheel(0, -600)
        page.wait_for_function("() => !document.querySelector('.st-curve-auto-x input').checked")
        zoomed = page.evaluate(RANGE, "x")
        assert zoomed[1] - zoomed[0] < x1 - x0
        lab.execute("desk.advance(3)")
        page.locator(".st-panel-curve").get_by_text("36 frames").wait_for()
        assert page.evaluate(RANGE, "x") == zoomed
        page.locator("button.st-curve-fit").click()
        page.wait_for_function(
            f"(wanted) => {{ const [low, high] = ({RANGE})('x'); return high - low > 0.9 * wanted; }}", arg=x1 - x0
        )
        page.locator(".st-curve-log-y input").check()
        page.wait_for_function("() => Bokeh.index.roots[0].frame.y_scale.type === 'LogScale'")
        shoot(page, ".st-panel-curve", "curve-log")
        page.locator(".st-curve-log-y input").uncheck()
        page.wait_for_function("() => Bokeh.index.roots[0].frame.y_scale.type === 'LinearScale'")
        page.wait_for_function(f"() => ({RANGE})('y')[0] < 0")
        # A point that is tapped names its frame.
        place = page.evaluate("""() => {
          const plot = Bokeh.index.roots[0], box = plot.el.getBoundingClientRect();
          const data = plot.model.renderers.map((one) => one.data_source.data).find((one) => one.frame?.length);
          const [sx] = plot.frame.x_scale.v_compute([data.x[4]]), [sy] = plot.frame.y_scale.v_compute([data.y[4]]);
          return [box.x + sx, box.y + sy];
        }""")
        page.mouse.click(*place)
        lab.wait_for_value("look.point.value is not None")
        page.locator(".st-curve-about").get_by_text("Frame ").wait_for()
        shoot(page, ".st-panel-curve", "curve-tapped")
        lab.wait_for_value("ghost.wanted.value.actions == ()")
        a_curve_is_drawn_over_the_ring_current(lab, page)
        assert lab.value("[text for text in wrong if text]") == []
        assert lab.errors == []


def a_curve_is_drawn_over_the_ring_current(lab, page):
    """What was recorded at each point is offered, and the curve is drawn over it."""
    card = page.locator(".st-panel-curve")
    lab.execute("desk.monitored = True; desk.advance(3)")
    card.get_by_text("39 frames").wait_for()
    highest = """() => {
      const drawn = Bokeh.index.roots[0].model.renderers.map((one) => one.data_source.data);
      return Math.max(...drawn.find((one) => one.frame?.length).y);
    }"""
    before = page.evaluate(highest)
    menu = card.locator(".st-curve-monitor select")
    menu.select_option("ring")
    lab.wait_for_value("panel._monitor.value == 'ring'")
    card.locator(".st-curve-about").get_by_text("Each point is divided by its ring").wait_for()
    # Behind the peak the current was half of what it was before it.
    page.wait_for_function(f"(before) => Math.abs(({highest})() - before) > 0.1 * before", arg=before)
    shoot(page, ".st-panel-curve", "curve-monitor")
    menu.select_option("nothing")
    card.locator(".st-curve-about").get_by_text("divided by").wait_for(state="detached")


def a_region_is_marked_and_asked_for_by_keys(lab, page):
    """Its numbers are typed, it is drawn, what it would do is said, and Enter on the button asks for it."""
    low = page.locator(".st-region-x0 input")
    low.focus()
    for name, text in {"x0": "-20", "x1": "-12", "y0": "4", "y1": "10", "step": "1"}.items():
        page.wait_for_function(f"() => document.activeElement?.closest('.st-region-{name}') !== null")
        page.keyboard.press("Control+A")
        page.keyboard.type(text)
        page.keyboard.press("Tab")
    lab.wait_for_value("panel.form.newest.value == ('typed', type(panel.form.newest.value[1])(-20, -12, 4, 10))")
    page.locator(".st-ghost").get_by_text("What the marked region would do").wait_for()
    page.wait_for_function("() => document.activeElement?.matches('button.st-finer')")
    page.keyboard.press("Enter")
    lab.wait_for_value("len(desk.actions) == 2")
    lab.wait_for_value("desk.actions[-1].region == {'sy': (4.0, 10.0), 'sx': (-20.0, -12.0)}")


# 160 x 160 points: the value of each says where it is.
LARGE = """
import numpy as np
import xarray as xr
from steering.core.result import Outcome, Provenance, Result

row, column = np.divmod(np.arange(25_600), 160)
columns = {"sx": 0.2 * column, "sy": 0.2 * row, "sx_step": 0 * row + 0.2, "sy_step": 0 * row + 0.2}
columns |= {"intensity": 1000.0 * row + column, "frame": row * 160 + column}
data = xr.Dataset({name: ("point", one, {"units": "um"}) for name, one in columns.items()})
source = Provenance(desk.board.status.value.run, "map_features", {}, "", "0", "local", 25_600, 25_599)
look.point.set(None)
desk.board.result.set(Result(10_000, Outcome({}, data), source))
"""


def a_large_map_is_read_as_a_small_one_is(lab, page):
    """It is drawn as an image; what is under the mouse is said, and a tap names the frame there."""
    lab.execute(LARGE)
    panel = page.locator(".st-panel-map")
    panel.get_by_text("25600 points").wait_for()
    page.wait_for_function(f"() => {{ const [low, high] = ({RANGE})('y'); return high > 31; }}")
    low, high = page.evaluate(f"() => ({RANGE})('y')")
    left, right = page.evaluate(f"() => ({RANGE})('x')")
    box = page.evaluate(INNER)
    x, y = 12.0, 20.0
    at = (
        box["x"] + box["width"] * (x - left) / (right - left),
        box["y"] + box["height"] * (high - y) / (high - low),
    )
    page.mouse.move(*at)
    page.get_by_text("16060", exact=True).wait_for()
    shoot(page, ".st-panel-map", "map-large")
    page.mouse.click(*at)
    lab.wait_for_value("look.point.value == 100 * 160 + 60")


@pytest.mark.browser
def test_what_a_region_would_add_to_a_map_is_drawn_before_it_is_proposed(notebooks):
    write_notebook(notebooks.folder / "map.ipynb", MAP)
    with notebooks.lab(failure=SHOTS) as lab:
        page = lab.page
        lab.open("map.ipynb")
        lab.collapse_sidebar()
        lab.run_all()
        page.locator(".st-panel-map .st-plot[data-ready]").wait_for()
        page.locator(".st-panel-map").scroll_into_view_if_needed()
        lab.execute("desk.start('map')")
        page.wait_for_function(f"() => {{ const [low, high] = ({RANGE})('y'); return low < -18 && high > 18; }}")
        shoot(page, ".st-panel-map", "map-plan-before")
        lab.execute("desk.advance(170)")
        page.locator(".st-panel-map").get_by_text("170 points").wait_for()
        plot = settled_box(page.locator(".st-panel-map .st-plot"))
        drag(page, plot, (0.45, 0.45), (0.6, 0.7))
        page.locator(".st-ghost").get_by_text("What the marked region would do").wait_for()
        shoot(page, ".st-panel-map", "map-ghost-light")
        lab.theme(DARK)
        shoot(page, ".st-panel-map", "map-ghost-dark")
        lab.theme(LIGHT)
        page.locator("button.st-finer").click()
        lab.wait_for_value("len(desk.actions) == 1")
        lab.execute("desk.advance(40)")
        page.locator(".st-panel-map").get_by_text("210 points").wait_for()
        shoot(page, ".st-panel-map", "map-decided")
        a_region_is_marked_and_asked_for_by_keys(lab, page)
        page.set_viewport_size({"width": 560, "height": 900})
        page.locator(".st-panel-map").scroll_into_view_if_needed()
        shoot(page, ".st-panel-map", "map-narrow")
        # A cell that is tapped names its frame.
        page.set_viewport_size({"width": 1400, "height": 900})
        plot = settled_box(page.locator(".st-panel-map .st-plot"))
        page.mouse.click(plot["x"] + 0.45 * plot["width"], plot["y"] + 0.75 * plot["height"])
        lab.wait_for_value("look.point.value is not None")
        page.locator(".st-map-about").get_by_text("Frame ").wait_for()
        shoot(page, ".st-panel-map", "map-tapped")
        a_large_map_is_read_as_a_small_one_is(lab, page)
        assert lab.value("[text for text in wrong if text]") == []
        assert lab.errors == []
