"""The ring of raw segments, without a network."""

import numpy as np
import pytest

from steering.ingest.acquisition import Sorter
from steering.ingest.image import Image
from steering.ingest.ring import Ring, Room
from steering.ingest.taker import Taker
from steering.places.ring import RawFrames

SHAPE = (4, 8)
BYTES = 64


def image(number, time=None, shape=SHAPE, dtype="<u2", timed=True, value=None):
    pixels = np.full(shape, number if value is None else value, dtype)
    return Image(pixels, number, 1e9 + number if time is None else time, timed, columns={"th": number})


def ring_in(tmp_path, memory=100, disk=100, segment=4, frames=512):
    room = Room(tmp_path / "memory", tmp_path / "disk", memory * BYTES, disk * BYTES, segment * BYTES)
    return Ring(room, block_frames=frames)


def fill(ring, indices, run="run"):
    return [index for index in indices if ring.append(run, index, image(index))]


def taken(ring, taker):
    """Take all that waits."""
    items = []
    while batch := ring.take(taker, 16):
        items += batch
    return items


def frames_of(items):
    return [
        i
        for item in items
        if item["kind"] == "frames"
        for i in range(item["start"], item["start"] + len(item["times"]))
    ]


def pixels(item):
    place = RawFrames(
        item["segment"], tuple(item["paths"]), item["offset"], tuple(item["shape"]), item["dtype"], tuple(item["times"])
    )
    return place.read(0, len(place.times))[0][:, 0, 0].tolist()


def follow(ring, policy="hold", have=None):
    taker = Taker(policy, have or {})
    ring.attach(taker, lambda: None)
    return taker


def test_a_frame_that_comes_alone_is_handed_on_alone_and_many_that_wait_together(tmp_path):
    ring = ring_in(tmp_path, segment=50)
    taker = follow(ring)
    ring.begin("run")
    fill(ring, [0])
    first = taken(ring, taker)
    fill(ring, range(1, 20))
    ring.end("run", "success")
    rest = taken(ring, taker)
    assert [item["kind"] for item in first] == ["started", "frames"]
    assert [item["kind"] for item in rest] == ["frames", "ended"]
    assert frames_of([*first, *rest]) == list(range(20))
    assert rest[0]["columns"] == {"th": list(range(1, 20))}
    assert pixels(rest[0]) == list(range(1, 20))


def test_a_block_has_a_largest_size(tmp_path):
    ring = ring_in(tmp_path, segment=100, frames=6)
    taker = follow(ring)
    ring.begin("run")
    fill(ring, range(20))
    assert [len(item["times"]) for item in taken(ring, taker)[1:]] == [6, 6, 6, 2]


def test_segments_are_freed_only_when_every_frame_in_them_is_stored(tmp_path):
    ring = ring_in(tmp_path)
    ring.begin("run")
    fill(ring, range(10))
    ring.stored("run", 0, 3)
    assert ring.held[0] == 10 * BYTES
    ring.stored("run", 3, 4)
    ring.stored("run", 2, 4)
    ring.stored("other", 0, 100)
    assert ring.held[0] == 6 * BYTES
    ring.end("run", "success")
    ring.stored("run", 0, 10**12)
    assert ring.held == (0, 0)
    ring.close()
    assert not list(tmp_path.rglob("*.raw"))
    assert not list(tmp_path.rglob("*.jsonl"))


def test_what_memory_does_not_hold_goes_to_disk_and_is_read_there_then_there_is_no_room(tmp_path):
    ring = ring_in(tmp_path, memory=8, disk=8)
    taker = follow(ring)
    ring.begin("run")
    assert fill(ring, range(30)) == list(range(16))
    assert ring.held == (8 * BYTES, 8 * BYTES)
    items = taken(ring, taker)[1:]
    assert [value for item in items for value in pixels(item)] == list(range(16))
    ring.stored("run", 0, 4)
    assert fill(ring, range(16, 30)) == list(range(16, 20))


@pytest.mark.parametrize("memory", [1, 2, 3])
def test_a_small_ring_never_stands_still_once_results_are_stored(tmp_path, memory):
    ring = ring_in(tmp_path, memory=memory, disk=0, segment=16)
    ring.begin("run")
    index = 0
    for _ in range(10):
        came = fill(ring, range(index, index + 5))
        assert came, "the ring is empty but takes nothing"
        ring.stored("run", 0, index + len(came))
        index += len(came)


def test_the_newest_policy_hands_on_the_newest_first_and_counts_what_comes_later(tmp_path):
    ring = ring_in(tmp_path, segment=4)
    taker = follow(ring, "newest")
    ring.begin("run")
    fill(ring, range(10))
    ring.end("run", "success")
    items = taken(ring, taker)
    assert frames_of(items) == [8, 9, 4, 5, 6, 7, 0, 1, 2, 3]
    assert items[-1]["kind"] == "ended"
    assert taker.later == 8


def test_a_session_that_returns_gets_what_is_not_stored_and_what_it_has_not(tmp_path):
    ring = ring_in(tmp_path)
    first = follow(ring)
    ring.begin("run")
    fill(ring, range(12))
    taken(ring, first)
    ring.detach(first)
    ring.stored("run", 0, 4)
    assert frames_of(taken(ring, follow(ring))) == list(range(4, 12))
    again = taken(ring, follow(ring, have={"run": [(4, 6), (8, 9)]}))
    assert frames_of(again) == [6, 7, 9, 10, 11]
    assert [value for item in again[1:] for value in pixels(item)] == [6, 7, 9, 10, 11]


