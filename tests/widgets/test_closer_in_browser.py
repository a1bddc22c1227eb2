"""What a person reads more closely, in a real page: angle and q under the cursor, small maps, logarithmic axes."""

import math

import pytest

from steering.geometry.geometry import Geometry
from tests.geometry.test_geometry import RECORDED
from tests.widgets.lab import settled_box, write_notebook
from tests.widgets.test_browser import DARK, LIGHT, SHOTS, each_size, open_frame, overlaps, shoot

STANDS: Geometry = RECORDED[0][0]
CELL = f"""
from dataclasses import replace
import numpy as np
from steering.archive.run_entry import RunEntry
from tests.widgets import fake
from tests.widgets.control_service import serve_control
from tests.widgets.fake import FakeDesk
from tests.widgets.fake_past import fill
from steering_widgets import Dashboard

grid = fake._grid
fake._grid = lambda *where: [(y + desk.shift, x + desk.shift, step) for y, x, step in grid(*where)]

class Desk(FakeDesk):
    binning, shift = 1, 0.0

    def frame(self):
        return replace(super().frame(), binning=self.binning)

    def frame_at(self, index):
        # Of a frame that came binned: counts that name their row and column.
        if self.binning == 1:
            return super().frame_at(index)
        places = np.arange(256 * self.binning, dtype="u4")
        return replace(super().frame_at(index), pixels=np.add.outer(1000 * places, places))

desk = Desk()
desk.labelled = True
fill(desk.past)
desk.geometry = {STANDS.json()}
token = serve_control(desk)
dashboard = Dashboard(desk)
image = dashboard._page._frame.image
dashboard
"""
READ = "(text) => document.querySelector('.st-direction').textContent === text"
# The place under the cursor, once its counts are those of that very pixel and it is another one than before.
TRUE_COUNTS = """(before) => {
  const text = document.querySelector('.st-value').textContent;
  const [row, column, counts] = (text.match(/^row (\\d+), column (\\d+): (\\d+) counts$/) ?? []).slice(1).map(Number);
  return counts === 1000 * row + column && String(before) !== String([row, column]) && [row, column];
}"""
PAINTED = "(number) => document.querySelector('.st-image').dataset.number === String(number)"

# The axes of the map's plot, which looks at nothing below zero where they are logarithmic.
SCALES = """(wanted) => Bokeh.index.roots.some(({ model: plot, el }) => el.offsetParent && plot.x_scale
  && String([plot.x_scale.type, plot.y_scale.type]) === String(wanted)
  && (wanted[0] !== 'LogScale' || plot.x_range.start > 0) && (wanted[1] !== 'LogScale' || plot.y_range.start > 0))"""


def words(row, column):
    """Write what a place of the detector sees, as the page does."""
    degrees = math.degrees(float(STANDS.two_theta(row, column)))
    return f"2θ {degrees:.4f}°, q {float(STANDS.q(row, column)):#.5g} 1/Å"


@pytest.mark.browser
def test_a_person_reads_more_closely(notebooks):
    write_notebook(notebooks.folder / "steer.ipynb", CELL)
    with notebooks.lab(width=1400, height=1000, failure=SHOTS) as lab:
        page = lab.page
        open_frame(lab)
        angles_are_read(lab, page)
        angles_in_full_screen_and_each_width(lab, page)
        every_pixel_is_seen_while_frames_come(lab, page)
        runs_are_listed(lab, page)
        maps_are_logarithmic(lab, page)
        assert lab.errors == [], lab.errors
        assert lab.external == []


def angles_are_read(lab, page):
    """With the pointer and with keys, and of a binned frame that of the middle of its pixels."""
    canvas = page.locator("canvas.st-canvas")
    canvas.scroll_into_view_if_needed()
    box = settled_box(canvas)
    pixel = box["width"] / 256
    page.mouse.move(box["x"] + 200.5 * pixel, box["y"] + 30.5 * pixel)
    page.wait_for_function(READ, arg=words(30, 200))
    page.locator(".st-value").get_by_text("row 30, column 200: ").wait_for()
    canvas.focus()
    page.keyboard.press("Shift+ArrowDown")
    page.wait_for_function(READ, arg=words(31, 200))
    shoot(page, "closer-angles")
    # Of a binned frame the same place of the picture is another one of the detector.
    lab.execute("desk.binning = 4; desk.advance()")
    page.wait_for_function(READ, arg=words(125.5, 801.5))
    lab.execute("desk.binning = 1; desk.advance()")
    page.wait_for_function(READ, arg=words(31, 200))


def angles_in_full_screen_and_each_width(lab, page):
    canvas = page.locator("canvas.st-canvas")
    for theme in (LIGHT, DARK):
        lab.theme(theme)
        name = theme.rpartition(" ")[2].lower()
        for width in (390, 1280, 1920):
            page.set_viewport_size({"width": width, "height": 1080})
            canvas.scroll_into_view_if_needed()
            canvas.hover(position={"x": 100, "y": 100})
            page.locator(".st-direction:not(:empty)").wait_for()
            assert overlaps(page) == []
            shoot(page, f"closer-angles-{width}-{name}")
        canvas.focus()
        page.keyboard.press("f")
        page.locator(".st-image.st-large").wait_for()
        canvas.hover(position={"x": 300, "y": 100})
        page.locator(".st-direction:not(:empty)").wait_for()
        shoot(page, f"closer-angles-full-{name}")
        page.keyboard.press("Escape")
        page.locator(".st-image:not(.st-large)").wait_for()
    lab.theme(LIGHT)
    page.set_viewport_size({"width": 1400, "height": 1000})
    # Nothing is said of a run whose detector nobody has described.
    lab.execute("desk.board.runs.set(tuple(replace(run, geometry={}) for run in desk.board.runs.value))")
    lab.wait_for_value("image.geometry is None")
    canvas.hover(position={"x": 100, "y": 100})
    page.locator(".st-value").get_by_text(" counts").wait_for()
    assert page.locator(".st-direction").text_content() == ""


