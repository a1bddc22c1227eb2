"""A scan waits while the beam is lost, goes on by itself, and uses no frame of the dark."""

import subprocess
import sys

import numpy as np
import pytest

import steering
from steering.core.action import Pause, Resume
from tests.beamline.site import embedded, over, site

pytestmark = pytest.mark.system
SOON = 240.0


def described():
    description = embedded()
    description["signals"] = {"ring": {"read": "STEER:ring_current"}}
    description["suspenders"] = [
        {"signal": "ring", "low": 50.0, "settle": 0.5, "say": "The beam is lost.", "scans": ["rocking", "bursts"]},
    ]
    description["scans"][0]["read"] = ["ring"]
    description["scans"].append(
        {
            "plan": "series", "name": "bursts", "title": "Bursts", "frames": 40, "analyses": ["scalars"],
            "read": ["ring"], "before": {"STEER:det:sample": "map"},
            "parameters": {
                "count": {"units": "1", "value": 4, "low": 1, "high": 9, "decimals": 0},
                "exposure": {"units": "s", "value": 0.5, "low": 0.001, "high": 1.0},
            },
        }
    )  # fmt: skip
    return description


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    with site(tmp_path_factory.mktemp("beam"), speed=20.0) as made:
        assert made.serve(described()), made.log
        yield made


@pytest.fixture(scope="module")
def session(place):
    opened = steering.open(workspace=place.workspace)
    try:
        opened.take_lease()
        yield opened
    finally:
        opened.shutdown()


def ring(place, value):
    """Set the ring current as somebody else's client does."""
    code = f"from caproto.sync.client import write; write('STEER:ring_current', {value}, notify=True, repeater=False)"
    subprocess.run([sys.executable, "-c", code], env=place.environment, check=True, timeout=240)


def rulings(session):
    return [(one.kind, one.who, one.reason) for one in session.board.rulings.value if one.who == "the beamline"]


def test_a_scan_waits_for_the_beam_and_each_point_is_measured_in_it(session, place):
    run = session.start("rocking", step=0.05, exposure=2.0)
    session.board.status.wait(lambda status: status.points_done >= 4, SOON)
    ring(place, 3.0)
    status = session.board.status.wait(lambda status: status.state == "paused", SOON)
    assert "The beam is lost. ring reads 3 mA; wanted are 50 mA or more." in status.why
    # Who resumes is told again; who pauses meanwhile has the last word.
    assert session.propose(Resume()).accepted
    session.board.rulings.wait(lambda _: len(rulings(session)) == 2, SOON)
    assert session.propose(Pause()).accepted
    ring(place, 200.0)
    with pytest.raises(TimeoutError):
        session.board.status.wait(lambda status: status.state != "paused", 2.0)
    assert session.propose(Resume()).accepted
    session.wait(SOON)
    primary = over(session, run)["primary"]
    usable = primary["usable"].values.astype(bool)
    assert (primary["ring"].values[usable] == 200.0).all()
    assert len({round(value, 4) for value in primary["th"].values[usable]}) == usable.sum() == 21
    result = session.board.result.value
    assert result.provenance.frames == 21
    # The beam may be lost between two exposures, and then no frame is dark; in the middle of one see the next test.
    dark = (~usable).sum()
    said = f"{dark} frame{'' if dark == 1 else 's'} w" if dark else ""
    assert said in session.board.source.value.status.detail
    assert session.exit_status(run) == "success"


def test_a_loss_in_the_middle_of_a_burst_loses_no_frame_and_uses_none(session, place):
    run = session.start("bursts")
    session.board.status.wait(lambda status: status.points_done >= 1, SOON)
    ring(place, 0.0)
    session.board.status.wait(lambda status: status.state == "paused", SOON)
    ring(place, 200.0)
    session.wait(SOON)
    primary = over(session, run)["primary"]
    usable = primary["usable"].values.astype(bool)
    assert usable.sum() == 4
    assert len(usable) == 5
    data = session.results["scalars"].outcome.data
    assert (data["ring"].values == 200.0).all()
    assert np.bincount(data["seq_num"].values.astype(int))[1:].tolist() == [40 if one else 0 for one in usable]
    assert [kind for kind, _, _ in rulings(session)] == ["pause", "resume"]
    # Nothing of the burst is missing in the record.
    assert session.record[run].frames().shape[0] == 5 * 40


def test_a_scan_that_does_not_need_it_goes_on(session, place):
    ring(place, 0.0)
    run = session.start("map", step=10.0, exposure=0.01)
    session.wait(SOON)
    assert "usable" not in over(session, run)["primary"]
    ring(place, 200.0)
