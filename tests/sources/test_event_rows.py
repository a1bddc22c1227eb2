"""Each frame has the values of its event; of an axis that moved meanwhile it has its own."""

import numpy as np
import pytest

from steering.core import burst
from steering.documents.event_rows import Rows, told_of


def told(at=100.0, **data):
    return told_of(at, data)


def test_single_frames_have_what_their_events_say_and_nothing_else():
    rows = Rows.of([told(th=1.0, label="x", table=[[1, 2]]), told(th=2.0, i0=3)], 5, 1)
    columns = rows.columns(0, 2)
    assert set(columns) == {"th", "i0"}
    assert columns["th"].tolist() == [1.0, 2.0]
    assert np.isnan(columns["i0"][0])


def test_frames_of_a_burst_know_their_event_their_place_in_it_and_their_time():
    each = [told(th=float(k), burst_start=1000.0 + k, burst_period=0.1) for k in range(3)]
    columns = Rows.of(each, 7, 4).columns(3, 9)
    assert columns["th"].tolist() == [0, 1, 1, 1, 1, 2]
    assert columns[burst.EVENT].tolist() == [7, 8, 8, 8, 8, 9]
    assert columns[burst.INDEX].tolist() == [3, 0, 1, 2, 3, 0]
    assert columns[burst.TIME] == pytest.approx([1000.3, 1001.0, 1001.1, 1001.2, 1001.3, 1002.0])
    assert burst.START not in columns


def test_an_axis_that_moved_has_a_position_for_each_frame():
    columns = Rows.of([told(th=[0.0, 0.5, 1.0]), told(th=[1.0, 0.5, 0.0], other=[1, 2])], 1, 3).columns(1, 5)
    assert columns["th"].tolist() == [0.5, 1.0, 1.0, 0.5]
    assert "other" not in columns
    # No time of the frames is known: that of their event.
    assert columns[burst.TIME].tolist() == [100.0] * 4


def test_events_that_lack_a_column_have_none():
    columns = Rows.of([told(th=[0.0, 1.0]), told()], 1, 2).columns(0, 4)
    assert columns["th"][:2].tolist() == [0.0, 1.0]
    assert np.isnan(columns["th"][2:]).all()


def test_frames_of_spoilt_events_are_stepped_over():
    rows = Rows.of([told(usable=float(one)) for one in (0, 1, 1, 0, 0, 1)], 1, 3)
    assert rows.usable(0, 18) == (3, 9)
    assert rows.usable(5, 18) == (5, 9)
    assert rows.usable(9, 18) == (15, 18)
    assert rows.usable(9, 15) == (15, 15)
    assert Rows.of([told(th=1.0)] * 6, 1, 3).usable(2, 18) == (2, 18)


def test_frames_of_which_no_event_says_anything_know_their_place():
    columns = Rows.of([], 3, 10).columns(95, 97)
    assert columns[burst.EVENT].tolist() == [12, 12]
    assert columns[burst.INDEX].tolist() == [5, 6]
    assert burst.TIME not in columns


def test_frames_of_a_burst_in_parts_know_their_place_in_the_whole_burst_and_where_a_gap_is():
    whole, ended = {"burst_kept": 4, "burst_gap": 0}, {"burst_kept": 1, "burst_gap": 6}
    timed = {"burst_start": 1000.0, "burst_period": 0.1}
    each = [told(burst_part=0, **whole, **timed), told(burst_part=1, **ended, **timed), told(burst_part=0, **whole)]
    columns = Rows.of(each, 5, 4).columns(0, 12)
    assert columns[burst.EVENT].tolist() == [5] * 8 + [7] * 4
    assert columns[burst.INDEX].tolist() == [0, 1, 2, 3, 4, 11, 12, 13, 0, 1, 2, 3]
    # The time of what was taken later says so too.
    assert columns[burst.TIME][4:8] == pytest.approx([1000.0, 1000.7, 1000.8, 1000.9])
    assert not {burst.PART, burst.KEPT, burst.GAP} & set(columns)
