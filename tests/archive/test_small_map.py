"""Maps as small as a list shows them."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from steering.archive.small_map import NO_MAP, small_map

NUMBERS = st.lists(st.floats(allow_nan=True, allow_infinity=True), min_size=0, max_size=60)


def grid(columns, rows):
    x, y = (axis.ravel().astype(float) for axis in np.meshgrid(np.arange(columns), np.arange(rows)))
    return x, y


def pixels(found):
    return np.frombuffer(found.levels, np.uint8).reshape(-1, found.columns)


def test_a_point_is_a_pixel_and_the_lowest_row_lies_below():
    x, y = grid(8, 6)
    found = pixels(small_map(x, y, x + 10 * y))
    assert found.shape == (6, 8)
    assert (found[5, 0], found[0, 7]) == (1, 255)
    assert (np.diff(found.astype(int), axis=1) > 0).all()
    assert (np.diff(found.astype(int), axis=0) < 0).all()


def test_a_large_map_is_made_small_and_positions_that_scatter_are_not_spread_thin():
    x, y = grid(300, 200)
    assert pixels(small_map(x, y, x)).shape == (24, 40)
    x, y = grid(8, 6)
    scatter = np.random.default_rng(0).normal(0, 0.02, (2, 48))
    found = pixels(small_map(x + scatter[0], y + scatter[1], x))
    assert found.shape in ((6, 8), (5, 9), (5, 8), (6, 9))
    assert (found > 0).all()


def test_a_finer_look_leaves_no_holes_and_what_was_not_measured_is_nothing():
    x, y = grid(8, 6)
    finer = grid(11, 11)
    found = pixels(small_map(np.append(x, 3 + finer[0] / 5), np.append(y, 2 + finer[1] / 5), np.ones(48 + 121)))
    assert (found == 1).all()
    x, y = grid(30, 20)
    kept = ~((x > 10) & (y > 10))
    found = pixels(small_map(x[kept], y[kept], x[kept]))
    assert found[0, -1] == 0
    assert found[-1, -1] > 0


def test_what_has_no_extent_or_no_values_is_none():
    x, y = grid(8, 6)
    assert small_map(x, y * 0, x) is NO_MAP
    assert small_map(x, y, x * np.nan) is NO_MAP
    assert small_map(np.empty(0), np.empty(0), np.empty(0)) is NO_MAP


@given(NUMBERS, NUMBERS, NUMBERS)
def test_any_numbers_make_a_picture_or_none(x, y, values):
    count = min(map(len, (x, y, values)))
    found = small_map(*(np.array(one[:count]) for one in (x, y, values)))
    assert len(found.levels) % max(found.columns, 1) == 0
    assert len(found.levels) <= 40 * 24
