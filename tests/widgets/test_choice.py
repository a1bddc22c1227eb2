"""A menu whose entries follow the data keeps what was chosen."""

from steering_widgets.parts.choice import Choice


def test_what_was_chosen_comes_back_when_it_is_offered_again():
    choice = Choice("st-x", "Feature")
    choice.offer(("centre", "total"), "centre")
    assert choice.value == "centre"
    # The first results of the next run do not have it yet.
    choice.offer(("total",), "total")
    assert choice.value == "total"
    choice.offer(("centre", "total"), "total")
    assert choice.value == "centre"
    assert choice.advance() is False, "nobody has chosen anything"
    choice.widget.value = "total"
    assert choice.advance() is True
    choice.offer(("centre",), "centre")
    choice.offer(("centre", "total"), "centre")
    assert choice.value == "total"


def test_what_is_put_in_a_persons_place_stays_like_a_choice():
    choice = Choice("st-x", "Flow run")
    choice.offer(("a", "b"), "a")
    choice.put("b")
    choice.offer(("a", "b", "c"), "c")
    assert choice.value == "b"
    assert choice.advance() is False


def test_without_a_usual_one_nothing_is_chosen_before_a_person_does():
    choice = Choice("st-x", "Analysis")
    choice.offer(("a", "b"), "")
    assert choice.value == ""
    choice.widget.value = "b"
    choice.offer(("b", "c"), "")
    assert choice.value == "b"
