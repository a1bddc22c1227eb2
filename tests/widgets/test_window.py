"""The dashboard in a tab of its own, in a real JupyterLab and Chromium."""

import pytest

from tests.widgets.lab import write_notebook
from tests.widgets.test_browser import CELL, SHOTS, overlaps, shoot

RESTART = """() => {
  const panel = [...jupyterapp.shell.widgets('main')].find((panel) => panel.sessionContext);
  return panel.sessionContext.session.kernel.restart();
}"""
TABS = "() => [...document.querySelectorAll('#jp-main-dock-panel .lm-TabBar-tabLabel')].map((tab) => tab.textContent)"


@pytest.mark.browser
def test_the_dashboard_fills_a_tab_and_one_click_brings_it_back_after_a_restart(notebooks):
    write_notebook(notebooks.folder / "steer.ipynb", CELL.replace("\ndashboard\n", "\ndashboard.open()\n"))
    with notebooks.lab(failure=SHOTS) as lab:
        page = lab.page
        lab.open("steer.ipynb")
        lab.collapse_sidebar()
        lab.run_all()
        live = page.locator(".jupyterlab-sidecar .st-dashboard[data-live=live]")
        live.wait_for()
        assert page.evaluate(TABS) == ["steer.ipynb", "Steering"]
        fills(page)
        stays_in_sight(lab, page)
        is_divided(lab, page)
        panels_stand_alone(lab, page)
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
    lab.press("pause", key="Alt+Shift+KeyP")
    assert lab.value("desk.board.status.value.state") == "paused"
    lab.press("resume", key="Alt+Shift+KeyR")
    assert lab.value("desk.board.status.value.state") == "running"


def is_divided(lab, page):
    """The bar between plots and frame is dragged, or moved with keys, and what it says is kept."""
    bar = page.get_by_role("separator", name="Width of the plots").first
    bar.scroll_into_view_if_needed()
    width = page.locator(".st-see").bounding_box()["width"]
    plots = page.locator(".st-plots")
    box = bar.bounding_box()
    # In the middle of what is seen of it: its upper end is under the command bar.
    x, y = box["x"] + box["width"] / 2, 500
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x - 0.1 * width, y, steps=4)
    page.mouse.up()
    lab.wait_for_value("0.38 < desk.laid_out.get('share', 0.5) < 0.42")
    assert 0.37 * width < plots.bounding_box()["width"] < 0.43 * width
    shoot(page, "divided")
    bar.press("ArrowRight")
    lab.wait_for_value("0.4 < desk.laid_out['share'] < 0.44")
    bar.press("Enter")
    lab.wait_for_value("desk.laid_out['share'] == 0.5")
    assert overlaps(page) == []


def panels_stand_alone(lab, page):
    """A panel opens in a tab of its own, follows the scan there, and the page is as it was."""
    page.get_by_role("button", name="Open Rocking curve in a tab of its own").click()
    alone = page.locator(".st-alone")
    alone.locator(".st-plot[data-ready]").wait_for()
    assert page.evaluate(TABS) == ["steer.ipynb", "Steering", "Steering: Rocking curve"]
    lab.execute("desk.advance(3)")
    alone.get_by_text("23 frames").first.wait_for()
    assert alone.locator(".st-to-tab").count() == 0
    shoot(page, "alone")
    page.locator(".lm-TabBar-tab", has_text="Steering: Rocking curve").locator(".lm-TabBar-tabCloseIcon").click()
    alone.wait_for(state="detached")
    page.locator(".jupyterlab-sidecar .st-dashboard[data-live=live]").wait_for()


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
