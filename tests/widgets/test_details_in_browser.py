"""Small things that a person needs on the page: units, where the slider is, pictures, the bar on a telephone."""

from pathlib import Path

import pytest

from tests.widgets.lab import write_notebook
from tests.widgets.test_browser import DARK, LIGHT, SHOTS, overlaps, shoot

CELL = """
from pathlib import Path
from tests.widgets.control_service import serve_control
from tests.widgets.fake import FakeDesk
from steering_widgets import Dashboard

desk = FakeDesk()
desk.labelled = True
desk.past.folder = Path("exports").resolve()
token = serve_control(desk)
dashboard = Dashboard(desk)
image = dashboard._page._frame.image
dashboard.open()
"""
# How high the command bar is, and whether each of its buttons can be hit where it is seen.
BAR = """() => {
  const bar = document.querySelector('.st-panel-progress');
  const hit = [...bar.querySelectorAll('.st-direct')].every((button) => {
    const box = button.getBoundingClientRect();
    const at = document.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2);
    return at === button && button.scrollWidth <= button.clientWidth + 1;
  });
  return [bar.getBoundingClientRect().height, hit];
}"""
# Whether what the bar says of the scan and of its freshness lies beside each other, and not over.
APART = """() => {
  const boxes = ['.st-state', '.st-figures', '.st-fresh'].map((hook) =>
    document.querySelector(`.st-panel-progress ${hook}`).getBoundingClientRect());
  const over = (a, b) => a.left < b.right - 1 && b.left < a.right - 1 && a.top < b.bottom - 1 && b.top < a.bottom - 1;
  return boxes.every((box, at) => boxes.slice(at + 1).every((other) => !over(box, other)));
}"""
STYLE = "([hook, name, part]) => getComputedStyle(document.querySelector(hook), part).getPropertyValue(name)"
# The contrast of a grip with what it lies on.
CONTRAST = """([grip, under]) => {
  const canvas = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
  const colour = (...colours) => {
    for (const one of colours) { canvas.fillStyle = one; canvas.fillRect(0, 0, 1, 1); }
    return [...canvas.getImageData(0, 0, 1, 1).data].slice(0, 3);
  };
  const light = (parts) => parts.map((part) => part / 255)
    .map((part) => (part <= 0.03928 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4))
    .reduce((sum, part, index) => sum + part * [0.2126, 0.7152, 0.0722][index], 0);
  const below = getComputedStyle(document.querySelector(under)).backgroundColor;
  const above = getComputedStyle(document.querySelector(grip), '::before').backgroundColor;
  const [a, b] = [light(colour('#fff', below)), light(colour('#fff', below, above))];
  return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
}"""


@pytest.mark.browser
def test_a_person_finds_the_small_things(notebooks):
    write_notebook(notebooks.folder / "steer.ipynb", CELL)
    with notebooks.lab(width=1280, height=1000, failure=SHOTS) as lab:
        page = lab.page
        lab.open("steer.ipynb")
        lab.collapse_sidebar()
        lab.run_all()
        page.locator(".st-panel-frame").wait_for()
        lab.execute("desk.start('rocking'); desk.advance(25)")
        page.locator(".st-histogram:not([hidden])").wait_for()
        units_are_as_people_write_them(lab, page)
        the_feature_that_is_drawn_is_told(page)
        looking_renews_the_lease(lab, page)
        the_slider_is_in_sight(page)
        full_screen_says_which_frame(page)
        a_picture_is_kept(lab, page, notebooks.folder)
        the_bar_is_small_on_a_telephone(lab, page)
        assert lab.errors == [], lab.errors
        assert lab.external == []


def units_are_as_people_write_them(lab, page):
    page.get_by_text("0.2213 ± 0.0012 °", exact=True).wait_for()
    field = page.locator(".st-param-centre input")
    field.fill("0.3 °")
    page.locator(".st-edited-line").get_by_text("0.22 ° → 0.3 °").wait_for()
    page.locator("button.st-apply").click()
    lab.wait_for_value("any(getattr(one, 'value', 0) == 0.3 for one in desk.actions)")


