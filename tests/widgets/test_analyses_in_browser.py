"""The form of analyses in a real page: a region is dragged over the frame, and the analysis is added."""

import pytest

from tests.widgets.lab import settled_box, write_notebook
from tests.widgets.test_browser import CELL, overlaps, shoot


@pytest.mark.browser
def test_a_region_is_dragged_over_the_frame_and_an_analysis_is_added_with_it(notebooks):
    write_notebook(notebooks.folder / "steer.ipynb", CELL)
    with notebooks.lab(width=1400, height=1000) as lab:
        page = lab.page
        lab.open("steer.ipynb")
        lab.collapse_sidebar()
        lab.run_all()
        panel = page.locator(".st-panel-analyses")
        panel.wait_for()
        lab.execute("desk.labelled = True; desk.start('rocking'); desk.advance(20)")
        page.locator(".st-image[data-painted]").wait_for()
        panel.locator(".st-analysis-kind select").select_option("centre_of_mass")
        panel.locator(".st-asked-kept input").wait_for()
        panel.locator(".st-analysis-label input").fill("spot")
        panel.locator(".st-asked-kept input").fill("500")
        panel.locator("button.st-analysis-draw").click()
        canvas = page.locator("canvas.st-canvas.st-drawing")
        canvas.wait_for()
        canvas.scroll_into_view_if_needed()
        box = settled_box(canvas)
        page.mouse.move(box["x"] + box["width"] * 0.25, box["y"] + box["height"] * 0.5)
        page.mouse.down()
        page.mouse.move(box["x"] + box["width"] * 0.5, box["y"] + box["height"] * 0.75, steps=5)
        assert page.locator(".st-band").is_visible()
        shoot(page, "region-drawn")
        # What comes above the frame pushes it away from the pointer: what was drawn stands.
        page.evaluate("() => { document.querySelector('.st-image').style.marginTop = '36px'; }")
        page.mouse.up()
        page.wait_for_function("() => document.querySelector('.st-asked-region input').value !== ''")
        page.locator("canvas.st-canvas:not(.st-drawing)").wait_for()
        assert page.locator(".st-band").is_hidden()
        panel.locator("button.st-analysis-apply").click()
        panel.get_by_text("spot is made from the first frame on").wait_for()
        ((analysis, label, parameters),) = lab.value("desk.added")
        assert (analysis, label, parameters["kept"]) == ("centre_of_mass", "spot", 500)
        # A quarter and a half of 256 pixels, to the pixel that the pointer was on.
        (top, bottom), (left, right) = parameters["region"]["rows"], parameters["region"]["columns"]
        assert [top, bottom, left, right] == pytest.approx([128, 193, 64, 129], abs=1)
        panel.locator(".st-analysis-which select").select_option("spot")
        panel.get_by_role("button", name="Apply").wait_for()
        panel.scroll_into_view_if_needed()
        shoot(page, "analyses-form")
        assert overlaps(page) == []
        panel.locator("button.st-analysis-remove").click()
        panel.locator(".st-press-line").get_by_role("button", name="Remove").click()
        panel.get_by_text("spot is not made any more").wait_for()
        # Escape takes the drawing back.
        panel.locator("button.st-analysis-draw").click()
        canvas.wait_for()
        page.locator("canvas.st-canvas").press("Escape")
        page.locator("canvas.st-canvas:not(.st-drawing)").wait_for()
        assert lab.errors == [], lab.errors
