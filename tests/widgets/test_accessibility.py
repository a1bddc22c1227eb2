"""A dashboard for who cannot see it well, or has no mouse, in a real JupyterLab and Chromium."""

import pytest

from tests.widgets.accessibility import barriers
from tests.widgets.lab import write_notebook
from tests.widgets.test_browser import CELL, SHOTS, overlaps, shoot

THEMES = ("JupyterLab Light", "JupyterLab Dark", "JupyterLab Dark High Contrast")
# What the keyboard is at, in the words of a person.
AT = """() => {
  const at = document.activeElement;
  if (at === document.body) return '';
  return (at.ariaLabel || at.title || at.textContent || at.closest('.widget-inline-hbox')?.textContent || '').trim();
}"""


@pytest.mark.browser
def test_no_state_has_a_serious_barrier_and_all_is_done_by_keyboard(notebooks):
    write_notebook(notebooks.folder / "steer.ipynb", CELL.replace("\ndashboard\n", "\ndashboard.open()\n"))
    with notebooks.lab(failure=SHOTS) as lab:
        page = lab.page
        page.set_viewport_size({"width": 1500, "height": 1400})
        lab.open("steer.ipynb")
        lab.collapse_sidebar()
        lab.run_all()
        page.locator(".jupyterlab-sidecar .st-dashboard[data-live=live]").wait_for()
        page.locator("button.st-start").wait_for()
        seen(page, "idle")
        steered_by_keyboard(lab, page)
        in_each_theme(lab, page)
        assert lab.external == []


def seen(page, name):
    found = barriers(page)
    assert found == [], f"{name}: {found}"


def steered_by_keyboard(lab, page):
    """Start, change a value, take it back, pause, accept a suggestion, without a mouse."""
    tab_to(page, "exposure")
    page.keyboard.press("Control+A")
    # Whoever types fast need not wait until the kernel has read it.
    page.keyboard.type("0.5")
    page.keyboard.press("Enter")
    lab.wait_for_value("desk.started == [('rocking', {'exposure': 0.5})]")
    # The field in which it was typed has given its place to the one that steers the scan, with the focus.
    page.wait_for_function("() => document.activeElement.closest('.st-param-exposure')")
    lab.execute("desk.advance(30); desk.suggest()")
    page.get_by_text("0.2213 ± 0.0012 °", exact=True).wait_for()
    seen(page, "running with a suggestion")
    tab_to(page, "Propose this in your name")
    page.keyboard.press("Enter")
    lab.wait_for_value("desk.board.status.value.pending == {'centre': 0.221}")
    # The suggestion has gone: who works with keys goes on beside it.
    page.wait_for_function("() => document.activeElement.closest('.st-panel')")
    lab.execute("desk.advance()")
    page.locator(".st-param-exposure input").focus()
    page.keyboard.press("Control+A")
    page.keyboard.type("99")
    page.keyboard.press("Enter")
    page.locator(".st-field-error").get_by_text("Allowed: 0.01 to 5 s.").wait_for()
    seen(page, "refused")
    lab.press("pause", key="Alt+Shift+KeyP")
    page.locator(".st-state-paused").wait_for()
    seen(page, "paused")
    # Somebody who types into a scan that ends at that moment must not start another one with the next Enter.
    page.locator(".st-param-exposure input").focus()
    lab.press("abort", key="Alt+Shift+KeyA")
    lab.wait_for_value("desk.board.status.value.state == 'idle'")
    page.wait_for_function("() => document.activeElement.matches('.st-panel-form')")
    started = lab.value("len(desk.started)")
    page.keyboard.type("0.7")
    page.keyboard.press("Enter")
    page.locator(".st-ended", has_text="was aborted at").wait_for()
    assert lab.value("len(desk.started)") == started
    seen(page, "aborted")


def tab_to(page, words):
    """Press Tab until what has the focus says so; nothing may hold the focus for ever."""
    page.locator(".st-direct-pause").focus()
    passed = []
    while words not in (at := page.evaluate(AT)):
        passed.append(at)
        assert len(passed) < 150, f"{words} cannot be reached by Tab: {passed}"
        page.keyboard.press("Tab")


def in_each_theme(lab, page):
    lab.execute("desk.start('map'); desk.advance(100); desk.pools()")
    page.locator(".st-panel-map").get_by_text("100 points").wait_for()
    page.get_by_text("Not enough free nodes").wait_for()
    for theme in THEMES:
        lab.theme(theme)
        seen(page, theme)
        assert overlaps(page) == []
        shoot(page, f"map-{theme.split(maxsplit=1)[1].lower().replace(' ', '-')}")
    lab.theme(THEMES[0])
