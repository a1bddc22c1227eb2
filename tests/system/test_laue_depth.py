"""The depth range of a Laue map is steered while it is measured: finer where light belongs to no known grain."""

from importlib.resources import files

import numpy as np
import pytest
import yaml

from tests.beamline.site import over, session_at

pytestmark = pytest.mark.system
SOON = 240.0


def test_an_agent_looks_finer_at_the_depths_where_spots_belong_to_nobody(tmp_path):
    described = yaml.safe_load(files("steering.beamline").joinpath("laue.yaml").read_text())
    described["scans"] = [one for one in described["scans"] if one["name"] == "laue_depth"]
    described["scans"][0]["area"] = {"dz": [20.0, 40.0], "sx": [-2.0, 8.0]}
    with session_at(tmp_path, described, speed=10.0) as session:
        session.set_mode("region", "automatic")
        run = session.start("laue_depth")
        session.wait(SOON)
        record = over(session, run)
        assert session.exit_status(run) == "success"
        (finer,) = [one for one in session.board.rulings.value if one.kind == "insert" and one.verdict == "accepted"]
        assert finer.who.startswith("region for ")
        events = record["primary"]
        depth, beside = events["dz"].values, events["sx"].values
        assert events["dz"].attrs["units"] == "um"
        # Eleven depths of six points, and those between them around the inclusion at 30 um.
        within = np.setdiff1d(np.round(depth), np.arange(20.0, 40.1, 2.0))
        assert {29.0, 31.0} <= set(within.tolist()) < set(range(23, 38))
        assert len(depth) > 66
        result = session.results["laue"]
        assert result.provenance.frames == len(depth)
        assert result.provenance.parameters["depth"] == "dz"
        found = result.outcome.data
        lost = found["indexed"].values < 40
        away = np.hypot(found["dz"].values - 30.0, found["sx"].values - 3.0)
        assert lost[away < 1.5].all()
        assert (away[lost] < 3.5).all()
        assert lost.sum() >= 9
        assert np.isfinite(beside).all()
