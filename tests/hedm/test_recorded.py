"""On frames that were recorded at APS 1-ID the spots of hexrd are found, where they are and as bright as they are."""

import numpy as np
import pytest

from steering.analyses.hedm import Hedm
from steering.core.block import FrameBlock, Inline
from tests.hedm.recorded import FRAMES, MIDDLE, PIXEL, cached_frames, dense, hexrd_spots


@pytest.fixture(scope="module")
def states():
    """A state of each ten frames."""
    analysis, omega = Hedm(threshold=10), cached_frames()[1]
    found = []
    for begin in range(0, FRAMES, 10):
        frames, columns = dense(begin, begin + 10), {"omega": omega[begin : begin + 10]}
        block = FrameBlock("r", "primary", begin, begin + 10, Inline(frames), columns, {"omega": "deg"})
        found.append(analysis.update(analysis.empty(), block, frames))
    return found


def merged(states, order):
    analysis, state = Hedm(threshold=10), Hedm().empty()
    for place in order:
        state = analysis.merge(state, states[place])
    return analysis.result(state)


@pytest.mark.parametrize(("brighter", "count", "distance"), [(100, 118, 0.06), (300, 54, 0.045)])
def test_every_bright_spot_of_hexrd_is_found(states, brighter, count, distance):
    data, spots = merged(states, range(10)).data, hexrd_spots()
    spots = spots[spots[:, 6] > brighter]
    assert len(spots) == count
    off, same = [], 0
    for spot in spots:
        row, column, omega = MIDDLE - spot[16] / PIXEL, MIDDLE + spot[15] / PIXEL, np.degrees(spot[12])
        away = np.hypot(data["row"].values - row, data["column"].values - column)
        away[np.abs(data["omega"].values - omega) > 2] = np.inf
        off.append(away.min())
        same += data["maximum"].values[away.argmin()] == spot[6]
    assert max(off) < 2
    assert np.median(off) <= distance
    assert same == count


def test_no_spot_reaches_from_one_wedge_to_the_other(states):
    data = merged(states, range(10)).data
    assert data["sweep_of_frame"].values.tolist() == [0] * 50 + [1] * 50
    first, last = data["first_frame"].values, data["first_frame"].values + data["frames"].values - 1
    assert ((first < 50) == (last < 50)).all()
    assert (np.abs(data["omega"].values) > 65).all()


def test_any_order_gives_the_same_bits(states):
    random, expected = np.random.default_rng(0), merged(states, range(10))
    for _ in range(3):
        found = merged(states, random.permutation(10))
        assert found.features == expected.features
        for name in expected.data.variables:
            assert found.data[name].values.tobytes() == expected.data[name].values.tobytes(), name
