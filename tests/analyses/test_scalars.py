import math

import numpy as np

from steering.analyses.scalars import Scalars
from steering.core.block import FrameBlock


def block(start, values, **more):
    columns = {"m1": np.array(values, dtype=float), **{name: np.array(column) for name, column in more.items()}}
    return FrameBlock("run", "primary", start, start + len(values), None, columns, {"m1": "mm", "i0": ""})


def outcome_of(*blocks):
    analysis = Scalars()
    state = analysis.empty()
    for one in blocks:
        state = analysis.update(state, one, np.empty((len(one), 0, 0)))
    return analysis.result(state)


def test_it_lays_out_every_column_against_the_event_number_and_tells_its_extremes():
    outcome = outcome_of(block(2, [5.0, math.nan]), block(0, [3.0, 1.0]))
    assert outcome.data["event"].values.tolist() == [1, 2, 3, 4]
    assert outcome.data["m1"].values[:3].tolist() == [3.0, 1.0, 5.0]
    assert outcome.data["m1"].attrs["units"] == "mm"
    assert (outcome.features["m1_min"].value, outcome.features["m1_max"].value) == (1.0, 5.0)
    assert "m1_last" not in outcome.features, "the newest event has no finite value"
    assert outcome.features["m1_max"].units == "mm"


def test_a_column_without_a_unit_says_so_and_one_called_event_is_kept():
    outcome = outcome_of(block(0, [1.0], i0=[7.0], event=[42.0]))
    assert outcome.features["i0_last"].units == "unknown"
    assert outcome.data["event_column"].values.tolist() == [42.0]
    assert outcome.data["event"].values.tolist() == [1]


def test_events_that_lack_a_column_are_not_a_number_there():
    outcome = outcome_of(block(0, [1.0], i0=[7.0]), block(1, [2.0]))
    assert np.isnan(outcome.data["i0"].values).tolist() == [False, True]
    assert outcome.features["events"].value == 2
