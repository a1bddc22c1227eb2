"""Acceptance: the rocking scan of 34-ID-C, unsteered and steered, on the whole embedded system."""

import json
import os
import uuid

import numpy as np
import psutil
import pytest

import steering
from steering.analyses.rocking_curve import RockingCurve
from steering.contract.outcome import require_same
from steering.core.action import SetParameter
from steering.core.block import FrameBlock
from steering.core.errors import SteeringError
from tests.beamline.site import over

pytestmark = pytest.mark.system


def test_unsteered_it_is_the_beamtimes_scan_bit_for_bit(session, spec_scan):
    run = session.start("rocking")
    assert session.wait(180) == run
    outcome = session.board.result.value.outcome
    assert outcome.data["frame_sum"].values.tolist() == spec_scan["ImageTot"]
    assert outcome.data["frame_maximum"].values.tolist() == spec_scan["ImageMax"]
    assert outcome.features["peak"].value == pytest.approx(0.2150, abs=0.0005)
    assert outcome.features["fwhm"].value == pytest.approx(0.050, abs=0.005)
    assert outcome.features["fwhm"].units == "deg"
    assert session.exit_status(run) == "success"
    assert session.board.latency.value.photon_to_feature.count >= 201


def test_the_record_holds_frames_positions_and_result_with_provenance(session, spec_scan):
    record = over(session, session.board.status.value.run)
    recorded = record["primary"]
    assert recorded.sizes["event"] == 201
    assert recorded["th"].attrs["units"] == "deg"
    order = np.argsort(recorded["th"].values)
    frames = record.frames()
    assert frames.attrs["units"] == "counts"
    assert frames.values.sum(axis=(1, 2))[order].tolist() == spec_scan["ImageTot"]
    kept = record.result("rocking_curve")
    provenance = record.provenance("rocking_curve")
    assert (provenance["frames"], provenance["facility"]) == (201, "local")
    assert record.features("rocking_curve") == session.board.result.value.outcome.features
    assert json.loads(kept.attrs["features"])["peak"]["units"] == "deg"
    assert record.stop["exit_status"] == "success"


def test_analysed_again_from_the_record_it_is_the_live_result_bit_for_bit(session):
    live = session.board.result.value
    run = live.provenance.run
    record = over(session, run)
    events, frames = record["primary"], record.frames().values
    axes = ("th", "exposure")
    block = FrameBlock(
        run, "primary", 0, len(frames), None,
        {name: events[name].values for name in axes}, {name: events[name].attrs["units"] for name in axes},
    )  # fmt: skip
    analysis = RockingCurve()
    assert analysis.exactness == "bitwise"
    at_once = analysis.result(analysis.update(analysis.empty(), block, frames))
    require_same(at_once, live.outcome, "bitwise", "analysed at once in this process")
    # And by the workers, from the record's server.
    session.follow("tiled", analysis="rocking_curve", run=run, **session._writer._record)
    try:
        again = session.board.result.wait(
            lambda result: result is not None and result is not live and result.provenance.frames == 201, 60
        )
        session.board.source.wait(lambda source: (source.name, source.status.state) == ("tiled", "ended"), 180)
    finally:
        session.unfollow()
    require_same(again.outcome, live.outcome, "bitwise", "analysed again by the workers")


def test_recentred_automatically_it_needs_at_most_80_points_for_the_same_peak(session):
    whole = session.board.result.value.outcome.features
    session.set_mode("recentre", "automatic")
    session.start("rocking")
    session.wait(180)
    session.set_mode("recentre", "off")
    steered = session.board.result.value.outcome.features
    assert session.board.status.value.points_done <= 80
    for name in ("peak", "fwhm"):
        difference = abs(steered[name].value - whole[name].value)
        assert difference <= np.hypot(steered[name].uncertainty, whole[name].uncertainty)
    accepted = [ruling for ruling in session.board.rulings.value if ruling.accepted]
    assert {ruling.subject for ruling in accepted} == {"centre", "range"}
    assert all(ruling.who.startswith("recentre for ") and "rocking_curve@" in ruling.basis for ruling in accepted)
    assert session.board.latency.value.proposal_to_applied.count >= 2


def test_each_parameter_takes_effect_in_the_recorded_data(session):
    run = session.start("rocking")
    points(session, 5)
    for name, value in (("exposure", 0.1), ("step", 0.01), ("centre", 0.3), ("range", 0.4)):
        assert session.set(name, value).accepted
    settled(session)
    before = max(ruling.before_point for ruling in session.board.rulings.value)
    points(session, before + 8)
    session.finish()
    session.wait(300)
    recorded = over(session, run)["primary"]
    later = recorded.isel(event=recorded["seq_num"].values >= before)
    assert (later["exposure"].values == 0.1).all()
    assert later["th_step"].values == pytest.approx(0.01)
    assert (later["th"].values >= 0.3 - 0.2 - 1e-6).all()
    assert (later["th"].values <= 0.3 + 0.2 + 1e-6).all()
    assert (recorded["exposure"].values[:5] == 0.25).all()


