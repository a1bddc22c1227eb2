"""Each state of a scan as a person sees it, and a page that is not live any more, in a real JupyterLab and Chromium."""

import httpx
import pytest

from tests.widgets.lab import write_notebook
from tests.widgets.test_browser import CELL, SHOTS, overlaps, shoot


@pytest.mark.browser
def test_each_state_is_seen_and_what_is_not_live_says_so(notebooks):
    write_notebook(notebooks.folder / "steer.ipynb", CELL)
    with notebooks.lab(failure=SHOTS) as lab:
        page = lab.page
        lab.open("steer.ipynb")
        lab.collapse_sidebar()
        lab.run_all()
        dashboard = page.locator(".st-dashboard")
        page.locator("button.st-start").click()
        page.locator(".st-direct-bar[data-link=live]").wait_for()
        # A press is on its way until the kernel has asked whether it holds.
        lab.wait_for_value("desk.board.status.value.state == 'running'")
        lab.execute("desk.advance(10)")
        refused(lab, page)
        suggested(lab, page)
        paused(lab, page)
        still_live(page, dashboard)
        closed(lab, page, dashboard)
        restarted(lab, page, notebooks.url, notebooks.token)


def refused(lab, page):
    page.locator(".st-param-exposure input").fill("99")
    page.locator("button.st-apply").click()
    page.get_by_text("is outside the limits").first.wait_for()
    page.locator(".st-param-exposure-row.st-refused").wait_for()
    shoot(page, "refused")
    assert overlaps(page) == []
    # What was refused is not proposed again with the next change.
    page.locator(".st-param-exposure input").fill("0.3")
    page.locator("button.st-apply").click()
    lab.wait_for_value("desk.board.status.value.pending == {'exposure': 0.3}")


def suggested(lab, page):
    lab.execute("desk.suggest()")
    dismiss = page.get_by_role("button", name="Dismiss").last
    dismiss.wait_for()
    dismiss.scroll_into_view_if_needed()
    shoot(page, "suggestion")
    assert overlaps(page) == []


def paused(lab, page):
    lab.press("pause")
    page.locator(".st-state", has_text="Paused").first.wait_for()
    shoot(page, "paused")
    lab.press("abort")
    page.locator(".st-state", has_text="Idle").first.wait_for()
    page.locator(".st-ended", has_text="was aborted at").wait_for()
    page.locator(".st-state").first.scroll_into_view_if_needed()
    shoot(page, "aborted")


def still_live(page, dashboard):
    """The page asks the kernel now and then whether it knows this view, and the answer is yes."""
    page.evaluate("() => { window.stStart = Date.now() }")
    # Longer than it takes until the page has asked, and an answer would be missed.
    page.wait_for_function("() => Date.now() - window.stStart > 22000")
    assert dashboard.get_attribute("data-live") == "live"


def closed(lab, page, dashboard):
    """What the closed session showed is greyed, and nothing counts on."""
    lab.execute("desk.board.closed.set('This session is closed. Open another: session = steering.open().')")
    dashboard.locator(".st-gone").get_by_text("This session is closed. Open another").wait_for()
    assert dashboard.get_attribute("data-live") == "closed"
    assert "st-stale" in dashboard.get_attribute("class")
    shoot(page, "session-closed")


def restarted(lab, page, url, token):
    """Nothing looks live after the kernel was restarted, by whomever; JupyterLab may take it off the page."""
    lab.run_all()
    page.locator(".st-dashboard[data-live=live]").wait_for()
    headers = {"Authorization": f"token {token}"}
    (kernel,) = httpx.get(f"{url}/api/kernels", headers=headers, trust_env=False).json()
    path = f"{url}/api/kernels/{kernel['id']}/restart"
    httpx.post(path, headers=headers, trust_env=False, timeout=240).raise_for_status()
    page.wait_for_function("() => !document.querySelector('.st-dashboard[data-live=live]')")
