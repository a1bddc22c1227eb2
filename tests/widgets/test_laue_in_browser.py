"""A map of Laue patterns in a real Chromium: where spots belong to nobody, and how grains are strained."""

import pytest

from tests.widgets.accessibility import barriers
from tests.widgets.lab import write_notebook
from tests.widgets.test_browser import DARK, LIGHT, SHOTS, overlaps

CELL = """
from tests.laue.maps import COARSE, analysis, measured, result_of, snaked
from steering.sim.polycrystal import PolycrystalSample
from tests.widgets.control_service import serve_control
from tests.widgets.fake import FakeDesk
from steering_widgets import Dashboard

sample = PolycrystalSample()
block, made = measured(sample, snaked(COARSE, COARSE)), analysis(sample)

desk = FakeDesk()
token = serve_control(desk)
dashboard = Dashboard(desk)
dashboard.open()
desk.start("map")
desk.board.result.set(result_of(made, block.part(0, 12)))
"""
GROWN = "desk.board.result.set(result_of(made, block, 2))"
CARD = ".jupyterlab-sidecar .st-panel-map"


def shoot(page, name):
    SHOTS.mkdir(parents=True, exist_ok=True)
    page.locator(CARD).first.screenshot(path=SHOTS / f"{name}.png")


def drawn(page, points):
    page.locator(CARD).get_by_text(f"{points} points").first.wait_for()
    page.wait_for_function(
        "() => [...document.querySelectorAll('.jupyterlab-sidecar .st-panel-map .st-plot')].some((one) =>"
        " one.offsetParent && one.childElementCount)"
    )


@pytest.mark.browser
def test_a_map_of_grains_grows_and_is_coloured_by_strain(notebooks):
    write_notebook(notebooks.folder / "laue.ipynb", CELL, GROWN)
    with notebooks.lab(width=1280, height=1100, failure=SHOTS) as lab:
        page = lab.page
        lab.open("laue.ipynb")
        lab.collapse_sidebar()
        lab.run_all()
        drawn(page, 81)
        quantity = page.locator(f"{CARD} .st-quantity select")
        assert quantity.locator("option").first.inner_text().startswith("Indexed")
        for width in (390, 1280, 1920):
            page.set_viewport_size({"width": width, "height": 1100})
            for theme in (LIGHT, DARK):
                lab.theme(theme)
                drawn(page, 81)
                page.locator(CARD).scroll_into_view_if_needed()
                shoot(page, f"laue-{width}-{'light' if theme == LIGHT else 'dark'}")
                assert overlaps(page) == []
        assert barriers(page) == []
        # Only keys: from the share of indexed spots to what is next in the menu, and to a component of strain.
        quantity.focus()
        page.keyboard.press("ArrowDown")
        drawn(page, 81)
        shoot(page, "laue-unindexed")
        for name in ("Strain xx", "Grain", "Misorientation"):
            quantity.select_option(label=name)
            drawn(page, 81)
            shoot(page, f"laue-{name.lower().replace(' ', '-')}")
        page.set_viewport_size({"width": 1280, "height": 1600})
        page.screenshot(path=SHOTS / "laue-page.png")
        assert lab.errors == [], lab.errors
        assert lab.external == []