def the_feature_that_is_drawn_is_told(page):
    numbers = page.locator(".st-numbers")
    numbers.get_by_text("Middle of the fit").wait_for()
    page.locator(".st-curve-about").get_by_text("Marked: middle of the fit, 0.22130 ± 0.00040 °.").wait_for()
    assert "Middle of the fit" in numbers.locator("dt", has=page.locator(".st-drawn")).text_content()
    page.locator(".st-curve-mark select").select_option("Highest point")
    page.locator(".st-curve-about").get_by_text("Marked: highest point, 0.2213 ± 0.0012 °.").wait_for()
    assert "Peak, highest point" in numbers.locator("dt", has=page.locator(".st-drawn")).text_content()


def looking_renews_the_lease(lab, page):
    page.locator(".st-lease").get_by_title("Renewed while you look or act").get_by_text(" left").wait_for()
    lab.wait_for_value("dashboard._page._presence.holds")
    lab.execute(
        "from dataclasses import replace; import time; status = desk.board.status.value; "
        "desk.board.status.set(replace(status, lease=replace(status.lease, until=time.time() + 40)))"
    )
    # Whoever comes back to the page looks at it at once.
    page.evaluate("() => document.dispatchEvent(new Event('visibilitychange'))")
    lab.wait_for_value("desk.board.status.value.lease.until > time.time() + 100")


def the_slider_is_in_sight(page):
    for hook in (".st-history-index", ".st-history-live", ".st-stage", ".st-value"):
        box = page.locator(hook).bounding_box()
        assert box["y"] + box["height"] < 976, hook
    shoot(page, "details-1280x1000")


def full_screen_says_which_frame(page):
    assert not page.locator(".st-caption").is_visible()
    page.locator("canvas.st-canvas").focus()
    page.keyboard.press("[")
    page.locator(".st-panel-frame .st-remark").get_by_text("frame 23 of 0 to 24").wait_for()
    page.locator("canvas.st-canvas").focus()
    page.keyboard.press("f")
    caption = page.locator(".st-large .st-caption")
    caption.get_by_text("frame 23 of 0 to 24, th 0.23 °, exposed").wait_for()
    assert " s ago" in caption.text_content()
    # The scan is seen, and can be stopped.
    bar = page.locator(".st-panel-progress")
    top = bar.bounding_box()
    assert caption.bounding_box()["y"] >= top["y"] + top["height"]
    bar.locator(".st-direct-abort").click(trial=True)
    bar.locator(".st-direct-pause").click(trial=True)
    shoot(page, "details-full-screen")
    page.keyboard.press("Escape")
    page.locator(".st-image:not(.st-large)").wait_for()
    page.wait_for_function("() => document.activeElement.matches('canvas.st-canvas') && !document.fullscreenElement")
    # Whoever has no keyboard at hand sees how to leave.
    page.locator("button.st-fill").click()
    page.locator(".st-large button.st-fill", has_text="Close").click()
    page.locator(".st-image:not(.st-large)").wait_for()


