"""The plan on a session's board, and what a change would do, at a beamline that measures."""

import numpy as np
import pytest

import steering
from steering.core.action import InsertRegion, SetParameter
from tests.system.test_rocking import points

pytestmark = pytest.mark.system


def test_the_board_has_the_plan_and_a_forecast_comes_true(session):
    run = session.start("map", step=5.0)
    plan = session.board.plan.wait(lambda one: one.run == run and one.known, 30)
    assert plan.axes == ("sy", "sx")
    assert plan.count == len(plan.positions) == 12 * 8
    points(session, 10)
    # The strip of the beamline's file is on the board, with what the IOCs say.
    shown = session.board.instrument.wait(lambda one: len(one.readings) == 6 and all(r.well for r in one.readings), 30)
    texts = {reading.name: reading.text for reading in shown.readings}
    assert list(texts) == ["ring_current", "filters", "temperature", "th", "sx", "sy"]
    assert (texts["ring_current"], texts["filters"]) == ("200 mA", "out")
    session.pause()
    session.board.status.wait(lambda status: status.state == "paused", 30)
    action = InsertRegion({"sy": (-2.0, 2.0), "sx": (-2.0, 2.0)}, {"sy": 1.0, "sx": 1.0})
    forecast = session.forecast(action)
    assert forecast.refusal == ""
    assert forecast.plan.count == plan.count + 25
    assert forecast.seconds_left > 0
    refused = session.forecast((action, SetParameter("step", 99.0)))
    assert "step = 99 um is outside the limits" in refused.refusal
    assert session.board.plan.value is plan
    assert session.propose(action).accepted
    told = session.board.plan.wait(lambda one: one.count == forecast.plan.count, 30)
    assert np.array_equal(told.positions, forecast.plan.positions)
    # Whoever comes late is told too.
    with steering.open(workspace=session.workspace) as late:
        assert late.board.plan.wait(lambda one: one.run == run, 30).count == told.count
    session.finish()
    session.wait(120)
    ended = session.board.plan.wait(lambda one: one.count < told.count, 30)
    assert ended.run == run
