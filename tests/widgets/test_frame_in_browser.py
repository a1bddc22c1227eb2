"""The frame, large, in a real page: limits in counts, marks, full screen, profiles, other frames, regions."""

import pytest

from tests.widgets.lab import settled_box, write_notebook
from tests.widgets.test_browser import SHOTS, each_size, open_frame, overlaps, shoot

CELL = """
from dataclasses import replace
import numpy as np
from steering.core.frame import Frame
from steering.core.pixels import Bad
from steering.readers.eye import for_the_eye
from tests.widgets.control_service import serve_control
from tests.widgets.fake import FakeDesk
from steering_widgets import Dashboard

class Desk(FakeDesk):
    def frame(self):
        # A gap, two dead pixels and three saturated ones, as a detector writes them.
        frame = super().frame()
        pixels = frame.pixels.astype("i4")
        pixels[120:124], pixels[20, 30], pixels[200, 40] = -1, -2, -2
        pixels[114, 158:161] = 5000
        return for_the_eye(replace(frame, pixels=pixels), Bad(None, 5000))

desk = Desk()
desk.labelled = True
token = serve_control(desk)
dashboard = Dashboard(desk)
image = dashboard._page._frame.image
dashboard
"""
PAINTED = "(number) => document.querySelector('.st-image').dataset.number === String(number)"
_AROUND = """
  const around = [];
  for (let one = document.querySelector('.st-image').parentElement; one; one = one.parentElement) around.push(one);
  const stands = () => around.reduce((sum, one) => sum + one.scrollTop, 0);
"""
TO_THE_END = f"() => {{ {_AROUND} for (const one of around) one.scrollTop = 1e6; return stands(); }}"
AS_BEFORE = f"stood => {{ {_AROUND} return Math.abs(stands() - stood) < 2; }}"
FULL = "() => document.fullscreenElement?.classList.contains('st-dashboard') ?? false"
# What editors do whose pages may not fill the screen.
REFUSED = "() => { Element.prototype.requestFullscreen = async () => { throw new TypeError('no'); }; }"
# The picture has found its place in a page of another width.
FITS = """() => {
  const boxOf = (name) => document.querySelector(name).getBoundingClientRect();
  const [stage, canvas] = [boxOf('.st-stage'), boxOf('.st-canvas')];
  const fits = Math.min(stage.width, stage.height);
  return Math.abs(Math.min(canvas.width, canvas.height) - fits) < 2;
}"""
# The profiles are drawn as large as they are shown, not stretched.
SHARP = """() => [...document.querySelectorAll('canvas.st-across, canvas.st-down')].every((canvas) =>
  canvas.width === Math.round(canvas.clientWidth * devicePixelRatio)
  && canvas.height === Math.round(canvas.clientHeight * devicePixelRatio))"""
# Where on the screen a point of the curve is, and which frame is its.
POINT = """() => {
  const dataOf = (root) => root.model.renderers?.map((one) => one.data_source.data).find((one) => one.frame?.length);
  const plot = Bokeh.index.roots.find((root) => root.el.offsetParent && dataOf(root));
  const data = dataOf(plot), box = plot.el.getBoundingClientRect();
  // From the left: which frame that is depends on how many there are. One that no key has come to yet.
  const newest = Math.max(...data.frame);
  const at = [...data.frame].findIndex((frame, place) => place > 2 && frame < newest - 2);
  const [sx] = plot.frame.x_scale.v_compute([data.x[at]]), [sy] = plot.frame.y_scale.v_compute([data.y[at]]);
  return [box.x + sx, box.y + sy, data.frame[at]];
}"""
# JupyterLab in command mode deletes cells and scrolls on keys of ours.
LEAKED = """() => {
  globalThis.leaked = [];
  document.addEventListener('keydown', (event) => globalThis.leaked.push(event.key));
}"""


@pytest.mark.browser
def test_a_person_looks_closely_at_the_frame(notebooks):
    write_notebook(notebooks.folder / "steer.ipynb", CELL)
    with notebooks.lab(width=1400, height=1000, failure=SHOTS) as lab:
        page = lab.page
        open_frame(lab)
        page.locator(".st-marks").get_by_text("3 saturated").wait_for()
        page.locator(".st-marks").get_by_text("2 dead").wait_for()
        page.locator(".st-marks").get_by_text("1024 masked (1.56 %)").wait_for()
        what_was_forgotten_is_shown_again(lab, page)
        limits_are_set(lab, page)
        looks_closer(lab, page)
        fills_the_screen(page)
        goes_to_other_frames(lab, page)
        regions_are_outlined(lab, page)
        in_each_width(lab, page)
        assert lab.errors == [], lab.errors
        assert lab.external == []


