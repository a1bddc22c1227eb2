"""The card of flows: what it says, and what its buttons do."""

import re
import time

import pytest

from steering_widgets.flows.panel import FlowsPanel
from tests.widgets.fake import FakeDesk
from tests.widgets.fake_flows import copying, done
from tests.widgets.views import find, text_of


@pytest.fixture
def desk():
    made = FakeDesk()
    made.flows.fill()
    return made


@pytest.fixture
def panel(desk):
    made = FlowsPanel(desk)
    made.refresh()
    yield made
    made.close()


def press(panel, name):
    find(panel.widget, f"st-flow-{name}").click()
    panel.refresh()


def test_a_beamline_without_flows_has_no_card_of_them():
    panel = FlowsPanel(FakeDesk())
    panel.refresh()
    assert panel.widget.layout.display == "none"
    assert panel.refresh() is False
    panel.close()


def test_the_newest_flow_run_is_shown_with_each_step_and_why_it_failed(panel):
    said = text_of(panel.widget)
    assert "Another file is at /data/experiment" in said
    assert said.count("Another file is at") == 1
    assert "curve: peak 0.2213 ± 0.0010 °, fwhm 0.031 ° (uncertainty not known)" in said
    assert "1 failed, 1 succeeded" in said
    assert re.search(
        r"It came back (live|within a minute) \(\d+\.\d s after the order\), <span class=\"st-age\".*</span> ago\.",
        said,
    )
    assert not find(panel.widget, "st-flow-resume").disabled
    assert panel.refresh() is False


def test_it_is_resumed_and_what_succeeded_cannot_be(desk, panel):
    press(panel, "resume")
    assert desk.flows.asked == [("resume", "keep-22bb33cc")]
    assert "It goes on." in text_of(panel.widget)
    assert find(panel.widget, "st-flow-resume").disabled
    assert find(panel.widget, "st-flow-cancel").disabled


def test_a_flow_that_is_started_is_shown_with_bytes_rate_and_what_is_left(desk, panel):
    press(panel, "start")
    panel.refresh()
    said = text_of(panel.widget)
    assert desk.flows.asked == [("run", "keep")]
    assert "4.0 of 10.9 MB, 10 MB/s, 1 s left" in said
    assert 'value="4000000"' in find(panel.widget, "st-flow-steps").value
    press(panel, "cancel")
    assert desk.flows.asked[-1] == ("cancel", "keep-33cc44dd")
    assert "What was done is kept" in text_of(panel.widget)


def test_a_flow_that_was_changed_is_said_to_whoever_starts_it_and_not_to_who_then_cancels(desk, panel, monkeypatch):
    begin = desk.flows.run

    def run(name, run=""):
        desk.flows.changed.set("The flow run keep-33cc44dd was ordered before this flow was changed.")
        return begin(name, run)

    monkeypatch.setattr(desk.flows, "run", run)
    press(panel, "start")
    assert "was ordered before this flow was changed" in text_of(panel.widget)
    press(panel, "cancel")
    assert "It stops. What was done is kept." in text_of(panel.widget)
    assert "before this flow was changed" not in text_of(panel.widget)


def test_one_that_a_person_has_chosen_stays_chosen_whatever_comes(desk, panel):
    find(panel.widget, "st-flow-run").value = "keep-11aa22bb"
    panel.refresh()
    desk.flows.put(copying("keep-44dd55ee", time.time(), 1))
    panel.refresh()
    assert find(panel.widget, "st-flow-run").value == "keep-11aa22bb"
    find(panel.widget, "st-flow-run").value = "keep-44dd55ee"
    panel.refresh()
    desk.flows.put(done("keep-55ee66ff", time.time() + 1))
    panel.refresh()
    assert find(panel.widget, "st-flow-run").value == "keep-55ee66ff"


def test_what_cannot_be_done_is_said(desk, panel):
    desk.flows.fail = "No run of the workspace has ended yet."
    press(panel, "start")
    assert "No run of the workspace has ended yet." in text_of(panel.widget)
    assert desk.flows.asked == []
