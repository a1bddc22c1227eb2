"""The dashboard in a tab of its own, in a real JupyterLab and Chromium."""

import pytest

from tests.widgets.lab import Lab, jupyter, write_notebook
from tests.widgets.test_browser import CELL, SHOTS, overlaps, shoot

RESTART = """() => {
  const panel = [...jupyterapp.shell.widgets('main')].find((panel) => panel.sessionContext);
  return panel.sessionContext.session.kernel.restart();
}"""
TABS = "() => [...document.querySelectorAll('#jp-main-dock-panel .lm-TabBar-tabLabel')].map((tab) => tab.textContent)"


@pytest.mark.browser
def test_the_dashboard_fills_a_tab_and_one_click_brings_it_back_after_a_restart(tmp_path):
    write_notebook(tmp_path / "steer.ipynb", CELL.replace("\ndashboard\n", "\ndashboard.open()\n"))
    with jupyter(tmp_path) as (url, token), Lab(url, token, failure=SHOTS) as lab:
        page = lab.page
        lab.open("steer.ipynb")
        lab.collapse_sidebar()
        lab.run_all()
        live = page.locator(".jupyterlab-sidecar .st-dashboard[data-live=live]")
        live.wait_for()
        assert page.evaluate(TABS) == ["steer.ipynb", "Steering"]
        fills(page)
        stays_in_sight(lab, page)
        comes_back(lab, page, live)
        assert lab.external == []


def fills(page):
    """It has the width of the tab, and what is in it has its place at any width."""
    page.locator("button.st-start").wait_for()
    for width in (2560, 1920, 1280, 768, 390):
        page.set_viewport_size({"width": width, "height": 1000})
        page.wait_for_function(
            """() => {
              const tab = document.querySelector('.jupyterlab-sidecar').clientWidth;
              const inside = document.querySelector('.st-dashboard').clientWidth;
              return tab - inside >= 0 && tab - inside <= 40 && tab <= window.innerWidth;
            }"""
        )
        assert overlaps(page) == []
        shoot(page, f"tab-{width}")
    page.set_viewport_size({"width": 1400, "height": 900})


def stays_in_sight(lab, page):
    """The command bar is there wherever one has scrolled to; the frame has half of the width."""
    page.locator("button.st-start").click()
    lab.wait_for_value("desk.board.status.value.state == 'running'")
    lab.execute("desk.advance(20)")
    page.wait_for_function("() => document.querySelector('.st-image').dataset.painted > 0")
    frame, whole = (page.locator(name).bounding_box() for name in (".st-panel-frame", ".st-dashboard"))
    assert frame["width"] > 0.48 * whole["width"]
    page.locator(".st-panel-source").scroll_into_view_if_needed()
    bar = page.locator(".st-panel-progress").bounding_box()
    assert 0 <= bar["y"] < 120
    page.keyboard.press("Alt+Shift+KeyP")
    lab.wait_for_value("desk.board.status.value.state == 'paused'")
    page.keyboard.press("Alt+Shift+KeyR")
    lab.wait_for_value("desk.board.status.value.state == 'running'")


def comes_back(lab, page, live):
    """A kernel that was restarted is said to be so, and one click makes another page in the place of this one."""
    before = live.element_handle()
    page.evaluate(RESTART)
    page.locator(".st-gone", has_text="The kernel has ended").wait_for()
    shoot(page, "kernel-restarted")
    page.locator("button.st-reconnect").click()
    page.wait_for_function("(before) => !before.isConnected", arg=before)
    live.wait_for()
    page.locator(".jupyterlab-sidecar .st-panel-curve .st-plot[data-ready]").wait_for()
    assert page.evaluate(TABS) == ["steer.ipynb", "Steering"]
    assert lab.value("desk.board.status.value.state") == "idle"
    shoot(page, "reconnected")
