"""Buttons while the kernel is busy, and while the link to the beamline is dead, in a real JupyterLab and Chromium."""

import re
import signal

import psutil
import pytest

from tests.widgets.lab import Lab, jupyter, write_notebook
from tests.widgets.test_browser import CELL, SHOTS, overlaps, shoot

# Of a press that is older than this the page asks whether it holds; see ``press.js``.
YOUNG = 2000


def server_process(folder):
    """Find the Jupyter server of a folder."""
    (found,) = [
        process
        for process in psutil.process_iter(["cmdline"])
        if f"--ServerApp.root_dir={folder}" in (process.info["cmdline"] or [])
    ]
    return found


def state(lab):
    return lab.value("desk.board.status.value.state")


@pytest.mark.browser
def test_a_press_acts_when_it_is_made_or_asks(tmp_path):
    write_notebook(tmp_path / "steer.ipynb", CELL)
    with jupyter(tmp_path) as (url, token), Lab(url, token, failure=SHOTS, insists=False) as lab:
        page = lab.page
        lab.open("steer.ipynb")
        lab.collapse_sidebar()
        lab.run_all()
        page.locator("button.st-start").click()
        page.locator(".st-direct-bar[data-link=live]").wait_for()
        # A press is on its way until the kernel has asked whether it holds; on a slow machine it asks the person too.
        meant(lab, "desk.board.status.value.state == 'running'")
        lab.wait_for_value("desk.board.status.value.state == 'running'")
        lab.execute("desk.advance(10); desk.suggest()")
        busy_kernel(lab)
        dead_link(lab, server_process(tmp_path))
        questions(lab)


def meant(lab, expression):
    """Wait until an expression in the kernel is true; answer "Do it now" where the page asks."""
    now = lab.page.get_by_role("button", name="Do it now")
    while not lab.value(f"bool({expression})"):
        if now.count():
            now.first.click()
        lab.page.wait_for_timeout(100)


def grow_old(page):
    """Wait until a press of this moment is old."""
    page.evaluate("() => { window.pressed = performance.now(); }")
    page.wait_for_function(f"() => performance.now() - window.pressed > {YOUNG} + 500")


def busy_kernel(lab):
    page = lab.page
    line = page.locator(".st-panel-form .st-press-line")
    field, button = page.locator(".st-param-exposure input"), page.locator("button.st-apply")

    # A press that waits says so and can be taken back.
    field.fill("0.4")
    with lab.busy_kernel():
        button.click()
        line.get_by_text("Nothing is done yet").wait_for()
        shoot(page, "press-waits")
        line.get_by_role("button", name="Take it back").click()
        line.get_by_text("was taken back").wait_for()
    assert lab.value("len(desk.actions)") == 0

    # One that became old is asked about, and does what was written when it was made.
    with lab.busy_kernel():
        button.click()
        grow_old(page)
    line.get_by_text(re.compile(r"was pressed \d+ s ago and is not done yet")).wait_for()
    shoot(page, "press-asks")
    assert overlaps(page) == []
    assert lab.value("len(desk.actions)") == 0
    line.get_by_role("button", name="Leave it").click()
    assert lab.value("len(desk.actions)") == 0
    with lab.busy_kernel():
        button.click()
        grow_old(page)
    meant(lab, "desk.board.status.value.pending == {'exposure': 0.4}")
    assert lab.value("len(desk.actions)") == 1

    # What goes past the kernel acts at once.
    with lab.busy_kernel():
        lab.press("pause")
        page.locator(".st-direct-bar[data-state=paused]").wait_for()
        lab.press("resume")
        page.locator(".st-direct-bar[data-state=running]").wait_for()


def dead_link(lab, server):
    page = lab.page
    text = page.locator(".st-direct-text")
    before = lab.value("len(desk.actions)")
    server.send_signal(signal.SIGSTOP)
    try:
        # Pressed before anybody can know: it is answered all the same, and never carried out later.
        page.locator(".st-direct-pause").click()
        text.get_by_text("Pause was not answered").wait_for()
        text.get_by_text("Link lost").wait_for()
        text.get_by_text("it will not be carried out later").wait_for()
        # The state beside it does not look alive.
        page.locator(".st-unheard .st-panel-progress .st-state-running").wait_for()
        shoot(page, "link-lost")
        # It looks as if it could not be pressed, but says why it cannot when it is.
        page.locator(".st-direct-abort").click(force=True)
        text.get_by_text("Abort was not sent").wait_for()
        text.get_by_text(re.compile(r"nothing heard for ([6-9]|\d\d+) s")).wait_for()
    finally:
        server.send_signal(signal.SIGCONT)
    text.get_by_text(re.compile("^Connected")).wait_for()
    assert page.locator(".st-unheard").count() == 0
    assert state(lab) == "running"
    assert lab.value("len(desk.actions)") == before
    lab.press("pause")
    lab.press("resume")


def questions(lab):
    """What asks first is disarmed by whatever else is done."""
    page = lab.page
    abort = page.locator(".st-direct-abort")
    for elsewhere in (
        lambda: lab.press("pause"),
        lambda: page.keyboard.press("Escape"),
        lambda: page.locator(".st-panel-frame .st-title").click(),
        lambda: lab.execute("from steering.core.action import Pause; desk.propose(Pause())"),
    ):
        if state(lab) == "paused":
            lab.press("resume")
            lab.wait_for_value("desk.board.status.value.state == 'running'")
        page.locator(".st-direct-bar[data-state=running]").wait_for()
        places = [one.bounding_box() for one in page.locator(".st-direct").all()]
        abort.click()
        page.get_by_role("button", name="Really abort?").wait_for()
        # A button that moved when the question is taken back would not get the press that did so.
        assert [one.bounding_box() for one in page.locator(".st-direct").all()] == places
        elsewhere()
        page.get_by_role("button", name="Abort", exact=True).wait_for()
    assert state(lab) == "paused"

    # What can do nothing says so.
    page.locator(".st-direct-bar[data-state=paused]").wait_for()
    page.locator(".st-direct-pause").click(force=True)
    page.get_by_text("Pause does nothing now: the beamline is paused.").wait_for()

    # Nodes are given back only after a question.
    lab.execute("desk.pools()")
    page.locator("button.st-unfold").click()
    page.locator(".st-computes").get_by_text("Not enough free nodes available").wait_for()
    shoot(page, "light-unfolded")
    assert overlaps(page) == []
    page.locator("button.st-unfold").click()
    page.locator(".st-computes").wait_for(state="hidden")
    stop = page.locator("button.st-compute-stop")
    page.wait_for_function("() => !document.querySelector('button.st-compute-stop').disabled")
    stop.click()
    line = page.locator(".st-panel-compute .st-press-line")
    line.get_by_text("End the jobs of this pool and give its nodes back?").wait_for()
    line.get_by_role("button", name="Leave it").click()
    assert lab.value("len(desk.asked)") == 0
    stop.click()
    line.get_by_role("button", name="Stop").click()
    lab.wait_for_value("[(r.urgency, r.nodes) for r in desk.asked] == [('live', 0)]")
