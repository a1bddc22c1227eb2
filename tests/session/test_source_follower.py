"""A followed source: what it is told before it is closed, and what is said when it fails."""

import asyncio

import numpy as np
import pytest

from steering.analyses.centre_of_mass import CentreOfMass
from steering.analyses.scalars import Scalars
from steering.core.block import FrameBlock, Inline
from steering.core.errors import SteeringError
from steering.core.source import RunStarted, SourceStatus
from steering.loop.store import Store
from steering.session.source_follower import SourceFollower
from steering.testing import InlineFacility
from steering.testing.waiting import until


class Endless:
    """A run without a known end: blocks, and then silence."""

    def __init__(self, failure=None):
        self.rejected = 0
        self.last_rejection = ""
        self.status = SourceStatus("live")
        self.told = []
        self._failure = failure

    async def items(self):
        yield RunStarted("run", "endless", 1000.0)
        for start in range(0, 20, 5):
            frames = np.full((5, 4, 4), start, "u2")
            columns = {"th": np.arange(start, start + 5) / 10}
            yield FrameBlock("run", "primary", start, start + 5, Inline(frames), columns, {"th": "deg"})
        if self._failure is not None:
            raise self._failure
        await asyncio.Event().wait()

    def stored(self, run, start, stop):
        self.told.append((start, stop))

    def close(self):
        self.told.append("closed")


async def follow(source, said):
    facility = InlineFacility()
    await facility.start()
    scalars = Scalars()
    return facility, SourceFollower(
        "endless",
        source,
        facility,
        Store(None),
        lambda _: {"main": scalars},
        lambda followed, result: None,
        said.append,
    )


async def test_a_source_hears_what_is_stored_before_it_is_closed():
    source, said = Endless(), []
    facility, followed = await follow(source, said)
    followed.start(frames=True)
    await until(lambda: followed.result is not None and followed.result.provenance.frames == 20, lambda: str(said))
    await until(lambda: followed.frame is not None and followed.frame.number == 19, lambda: str(said))
    assert (followed.frame.pixels == 15).all()
    run = followed.runs[0]
    assert (run.uid, run.plan, run.started, run.frames, run.status) == ("run", "endless", 1000.0, 20, "running")
    await followed.close()
    assert source.told[-1] == "closed"
    assert (0, 20) in source.told[:-1]
    assert followed.index.read(3).columns == {"th": 0.3}
    assert followed.trends["main"].features["th_max"].values[-1] == 1.9
    assert said == []
    await facility.close()


async def test_a_newest_frame_that_is_nonsense_is_said_once_and_the_next_one_is_shown(monkeypatch):
    source, said = Endless(), []
    facility, followed = await follow(source, said)
    read, broken = followed.index.read, ["yes"]

    def nonsense(index):
        if broken:
            raise ValueError("wrong bytes")
        return read(index)

    monkeypatch.setattr(followed.index, "read", nonsense)
    followed.start(frames=True)
    await until(lambda: bool(said), lambda: "nothing was said")
    assert said == ["The newest frame cannot be shown: wrong bytes (value error)"]
    # Newer frames are looked at.
    broken.clear()
    newest = followed.index.newest
    columns = {"th": np.arange(20, 25) / 10}
    followed.index.add(
        FrameBlock("run", "primary", 20, 25, Inline(np.full((5, 4, 4), 7, "u2")), columns, {"th": "deg"})
    )
    assert followed.index.newest.key != newest.key
    await until(lambda: followed.frame is not None and followed.frame.number == 24, lambda: str(said))
    await followed.close()
    await facility.close()


async def test_a_source_that_fails_says_so():
    for failure, sentence in (
        (ModuleNotFoundError("No module", name="tiled"), "needs the package tiled"),
        (RuntimeError("the wire broke"), "The source endless failed: RuntimeError: the wire broke"),
    ):
        source, said = Endless(failure), []
        facility, followed = await follow(source, said)
        followed.start(frames=False)
        await until(lambda said=said: bool(said), lambda: "nothing was said")
        assert sentence in said[0]
        assert (followed.seen.status.state, sentence in followed.seen.failure) == ("lost", True)
        await followed.close()
        assert source.told[-1] == "closed"
        await facility.close()


async def test_an_analysis_that_is_added_is_given_all_frames_and_can_go_again():
    source, said = Endless(), []
    facility, followed = await follow(source, said)
    followed.start(frames=False)
    await until(lambda: followed.result is not None and followed.result.provenance.frames == 20, lambda: str(said))
    await followed.add("spot", CentreOfMass())
    await until(lambda: "spot" in followed.results, lambda: str(said))
    assert followed.labels == ("main", "spot")
    spot = followed.results["spot"]
    assert (spot.provenance.frames, spot.provenance.label) == (20, "spot")
    assert spot.outcome.data["frame_sum"].values.tolist() == [16 * start for start in (0, 5, 10, 15) for _ in range(5)]
    assert followed.loop.counts.repeated == 0

    # Other parameters: what was there stays until the new one is there.
    await followed.add("spot", CentreOfMass(kept=7))
    await until(lambda: followed.results["spot"].provenance.parameters == {"kept": 7}, lambda: str(said))
    assert followed.results["spot"].outcome.data.sizes["frame"] == 7

    await followed.leave("spot")
    assert (followed.labels, list(followed.results), list(followed.trends)) == (("main",), ["main"], ["main"])
    with pytest.raises(SteeringError, match=r"This run has no analysis 'spot'\. It has: main"):
        await followed.leave("spot")
    with pytest.raises(SteeringError, match="main is the main analysis of this run, which stays"):
        await followed.leave("main")
    assert said == []
    await followed.close()
    assert (0, 20) in source.told[:-1]
    await facility.close()


async def test_nothing_is_added_to_a_run_that_has_not_begun():
    source, said = Endless(), []
    facility, followed = await follow(source, said)
    with pytest.raises(SteeringError, match="No frame of a run has come yet"):
        await followed.add("spot", CentreOfMass())
    assert followed.labels == ()
    await facility.close()
