"""The card of flows in a real Chromium: a flow is started, watched, cancelled, resumed, by keyboard and mouse."""

from pathlib import Path

import pytest

from tests.widgets.accessibility import barriers
from tests.widgets.lab import write_notebook
from tests.widgets.test_browser import overlaps

SHOTS = Path(__file__).parents[2] / "artefacts" / "screenshots"
LIGHT, DARK = "JupyterLab Light", "JupyterLab Dark"
CELL = """
from tests.widgets.control_service import serve_control
from tests.widgets.fake import FakeDesk
from steering_widgets import Dashboard

desk = FakeDesk()
desk.flows.fill()
token = serve_control(desk)
dashboard = Dashboard(desk)
dashboard.open()
"""
# A page loses a widget that the kernel has, as one that opens on a busy machine may: it cannot make what holds that.
LOST = """
import ipywidgets
inside = ipywidgets.HTML("It is found again.")
inside.comm.publish_msg("comm_close", data={})
outside = ipywidgets.VBox([ipywidgets.HTML("Beside it."), inside])
dashboard._page.widget.children = (*dashboard._page.widget.children, outside)
"""
CARD = ".jupyterlab-sidecar .st-panel-flows"


def shoot(page, name):
    SHOTS.mkdir(parents=True, exist_ok=True)
    page.locator(CARD).screenshot(path=SHOTS / f"{name}.png")


@pytest.mark.browser
def test_a_flow_is_started_watched_cancelled_and_resumed(notebooks):
    write_notebook(notebooks.folder / "flows.ipynb", CELL)
    with notebooks.lab(failure=SHOTS) as lab:
        page = lab.page
        page.set_viewport_size({"width": 1280, "height": 1400})
        lab.open("flows.ipynb")
        lab.collapse_sidebar()
        lab.run_all()
        card = page.locator(CARD)
        card.get_by_text("Another file is at /data/experiment").wait_for()
        in_each_size(page, lab, "failed")
        page.locator(f"{CARD} .st-flow-resume").focus()
        page.keyboard.press("Enter")
        card.get_by_text("It goes on.").wait_for()
        assert lab.value("desk.flows.asked") == [["resume", "keep-22bb33cc"]]
        page.locator(f"{CARD} .st-flow-start").click()
        card.get_by_text("4.0 of 10.9 MB, 10 MB/s").wait_for()
        assert page.locator(f"{CARD} progress[aria-label=transfer]").get_attribute("value") == "4000000"
        in_each_size(page, lab, "running")
        page.locator(f"{CARD} .st-flow-cancel").click()
        asked = page.locator(f"{CARD} .st-press-line")
        asked.get_by_text("Stop this flow run, and keep what was done?").wait_for()
        asked.get_by_role("button", name="Cancel").click()
        lab.wait_for_value("desk.flows.asked[-1] == ('cancel', 'keep-33cc44dd')")
        card.get_by_text("It was cancelled. What was done is kept.").wait_for()
        page.locator(f"{CARD} .st-flow-run select").select_option("keep-11aa22bb")
        card.get_by_text("curve: peak 0.2213").wait_for()
        shoot(page, "flows-done")
        lab.execute(LOST)
        page.locator(".jupyter-widgets-error-widget").first.wait_for()
        page.get_by_text("It is found again.").wait_for(timeout=20_000)
        assert page.locator(".jupyter-widgets-error-widget").count() == 0
        assert barriers(page) == []
        assert lab.external == []


def in_each_size(page, lab, name):
    assert barriers(page) == []
    for theme in (LIGHT, DARK):
        lab.theme(theme)
        for width in (390, 1280, 1920):
            page.set_viewport_size({"width": width, "height": 1400})
            page.locator(CARD).scroll_into_view_if_needed()
            shoot(page, f"flows-{name}-{theme.split()[1].lower()}-{width}")
            assert overlaps(page) == [], f"{width} px"
    lab.theme(LIGHT)
    page.set_viewport_size({"width": 1280, "height": 1400})
