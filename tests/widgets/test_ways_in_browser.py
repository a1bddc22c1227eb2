"""The ways of a person through the page: focus and eye are led on, and nothing moves away from under the mouse."""

import pytest

from tests.widgets.lab import settled_box, write_notebook
from tests.widgets.test_browser import SHOTS, each_size, overlaps, shoot

CELL = """
from pathlib import Path
from tests.widgets.control_service import serve_control
from tests.widgets.fake import FakeDesk
from tests.widgets.fake_past import fill
from steering_widgets import Dashboard

desk = FakeDesk()
desk.labelled = True
fill(desk.past)
desk.past.folder = Path("exports").resolve()
token = serve_control(desk)
dashboard = Dashboard(desk)
dashboard
"""
FOCUS = "(hook) => document.activeElement?.classList.contains(hook) ?? false"
IN_SIGHT = """(selector) => {
  const box = document.querySelector(selector).getBoundingClientRect();
  const bar = document.querySelector('.st-panel-progress').getBoundingClientRect();
  return box.top > bar.bottom && box.bottom < innerHeight;
}"""

# Measured at one moment: above the form something may arrive at any time.
PLACES = """() => {
  const page = document.querySelector('.st-dashboard').getBoundingClientRect();
  const places = {};
  for (const selector of [
    '.st-param-exposure input', 'button.st-apply', '.st-panel-agents', '.st-modes', '.st-panel-curve',
    '.st-panel-frame',
  ]) {
    const { left, top, width, height } = document.querySelector(selector).getBoundingClientRect();
    places[selector] = [left - page.left, top - page.top, width, height];
  }
  return places;
}"""
# From the top of the page: the button that is pressed next, and what a person looks at.
BELOW = """() => {
  const page = document.querySelector('.st-dashboard').getBoundingClientRect();
  return ['button.st-apply', '.st-panel-curve', '.st-panel-frame', '.st-panel-trend'].map((selector) =>
    document.querySelector(selector).getBoundingClientRect().top - page.top);
}"""
STANDS = """([left, top]) => {
  const page = document.querySelector('.st-dashboard').getBoundingClientRect();
  const frame = document.querySelector('.st-panel-frame').getBoundingClientRect();
  return Math.abs(frame.left - page.left - left) < 1 && Math.abs(frame.top - page.top - top) < 40;
}"""


@pytest.mark.browser
def test_a_person_is_led_through_the_page(notebooks):
    write_notebook(notebooks.folder / "steer.ipynb", CELL)
    with notebooks.lab(width=1280, height=1000, failure=SHOTS) as lab:
        page = lab.page
        lab.open("steer.ipynb")
        lab.collapse_sidebar()
        lab.run_all()
        page.locator(".st-panel-form").wait_for()
        keys_stay_in_the_form(lab, page)
        a_suggestion_moves_nothing(lab, page)
        an_answer_moves_nothing(lab, page)
        the_frame_comes_to_who_draws(lab, page)
        each_file_is_offered(page)
        a_notice_is_a_line(lab, page)
        an_agent_is_set_by_keys(lab, page)
        the_lease_goes_from_hand_to_hand(lab, page)
        assert lab.errors == [], lab.errors
        assert lab.external == []


def keys_stay_in_the_form(lab, page):
    """Start gives its place to Apply, and so does its focus."""
    page.locator("button.st-start:enabled").focus()
    page.keyboard.press("Enter")
    page.wait_for_function(FOCUS, arg="st-apply")
    lab.execute("desk.advance(30)")
    page.keyboard.press("Shift+Tab")
    page.wait_for_function("() => Boolean(document.activeElement?.closest('.st-param-exposure-row'))")


def a_suggestion_moves_nothing(lab, page):
    """What is edited says so on a line that was there before; what an agent suggests has a place beside the form."""
    page.locator(".st-panel-curve .st-plot[data-ready=true]").first.wait_for()
    page.locator(".st-panel-progress").get_by_text("30 points done").first.wait_for()
    before = page.evaluate(PLACES)
    page.locator(".st-param-exposure input").fill("0.5")
    page.locator(".st-param-exposure-row .st-edited-line").get_by_text("0.25 s → 0.5 s").wait_for()
    lab.execute("desk.suggest()")
    suggestion = page.locator(".st-suggestion")
    suggestion.get_by_text("Set centre to 0.221 °").wait_for()
    suggestion.locator(".st-would").get_by_text("left, about").wait_for()
    # A line of the command bar may be broken now and then; what a suggestion takes is five times as high.
    for name, (left, top, *_) in page.evaluate(PLACES).items():
        assert (left, top) == (pytest.approx(before[name][0], abs=1), pytest.approx(before[name][1], abs=25)), name
    for _, name in each_size(lab, 1000):
        suggestion.scroll_into_view_if_needed()
        shoot(page, f"ways-suggestion-{name}")
        assert overlaps(page) == []
        # Words stand in lines, not letter below letter.
        assert suggestion.locator(".st-would").bounding_box()["width"] > 120
    # The page of the first width is laid out again, and stands as it did.
    page.wait_for_function(STANDS, arg=before[".st-panel-frame"][:2])
    top = page.evaluate(PLACES)[".st-panel-frame"][1]
    page.locator("button.st-dismiss-suggestion").click()
    suggestion.wait_for(state="hidden")
    assert page.evaluate(PLACES)[".st-panel-frame"][1] == pytest.approx(top, abs=25)