def what_was_forgotten_is_shown_again(lab, page):
    """The kernel took the page for gone: told so, or if that was lost too, it speaks again, and the picture goes on."""
    for forget in (
        "flow, = image._flows.values(); flow.waited = 1 - 1e9; image.pump()",
        "image._flows.clear()",
    ):
        lab.execute(forget)
        lab.execute("desk.advance()")
        while not lab.page.evaluate(PAINTED, lab.value("desk.board.frame.value.number")):
            # Another frame is told of by its caption, once a second.
            lab.execute("desk.advance()")
            lab.page.wait_for_timeout(500)


def limits_are_set(lab, page):
    """With the handles by pointer and by key, by typing, and locked."""
    high = page.locator(".st-handle-high")
    high.scroll_into_view_if_needed()
    box = settled_box(high)
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 20)
    page.mouse.down()
    page.mouse.move(box["x"] - 150, box["y"] + 20, steps=5)
    page.mouse.up()
    lab.wait_for_value("not image.auto_high and image.auto_low and 200 < image.high < 600")
    assert page.locator(".st-auto-high").is_checked() is False
    dragged = lab.value("image.high")
    high.press("ArrowRight")
    lab.wait_for_value(f"{dragged} < image.high < {dragged} + 40")
    assert high.get_attribute("role") == "slider"
    assert high.get_attribute("aria-valuetext").endswith(" counts")
    field = page.locator(".st-low")
    field.fill("5000")
    field.press("Enter")
    page.locator(".st-limits-said").get_by_text("The darkest, 5000 counts, must be below the brightest").wait_for()
    shoot(page, "frame-limit-refused")
    field.fill("12.5")
    field.press("Enter")
    lab.wait_for_value("image.low == 12.5 and not image.auto_low")
    assert page.locator(".st-limits-said").text_content() == ""
    # Nothing written is automatic again: how bright that is depends on the newest frame.
    by_hand = lab.value("image.high")
    field.fill("")
    field.press("Enter")
    page.locator(".st-high").fill("")
    page.locator(".st-high").press("Enter")
    lab.wait_for_value("image.auto_low and image.auto_high")
    page.locator(".st-lock").check()
    lab.wait_for_value(f"image.locked and image.high != {by_hand}")
    locked = lab.value("image.high")
    lab.execute("desk.advance(3)")
    page.locator(".st-scale-name").select_option("sqrt")
    lab.wait_for_value(f"image.scale == 'sqrt' and image.high == {locked}")
    page.locator(".st-lock").uncheck()
    page.locator(".st-scale-name").select_option("log")
    lab.wait_for_value("not image.locked and image.scale == 'log'")
    shoot(page, "frame-log")
    page.locator(".st-scale-name").select_option("linear")
    lab.wait_for_value("image.scale == 'linear'")


def looks_closer(lab, page):
    """Zooms, pans and draws profiles with keys, which JupyterLab does not get."""
    page.evaluate(LEAKED)
    canvas = page.locator("canvas.st-canvas")
    canvas.focus()
    for _ in range(3):
        page.keyboard.press("+")
    lab.wait_for_value("next(iter(image._flows.values())).window.rows == 32")
    column = lab.value("next(iter(image._flows.values())).window.column")
    page.keyboard.press("ArrowRight")
    lab.wait_for_value(f"next(iter(image._flows.values())).window.column == {column} + 3")
    page.keyboard.press("p")
    lab.wait_for_value("image.profiles")
    page.locator("canvas.st-across").wait_for()
    page.keyboard.press("Shift+ArrowLeft")
    page.wait_for_function("() => / counts$/.test(document.querySelector('.st-value').textContent)")
    page.locator("canvas.st-across[aria-label*='up to']").wait_for()
    shoot(page, "frame-zoomed-with-profiles")
    page.keyboard.press("0")
    lab.wait_for_value("next(iter(image._flows.values())).window.rows == 0")
    assert page.evaluate("globalThis.leaked") == ["Shift"]
    # The height is pulled by keys too.
    before = page.locator(".st-picture").bounding_box()["height"]
    page.locator(".st-height").press("ArrowUp")
    assert page.locator(".st-picture").bounding_box()["height"] == pytest.approx(before - 24, abs=1)
    page.locator(".st-height").press("Home")
    assert page.locator(".st-picture").bounding_box()["height"] == pytest.approx(before, abs=1)