def test_refused_proposals_say_why_are_recorded_and_change_nothing(session):
    session.start("rocking")
    points(session, 3)
    session.pause()
    before = session.board.status.value.parameters
    sent = [
        {"kind": "set", "parameter": "exposure", "value": 99},
        {"kind": "set", "parameter": "exposure", "value": float("nan")},
        {"kind": "set", "parameter": "exposure", "value": "abc"},
        {"kind": "set", "parameter": "colour", "value": 1},
    ]
    reasons = [session.propose_json({"action": action}).reason for action in sent]
    assert reasons[0] == "exposure = 99 s is outside the limits. Allowed: 0.01 to 5 s."
    assert reasons[1] == "exposure = nan s is not a finite number. Allowed: 0.01 to 5 s."
    assert reasons[2] == "exposure = 'abc' is not a number. Allowed: 0.01 to 5 s."
    assert reasons[3].startswith("There is no parameter 'colour'. This scan has: ")
    session.release_lease()
    reasons.append(session.set("exposure", 0.1).reason)
    assert "Take the lease first" in reasons[4]
    session.take_lease()
    settled(session)
    assert session.board.status.value.parameters == before
    session.resume()
    session.finish()
    session.wait(300)
    kept = over(session, session.board.status.value.run)
    recorded = kept["steering"]
    refused = recorded["reason"].values[recorded["verdict"].values == "refused"].tolist()
    assert refused == reasons
    assert (kept["primary"]["exposure"].values == 0.25).all()


def test_a_second_person_watches_but_cannot_steer(session, place):
    invitation = session.invite("ben", steer=True)
    session.start("rocking")
    points(session, 2)
    with steering.open(**invitation, facility="local", workspace=place) as guest:
        assert guest.name == "ben"
        assert f"held by {session.name}" in guest.set("exposure", 0.1).reason
        with pytest.raises(SteeringError, match=f"held by {session.name}"):
            guest.take_lease()
        assert guest.pause().accepted
        guest.board.status.wait(lambda status: status.state == "paused", 180)
    watcher = session.invite("cleo")
    with (
        steering.open(**watcher, facility="local", workspace=place) as guest,
        pytest.raises(SteeringError, match="may not steer"),
    ):
        guest.set("exposure", 0.1)
    session.resume()
    session.finish()
    session.wait(300)


def test_a_killed_worker_loses_and_doubles_nothing(session, spec_scan):
    session.start("rocking", centre=0.22, range=0.4)
    points(session, 20)
    victim = session.board.compute.value.workers[0].process_id
    os.kill(victim, 9)
    points(session, 40)
    session.wait(180)
    outcome = session.board.result.value.outcome
    assert session.board.result.value.provenance.frames == 81
    assert outcome.data["frame_sum"].values.tolist() == spec_scan["ImageTot"][60:141]
    assert not psutil.pid_exists(victim)
    session.board.compute.wait(lambda status: len(status.workers) == 2, 180)


def test_a_kernel_that_was_killed_comes_back_to_the_whole_run(session, place, spec_scan):
    """Another session stands for the kernel that was started again: it sees the run from its first point."""
    run = session.start("rocking", centre=0.22, range=0.4)
    points(session, 30)
    with steering.open(workspace=place) as again:
        assert again.board.status.value.run == run
        again.wait(180)
        outcome = again.board.result.value.outcome
        assert outcome.data["frame_sum"].values.tolist() == spec_scan["ImageTot"][60:141]
        assert again.exit_status(run) == "success"
    session.wait(300)


def test_an_abort_in_the_middle_of_an_exposure_is_recorded_and_the_next_scan_runs(session):
    session.start("rocking", exposure=5.0)
    points(session, 1)
    run = session.board.status.value.run
    assert session.abort("smoke").accepted
    session.board.status.wait(lambda status: not status.scanning, 180)
    session.wait(300)
    assert session.exit_status(run) == "abort"
    recorded = over(session, run)["steering"]
    assert recorded["kind"].values.tolist() == ["abort"]
    assert recorded["new"].values.tolist() == ["smoke"]
    session.start("rocking", range=0.02)
    session.wait(300)
    assert session.board.result.value.provenance.frames == 5


def test_what_cannot_start_says_why(session):
    with pytest.raises(SteeringError, match="This beamline has: rocking, map"):
        session.start("tango")
    with pytest.raises(SteeringError, match=r"exposure = -1 s is outside the limits. Allowed: 0.01 to 5 s."):
        session.start("rocking", exposure=-1)
    with pytest.raises(SteeringError, match=r"would have 3001 points. Allowed: at most 2000"):
        session.start("rocking", range=1.5, step=0.0005)
    refused = session.propose(SetParameter("exposure", 0.1))
    assert "No scan is running" in refused.reason


def test_the_same_proposal_sent_twice_is_applied_once(session):
    session.start("rocking")
    points(session, 2)
    identifier = uuid.uuid4().hex
    proposal = {"id": identifier, "action": {"kind": "set", "parameter": "exposure", "value": 0.05}}
    first, second = (session.propose_json(proposal) for _ in range(2))
    assert first.decided_at == second.decided_at
    session.finish()
    session.wait(300)
    assert [ruling.id for ruling in session.board.rulings.value].count(identifier) == 1


def points(session, count, timeout=240.0):
    """Wait until the scan has measured so many points."""
    session.board.status.wait(lambda status: status.points_done >= count or not status.scanning, timeout)


def settled(session, timeout=240.0):
    """Wait until the plan has taken every ruling."""
    session.board.rulings.wait(lambda rulings: all(ruling.applied_at for ruling in rulings), timeout)
