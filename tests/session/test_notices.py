"""A notice ends with its cause, and can be taken away."""

from steering.core.cell import Cell
from steering.session.notices import Notices


def test_a_notice_ends_with_its_cause_and_only_with_that():
    cell = Cell("")
    notices = Notices(cell)
    record, agent = notices.of("record"), notices.of("agent")
    record("The record does not answer.")
    agent("The agent could not propose.")
    assert cell.value == "The agent could not propose. The record does not answer."
    record("")
    assert cell.value == "The agent could not propose."
    agent("")
    assert cell.value == ""


def test_the_same_sentence_again_is_no_news():
    cell = Cell("")
    say = Notices(cell).of("record")
    say("The record does not answer.")
    version = cell.version
    say("The record does not answer.")
    assert cell.version == version


def test_what_was_dismissed_comes_again_only_if_it_happens_again():
    cell = Cell("")
    notices = Notices(cell)
    notices.say("record", "The record does not answer.")
    notices.say("agent", "The agent could not propose.")
    notices.dismiss()
    assert cell.value == ""
    notices.say("agent", "")
    assert cell.value == ""
    notices.say("record", "The record does not answer.")
    assert cell.value == "The record does not answer."
