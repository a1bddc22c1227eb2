"""The simulated nickel that is seen depth by depth: what the agent asks for lies where the inclusion is buried."""

from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest

from steering.agents.region import Region
from steering.analyses.laue import Laue
from steering.core.block import FrameBlock, Inline
from steering.description.description import read_description
from steering.sim.buried import BuriedSample
from tests.laue.maps import UNITS, result_of, snaked

STEP = 2.0


@pytest.fixture(scope="module")
def seen():
    """The points of a coarse map around the inclusion, and what the scan's own analysis finds there."""
    sample = BuriedSample()
    (scan,) = [
        one
        for one in read_description(Path(str(files("steering.beamline").joinpath("laue.yaml")))).scans
        if one.name == "laue_depth"
    ]
    (binding,) = scan.bindings()
    points = snaked(np.arange(20.0, 40.1, STEP), np.arange(-4.0, 8.1, STEP))
    random = np.random.default_rng(5)
    frames = np.stack([sample.frame({"dz": z, "sx": x}, 0.5, random) for z, x in points])
    columns = {"dz": points[:, 0], "sx": points[:, 1]}
    columns |= {name: np.full(len(points), STEP) for name in ("dz_step", "sx_step")}
    columns |= {"exposure": np.full(len(points), 0.5), "grid": np.zeros(len(points))}
    units = {name: UNITS.get(name, "um") for name in columns}
    block = FrameBlock("r", "primary", 0, len(points), Inline(frames), columns, units)
    return sample, points, result_of(Laue(**binding.parameters, axes=("dz", "sx")), block)


def test_grains_are_where_they_were_put_and_the_light_of_the_inclusion_belongs_to_none(seen):
    sample, points, result = seen
    data = result.outcome.data
    made = np.array([sample.grain_at(z, x) for z, x in points])
    matrix = made < sample.grains
    # At a boundary the beam meets two.
    assert np.mean(data["grain"].values[matrix] == made[matrix]) > 0.9
    assert data["indexed"].values[~matrix].max() < 40
    assert np.median(data["indexed"].values[matrix]) == 100
    assert data["dz"].attrs["units"] == "um"


def test_the_agent_asks_for_a_finer_range_of_depths_around_it(seen):
    sample, _, result = seen
    agent = Region(indexed=70.0, finer=2.0)
    agent.ingest(result, [])
    (asked,) = agent.suggest()
    (first, last), (left, right) = asked.action.region["dz"], asked.action.region["sx"]
    depth, beside = sample.middle
    assert 20 < first < depth - sample.radius
    assert depth + sample.radius < last < 40
    assert left < beside < right
    assert asked.action.step == {"dz": STEP / 2, "sx": STEP / 2}


def test_strain_points_away_from_it_along_the_beam_too(seen):
    sample, _, _ = seen
    z, x = sample.middle
    behind, beside = sample.strain_at(z + 3.0, x), sample.strain_at(z, x + 3.0)
    assert behind[2, 2] == pytest.approx(beside[0, 0])
    assert behind[2, 2] > 0 > behind[0, 0]
    assert np.trace(behind) == pytest.approx(0.0, abs=1e-15)
    # Across the beam nothing changes.
    assert behind[1].tolist() == pytest.approx([0.0, -0.5 * behind[2, 2], 0.0])
