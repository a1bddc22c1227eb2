"""What ptychography declares as alarms is said of a scan that goes wrong, and never of one that goes well."""

import numpy as np
import pytest

from steering.agents.watch import Watch
from steering.analyses.ptychography import Ptychography
from steering.contract.alarm import alarms_of
from steering.core.result import Provenance, Result
from steering.sim.star import GEOMETRY
from tests.analyses.ptychography import block_of, grid, scanned


def said(true, told, exposure=0.5, each=9):
    """Reconstruct a scan as it grows; return after how many frames which alarm was given."""
    frames, analysis = scanned(true, exposure=exposure), Ptychography(geometry=GEOMETRY.json(), defocus=55.0)
    agent, state, whole, found = Watch(alarms=alarms_of(analysis)), analysis.empty(), block_of(frames, told), {}
    for at in range(0, len(frames), each):
        part = whole.part(at, min(at + each, len(frames)))
        state = analysis.merge(state, analysis.update(analysis.empty(), part, part.place.frames))
        count = len(state)
        source = Provenance("r", analysis.name, {}, "", "", "here", count, count - 1)
        agent.ingest(Result(count, analysis.result(state), source), ())
        for one in agent.suggest():
            found[count] = one.reason
    return found


@pytest.mark.whole
@pytest.mark.parametrize(("step", "exposure"), [(0.12, 0.5), (0.12, 0.05), (0.15, 0.5)])
def test_a_scan_that_goes_well_gives_no_alarm(step, exposure):
    positions = grid(step, 4 * step)
    assert said(positions, positions, exposure) == {}


@pytest.mark.whole
def test_a_stage_that_slips_is_said_once_since_the_error_rises():
    told = grid(0.12, 0.6)
    true = told.copy()
    true[60:, 0] += 0.06
    ((frames, why),) = said(true, told, each=12).items()
    assert 60 < frames <= 84
    assert "error_rise is" in why
    assert "above 30 %" in why


def test_spots_that_hardly_overlap_are_said_at_once():
    positions = grid(0.32, 0.64)
    ((frames, why),) = said(positions, positions).items()
    assert frames == 9
    assert "below 40 %" in why


def test_the_rise_is_that_from_the_best_stage():
    positions = grid(0.12, 0.42)
    true = positions + np.where(np.arange(len(positions)) < 40, 0.0, 0.06)[:, None]
    analysis = Ptychography(geometry=GEOMETRY.json(), defocus=55.0)
    block = block_of(scanned(true), positions)
    found = analysis.result(analysis.update(analysis.empty(), block, block.place.frames))
    ends = found.data["error"].values[9::10]
    assert len(ends) == 5
    assert found.features["error_rise"].value == pytest.approx(100 * (ends[-1] / ends.min() - 1))
    assert found.features["error_rise"].value > 10