def every_pixel_is_seen_while_frames_come(lab, page):
    """Of a live frame that comes binned: zoomed in so far that its squares would be seen, its every pixel comes."""
    canvas, detail = page.locator("canvas.st-canvas"), page.locator(".st-detail")
    lab.execute("desk.binning = 4; desk.advance()")
    detail.get_by_text("1024 × 1024 pixels, maximum of 4 × 4", exact=True).wait_for()
    canvas.focus()
    for _ in range(4):
        page.keyboard.press("+")
    lab.wait_for_value("[flow.window.rows for flow in image._flows.values()] == [16]")
    lab.execute("desk.advance(2)")
    detail.get_by_text("1024 × 1024 pixels, every pixel, once a second", exact=True).wait_for()
    page.wait_for_function(PAINTED, arg=lab.value("desk.board.span.value.stop - 1"))
    # Each pixel tells its place, also that beside it in the same square.
    places = [page.wait_for_function(TRUE_COUNTS, arg=None).json_value()]
    for key in ("Shift+ArrowDown", "Shift+ArrowRight", "Shift+ArrowRight"):
        page.keyboard.press(key)
        places.append(page.wait_for_function(TRUE_COUNTS, arg=places[-1]).json_value())
    row, column = places[0]
    assert places[1:] == [[row + 1, column], [row + 1, column + 1], [row + 1, column + 2]]
    for _, name in each_size(lab):
        canvas.scroll_into_view_if_needed()
        detail.get_by_text("every pixel, once a second").wait_for()
        assert overlaps(page) == []
        shoot(page, f"closer-pixels-{name}")
    canvas.focus()
    page.keyboard.press("0")
    detail.get_by_text("1024 × 1024 pixels, maximum of 4 × 4", exact=True).wait_for()
    lab.execute("desk.binning = 1; desk.advance()")
    detail.get_by_text("256 × 256 pixels, every pixel", exact=True).wait_for()


def runs_are_listed(lab, page):
    """A map has a small map, and the running run the points that it has so far."""
    card = page.locator(".st-panel-runs")
    card.scroll_into_view_if_needed()
    small = card.locator(".st-run[data-uid='22bb33cc-0002'] canvas")
    small.wait_for()
    assert (small.evaluate("(one) => [one.width, one.height]")) == [8, 6]
    # Dark at the lower left and light at the upper right, as the map itself.
    colours = "(one, at) => [...one.getContext('2d').getImageData(...at, 1, 1).data]"
    assert small.evaluate(colours, [0, 5]) == [68, 2, 85, 255]
    assert small.evaluate(colours, [7, 0]) == [253, 231, 36, 255]
    run = lab.value("desk.board.status.value.run")
    lab.execute(f"desk.past.keep(RunEntry('{run}', 'rocking', 8, label='rocking_curve'))")
    card.locator(".st-run-search input").fill("rocking")
    row = card.locator(f".st-run[data-uid='{run}']")
    row.wait_for()
    lab.execute("desk.advance(6)")
    points = lab.value("desk.board.status.value.points_done")
    row.locator(".st-run-points").get_by_text(str(points), exact=True).wait_for()
    assert row.locator(".st-run-status").text_content() == "running"
    card.locator(".st-run-search input").fill("")
    small.wait_for()
    for _, name in each_size(lab):
        card.scroll_into_view_if_needed()
        small.scroll_into_view_if_needed()
        assert overlaps(page) == []
        card.screenshot(path=SHOTS / f"closer-runs-{name}.png")


def maps_are_logarithmic(lab, page):
    """Where all positions are above zero, and only there."""
    lab.execute("desk.advance(60); desk.shift = 0.0; desk.start('map'); desk.advance(200)")
    panel = page.locator(".st-panel-map")
    panel.get_by_text("200 points").wait_for()
    box = panel.locator(".st-map-log-x input")
    assert box.is_disabled()
    panel.scroll_into_view_if_needed()
    shoot(page, "closer-map-refused")
    lab.execute("desk.advance(400); desk.shift = 30.0; desk.start('map'); desk.advance(200)")
    page.locator(".st-map-log-x input:enabled").wait_for()
    box.focus()
    page.keyboard.press("Space")
    page.wait_for_function(SCALES, arg=["LogScale", "LinearScale"])
    shoot(page, "closer-map-log-x")
    panel.locator(".st-map-log-y input").check()
    page.wait_for_function(SCALES, arg=["LogScale", "LogScale"])
    for _, name in each_size(lab):
        panel.scroll_into_view_if_needed()
        assert overlaps(page) == []
        panel.screenshot(path=SHOTS / f"closer-map-{name}.png")
    box.uncheck()
    page.wait_for_function(SCALES, arg=["LinearScale", "LogScale"])
