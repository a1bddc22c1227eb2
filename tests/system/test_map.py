"""Acceptance: the map of 26-ID, with a region looked at more finely."""

import threading

import numpy as np
import pytest

from steering.sim.samples import MapSample
from tests.beamline.site import over
from tests.system.test_rocking import points, settled

pytestmark = pytest.mark.system


def test_a_region_is_in_the_same_run_finer_at_the_right_places_with_the_recorded_counts(session):
    run = session.start("map", step=5.0)
    points(session, 20)
    assert session.look_finer(1.0, sx=(-5.0, 5.0), sy=(-3.0, 4.0)).accepted
    refused = session.look_finer(1.0, sx=(20.0, 30.0), sy=(0.0, 1.0))
    assert "The motor allows -25 to 25 um" in refused.reason
    reversed_limits = session.look_finer(1.0, sx=(5.0, -5.0), sy=(0.0, 1.0))
    assert "first must be below the second" in reversed_limits.reason
    assert session.wait(300) == run
    sample = MapSample.load()
    data = session.board.result.value.outcome.data
    assert data.sizes["point"] == 12 * 8 + 11 * 8
    expected = [sample.expected_counts(x, y) for x, y in zip(data["sx"].values, data["sy"].values, strict=True)]
    assert data["frame_sum"].values.tolist() == expected
    fine = data.isel(point=data["grid"].values == 1)
    wanted = {(x, y) for x in np.arange(-5.0, 5.5) for y in np.arange(-3.0, 4.5)}
    found = {(round(x, 6), round(y, 6)) for x, y in zip(fine["sx"].values, fine["sy"].values, strict=True)}
    assert found == wanted
    assert set(fine["sx_step"].values) == {1.0}
    assert set(data["sx_step"].values[data["grid"].values == 0]) == {5.0}
    grids = over(session, run)["primary"]["grid"].values
    first, last = np.flatnonzero(grids == 1)[[0, -1]]
    assert last - first == 11 * 8 - 1
    assert (grids[last + 1 :] == 0).all()
    assert last + 1 < len(grids)


def test_at_another_exposure_the_counts_scatter_around_their_share(session):
    session.start("map", step=10.0, exposure=0.2)
    session.wait(300)
    sample = MapSample.load()
    data = session.board.result.value.outcome.data
    expected = np.array(
        [sample.expected_counts(x, y) for x, y in zip(data["sx"].values, data["sy"].values, strict=True)]
    )
    pulls = (data["frame_sum"].values - 2 * expected) / np.sqrt(np.maximum(2 * expected, 1))
    assert (data["frame_sum"].values != 2 * expected).any()
    assert np.abs(pulls).max() < 6


def test_the_record_can_be_read_while_the_run_grows(session):
    run = session.start("map", step=5.0)
    points(session, 30)
    session.board.result.wait(lambda result: result is not None and result.provenance.frames >= 20, 180)
    seen = growing(session, run)
    assert 0 < seen <= 96
    session.finish()
    settled(session)
    session.wait(300)


def growing(session, run, timeout=240.0):
    """Read the run once the recorder has begun it."""
    pause = threading.Event()
    for _ in range(int(timeout / 0.2)):
        record = session.record
        if run in record.runs() and "primary" in record[run].streams and "internal" in record[run].tables("primary"):
            return record[run]["primary"].sizes["event"]
        pause.wait(0.2)
    pytest.fail("the growing run did not reach the record")
