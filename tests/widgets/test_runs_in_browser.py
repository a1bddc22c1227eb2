"""The card of runs in a real Chromium: found, chosen by keyboard, laid over the curve, exported, linked to."""

from pathlib import Path

import pytest

from tests.widgets.accessibility import barriers
from tests.widgets.lab import write_notebook
from tests.widgets.test_browser import overlaps

SHOTS = Path(__file__).parents[2] / "artefacts" / "screenshots"
LIGHT, DARK = "JupyterLab Light", "JupyterLab Dark"
CELL = """
from pathlib import Path
from tests.widgets.control_service import serve_control
from tests.widgets.fake import FakeDesk
from tests.widgets.fake_past import fill
from steering_widgets import Dashboard

desk = FakeDesk()
fill(desk.past)
desk.past.folder = Path("exports").resolve()
token = serve_control(desk)
dashboard = Dashboard(desk)
dashboard.open()
"""
FIRST, SECOND, FAILED = "33cc44dd-0003", "44dd55ee-0004", "11aa22bb-0001"
CARD = ".jupyterlab-sidecar .st-panel-runs"

# Numbers that reach over what stands beside them.
SPILLED = """() => [...document.querySelectorAll('.st-run-features')]
  .filter((one) => one.scrollWidth > one.clientWidth + 1).map((one) => one.textContent)"""


def row(page, uid):
    return page.locator(f"{CARD} .st-run[data-uid='{uid}']")


def shoot(page, name):
    SHOTS.mkdir(parents=True, exist_ok=True)
    page.locator(CARD).screenshot(path=SHOTS / f"{name}.png")


@pytest.mark.browser
def test_a_run_is_found_compared_exported_and_opened_by_its_link(notebooks):
    write_notebook(notebooks.folder / "runs.ipynb", CELL)
    with notebooks.lab(failure=SHOTS) as lab:
        page = lab.page
        page.set_viewport_size({"width": 1280, "height": 1400})
        lab.context.grant_permissions(["clipboard-read", "clipboard-write"])
        lab.open("runs.ipynb")
        lab.collapse_sidebar()
        lab.run_all()
        row(page, FIRST).get_by_text("0.2100 ± 0.0012 °").wait_for()
        compared(lab, page)
        brought(lab, page)
        exported(lab, page)
        in_each_size(page, lab)
        link = linked(page)
        opened(lab, link)
        assert lab.external == []


def compared(lab, page):
    """Lay two runs over the running curve, without a mouse."""
    lab.execute("desk.start('rocking'); desk.advance(30)")
    page.locator(".st-panel-curve").get_by_text("30 frames").first.wait_for()
    first = page.locator(f"{CARD} .st-run[tabindex='0']")
    first.focus()
    page.keyboard.press("Home")
    for key in ("ArrowDown", "Space", "ArrowDown", "Enter"):
        page.keyboard.press(key)
        page.locator(f"{CARD} .st-run:focus").wait_for()
    lab.wait_for_value("len([one for one in dashboard._page._closing if type(one).__name__ == 'RunsPanel']) == 1")
    page.locator(f"{CARD} .st-run[aria-selected=true]").nth(1).wait_for()
    shoot(page, "runs-chosen")
    page.locator("button.st-run-overlay:enabled").click()
    page.locator(CARD).get_by_text("Behind the curve: ").wait_for()
    page.locator(".st-panel-curve").get_by_text("behind it").first.wait_for()
    first.focus()
    page.keyboard.press("Escape")
    page.locator(f"{CARD} .st-run[aria-selected=true]").first.wait_for(state="detached")
    shoot(page, "runs-overlay")
    page.locator(".jupyterlab-sidecar .st-panel-curve").screenshot(path=SHOTS / "runs-overlay-curve.png")


