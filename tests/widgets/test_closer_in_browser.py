"""What a person reads more closely, in a real page: angle and wave vector under the cursor."""

import math

import pytest

from steering.geometry.geometry import Geometry
from tests.geometry.test_geometry import RECORDED
from tests.widgets.lab import Lab, jupyter, write_notebook
from tests.widgets.test_browser import DARK, LIGHT, SHOTS, overlaps, shoot

STANDS: Geometry = RECORDED[0][0]
CELL = f"""
from dataclasses import replace
from tests.widgets.control_service import serve_control
from tests.widgets.fake import FakeDesk
from steering_widgets import Dashboard

class Desk(FakeDesk):
    binning = 1

    def frame(self):
        return replace(super().frame(), binning=self.binning)

desk = Desk()
desk.labelled = True
desk.geometry = {STANDS.json()}
token = serve_control(desk)
dashboard = Dashboard(desk)
image = dashboard._page._frame.image
dashboard
"""
READ = "(text) => document.querySelector('.st-direction').textContent === text"


def words(row, column):
    """Write what a place of the detector sees, as the page does."""
    degrees = math.degrees(float(STANDS.two_theta(row, column)))
    return f"2θ {degrees:.4f}°, q {float(STANDS.q(row, column)):#.5g} 1/Å"


@pytest.mark.browser
def test_a_person_reads_more_closely(tmp_path):
    write_notebook(tmp_path / "steer.ipynb", CELL)
    with jupyter(tmp_path) as (url, token), Lab(url, token, width=1400, height=1000, failure=SHOTS) as lab:
        page = lab.page
        lab.open("steer.ipynb")
        lab.collapse_sidebar()
        lab.run_all()
        page.locator(".st-panel-frame").wait_for()
        lab.execute("desk.start('rocking'); desk.advance(20)")
        page.locator(".st-histogram:not([hidden])").wait_for()
        angles_are_read(lab, page)
        angles_in_full_screen_and_each_width(lab, page)
        assert lab.errors == [], lab.errors
        assert lab.external == []


def angles_are_read(lab, page):
    """With the pointer and with keys, and of a binned frame that of the middle of its pixels."""
    canvas = page.locator("canvas.st-canvas")
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
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
