"""What stands for a state that is being made."""

from steering.loop.state import State


def test_until_a_merge_is_there_its_parts_stand_for_it_also_those_of_a_merge_of_merges():
    parts = tuple(State(number) for number in range(4))
    left, right = State("left", parts[:2]), State("right", parts[2:])
    whole = State("whole", (left, right))
    assert whole.there == (0, 1, 2, 3)
    right.parts = ()
    assert whole.there == (0, 1, "right")
    whole.parts = ()
    assert whole.there == ("whole",)
