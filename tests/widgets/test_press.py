"""A press of a button acts when it was made, or asks."""

import threading

import pytest

import steering_widgets.parts.press as press_module
from steering_widgets.link.control import ControlBar
from steering_widgets.parts.card import Card, button
from steering_widgets.parts.entry import NumberEntry
from steering_widgets.parts.press import Presses
from tests.widgets.fake import FakeDesk


class Page:
    """What the page is sent, and what it answers."""

    def __init__(self, act=lambda _: "", written=lambda: lambda: True):
        self.sent = []
        self.came = threading.Condition()
        self.presses = Presses(self.send, act, written)

    def send(self, message):
        with self.came:
            self.sent.append(message)
            self.came.notify_all()

    def wait(self, kind):
        with self.came:
            assert self.came.wait_for(lambda: any(one["kind"] == kind for one in self.sent), 10)
        return next(one for one in self.sent if one["kind"] == kind)


@pytest.fixture
def clock(monkeypatch):
    now = [1000.0]
    monkeypatch.setattr(press_module.time, "monotonic", lambda: now[0])
    return now


def test_a_press_is_asked_about_and_done_once():
    done = []
    page = Page(lambda name: done.append(name) or "Said.")
    page.presses.receive({"kind": "press", "press": "1", "button": "apply"})
    assert done == []
    assert page.sent == [{"kind": "asked", "press": "1"}]
    page.presses.receive({"kind": "yes", "press": "1"})
    page.presses.receive({"kind": "yes", "press": "1"})
    assert page.wait("done") == {"kind": "done", "press": "1", "text": "Said."}
    page.presses.close()
    assert done == ["apply"]


def test_a_press_that_is_taken_back_does_nothing():
    done = []
    page = Page(lambda name: done.append(name) or "")
    page.presses.receive({"kind": "press", "press": "1", "button": "apply"})
    page.presses.receive({"kind": "no", "press": "1"})
    page.presses.receive({"kind": "yes", "press": "1"})
    page.presses.receive({"kind": "yes", "press": "never"})
    assert done == []


def test_an_answer_that_waited_for_a_busy_kernel_itself_is_asked_about_again(clock):
    done = []
    page = Page(lambda name: done.append(name) or "")
    page.presses.receive({"kind": "press", "press": "1", "button": "apply"})
    clock[0] += 5
    page.presses.receive({"kind": "yes", "press": "1"})
    assert [one["kind"] for one in page.sent] == ["asked", "asked"]
    assert done == []
    clock[0] += 0.1
    page.presses.receive({"kind": "yes", "press": "1"})
    page.wait("done")
    assert done == ["apply"]


def test_a_press_means_what_was_written_when_it_was_made():
    done, field = [], ["0.2"]

    def written():
        before = field[0]
        return lambda: field[0] == before

    page = Page(lambda name: done.append(name) or "", written)
    page.presses.receive({"kind": "press", "press": "1", "button": "apply"})
    field[0] = "0.3"
    page.presses.receive({"kind": "yes", "press": "1"})
    # What was typed fast may come after the press: only the page knows whether it stood there.
    assert page.sent[-1] == {"kind": "asked", "press": "1", "changed": True}
    assert done == []
    page.presses.receive({"kind": "no", "press": "1"})
    page.presses.receive({"kind": "yes", "press": "1"})
    assert done == []


def test_a_press_means_what_the_page_showed_though_the_kernel_heard_of_it_later():
    done, field = [], ["0.2"]

    def written():
        before = field[0]
        return lambda: field[0] == before

    page = Page(lambda name: done.append((name, field[0])) or "", written)
    page.presses.receive({"kind": "press", "press": "1", "button": "apply"})
    field[0] = "0.25"
    page.presses.receive({"kind": "yes", "press": "1"})
    assert page.sent[-1] == {"kind": "asked", "press": "1", "changed": True}
    page.presses.receive({"kind": "yes", "press": "1"})
    page.wait("done")
    page.presses.close()
    assert done == [("apply", "0.25")]


def test_what_fails_is_said_and_the_next_press_is_done():
    def act(name):
        if name == "bad":
            raise RuntimeError("no <luck>")
        return "good"

    page = Page(act)
    for number, name in (("1", "bad"), ("2", "other")):
        page.presses.receive({"kind": "press", "press": number, "button": name})
        page.presses.receive({"kind": "yes", "press": number})
    assert "no <luck>" in page.wait("done")["text"]
    with page.came:
        assert page.came.wait_for(lambda: page.sent[-1].get("text") == "good", 10)


def test_presses_that_nobody_answers_are_forgotten():
    page = Page()
    for number in range(100):
        page.presses.receive({"kind": "press", "press": str(number), "button": "apply"})
    assert len(page.presses._waiting) <= 16
    assert not page.presses.receive({"kind": "hello"})


def pressed(widget, key, sent):
    widget._handle_custom_msg({"kind": "press", "press": "1", "button": key}, [])
    widget._handle_custom_msg({"kind": "yes", "press": "1"}, [])


def test_a_card_clicks_its_button_unless_it_cannot_be_clicked_any_more(monkeypatch):
    clicked, said = threading.Event(), []
    made, entry = button("st-apply", "Apply", "Propose"), NumberEntry("st-x", "x", "deg", "1")
    made.on_click(lambda _: clicked.set())
    card = Card("test", "Test", [entry, made])
    guard = card.children[-2]
    answered = threading.Event()

    def send(message, buffers=None):
        said.append(message)
        if message["kind"] == "done":
            answered.set()

    monkeypatch.setattr(guard, "send", send)
    guard._presses._send = send
    pressed(guard, made.model_id, said)
    assert clicked.wait(10)
    assert answered.wait(10)
    clicked.clear()
    answered.clear()
    made.disabled = True
    pressed(guard, made.model_id, said)
    assert answered.wait(10)
    assert not clicked.is_set()
    assert "cannot be done any more" in said[-1]["text"]
    assert f"st-key-{made.model_id}" in made._dom_classes


def test_the_control_bar_proposes_through_the_kernel_where_the_page_cannot():
    desk = FakeDesk()
    desk.start("rocking")
    bar = ControlBar(desk)
    said, answered = [], threading.Event()

    def send(message, buffers=None):
        said.append(message)
        if message["kind"] == "done":
            answered.set()

    bar.send = bar._presses._send = send
    bar._handle_custom_msg({"kind": "hello", "view": "v"}, [])
    assert said == [{"kind": "address", "view": "v"}]
    pressed(bar, "pause", said)
    assert answered.wait(10)
    assert said[-1]["text"] == "pause accepted."
    assert desk.board.status.value.state == "paused"
    bar.write(desk.board.status.value)
    assert bar.state == "paused"
    bar.close()
