"""The dashboard in a real JupyterLab, clicked in a real Chromium."""

from pathlib import Path

import pytest

from tests.widgets.lab import settled_box, write_notebook

SHOTS = Path(__file__).parents[2] / "artefacts" / "screenshots"
LIGHT, DARK = "JupyterLab Light", "JupyterLab Dark"
CELL = """
from tests.widgets.control_service import serve_control
from tests.widgets.fake import FakeDesk
from steering_widgets import Dashboard

desk = FakeDesk()
token = serve_control(desk)
dashboard = Dashboard(desk)
dashboard
"""

# The region's box as this page's Bokeh has it: middle and size.
BOX = """
  const roots = Bokeh.index.roots.map((view) => view.model.document);
  const sources = roots.flatMap((doc) => [...(doc?._all_models?.values() ?? [])]);
  const found = sources.find((model) => model.data && 'height' in model.data && !('value' in model.data));
  const box = found ? ['x', 'y', 'width', 'height'].map((name) => found.data[name][0]) : [];
"""
BOX_IS = "(wanted) => {" + BOX + "return String(box) === String(wanted); }"
# On a busy page anywidget gives up a model before its code has come; here it does so at once.
LATE = """
  AbortSignal.timeout = () => {
    const late = new AbortController();
    queueMicrotask(() => late.abort());
    return late.signal;
  };
"""
# There, too, timers go off late.
LATE_TIMERS = """
  const set = window.setTimeout;
  window.setTimeout = (call, wait, ...rest) => set(call, Math.max(wait ?? 0, 2000), ...rest);
  window.inTime = () => { window.setTimeout = set; };
"""
# JupyterLab's messages to the kernel go where nobody is.
GONE = """() => {
  const panel = [...jupyterapp.shell.widgets('main')].find((panel) => panel.sessionContext);
  for (const comm of panel.sessionContext.session.kernel._comms.values()) comm._subshellId = crypto.randomUUID();
}"""
# And the kernel takes what it is sent in the shell of a page that is gone, as ipykernel 7.4 does after a reload.
DELETED = """
from ipykernel.kernelapp import IPKernelApp
comms = IPKernelApp.instance().kernel.comm_manager.comms.values()
for comm in comms:
    comm._reply_subshell_id = "deleted"
"""
BACK = """() => {
  const panel = [...jupyterapp.shell.widgets('main')].find((panel) => panel.sessionContext);
  return [...panel.sessionContext.session.kernel._comms.values()].every((comm) => comm._subshellId === null);
}"""
# Longer than what Bokeh takes for a long press.
LONG_PRESS_MS = 500
BOX_IS_WRITTEN = (
    "() => {"
    + BOX
    + """
  const field = (name) => Number(document.querySelector(`.st-region-${name} input`).value);
  const [x, y, width, height] = box;
  const wanted = { x0: x - width / 2, x1: x + width / 2, y0: y - height / 2, y1: y + height / 2 };
  return Object.entries(wanted).every(([name, value]) => Math.abs(value - field(name)) < 1e-3);
}"""
)


def shoot(page, name):
    """Save a screenshot of the whole dashboard; it is looked at by people, not compared."""
    SHOTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=SHOTS / f"{name}.png")


def open_frame(lab):
    """Run the notebook's cell, and show the frame of a scan that runs."""
    lab.open("steer.ipynb")
    lab.collapse_sidebar()
    lab.run_all()
    lab.page.locator(".st-panel-frame").wait_for()
    lab.execute("desk.start('rocking'); desk.advance(20)")
    lab.page.locator(".st-panel-frame").scroll_into_view_if_needed()
    lab.page.locator(".st-histogram:not([hidden])").wait_for()


def each_size(lab, height=1080):
    """Go through light and dark and the widths of a telephone, a notebook and a large screen, and come back.

    Yields:
        Width in pixels, and both in a name.
    """
    before = lab.page.viewport_size
    for theme in (LIGHT, DARK):
        lab.theme(theme)
        for width in (390, 1280, 1920):
            lab.page.set_viewport_size({"width": width, "height": height})
            yield width, f"{width}-{theme.rpartition(' ')[2].lower()}"
    lab.theme(LIGHT)
    lab.page.set_viewport_size(before)


