"""Recorded runs, replayed."""

import math
import time

import numpy as np
import pytest

from steering.core.block import FrameBlock
from steering.core.errors import SteeringError
from steering.core.source import RunEnded, RunStarted
from steering.journal.journal import Entry, Journal
from steering.sim.data import fetch
from steering.sources.replay import ReplaySource, _Clock
from tests.documents import STEP, documents_of_a_run


@pytest.mark.parametrize(("stream", "events"), [("primary", 152), ("baseline", 18), ("mca", 2)])
async def test_the_recorded_usaxs_runs_give_no_error(stream, events):
    source = ReplaySource(fetch("bluesky_usaxs/usaxs.json.gz"), speed=math.inf, stream=stream)
    items = [item async for item in source.items()]
    assert sum(isinstance(item, RunStarted) for item in items) == 10
    ends = [item for item in items if isinstance(item, RunEnded)]
    assert len(ends) == 10
    # Every stream's events are counted, whichever is followed.
    assert sum(end.events for end in ends) == 172
    assert sum(len(item) for item in items if isinstance(item, FrameBlock)) == events
    status = source.status
    assert (status.frames, status.missed, status.rejected, status.repeated) == (events, 0, 0, 0)


def journal(folder, points=12):
    written = Journal(folder, "rocking")
    for name, document in documents_of_a_run(points):
        written.write(Entry("document", name, document))
    written.close()


async def test_our_journals_are_replayed_at_their_own_speed_or_faster(tmp_path):
    journal(tmp_path)
    began = time.monotonic()
    items = [item async for item in ReplaySource(tmp_path, speed=100.0).items()]
    # Recorded over 99 s: not faster than it was asked for.
    assert time.monotonic() - began > 0.95
    blocks = [item for item in items if isinstance(item, FrameBlock)]
    assert len(blocks) > 6
    assert np.concatenate([block.columns["th"] for block in blocks]).tolist() == [STEP * n for n in range(12)]
    assert items[-1] == RunEnded("run-1", 12, "success", 12)


async def test_a_replay_that_is_closed_while_it_waits_ends(tmp_path):
    journal(tmp_path)
    source = ReplaySource(tmp_path, speed=1e-6)
    items = []
    async for item in source.items():
        items.append(item)
        source.close()
    assert items == [RunStarted("run-1", "rocking")]


def test_what_is_no_recording_is_named(tmp_path):
    with pytest.raises(SteeringError, match=r"no recording at .*jsonl"):
        ReplaySource(tmp_path)
    with pytest.raises(SteeringError, match="must be above 0"):
        ReplaySource(tmp_path, speed=0.0)


def test_a_document_without_a_time_puts_off_nothing():
    clock = _Clock(1.0)
    for document in (("resource", {"uid": "f"}), ("start", {"uid": "r"}), ("descriptor", {"time": None})):
        assert clock.due(document)
    # The first time that is told is the begin.
    assert clock.due(("descriptor", {"time": 1.7e9}))
    assert 50.0 < clock.left(("event", {"time": 1.7e9 + 60.0})) <= 60.0