def brought(lab, page):
    """A chosen run is scrolled into sight, in its table and not in the page, and stays there when another begins."""
    grid, last = page.locator(f"{CARD} .st-run-grid"), row(page, FAILED)
    grid.evaluate("(grid) => { grid.style.maxHeight = '90px'; grid.scrollTop = 0; }")
    table = "next(one for one in dashboard._page._closing if type(one).__name__ == 'RunsPanel')._table"
    lab.execute(f"{table}.picked = ['{FAILED}']")
    seen = f"""() => {{
      const at = document.querySelector("{CARD} .st-run[data-uid='{FAILED}']").getBoundingClientRect();
      const all = document.querySelector("{CARD} .st-run-grid").getBoundingClientRect();
      return at.top >= all.top && at.bottom <= all.bottom + 1; }}"""
    page.wait_for_function(seen)
    page.locator(f"{CARD} .st-run-chosen", has_text="Chosen: align 3, 11aa22bb").wait_for()
    lab.execute(f"{table}.rows = [dict({table}.rows[0], uid='new'), *{table}.rows]")
    row(page, "new").wait_for(state="attached")
    assert page.evaluate(seen)
    lab.execute(f"{table}.rows = {table}.rows[1:]; {table}.picked = []")
    last.and_(page.locator("[aria-selected=false]")).wait_for(state="attached")
    grid.evaluate("(grid) => { grid.style.maxHeight = ''; }")


def exported(lab, page):
    row(page, SECOND).click()
    page.locator(f"{CARD} .st-run[aria-selected=true][data-uid='{SECOND}']").wait_for()
    page.locator("button.st-run-csv:enabled").click()
    page.locator(CARD).get_by_text("Written to ").wait_for()
    with page.expect_download() as download:
        page.locator(f"{CARD} .st-run-said a").click()
    assert "# feature: peak, 0.25, 0.0012, deg" in Path(download.value.path()).read_text()
    shoot(page, "runs-exported")


def in_each_size(page, lab):
    assert barriers(page) == []
    for theme in (LIGHT, DARK):
        lab.theme(theme)
        for width in (390, 1280, 1920):
            page.set_viewport_size({"width": width, "height": 1400})
            page.locator(CARD).scroll_into_view_if_needed()
            shoot(page, f"runs-{theme.split()[1].lower()}-{width}")
            assert overlaps(page) == [], f"{width} px"
            assert page.evaluate(SPILLED) == [], f"{width} px"
    lab.theme(LIGHT)
    page.set_viewport_size({"width": 1280, "height": 1400})


def linked(page):
    row(page, SECOND).get_by_role("button", name="Copy the link to rocking 6").click()
    page.locator(f"{CARD} .st-run-said", has_text="Copied: ").wait_for()
    link = page.evaluate("() => navigator.clipboard.readText()")
    assert link.endswith(f"?steering-run={SECOND}")
    assert "token" not in link
    return link


def opened(lab, link):
    """Open the link in another page of the browser, and see the run shown; a running scan is taken from nobody."""
    first = lab.new_page()
    first.goto(link, wait_until="domcontentloaded")
    first.locator(".st-panel-runs", has_text="A scan runs. Press Show to look at").first.wait_for()
    assert lab.value("desk.shown") == []
    first.close()
    lab.execute("desk.advance(51)")
    lab.wait_for_value("desk.board.status.value.state == 'idle'")
    other = lab.new_page()
    other.set_viewport_size({"width": 1280, "height": 1400})
    other.goto(link, wait_until="domcontentloaded")
    lab.wait_for_value("[one[0] for one in desk.shown]", page=lab.page)
    assert lab.value("desk.shown") == [[SECOND, "", {}]]
    other.locator(".st-panel-runs", has_text="which the page's address names, is shown").first.wait_for()
    other.locator(".st-shown-about", has_text="25 of 51 frames analysed").first.wait_for()
    lab.execute("desk.shown_to_the_end()")
    other.locator(".st-shown-about", has_text="all 51 frames analysed").first.wait_for()
    other.locator(".st-panel-runs").first.screenshot(path=SHOTS / "runs-opened.png")
    other.locator(".st-panel-shown").first.scroll_into_view_if_needed()
    other.screenshot(path=SHOTS / "runs-shown.png")
    assert barriers(other) == []
    lab.collapse_sidebar(other)
    other.set_viewport_size({"width": 390, "height": 1400})
    other.locator(".st-panel-shown").first.screenshot(path=SHOTS / "runs-shown-390.png")
    other.get_by_role("button", name="Back to the beamline").click()
    lab.wait_for_value("desk.board.source.value.name == 'documents'")
    other.close()
