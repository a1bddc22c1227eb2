"""What a person is told who looks elsewhere, and what is seen at second sight: an age, a reason, a difference."""

from pathlib import Path

import pytest

from tests.widgets.accessibility import barriers
from tests.widgets.lab import write_notebook
from tests.widgets.test_browser import SHOTS, overlaps, shoot
from tests.widgets.test_ways_in_browser import CELL

# What the browser was asked to show and to play, in place of showing and playing it.
TELLS = """
window.told = [];
window.played = 0;
window.Notification = class {
  static permission = 'granted';
  static requestPermission = async () => 'granted';
  constructor(title, { body }) { window.told.push(`${title}: ${body}`); }
};
window.AudioContext = class {
  currentTime = 0;
  createOscillator() {
    window.played += 1;
    return { frequency: {}, connect: (next) => next, start() {}, stop() {}, addEventListener() {} };
  }
  createGain() {
    return { gain: { setValueAtTime() {}, exponentialRampToValueAtTime() {} }, connect() {} };
  }
};
"""
# Where on the page the first decision of the curve is drawn.
DECISION = """() => {
  const views = [...Bokeh.index.roots].flatMap((root) => [root, ...(root.children_views?.() ?? [])]);
  for (const root of Bokeh.index.roots) {
    for (const renderer of root.model.renderers ?? []) {
      if (renderer.glyph?.marker?.value !== 'inverted_triangle') continue;
      const { x } = renderer.data_source.data;
      if (!x?.length) continue;
      const view = root.views ? root.views.find_one(renderer) : root.owner.find_one(renderer);
      const [sx] = view.coordinates.x_scale.v_compute([x[0]]);
      const [sy] = view.coordinates.y_scale.v_compute([0.975]);
      const box = root.canvas_view.events_el.getBoundingClientRect();
      return [box.left + sx, box.top + sy];
    }
  }
  return null;
}"""


@pytest.mark.browser
def test_a_person_is_told_and_sees_more_at_second_sight(notebooks):
    write_notebook(notebooks.folder / "steer.ipynb", CELL)
    with notebooks.lab(width=1500, height=1100, failure=SHOTS) as lab:
        page = lab.page
        page.add_init_script(TELLS)
        lab.open("steer.ipynb")
        lab.collapse_sidebar()
        lab.run_all()
        page.locator(".st-panel-form").wait_for()
        the_strip_says_what_is_waited_for(lab, page)
        who_looks_elsewhere_is_told(lab, page)
        a_decision_says_why(lab, page)
        what_gets_no_news_says_so(lab, page)
        a_plot_is_saved_as_a_picture(page)
        a_suggestion_is_edited(lab, page)
        two_runs_are_subtracted_and_taken_home(lab, page)
        barriers_in_further_states(lab, page)
        assert lab.errors == [], lab.errors


def the_strip_says_what_is_waited_for(lab, page):
    lab.execute(
        "from steering.core.instrument import Instrument, Reading\n"
        "desk.board.instrument.set(Instrument((Reading('ring current', '199.8 mA'), "
        "Reading('shutter', 'closed', False, 'wanted is open'), Reading('temperature', 'does not answer', False))))"
    )
    strip = page.locator(".st-panel-instrument")
    strip.get_by_text("199.8 mA").wait_for()
    strip.get_by_text("a scan waits for: shutter").wait_for()
    shoot(page, "told-strip")
    assert overlaps(page) == []
    tops = [page.locator(f".st-panel-{name}").bounding_box()["y"] for name in ("curve", "frame")]
    assert tops[0] == pytest.approx(tops[1], abs=2), "the plots begin where the frame does"
    assert barriers(page) == []


def who_looks_elsewhere_is_told(lab, page):
    told = "(words) => window.told.some((one) => one.includes(words))"
    page.locator("button.st-start:enabled").click()
    page.locator(".st-direct-bar[data-link=live]").wait_for()
    lab.wait_for_value("desk.board.status.value.state == 'running'")
    lab.execute("desk.advance(30)")
    lab.press("pause")
    page.locator(".st-state-paused").first.wait_for()
    # Nobody has asked for it yet.
    assert page.evaluate("[window.told, window.played]") == [[], 0]
    lab.press("resume")
    page.locator(".st-state-running").first.wait_for()
    for way in ("notify", "sound"):
        page.locator(f".st-alert-{way}").click()
        page.locator(f".st-alert-{way}[aria-pressed=true]").wait_for()
    lab.press("pause")
    page.wait_for_function(told, arg="The scan is paused")
    assert page.evaluate("window.played") == 3, "one when it was switched on, two for what is urgent"
    lab.press("resume")
    lab.execute("desk.suggest()")
    page.wait_for_function(told, arg="An agent suggests a change: The peak is 0.041 ° off the middle.")
    lab.execute("desk.board.notice.set('The flow run keep-3f2a has failed. Free space, and resume.')")
    page.wait_for_function(told, arg="Something has gone wrong: The flow run keep-3f2a has failed. Free space")
    lab.execute("desk.board.notice.set('')")


