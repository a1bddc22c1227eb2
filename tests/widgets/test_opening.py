"""What a page is told when many widgets are made at once."""

import re
import threading
from itertools import count

import comm
import ipywidgets
import pytest
from comm.base_comm import BaseComm

from steering_widgets.pages.presence import Presence
from steering_widgets.parts.opening import opened_together
from tests.widgets.fake import FakeDesk


@pytest.fixture
def told(monkeypatch):
    """All messages to a page, as pairs of their kind and content."""
    messages = []

    class Told(BaseComm):
        def publish_msg(self, msg_type, data=None, metadata=None, buffers=None, **keys):
            messages.append((msg_type, self.comm_id, data))

    monkeypatch.setattr(comm, "create_comm", lambda *args, **parts: Told(*args, **parts))
    return messages


def test_each_widget_is_told_once_as_it_is_in_the_end_and_after_those_that_it_holds(told):
    with opened_together():
        outer = ipywidgets.VBox()
        text = ipywidgets.HTML("before")
        outer.children = (ipywidgets.HBox([text]), ipywidgets.Label("beside"))
        text.value = "after"
        text.add_class("st-a").add_class("st-b")
        gone = ipywidgets.Label("gone")
        gone.close()
        assert told == []
    assert {kind for kind, _, _ in told} == {"comm_open"}
    begun = set()
    for _, name, data in told:
        assert set(re.findall("IPY_MODEL_([0-9a-f]+)", repr(data))) <= begun
        begun.add(name)
    assert outer.model_id in begun
    states = {name: data["state"] for _, name, data in told}
    assert (states[text.model_id]["value"], states[text.model_id]["_dom_classes"]) == ("after", ("st-a", "st-b"))
    assert "gone" not in repr(told)
    text.value = "later"
    assert told[-1][::2] == ("comm_msg", {"method": "update", "state": {"value": "later"}, "buffer_paths": []})
    # What the page says is heard.
    text.comm.handle_msg(
        {"content": {"data": {"method": "update", "state": {"value": "typed"}, "buffer_paths": []}}, "buffers": []}
    )
    assert text.value == "typed"


def test_what_a_widget_says_besides_its_state_comes_after_it_and_what_others_make_comes_at_once(told):
    with opened_together():
        mine = ipywidgets.Label("mine")
        mine.send({"said": 1})
        with opened_together():
            ipywidgets.Label("inner")
        other = threading.Thread(target=ipywidgets.Label, args=("of another thread",))
        other.start()
        other.join()
        assert any("of another thread" in repr(one) for one in told)
        assert "mine" not in repr(told)
        assert "inner" not in repr(told)
    order = [number for number, (_, name, _) in zip(count(), told, strict=False) if name == mine.model_id]
    assert [told[number][0] for number in order] == ["comm_open", "comm_msg"]
    assert "inner" in repr(told)


def test_what_was_made_before_a_fault_is_told_all_the_same(told):
    made = ipywidgets.Label("made before")

    @opened_together()
    def fail():
        nonlocal made
        made = ipywidgets.Label("made")
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert made.model_id in {name for _, name, _ in told}
    made.value = "and goes on"
    assert "and goes on" in repr(told)


def test_a_dashboard_is_told_in_one_message_for_each_of_its_widgets(told):
    from steering_widgets import Dashboard

    dashboard = Dashboard(FakeDesk())
    opens = sum(kind == "comm_open" for kind, _, _ in told)
    updates = [data for kind, _, data in told if kind == "comm_msg" and data.get("method") == "update"]
    try:
        assert opens > 500
        assert len(updates) < opens / 20
    finally:
        dashboard.close()


def test_it_is_known_whether_a_page_read_the_state_as_one_does_that_is_loaded_later(told):
    presence = Presence()
    assert not presence.read
    with opened_together():
        held = Presence()
    assert not held.read
    held.ended = "it is over"
    held.comm.handle_msg(
        {"content": {"data": {"method": "update", "state": {"holds": True}, "buffer_paths": []}}, "buffers": []}
    )
    assert not held.read
    held.comm.handle_msg({"content": {"data": {"method": "request_state"}}, "buffers": []})
    assert held.read
    held.close()
    presence.close()