def overlaps(page):
    """Name pairs of panels that cover each other, and panels that reach out of the dashboard."""
    return page.evaluate(
        """() => {
          const found = [];
          // The command bar stays in sight over what is scrolled; where it stands itself it covers nothing.
          const bars = [...document.querySelectorAll('.st-panel-progress')];
          for (const bar of bars) bar.style.position = 'static';
          const whole = document.querySelector('.st-dashboard').getBoundingClientRect();
          const panels = [...document.querySelectorAll('.st-panel')].filter((el) => el.offsetParent);
          const boxes = panels.map((el) => [el.className, el.getBoundingClientRect()]);
          for (const [i, [name, a]] of boxes.entries()) {
            if (a.left < whole.left - 1 || a.right > whole.right + 1) found.push(`${name} reaches out`);
            for (const [other, b] of boxes.slice(i + 1)) {
              if (a.left < b.right - 1 && b.left < a.right - 1 && a.top < b.bottom - 1 && b.top < a.bottom - 1)
                found.push(`${name} covers ${other}`);
            }
          }
          for (const el of document.querySelectorAll('.st-panel')) {
            if (el.offsetParent && el.scrollWidth > el.clientWidth + 1)
              found.push(`${el.className} is too wide inside`);
          }
          for (const bar of bars) bar.style.position = '';
          return found;
        }"""
    )


@pytest.mark.browser
def test_a_scientist_steers_from_jupyterlab(notebooks):
    write_notebook(notebooks.folder / "steer.ipynb", CELL)
    with notebooks.lab(failure=SHOTS) as lab:
        steer(lab)