def a_decision_says_why(lab, page):
    page.locator("button.st-accept").click()
    lab.wait_for_value("len(desk.board.rulings.value) > 0")
    lab.execute("desk.advance(3)")
    page.locator(".st-panel-curve").scroll_into_view_if_needed()
    page.wait_for_function(f"() => Boolean(({DECISION})())")
    x, y = page.evaluate(DECISION)
    page.mouse.move(x - 30, y + 40)
    page.mouse.move(x, y, steps=5)
    # Bokeh puts what it says beside the pointer at the end of the page.
    page.get_by_text("on rocking_curve after 26 frames").first.wait_for()
    page.get_by_text("not said").first.wait_for()
    shoot(page, "told-decision")
    page.mouse.move(5, 5)


def what_gets_no_news_says_so(lab, page):
    lab.execute(
        "import time; from dataclasses import replace; result = desk.board.result.value\n"
        "aged = replace(result, version=result.version + 1,"
        " provenance=replace(result.provenance, times={'photon': time.time()}))\n"
        "desk.board.result.set(aged); desk.board.results.set({'rocking_curve': aged})"
    )
    page.locator(".st-panel-curve .st-news").wait_for()
    for panel in ("curve", "frame"):
        page.locator(f".st-panel-{panel}.st-late").wait_for()
    shoot(page, "told-late")
    lab.execute("desk.advance(2)")
    page.wait_for_function("() => !document.querySelector('.st-panel-curve.st-late, .st-panel-frame.st-late')")


def a_plot_is_saved_as_a_picture(page):
    page.locator(".st-panel-curve .st-plot").hover()
    with page.expect_download() as download:
        page.get_by_title("Save", exact=True).first.click()
    assert download.value.suggested_filename == "curve.png"
    assert Path(download.value.path()).read_bytes().startswith(b"\x89PNG")


def a_suggestion_is_edited(lab, page):
    lab.execute("desk.board.suggestions.set(()); desk.suggest()")
    page.locator("button.st-edit-suggestion").click()
    page.wait_for_function("() => document.querySelector('.st-param-centre input').value === '0.221'")
    page.locator(".st-suggestion").wait_for(state="hidden")
    page.locator(".st-param-centre input").fill("0.23")
    page.locator(".st-param-centre input").press("Enter")
    lab.wait_for_value("desk.board.status.value.pending == {'centre': 0.23}")


def two_runs_are_subtracted_and_taken_home(lab, page):
    table = page.locator(".st-panel-runs")
    table.scroll_into_view_if_needed()
    row = table.locator("[data-uid^='33cc44dd']").first
    row.wait_for()
    row.click()
    page.locator("button.st-run-minus:enabled").click()
    page.wait_for_function("() => document.querySelector('.st-curve-difference input').checked")
    page.locator(".st-panel-curve .st-remark").get_by_text("; minus rocking 5, 33cc44dd").wait_for()
    page.locator(".st-panel-curve").scroll_into_view_if_needed()
    shoot(page, "told-difference")
    page.locator("button.st-run-clear").click()
    for kind, ending in (("nexus", ".nxs"), ("png", ".png")):
        page.locator(f"button.st-run-{kind}:enabled").click()
        table.locator(f"a[href$='{ending}'], a[download][href*='{ending}']").first.wait_for()


def barriers_in_further_states(lab, page):
    """On a phone, with the frame over the whole page, and after the session was closed."""
    for width in (390, 1500):
        page.set_viewport_size({"width": width, "height": 1100})
        page.wait_for_function(f"() => innerWidth === {width}")
        assert barriers(page) == []
    page.locator("canvas.st-canvas").focus()
    page.keyboard.press("f")
    page.locator(".st-large .st-caption").wait_for()
    assert barriers(page) == []
    page.keyboard.press("Escape")
    page.locator(".st-image:not(.st-large)").wait_for()
    lab.execute("desk.board.closed.set('This session is closed. Open another: session = steering.open().')")
    page.locator(".st-gone").get_by_text("This session is closed.").wait_for()
    assert barriers(page) == []
