import threading

from steering.core.pool import PoolRequest
from steering_widgets.panels.compute import ComputePanel
from tests.widgets.fake import FakeDesk


def answered(panel):
    """Wait for the thread that asked, and show what it was told."""
    for thread in threading.enumerate():
        if thread.name == "steering-ask-compute":
            thread.join(10)
    panel.refresh()
    return panel.widget._said.value


def test_jobs_are_shown_with_state_nodes_workers_time_and_the_batch_systems_reason():
    desk = FakeDesk()
    panel = ComputePanel(desk)
    panel.refresh()
    assert "node-hours" not in panel._workers.value
    desk.pools()
    panel.refresh()
    shown = panel._workers.value
    for text in (
        "All workers there",
        "x3001c0s0b0n0, x3001c0s1b0n0, x3001c0s2b0n0 and 1 more",
        "16 of 16",
        "50 min 00 s left",
        "pre-empted",
        "terminated by Scheduler",
        "waiting",
        "starts ",
        "Failed",
        "Build it: steering compute prepare polaris.",
        "2.07 of 50<small> node-hours used",
        "and 4 more workers",
    ):
        assert text in shown, text
    panel.close()


def test_more_nodes_are_asked_for_and_given_back_off_the_kernels_thread():
    desk = FakeDesk()
    panel = ComputePanel(desk)
    panel.refresh()
    form = panel._form
    assert form._start.description == "Start"
    assert form._stop.disabled
    desk.pools()
    panel.refresh()
    assert form._start.description == "Scale"
    form._nodes.field.value = "8"
    form._start.click()
    assert "Pool live on debug: one job of 8 nodes for 1 h." in answered(panel)
    form._urgency.value = "soon"
    panel.refresh()
    form._stop.click()
    answered(panel)
    assert desk.asked == [PoolRequest(nodes=8), PoolRequest(urgency="soon", nodes=0)]
    panel.close()


def test_nonsense_and_refusals_are_sentences():
    desk = FakeDesk()
    panel = ComputePanel(desk)
    panel.refresh()
    wrong = {"many": "not a number", "-2": "\N{MINUS SIGN}2 nodes cannot be asked for", "1.5": "1.5 nodes"}
    for text, sentence in wrong.items():
        panel._form._nodes.field.value = text
        panel._form._start.click()
        assert sentence in answered(panel)
    panel._form._nodes.field.value = "2"
    desk.fail = "The account 'x' may not be used here."
    panel._form._start.click()
    assert "The account" in answered(panel)
    assert desk.asked == []
    panel.close()


def test_whatever_a_facility_raises_is_said():
    desk = FakeDesk()
    panel = ComputePanel(desk)
    panel.refresh()

    def broken(request):
        raise RuntimeError("event loop is closed")

    desk.ask_compute = broken
    panel._form._nodes.field.value = "8"
    panel._form._start.click()
    assert "This could not be done: event loop is closed (runtime error)." in answered(panel)
    panel.close()
