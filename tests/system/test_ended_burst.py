"""A burst that does damage ends in its middle, and how long bursts are is steered: what was taken is kept."""

from importlib.resources import files

import numpy as np
import pytest
import yaml

from steering.core.action import EndBurst
from tests.beamline.site import over, session_at

pytestmark = pytest.mark.system
SOON = 240.0
PART, PARTS = 100, 100


def described():
    """The simulated beamline for XPCS, with bursts of ten seconds in a hundred parts; the light is gone long before."""
    description = yaml.safe_load(files("steering.beamline").joinpath("xpcs.yaml").read_text())
    scan = description["scans"][0]
    scan |= {"frames": PART, "spec": scan["spec"] | {"num": 3}}
    scan["parameters"]["parts"] = {"units": "", "value": PARTS, "low": 1, "high": PARTS, "decimals": 0}
    radial = {"analysis": "radial", "parameters": {"bins": 30, "monitor": "exposure", "polarization": 0.9}}
    scan["analyses"] += ["scalars", radial]
    # It has nothing to weaken the beam with, so that spots can be compared.
    chosen = {"damage": 10.0, "enough": 1e-3, "attenuator": "none", "end_bursts": True}
    scan["agents"] = [{"agent": "spare", "parameters": chosen}]
    return description


@pytest.fixture(scope="module")
def session(tmp_path_factory):
    with session_at(tmp_path_factory.mktemp("ended"), described(), speed=5.0) as opened:
        yield opened


def test_damage_within_a_burst_ends_it_and_nothing_is_lost(session):
    session.set_mode("spare", "automatic")
    run = session.start("xpcs")
    session.wait(SOON)
    session.set_mode("spare", "off")
    record = over(session, run)
    assert session.exit_status(run) == "success"
    ended = [one for one in session.board.rulings.value if one.kind == "end_burst" and one.verdict == "accepted"]
    assert len(ended) == 3
    assert all(one.who.startswith("spare for ") and "xpcs@" in one.basis for one in ended)
    events = record["primary"]
    parts, kept = events["burst_part"].values, events["burst_kept"].values
    bursts = np.split(parts, np.flatnonzero(parts == 0)[1:])
    # Each point has its burst, and each part of it its event; each was ended long before its end.
    assert len(bursts) == 3
    assert all(burst.tolist() == [*range(len(burst))] for burst in bursts)
    assert max(map(len, bursts)) < PARTS
    lasts = np.cumsum([len(burst) for burst in bursts]) - 1
    assert (np.delete(kept, lasts) == PART).all()
    # Each frame that the detector wrote is in the record and in the results.
    frames = record.frames().values
    assert frames.shape[0] == len(parts) * PART
    found = session.results["scalars"].outcome.data
    assert len(found["sx"]) == len(parts) * PART
    assert session.results["xpcs"].provenance.frames == len(parts) * PART
    first = found["seq_num"].values == 1
    assert first.sum() == len(bursts[0]) * PART
    index = found["burst_index"].values[first]
    whole = (len(bursts[0]) - 1) * PART + int(kept[len(bursts[0]) - 1])
    assert index[:whole].tolist() == [*range(whole)]
    # I(q) of them all, with the geometry of the beamline's file.
    curve = session.results["radial"].outcome
    assert curve.features["frames"].value == len(parts) * PART
    assert curve.data["q"].attrs["units"] == "1/angstrom"
    assert curve.data["intensity"].attrs["units"] == "counts/px/s"
    counted = frames.mean() / 1e-3
    assert curve.features["mean_intensity"].value == pytest.approx(counted, rel=0.01)
    # What fills the last part was taken later, and says so: nothing is correlated across the gap.
    assert (index[whole:] > whole).all()
    # The next spot is another one, and fresh.
    number = found["seq_num"].values
    places = [float(found["sx"].values[number == one][0]) for one in np.unique(number)]
    assert len(set(np.round(places, 1))) == 3
    light = frames.reshape(len(parts) * PART, -1).mean(axis=1)
    assert light[whole - 50 : whole].mean() < 0.95 * light[:50].mean()
    for begin in (np.flatnonzero(parts == 0) * PART)[1:]:
        assert light[begin : begin + 50].mean() == pytest.approx(light[:50].mean(), rel=0.05)


def test_how_many_frames_a_burst_has_is_steered_from_the_next_spot_on(session):
    run = session.start("xpcs", parts=2)
    session.board.status.wait(lambda status: status.run == run and status.points_done == 0, SOON)
    assert session.board.status.value.frames == 2 * PART
    ruling = session.propose(EndBurst(99))
    assert ruling.verdict == "refused"
    assert "burst" in ruling.reason
    ruling = session.set("parts", 4)
    assert ruling.verdict == "accepted"
    assert session.set("parts", PARTS + 1).verdict == "refused"
    session.wait(SOON)
    record = over(session, run)
    assert session.exit_status(run) == "success"
    parts = record["primary"]["burst_part"].values
    (changed,) = (one for one in session.board.rulings.value if one.id == ruling.id)
    # The bursts before it have two parts, those after it four.
    lengths = [len(one) for one in np.split(parts, np.flatnonzero(parts == 0)[1:])]
    short = changed.before_point - 1
    assert 1 <= short < 3
    assert lengths == [2] * short + [4] * (3 - short)
    assert record.frames().shape[0] == sum(lengths) * PART
    result = session.results["xpcs"]
    assert result.provenance.frames == sum(lengths) * PART
    assert result.outcome.features["bursts"].value == 3