def steer(lab):
    page = lab.page
    lab.open("steer.ipynb")
    lab.collapse_sidebar()
    lab.run_all()
    page.get_by_text("Choose a scan and press Start.").wait_for()
    shoot(page, "idle-wide-light")
    assert overlaps(page) == []

    # Start with another exposure; frames, curve and numbers appear.
    page.locator(".st-start-exposure input").fill("0.5")
    page.get_by_text("0.25 s → 0.5 s").wait_for()
    page.locator("button.st-start").click()
    # The press is on its way, and another panel may say that it is running too.
    lab.wait_for_value("desk.started == [('rocking', {'exposure': 0.5})]")
    page.locator(".st-panel-progress .st-state-running").wait_for()
    lab.execute("desk.advance(30)")
    page.get_by_text("0.2213 ± 0.0012 °", exact=True).wait_for()
    page.wait_for_function("() => document.querySelector('.st-image').dataset.painted > 0")

    # A refusal is a sentence beside its field; an accepted value is pending and then in force.
    page.locator(".st-param-exposure input").fill("99")
    page.locator("button.st-apply").click()
    page.locator(".st-field-error").get_by_text("Allowed: 0.01 to 5 s.").wait_for()
    page.locator(".st-param-exposure input").fill("1.5")
    page.get_by_role("button", name="Apply 1 change").wait_for()
    page.keyboard.press("Enter")
    page.get_by_text("1.5 s from the next point").wait_for()
    assert lab.value("[(a.parameter, a.value) for a in desk.actions]") == [["exposure", 99.0], ["exposure", 1.5]]
    lab.execute("desk.advance(); desk.suggest()")
    page.get_by_text("in force since point 31").wait_for()
    page.locator(".st-journal .st-refused").first.wait_for()
    shoot(page, "rocking-wide-light")
    assert overlaps(page) == []

    # An older frame is looked at while the scan stands, and the newest one again; its features' course is drawn.
    page.locator(".st-panel-source .st-runs tbody tr").first.wait_for()
    page.locator(".st-panel-trend").get_by_text("result").first.wait_for()
    handle = page.locator(".st-history-index .noUi-handle")
    handle.focus()
    page.keyboard.press("Home")
    page.locator(".st-panel-frame .st-remark").get_by_text("frame 0 of 0 to 30").wait_for()
    shoot(page, "history-wide-light")
    assert overlaps(page) == []
    page.locator(".st-history-live input").check()
    page.locator(".st-panel-frame .st-remark").get_by_text("newest frame, ").wait_for()

    # The cursor shows true counts.
    page.locator(".st-canvas").hover()
    page.wait_for_function("() => / counts$/.test(document.querySelector('.st-value').textContent)")
    shown = page.locator(".st-value").text_content()
    row, column = (int(part.split()[1]) for part in shown.split(":")[0].split(", "))
    assert lab.value(f"int(desk.board.frame.value.pixels[{row}, {column}])") == int(shown.split(": ")[1].split()[0])

    # Pause reaches the service while a cell keeps the kernel busy.
    page.locator(".st-direct-bar[data-connected=true]").wait_for()
    with lab.busy_kernel():
        lab.press("pause")
        page.locator(".st-direct-bar[data-state=paused]").wait_for()
    lab.press("resume")
    lab.wait_for_value("desk.board.status.value.state == 'running'")

    # Abort asks once more. What the page hears takes the question back, so it must have heard of the pause's end.
    page.locator(".st-direct-bar[data-state=running]").wait_for()
    abort = page.locator(".st-direct-abort")
    abort.click()
    page.get_by_text("Really abort?").wait_for()
    abort.click()  # as a double click does
    page.locator(".st-direct-abort.st-armed").wait_for()
    assert page.locator(".st-direct-bar").get_attribute("data-state") == "running"
    abort.click()
    lab.wait_for_value("desk.board.status.value.state == 'idle'")

    # A map, with a region drawn by Shift and drag, which fills the form; by a person who hesitates before the drag and
    # lets Shift go before the button, which means another gesture to Bokeh's own tool.
    page.locator(".st-scan select").select_option(label="Dark-field map (26-ID WSe2)")
    page.locator(".st-start-step").wait_for()
    page.locator("button.st-start").click()
    lab.wait_for_value("desk.started[-1] == ('map', {})")
    lab.execute("desk.advance(250)")
    page.locator(".st-panel-map").get_by_text("250 points").wait_for()
    plot = page.locator(".st-panel-map .st-plot")
    plot.scroll_into_view_if_needed()
    box = settled_box(plot)
    page.keyboard.down("Shift")
    page.mouse.move(box["x"] + box["width"] * 0.4, box["y"] + box["height"] * 0.35)
    page.mouse.down()
    page.wait_for_timeout(LONG_PRESS_MS)
    page.mouse.move(box["x"] + box["width"] * 0.5, box["y"] + box["height"] * 0.5, steps=4)
    page.mouse.move(box["x"] + box["width"] * 0.6, box["y"] + box["height"] * 0.6, steps=4)
    page.keyboard.up("Shift")
    page.evaluate("() => {" + LATE_TIMERS + "}")
    page.mouse.up()
    page.mouse.move(box["x"] + box["width"] * 0.3, box["y"] + box["height"] * 0.2, steps=4)
    page.evaluate("() => window.inTime()")
    page.wait_for_function("() => document.querySelector('.st-region-x1 input').value !== ''")
    # The form follows to the end of the drag.
    page.wait_for_function(BOX_IS_WRITTEN)
    drawn = [float(page.locator(f".st-region-{name} input").input_value()) for name in ("x0", "x1", "y0", "y1")]
    assert drawn[0] < drawn[1]
    assert drawn[2] < drawn[3]

    # The form moves the box, and proposes what it says.
    page.locator(".st-region-x0 input").fill("0")
    page.locator(".st-region-x1 input").fill("10")
    page.locator(".st-region-y0 input").fill("-8")
    page.locator(".st-region-y1 input").fill("2")
    page.locator(".st-region-step input").fill("0.8")
    page.wait_for_function(BOX_IS, arg=[5, -3, 10, 10])
    lab.wait_for_value(
        "dict(dashboard._page._map._drawn.box.data) == {'x': [5.0], 'y': [-3.0], 'width': [10.0], 'height': [10.0]}"
    )
    page.locator("button.st-finer").click()
    page.get_by_text("Accepted: the region is measured next").wait_for()
    assert lab.value("[desk.actions[-1].region, desk.actions[-1].step]") == [
        {"sy": [-8, 2], "sx": [0, 10]},
        {"sy": 0.8, "sx": 0.8},
    ]
    lab.execute("desk.advance(180)")
    page.locator(".st-panel-map").get_by_text("430 points").wait_for()
    shoot(page, "map-wide-light")
    assert overlaps(page) == []

    # Batch jobs with their reasons; more nodes are asked for, and what was answered is said.
    lab.execute("desk.pools()")
    page.get_by_text("Not enough free nodes").wait_for()
    page.get_by_text("2.07 of 50 node-hours used").wait_for()
    page.locator(".st-compute-nodes input").fill("8")
    page.get_by_role("button", name="Scale").click()
    page.get_by_text("Pool live on debug: one job of 8 nodes for 1 h.").wait_for()
    assert lab.value("[(r.urgency, r.nodes) for r in desk.asked]") == [["live", 8]]
    page.locator(".st-panel-compute").scroll_into_view_if_needed()
    shoot(page, "pools-wide-light")
    assert overlaps(page) == []

    # A second view shows the same, and what is done in one is seen in the other.
    lab.command("notebook:create-output-view")
    page.wait_for_function("() => document.querySelectorAll('.st-panel-map .st-plot[data-ready]').length === 2")
    # On a busy machine a view is built piece by piece: a person begins when all of it is there. What is not in sight is
    # not painted.
    page.locator(".st-image").nth(1).scroll_into_view_if_needed()
    page.wait_for_function(
        """() => { const images = [...document.querySelectorAll('.st-image')];
          return images.length === 2 && images.every((image) => image.dataset.painted > 0); }"""
    )
    page.locator(".st-param-exposure input").nth(1).fill("0.4")
    page.locator("button.st-apply").nth(1).click()
    lab.wait_for_value("desk.board.status.value.pending == {'exposure': 0.4}")
    page.wait_for_function(
        "() => [...document.querySelectorAll('.st-param-exposure input')].every((el) => el.value === '0.4')"
    )
    shoot(page, "two-views")

    # A reload shows the truth again, even if the page was too busy to load the widgets' code in time.
    lab.save()
    page.add_init_script(LATE)
    lab.open("steer.ipynb")
    lab.collapse_sidebar()
    lab.execute("desk.advance()")
    page.locator(".st-panel-map").get_by_text("431 points").wait_for()
    page.locator(".st-panel-map .st-plot[data-ready]").wait_for()
    page.wait_for_function("() => document.querySelector('.st-image').dataset.painted > 0")
    assert page.locator(".st-param-exposure input").input_value() == "0.4"

    # Nor is it lost when JupyterLab sends its messages to a subshell that is gone.
    page.evaluate(GONE)
    lab.execute(DELETED)
    page.locator(".st-param-exposure input").fill("0.3")
    page.locator("button.st-apply").click()
    lab.wait_for_value("desk.board.status.value.pending == {'exposure': 0.3}")
    page.wait_for_function(BACK)

    # Dark, and narrow.
    lab.theme(DARK)
    page.wait_for_function(
        "() => getComputedStyle(document.querySelector('.st-panel')).backgroundColor !== 'rgb(255, 255, 255)'"
    )
    shoot(page, "map-wide-dark")
    page.set_viewport_size({"width": 1000, "height": 1800})
    page.wait_for_function("() => document.querySelector('.st-dashboard').clientWidth < 900")
    assert overlaps(page) == []
    shoot(page, "map-narrow-dark")
    lab.theme(LIGHT)
    shoot(page, "map-narrow-light")

    assert lab.errors == [], lab.errors
    assert any("A widget came late and is now heard" in said for said in lab.said)
    assert lab.external == []
    notebook = page.evaluate("() => JSON.stringify(jupyterapp.shell.currentWidget.content.model.toJSON())")
    assert lab.value("token") not in notebook
    assert len(notebook) < 100_000
