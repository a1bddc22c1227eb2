"""Bursts, sweeps and series without end on the simulated beamline: each frame has its own place and time."""

import numpy as np
import pytest

from steering.core.action import Finish, ReplacePath
from steering.sim.samples import RockingSample
from tests.beamline.site import embedded, over, session_at

pytestmark = pytest.mark.system
SOON = 240.0
POSITIONS, BURST, SWEPT = 5, 400, 41


def exposure(value):
    return {"units": "s", "value": value, "low": 1e-4, "high": 1.0}


def described():
    """The embedded beamline with bursts along a line, a sweep, a map on the fly, and a series without end."""
    description = embedded()
    angle = {"units": "deg", "low": -0.5, "high": 1.0}
    description["scans"] = [
        {
            "plan": "spec", "name": "bursts", "title": "Bursts", "before": {"STEER:det:sample": "map"}, "frames": BURST,
            "spec": {"type": "Linspace", "axis": "sy", "start": "$first", "stop": 8.0, "num": POSITIONS},
            "parameters": {
                "first": {"units": "um", "value": -8.0, "low": -20.0, "high": 0.0}, "exposure": exposure(0.002),
            },
            "analyses": ["scalars"],
        },
        {
            "plan": "sweep", "name": "sweep", "title": "Sweep", "axis": "th", "frames": SWEPT,
            "before": {"STEER:det:sample": "rocking"},
            "parameters": {
                "start": angle | {"value": -0.18}, "stop": angle | {"value": 0.62}, "exposure": exposure(0.25),
                "count": {"units": "1", "value": 2, "low": 1, "high": 9, "decimals": 0},
            },
            "analyses": ["rocking_curve", "scalars"],
        },
        {
            "plan": "sweep", "name": "fly", "title": "Map on the fly", "axis": "sx", "across": {"sy": [-2.0, 2.0]},
            "frames": 9, "before": {"STEER:det:sample": "map"},
            "parameters": {
                "start": {"units": "um", "low": -10.0, "high": 10.0, "value": -4.0},
                "stop": {"units": "um", "low": -10.0, "high": 10.0, "value": 4.0},
                "step": {"units": "um", "low": 0.1, "high": 5.0, "value": 1.0},
                "exposure": exposure(0.2),
            },
        },
        {
            "plan": "series", "name": "watch", "title": "Without end", "endless": True,
            "parameters": {
                "exposure": exposure(0.1), "every": {"units": "s", "value": 0.2, "low": 0.0, "high": 10.0},
            },
        },
    ]  # fmt: skip
    return description


@pytest.fixture(scope="module")
def session(tmp_path_factory):
    with session_at(tmp_path_factory.mktemp("bursts"), described(), speed=5.0) as opened:
        yield opened


def columns(session):
    data = session.results["scalars"].outcome.data
    return {name: data[name].values for name in data.variables}


def test_each_frame_of_a_burst_knows_its_point_its_index_and_its_time(session):
    run = session.start("bursts")
    session.board.status.wait(lambda status: status.points_done >= 1, SOON)
    # What is steered holds from the next burst on.
    assert session.set("exposure", 0.004).accepted
    session.wait(SOON)
    found = columns(session)
    assert len(found["sy"]) == POSITIONS * BURST
    assert found["burst_index"].tolist() == [*range(BURST)] * POSITIONS
    assert found["seq_num"].tolist() == np.repeat(range(1, POSITIONS + 1), BURST).tolist()
    assert found["sy"] == pytest.approx(np.repeat(np.linspace(-8, 8, POSITIONS), BURST), abs=0.01)
    assert (np.diff(found["time"]) > 0).all(), "frames come one after another"
    assert set(found["exposure"]) == {0.002, 0.004}
    assert {len(set(found["exposure"][k * BURST : (k + 1) * BURST])) for k in range(POSITIONS)} == {1}
    record = over(session, run)
    assert record.frames().shape == (POSITIONS * BURST, 128, 128)
    assert record.frames(BURST - 1, BURST + 1)["frame"].values.tolist() == [BURST - 1, BURST]
    assert session.exit_status(run) == "success"


def test_each_frame_of_a_sweep_has_the_position_at_which_it_was_taken(session):
    run = session.start("sweep")
    session.board.status.wait(lambda status: status.points_done >= 1, SOON)
    refused = session.propose(ReplacePath({"type": "Linspace", "axis": "th", "start": 0, "stop": 1, "num": 5}))
    assert "th is swept" in refused.reason
    session.wait(SOON)
    found = columns(session)
    angles = found["th"]
    assert len(angles) == 2 * SWEPT
    wanted = np.linspace(-0.18, 0.62, SWEPT)
    step = wanted[1] - wanted[0]
    # A detector that is triggered in software begins when it does, and this machine may be busy: where the frames were
    # taken is what counts, and follows below.
    there, back = angles[:SWEPT], angles[SWEPT:]
    assert (np.diff(there) >= 0).all()
    assert (np.diff(back) <= 0).all()
    assert abs(there[0] - wanted[0]) < 10 * step
    assert abs(back[0] - wanted[-1]) < 10 * step
    record = over(session, run)
    frames = record.frames().values.reshape(-1, 256, 256)
    sample = RockingSample.load()
    sums = sample.frames.sum(axis=(1, 2), dtype=np.int64)
    seen = sample.theta[[int(np.argmin(abs(sums - frame.sum(dtype=np.int64)))) for frame in frames]]
    # The recorded frames are 0.005 deg apart.
    assert np.median(abs(seen - angles)) < 0.005
    # On a busy machine a brightest frame may be some steps beside 0.22 deg; the curve says where they were.
    light = frames.sum(axis=(1, 2))
    brightest = angles[light[:SWEPT].argmax()], angles[SWEPT + light[SWEPT:].argmax()]
    peak = session.results["rocking_curve"].outcome.features["peak"].value
    assert min(brightest) - 0.02 < peak < max(brightest) + 0.02
    assert record.start["scan_spec"]["type"] == "Fly"
    # The motor has the speed back that it had.
    assert session.exit_status(run) == "success"


def test_a_map_on_the_fly_is_laid_out_along_its_lines(session):
    session.start("fly")
    session.board.status.wait(lambda status: status.points_done >= 1, SOON)
    assert session.set("step", 2.0).accepted
    session.wait(SOON)
    result = session.board.result.value
    assert result.provenance.analysis == "map_features"
    assert set(np.round(result.outcome.data["sy"].values)) >= {-2, 0, 2}
    assert result.provenance.frames % 9 == 0


def test_a_series_without_end_keeps_step_and_ends_when_it_is_told_to(session):
    run = session.start("watch")
    status = session.board.status.wait(lambda status: status.points_done >= 5, SOON)
    assert status.endless
    assert session.propose(Finish()).accepted
    session.wait(SOON)
    record = over(session, run)
    times = record["primary"]["time"].values
    assert len(times) >= 5
    assert np.diff(times) == pytest.approx(0.2, abs=0.15)
    assert session.exit_status(run) == "success"