def a_picture_is_kept(lab, page, folder):
    stands = "() => document.querySelector('.st-picture').getBoundingClientRect().top"
    before = page.evaluate(stands)
    page.locator("button.st-save-picture").click()
    page.locator(".st-written").get_by_text("Written: ").wait_for()
    assert page.evaluate(stands) == before, "what is said of a picture moves no frame"
    run = lab.execute("print(desk.board.span.value.run[:8])").strip()
    (written,) = (folder / "exports").glob(f"frame-23-of-run-{run}-*.png")
    SHOTS.mkdir(parents=True, exist_ok=True)
    (SHOTS / "details-picture.png").write_bytes(written.read_bytes())
    assert str(written) in page.locator(".st-written").text_content()
    assert Path(written).stat().st_size > 2000
    lab.execute("image.folder = Path('/proc/no')")
    page.locator("button.st-save-picture").click()
    page.locator(".st-written.st-wrong").get_by_text("cannot be written to /proc/no").wait_for()
    lab.execute("image.folder = None")
    with page.expect_download() as download:
        page.locator("button.st-save-picture").click()
    assert download.value.suggested_filename == f"frame-23-of-run-{run}.png"
    lab.execute(f"image.folder = Path({str(folder / 'exports')!r})")
    page.locator("button.st-save-picture").click()
    page.locator(".st-written").get_by_text("Written: ").wait_for()
    page.locator("canvas.st-canvas").click(position={"x": 5, "y": 5})
    page.wait_for_function("() => document.querySelector('.st-written').textContent === ''")
    page.locator("canvas.st-canvas").focus()
    page.keyboard.press("l")


def the_bar_is_small_on_a_telephone(lab, page):
    for theme in (LIGHT, DARK):
        lab.theme(theme)
        page.set_viewport_size({"width": 390, "height": 1000})
        page.wait_for_function("() => document.querySelector('.st-panel-progress').offsetWidth < 390")
        page.locator(".st-panel-progress").scroll_into_view_if_needed()
        height, hit = page.evaluate(BAR)
        assert height <= 120
        assert hit
        assert overlaps(page) == []
        shoot(page, f"details-bar-390-{theme.rpartition(' ')[2].lower()}")
        # Nothing lies over anything, however long the words are: paused, and of a page that hears nothing.
        assert page.evaluate(APART)
        page.evaluate("() => document.querySelector('.st-dashboard').classList.add('st-unheard')")
        assert page.evaluate(APART)
        page.evaluate("() => document.querySelector('.st-dashboard').classList.remove('st-unheard')")
        # What is folded away is a press away.
        page.locator("button.st-unfold").click()
        page.locator("button.st-lease-release").wait_for()
        page.locator("button.st-unfold").click()
        page.locator("button.st-lease-release").wait_for(state="hidden")
        page.set_viewport_size({"width": 1280, "height": 1000})
        page.wait_for_function("() => document.querySelector('.st-panel-progress').offsetWidth > 1000")
        assert page.evaluate(CONTRAST, [".st-splitter-bar", ".jp-LinkedOutputView"]) >= 3
        assert page.evaluate(CONTRAST, [".st-height", ".st-panel-frame"]) >= 3
    the_system_may_choose_the_colours(page)
    lab.theme(LIGHT)
    how_a_scan_was_aborted_is_said_on_a_telephone(lab, page)


def the_system_may_choose_the_colours(page):
    """What only a background said is drawn all the same, and the buttons that matter are no buttons like the others."""
    page.emulate_media(forced_colors="active")
    assert page.evaluate(STYLE, [".st-gauge-line", "border-top-style", ""]) == "solid"
    assert page.evaluate(STYLE, [".st-direct-abort", "border-top-style", ""]) == "double"
    assert page.evaluate(STYLE, [".st-direct-pause", "border-top-style", ""]) == "solid"
    paper = page.evaluate(STYLE, [".st-panel-frame", "background-color", ""])
    assert page.evaluate(STYLE, [".st-handle", "background-color", "::before"]) != paper
    assert page.evaluate(STYLE, ["button.st-apply", "background-color", ""]) != paper
    assert page.evaluate(STYLE, [".st-plot", "forced-color-adjust", ""]) == "none"
    shoot(page, "details-forced-colours")
    page.emulate_media(forced_colors="none")


def how_a_scan_was_aborted_is_said_on_a_telephone(lab, page):
    page.set_viewport_size({"width": 390, "height": 1000})
    lab.execute("from steering.core.action import Abort; desk.propose(Abort())")
    page.locator(".st-ended-abort", has_text="was aborted at").wait_for()
    page.set_viewport_size({"width": 1280, "height": 1000})