def an_answer_moves_nothing(lab, page):
    """What was accepted, taken back or paused is said where there was room for it."""
    lab.execute("desk.suggest()")
    page.locator(".st-suggestion").get_by_text("Set centre to 0.221 °").wait_for()
    page.locator(".st-suggestion .st-would").get_by_text("left, about").wait_for()
    before = page.evaluate(BELOW)
    page.locator("button.st-accept").click()
    page.locator(".st-panel-agents > .st-said").get_by_text("Accepted: set centre").wait_for()
    lab.execute("desk.advance()")
    page.locator(".st-param-centre-row").get_by_text("in force since point").wait_for()
    assert page.evaluate(BELOW) == pytest.approx(before, abs=1)
    page.locator("button.st-undo").click()
    page.locator(".st-panel-form > .st-said").get_by_text("Taken back: centre.").wait_for()
    assert page.evaluate(BELOW) == pytest.approx(before, abs=1)
    shoot(page, "ways-answered")
    page.locator(".st-direct-pause").click()
    page.locator(".st-panel-progress").get_by_text("The scan waits before its next point.").wait_for()
    assert page.evaluate(BELOW) == pytest.approx(before, abs=1)
    page.locator(".st-direct-resume").click()
    page.locator(".st-progress .st-state-running").wait_for()


def the_frame_comes_to_who_draws(lab, page):
    """The button is far from the frame: the page goes there, and back when a region is drawn or given up."""
    kinds = page.locator("select").filter(has_text="centre_of_mass").last
    assert kinds.input_value() == "centre_of_mass", "for which a region can be drawn"
    page.locator("button.st-help").focus()
    page.keyboard.press("Enter")
    page.locator(".st-keys").wait_for()
    page.keyboard.press("Escape")
    page.locator(".st-keys").wait_for(state="hidden")
    button = page.locator("button.st-analysis-draw")
    button.focus()
    page.keyboard.press("Enter")
    page.wait_for_function(FOCUS, arg="st-canvas")
    page.wait_for_function(IN_SIGHT, arg=".st-canvas")
    page.keyboard.press("Escape")
    page.wait_for_function(FOCUS, arg="st-analysis-draw")
    button.click()
    page.wait_for_function(IN_SIGHT, arg=".st-canvas")
    box = settled_box(page.locator("canvas.st-canvas"))
    page.mouse.move(box["x"] + 40, box["y"] + 40)
    page.mouse.down()
    page.mouse.move(box["x"] + 120, box["y"] + 90)
    page.mouse.up()
    page.wait_for_function(FOCUS, arg="st-analysis-draw")
    page.wait_for_function(IN_SIGHT, arg="button.st-analysis-draw")
    page.locator(".st-panel-analyses").get_by_text("What was drawn stands in its field. Press Add.").wait_for()
    shoot(page, "ways-drawn")


def each_file_is_offered(page):
    """Two runs make two files, and each can be had."""
    card = page.locator(".st-panel-runs")
    card.scroll_into_view_if_needed()
    for uid in ("44dd55ee-0004", "33cc44dd-0003"):
        card.locator(f".st-run[data-uid='{uid}']").click()
        card.locator(f".st-run[data-uid='{uid}'][aria-selected=true]").wait_for()
    page.locator("button.st-run-csv:enabled").click()
    card.get_by_text("Written to ").wait_for()
    assert card.locator(".st-run-said a").count() == 2
    shoot(page, "ways-exported")


def a_notice_is_a_line(lab, page):
    """What guards the buttons of a card takes no room from what stands beside it."""
    lab.execute("desk.board.notice.set('Agents are off in a new session. Before it were: recentre on “suggest”.')")
    page.locator(".st-notice").get_by_text("Agents are off").wait_for()
    width, height = page.locator(".st-notices").evaluate("(card) => [card.clientWidth, card.clientHeight]")
    assert page.locator(".st-notice").bounding_box()["width"] > 0.8 * width
    assert height < 60


def an_agent_is_set_by_keys(lab, page):
    """The mode that holds is seen, and said to who hears the page."""
    modes = page.locator(".st-mode-recentre")
    modes.locator(".st-mode-recentre-suggest.st-chosen[title$='(this holds now)']").wait_for()
    modes.locator("button.st-mode-recentre-suggest").focus()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    modes.locator(".st-mode-recentre-automatic.st-chosen[title$='(this holds now)']").wait_for()
    lab.wait_for_value("desk.board.modes.value['recentre'] == 'automatic'")
    assert modes.locator("[title$='(this holds now)']").count() == 1


def the_lease_goes_from_hand_to_hand(lab, page):
    """Who holds it is asked, keeps it, hands it over, asks for it back, and takes it when it is free."""
    lease = page.locator(".st-lease")
    lab.execute(
        "from dataclasses import replace\n"
        "def asked(who, **more):\n"
        "    status = desk.board.status.value\n"
        "    desk.board.status.set(replace(status, lease=replace(status.lease, asked=who, **more)))\n"
        "asked('ada')"
    )
    lease.get_by_text("asks for it; it is theirs in ").wait_for()
    shoot(page, "ways-lease-asked")
    page.locator("button.st-lease-keep").click()
    lease.get_by_text("you hold it; ").wait_for()
    lab.execute("asked('ada')")
    page.locator("button.st-lease-give").click()
    lease.get_by_text("held by ada; ").wait_for()
    page.locator(".st-panel-form").get_by_text("You are watching. Take the lease, above, to steer.").wait_for()
    page.locator("button.st-lease-ask").click()
    lease.get_by_text("held by ada, and you ask for it; ").wait_for()
    lab.execute("asked('', holder='')")
    lease.get_by_text("nobody holds it").wait_for()
    page.locator("button.st-lease-take").click()
    lease.get_by_text("you hold it; ").wait_for()
