"""XPCS on the simulated beamline: real bursts, and a scan that is steered on what they say of the sample."""

from importlib.resources import files

import pytest

import steering
from steering.core.action import Finish
from steering.core.workspace import Workspace
from steering.sim.speckle import GEOMETRY, SpeckleSample
from tests.beamline.site import over

pytestmark = pytest.mark.system
SOON = 240.0


@pytest.fixture(scope="module")
def session(tmp_path_factory):
    described = files("steering.beamline").joinpath("xpcs.yaml")
    workspace = Workspace(tmp_path_factory.mktemp("xpcs"))
    with steering.open(workspace=workspace, beamline=str(described), speed=5.0) as opened:
        opened.take_lease()
        yield opened
        opened.shutdown()


def test_an_agent_weakens_a_beam_that_does_damage(session):
    session.set_mode("spare", "automatic")
    run = session.start("xpcs")
    session.wait(SOON)
    session.set_mode("spare", "off")
    record = over(session, run)
    assert session.exit_status(run) == "success"
    thinned = [one for one in session.board.rulings.value if one.subject == "filters" and one.verdict == "accepted"]
    assert thinned
    assert thinned[0].who.startswith("spare for ")
    assert "xpcs@" in thinned[0].basis
    assert record["primary"]["filters"].values.tolist()[0] == 0
    assert record["primary"]["filters"].values.tolist()[-1] > 0


def test_a_scan_is_steered_on_the_decay_and_the_damage(session):
    run = session.start("xpcs")
    session.board.result.wait(lambda result: result is not None and "damage" in result.outcome.features, SOON)
    # The full beam does damage to a spot within a burst of half a second: less of it, from the next spot on.
    assert session.set("filters", "thin").accepted
    session.board.result.wait(
        lambda result: result is not None and "g2_error" in result.outcome.features
        and result.outcome.features["bursts"].value >= 3 and result.outcome.features["g2_error"].value < 20, SOON,
    )  # fmt: skip
    assert session.propose(Finish()).accepted
    session.wait(SOON)
    record = over(session, run)
    assert record.start["geometry"] == {"det": GEOMETRY.json()}
    assert session.exit_status(run) == "success"
    outcome = session.results["xpcs"].outcome
    assert outcome.data["q"].attrs["units"] == "1/angstrom"
    assert outcome.features["diffusion"].value == pytest.approx(SpeckleSample.diffusion, rel=0.1)
    assert outcome.features["q_exponent"].value == pytest.approx(-2.0, abs=0.1)
