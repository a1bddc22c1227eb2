"""The card of flows in a real Chromium, with flows that wait at Globus: what waits is read, and what to do."""

import pytest

from tests.widgets.lab import write_notebook
from tests.widgets.test_flows_in_browser import CARD, CELL, SHOTS, in_each_size

STATES = """
import time
from tests.widgets import fake_flows

desk.flows.put(fake_flows.asked_at_globus("theirs-44dd55ee", time.time() - 50))
desk.flows.put(fake_flows.rests_at_globus("keep-55ee66ff", time.time() - 40))
desk.flows.put(fake_flows.queued_at_globus("keep-66ff7700", time.time() - 30))
"""


@pytest.mark.browser
def test_a_person_reads_why_a_flow_waits_at_globus_and_goes_on(notebooks):
    write_notebook(notebooks.folder / "globus.ipynb", CELL + STATES)
    with notebooks.lab(failure=SHOTS) as lab:
        page = lab.page
        page.set_viewport_size({"width": 1280, "height": 1400})
        lab.open("globus.ipynb")
        lab.collapse_sidebar()
        lab.run_all()
        card = page.locator(CARD)
        card.get_by_text("The endpoint has not begun: waiting-for-nodes.").wait_for()
        card.get_by_text("running (try 2)").wait_for()
        in_each_size(page, lab, "globus-queued")
        shown = page.locator(f"{CARD} .st-flow-run select")
        shown.select_option("theirs-44dd55ee")
        card.get_by_text("A person is asked: Keep the sample?").wait_for()
        in_each_size(page, lab, "globus-asked")
        shown.select_option("keep-55ee66ff")
        card.get_by_text("steering globus login --consent").wait_for()
        in_each_size(page, lab, "globus-rests")
        page.locator(f"{CARD} .st-flow-resume").focus()
        page.keyboard.press("Enter")
        card.get_by_text("It goes on.").wait_for()
        assert lab.value("desk.flows.asked") == [["resume", "keep-55ee66ff"]]