def fills_the_screen(page):
    canvas = page.locator("canvas.st-canvas")
    # Whoever turns the wheel over the frame learns how to zoom.
    canvas.hover()
    page.mouse.wheel(0, 1)
    page.locator(".st-how").get_by_text("Ctrl and the wheel zoom").wait_for()
    page.locator(".st-how").wait_for(state="hidden")
    canvas.focus()
    stood = page.evaluate(TO_THE_END)
    assert stood > 0, "nothing is scrolled, so nothing is shown of what comes back"
    page.keyboard.press("f")
    page.wait_for_function(FULL)
    page.locator(".st-image.st-large").wait_for()
    page.wait_for_function(SHARP)
    below_the_bar(page)
    assert page.locator(".st-levels").bounding_box()["y"] < 1000
    shoot(page, "frame-full-screen")
    page.keyboard.press("Escape")
    page.locator(".st-image:not(.st-large)").wait_for()
    # Who looked closer finds the page as it stood.
    page.wait_for_function(AS_BEFORE, arg=stood)
    page.evaluate(REFUSED)
    page.locator("button.st-fill").click()
    page.locator(".st-image.st-large[popover]").wait_for()
    below_the_bar(page)
    shoot(page, "frame-over-the-page")
    page.keyboard.press("Escape")
    page.locator(".st-image:not(.st-large)").wait_for()


def below_the_bar(page):
    """The frame fills the screen, but for the command bar: the scan is seen, and can be stopped."""
    box, bar = (page.locator(hook).bounding_box() for hook in (".st-image", ".st-panel-progress"))
    assert (box["x"], box["width"], box["y"] + box["height"]) == (0, 1400, 1000)
    assert box["y"] == pytest.approx(bar["y"] + bar["height"], abs=1)
    page.locator(".st-direct-abort").click(trial=True)


def goes_to_other_frames(lab, page):
    """Back by keys, to the frame of a point, and to the newest again."""
    last = lab.value("desk.board.span.value.stop - 1")
    canvas = page.locator("canvas.st-canvas")
    canvas.focus()
    page.keyboard.press("[")
    page.wait_for_function(PAINTED, arg=last - 1)
    page.keyboard.press("[")
    page.wait_for_function(PAINTED, arg=last - 2)
    page.keyboard.press("]")
    page.wait_for_function(PAINTED, arg=last - 1)
    page.locator(".st-panel-curve .st-hint").scroll_into_view_if_needed()
    x, y, frame = page.evaluate(POINT)
    assert frame < last - 2
    page.mouse.click(x, y)
    page.wait_for_function(PAINTED, arg=frame)
    page.locator(".st-remark").get_by_text(f"frame {frame} of 0 to {last}").wait_for()
    # The pointer is elsewhere, and the profiles are those of this frame all the same: equal counts, and one more.
    page.locator(f"canvas.st-across[aria-label$='up to {frame + 1}']").wait_for()
    # The fake's older frames have their number in each pixel: the limits follow, though frames came quickly.
    page.wait_for_function("(counts) => document.querySelector('.st-low').value === String(counts)", arg=frame)
    shoot(page, "frame-of-a-point")
    canvas.focus()
    page.keyboard.press("l")
    page.locator(".st-remark").get_by_text("newest frame,").wait_for()
    assert page.locator(".st-history-live input").is_checked()


def regions_are_outlined(lab, page):
    panel = page.locator(".st-panel-analyses")
    panel.locator(".st-analysis-kind select").select_option("centre_of_mass")
    panel.locator(".st-asked-region input").fill("90:140, 130:190")
    panel.locator(".st-asked-region input").press("Tab")
    page.locator(".st-outline.st-draft").wait_for()
    panel.locator(".st-asked-masked input").fill("10:60, 20:100")
    panel.locator(".st-asked-masked input").press("Tab")
    page.locator(".st-outline.st-left-out").wait_for()
    panel.locator(".st-analysis-label input").fill("spot")
    panel.locator(".st-analysis-label input").press("Tab")
    panel.locator("button.st-analysis-apply").click()
    page.locator(".st-outline:not(.st-draft)", has_text="spot: left out").wait_for()
    outline = page.locator(".st-outline", has_text="spot").first.bounding_box()
    canvas = page.locator("canvas.st-canvas").bounding_box()
    share = canvas["width"] / 256
    assert outline["x"] - canvas["x"] == pytest.approx(130 * share, abs=1)
    assert outline["y"] - canvas["y"] == pytest.approx(90 * share, abs=1)
    assert outline["width"] == pytest.approx(60 * share, abs=1)


def in_each_width(lab, page):
    for width, name in each_size(lab):
        page.locator(".st-image").scroll_into_view_if_needed()
        page.wait_for_function(FITS)
        assert overlaps(page) == []
        shoot(page, f"frame-{name}")
        if width >= 1280:
            whole = page.locator(".st-dashboard").bounding_box()["width"]
            assert page.locator(".st-panel-frame").bounding_box()["width"] == pytest.approx(whole / 2, rel=0.03)