def test_a_session_that_comes_back_with_all_that_came_is_told_of_the_next_frame(tmp_path):
    ring = ring_in(tmp_path)
    ring.begin("run")
    fill(ring, range(5))
    taker = follow(ring, have={"run": [(0, 5)]})
    assert frames_of(taken(ring, taker)) == []
    fill(ring, range(5, 7))
    assert frames_of(taken(ring, taker)) == [5, 6]


def test_a_new_process_takes_over_what_a_dead_one_left(tmp_path):
    ring = ring_in(tmp_path, memory=8, disk=20)
    ring.begin("run")
    fill(ring, range(14))
    ring.stored("run", 0, 2)
    (tmp_path / "memory" / "stray.raw").write_bytes(b"x")
    with next((tmp_path / "disk").glob("*.jsonl")).open("ab") as journal:
        journal.write(b'{"frame": 14, "segm')
    after = ring_in(tmp_path, memory=8, disk=20)
    items = taken(after, follow(after))
    assert frames_of(items) == list(range(2, 14))
    assert [value for item in items if item["kind"] == "frames" for value in pixels(item)] == list(range(2, 14))
    assert not (tmp_path / "memory" / "stray.raw").exists()
    # How the run goes on, if it does, is the monitor's to say.
    assert after.left is not None
    assert (after.left.run, after.left.base, after.left.numbers) == ("run", 0, set(range(14)))
    taker = follow(after)
    after.append("run", 14, image(14))
    after.end("run", "success")
    items = taken(after, taker)
    assert frames_of(items) == list(range(2, 15))
    assert items[-1] == {"kind": "ended", "run": "run", "frames": 15, "status": "success"}
    after.stored("run", 0, 15)
    assert after.held == (0, 0)


def place(sorter, number, **other):
    found = sorter.place(image(number, **other))
    return found and found[1]


def test_missed_repeated_and_late_frames_are_told_apart():
    sorter = Sorter("kit")
    assert [place(sorter, n) for n in (5, 6, 9, 6, 7, 10, 7)] == [0, 1, 4, None, 2, 5, None]
    assert (sorter.counts.missed, sorter.counts.repeated, sorter.counts.later, sorter.counts.frames) == (1, 2, 1, 5)


def test_a_detector_that_counts_from_anew_begins_a_run():
    sorter = Sorter("kit")
    place(sorter, 1, time=10.0)
    place(sorter, 2, time=10.5)
    before = sorter.current
    assert place(sorter, 1, time=11.0) == 0
    assert sorter.current is not before
    place(sorter, 100, time=12.0)
    assert place(sorter, 3, time=13.0) is not None


@pytest.mark.parametrize("number", [0, 1, 77])
def test_frames_that_all_have_one_number_are_counted(number):
    sorter = Sorter("kit")
    assert [place(sorter, number, time=10.0 + n) for n in range(5)] == [0, 1, 2, 3, 4]
    # A monitor may bring the newest once more.
    assert place(sorter, number, time=14.0) is None
    assert (sorter.counts.frames, sorter.counts.repeated, sorter.counts.missed) == (5, 1, 0)
    assert f"uniqueId is always {number}" in sorter.remark
    before = sorter.current
    assert place(sorter, number + 4, time=20.0) == 0
    assert sorter.current is not before
    assert sorter.remark == ""


def test_frames_with_neither_number_nor_time_are_told_apart_by_their_pixels():
    sorter = Sorter("kit")
    found = [place(sorter, 0, timed=False, value=value) for value in (1, 2, 2, 3)]
    assert found == [0, 1, None, 2]


def test_a_flood_of_repeats_is_said():
    sorter = Sorter("kit")
    for number in (1, 2):
        place(sorter, number, time=number)
    for _ in range(100):
        assert place(sorter, 2, time=2) is None
    assert "again and again" in sorter.remark
    place(sorter, 3, time=3)
    assert sorter.remark == ""


def test_a_frame_of_another_size_is_refused_but_a_detector_that_was_set_anew_is_followed():
    sorter = Sorter("kit")
    place(sorter, 1)
    first = sorter.current
    assert place(sorter, 2, shape=(2, 2)) is None
    assert "shape (2, 2)" in sorter.counts.last_rejection
    assert place(sorter, 3) == 2
    assert [place(sorter, n, shape=(2, 2)) for n in (4, 5, 6)] == [None, None, 0]
    assert sorter.current is not first
    assert sorter.counts.rejected == 3
    assert sorter.counts.missed == 0


def test_a_ring_that_is_closed_leaves_memory_and_the_next_one_finds_all_frames(tmp_path):
    ring = ring_in(tmp_path, memory=100, disk=8)
    ring.begin("run")
    fill(ring, range(10))
    ring.close()
    assert not list(tmp_path.glob("memory/*"))
    again = ring_in(tmp_path)
    assert again.held == (0, 10 * BYTES)
    items = taken(again, follow(again))
    assert frames_of(items) == list(range(10))
    assert [value for item in items if item["kind"] == "frames" for value in pixels(item)] == list(range(10))
    again.close()


def test_what_does_not_fit_on_disk_stays_in_memory(tmp_path, monkeypatch, capsys):
    def full(*_):
        raise OSError(28, "No space left on device")

    ring = ring_in(tmp_path)
    ring.begin("run")
    fill(ring, range(10))
    monkeypatch.setattr("shutil.copyfile", full)
    ring.close()
    assert "stays in memory, as it cannot be moved to disk" in capsys.readouterr().err
    monkeypatch.undo()
    again = ring_in(tmp_path)
    assert frames_of(taken(again, follow(again))) == list(range(10))
    again.close()
