"""Ptychography on the simulated beamline: a scan that is steered on what its spots and its reconstruction say."""

from importlib.resources import files

import pytest

import steering
from steering.core.action import Finish
from steering.core.workspace import Workspace
from steering.sim.star import GEOMETRY
from tests.analyses.ptychography import like_the_truth
from tests.beamline.site import over

pytestmark = pytest.mark.system
SOON = 240.0


@pytest.fixture(scope="module")
def session(tmp_path_factory):
    described = files("steering.beamline").joinpath("ptychography.yaml")
    workspace = Workspace(tmp_path_factory.mktemp("ptychography"))
    with steering.open(workspace=workspace, beamline=str(described), speed=5.0) as opened:
        opened.take_lease()
        yield opened
        opened.shutdown()


def test_an_agent_asks_for_closer_points_and_ends_a_scan_that_says_nothing_new(session):
    session.set_mode("overlap", "automatic")
    run = session.start("ptychography")
    session.wait(SOON)
    session.set_mode("overlap", "off")
    record = over(session, run)
    assert session.exit_status(run) == "success"
    accepted = [one for one in session.board.rulings.value if one.verdict == "accepted"]
    assert [one.subject for one in accepted][:1] == ["step"], session.board.rulings.value
    assert accepted[0].who.startswith("overlap for ")
    assert "ptychography@" in accepted[0].basis
    assert record.start["geometry"] == {"det": GEOMETRY.json()}
    result = session.results["ptychography"]
    assert result.outcome.features["overlap"].value > 60
    assert result.outcome.features["error"].value < 0.015
    assert like_the_truth(result.outcome.data) > 0.95
    # Each frame is in it, and in the maps that keep pace.
    assert result.provenance.frames == session.results["map_features"].provenance.frames


# The tutorial does so each time.
@pytest.mark.thorough
def test_a_scan_is_steered_on_its_overlap_and_its_error(session):
    run = session.start("ptychography")

    def known(result):
        return result is not None and result.provenance.run == run and result.outcome.features["frames"].value >= 12

    first = session.board.result.wait(lambda result: known(result) and "overlap" in result.outcome.features, SOON)
    assert first.outcome.features["overlap"].value < 30
    assert session.set("step", 0.13).accepted
    session.board.result.wait(
        lambda result: known(result) and result.outcome.features["frames"].value >= 80
        and result.outcome.features["error"].value < 0.02, SOON,
    )  # fmt: skip
    assert session.propose(Finish()).accepted
    session.wait(SOON)
    assert session.exit_status(run) == "success"
    assert session.results["ptychography"].outcome.features["overlap"].value > 60
