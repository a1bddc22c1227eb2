"""A disk that is full costs the ring no frame that came, no room, and no end of a run."""

import os

import numpy as np
import pytest

from steering.core.block import FrameBlock
from steering.ingest import journal
from steering.ingest.acquisition import Acquisition, Sorter
from steering.sources.pva import PvaSource
from tests.sources.test_ring import BYTES, SHAPE, fill, follow, frames_of, image, pixels, ring_in, taken


def full(*_):
    raise OSError(28, "No space left on device")


def test_frames_whose_line_cannot_be_written_are_handed_on_stored_and_freed(tmp_path, monkeypatch):
    ring = ring_in(tmp_path)
    taker = follow(ring)
    ring.begin("run")
    fill(ring, range(2))
    monkeypatch.setattr(journal, "append", full)
    assert fill(ring, range(2, 6)) == [2, 3, 4, 5]
    assert "No space left on device" in ring.trouble
    ring.stored("run", 0, 3)
    monkeypatch.undo()
    assert fill(ring, range(6, 10)) == [6, 7, 8, 9]
    assert ring.trouble == ""
    monkeypatch.setattr(journal, "append", full)
    ring.end("run", "success")
    items = taken(ring, taker)
    assert frames_of(items) == list(range(3, 10)) or frames_of(items) == list(range(10))
    assert [value for item in items if item["kind"] == "frames" for value in pixels(item)] == frames_of(items)
    assert items[-1] == {"kind": "ended", "run": "run", "frames": 10, "status": "success"}
    ring.stored("run", 0, 10)
    assert ring.held == (0, 0)
    assert not list(tmp_path.rglob("*.raw"))


@pytest.mark.parametrize("what", ["memory", "disk"])
def test_where_a_filesystem_is_full_there_is_no_room_until_there_is(tmp_path, monkeypatch, what):
    ring = ring_in(tmp_path, memory=8, disk=100)
    taker = follow(ring)
    ring.begin("run")
    came = fill(ring, range(8))
    if what == "memory":
        monkeypatch.setattr(os, "pwrite", full)
        ring.stored("run", 0, 4)
    else:
        monkeypatch.setattr("shutil.copyfile", full)
    assert not ring.append("run", 8, image(8))
    assert "No space left on device" in ring.trouble
    monkeypatch.undo()
    assert fill(ring, range(8, 12)) == [8, 9, 10, 11]
    assert ring.trouble == ""
    items = taken(ring, taker)
    assert frames_of(items)[-4:] == [8, 9, 10, 11]
    assert came == list(range(8))
    assert ring.held[0] <= 8 * BYTES


class Counted(set):
    """Says how often it was asked for a number."""

    asked = 0

    def __contains__(self, number):
        Counted.asked += 1
        return super().__contains__(number)


def test_a_run_with_a_large_gap_is_taken_over_without_counting_through_it():
    sorter = Sorter("kit")
    numbers = Counted({0, 1, 1_000_000})
    sorter.go_on(Acquisition("run", 0, 1_000_001, SHAPE, np.dtype("<u2")), numbers)
    assert Counted.asked < 10_000
    assert sorter.counts.missed == 999_998
    assert sorter.counts.frames == 3
    # What is missing and may still come are the newest of them.
    assert len(sorter.current.missing) == 4096
    assert max(sorter.current.missing) == 999_999
    assert min(sorter.current.missing) == 1_000_000 - 4096


def test_what_was_taken_in_any_order_is_few_ranges(workspace):
    source = PvaSource("kit:image", workspace=workspace)
    order = [(20, 30), (10, 20), (40, 50), (0, 10), (30, 40), (60, 70)]
    for start, stop in order:
        source._note(FrameBlock("run", "primary", start, stop, None, {}))
    assert source._have == {"run": [(0, 50), (60, 70)]}
    source.close()
