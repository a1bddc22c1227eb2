"""Events of Timepix3 detectors: what arrives in a period is a frame, whatever the order in the file."""

import asyncio

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from steering.core.block import FrameBlock
from steering.core.errors import SteeringError
from steering.core.source import RunEnded
from steering.core.workspace import Workspace
from steering.event_sources.timepix import TimepixSource
from steering.photons.timepix import CHIP, UNIT, Timepix3, write_timepix
from steering.sources.frames import read_frames

PERIOD = 20e-6
UNITS = round(PERIOD / UNIT)
RANGE = 1 << 34


def packets(time, row, column, chip=0):
    return write_timepix(np.asarray(time), np.asarray(row), np.asarray(column), chip)


def followed(path, **settings):
    source = TimepixSource(
        path, **{"period": PERIOD, "idle_seconds": 0.3, "workspace": Workspace(path.parent / "w"), **settings}
    )

    async def go():
        return [item async for item in source.items()]

    items = asyncio.run(go())
    blocks = [item for item in items if isinstance(item, FrameBlock)]
    frames = [np.asarray(read_frames(block)[0][:]) for block in blocks]
    return source, items, np.concatenate(frames) if frames else np.empty((0, CHIP, CHIP), np.uint16)


# A packet of each kind as SERVAL's manual lays its bits out, written down here and not by our writer.
def by_hand(dcol, spix, pix, toa, tot, ftoa, spidr):
    address = (dcol << 9) | (spix << 3) | pix
    return (0xB << 60) | (address << 44) | (toa << 30) | (tot << 20) | (ftoa << 16) | spidr


def test_a_packet_is_read_as_the_manual_says():
    head = int.from_bytes(b"TPX3", "little") | (1 << 32) | (16 << 48)
    content = b"".join(
        one.to_bytes(8, "little") for one in (head, by_hand(100, 50, 6, 1000, 30, 5, 7), (0x6F << 56) | 12345)
    )
    found, read = Timepix3(((0, 0, 0), (0, 256, 0))).read(content)
    assert read == 24
    # Double column 100 and pixel 6: column 201, row 4 * 50 + 2; of the chip on the right.
    assert found.pixel.tolist() == [202 * 512 + 256 + 201]
    assert found.time.tolist() == [((7 << 14) + 1000) * 16 - 5]


@given(
    st.lists(st.tuples(st.integers(16, 40 * RANGE), st.integers(0, 255), st.integers(0, 255)), min_size=1, max_size=50),
    st.integers(0, 3),
)
def test_what_is_written_is_read(events, turns):
    # Times rise by less than seven eighths of the range from one event to the next.
    time = np.cumsum([1000 + one[0] % (RANGE // 8 * 7 - 2000) for one in events])
    row, column = np.array([one[1] for one in events]), np.array([one[2] for one in events])
    found, read = Timepix3(((0, 0, turns),)).read(packets(time, row, column) + b"TPX")
    assert read == 8 * (len(events) + 1)
    # Since the times last began anew before the first.
    assert (found.time - time).tolist() == [-(time[0] // RANGE) * RANGE] * len(time) or time[0] % RANGE == 0
    placed = np.rot90(np.arange(CHIP * CHIP).reshape(CHIP, CHIP), turns)
    expected = [int(np.flatnonzero(placed == r * CHIP + c)[0]) for r, c in zip(row, column, strict=True)]
    assert found.pixel.tolist() == expected


@pytest.mark.parametrize("pause", [13.0, 15.0, 23.0])
@pytest.mark.parametrize("begin", [1.0, 25.0])
def test_a_break_of_most_of_the_range_is_one_and_events_after_it_are_later(pause, begin):
    seconds = begin + np.array([0.0, 0.1, 0.1 + pause, 0.2 + pause, 0.15 + pause])
    time = np.rint(seconds / UNIT).astype(np.int64)
    found, _ = Timepix3().read(packets(time, np.zeros(5, np.int64), np.zeros(5, np.int64)))
    assert (found.time - found.time[0]).tolist() == (time - time[0]).tolist()


@given(st.binary(max_size=200))
def test_whatever_a_file_holds_it_is_read_or_said_to_be_none(content):
    try:
        _, read = Timepix3().read(content)
    except SteeringError as error:
        assert "chunk of Timepix3 events" in str(error) or "events of chip" in str(error)  # noqa: PT017  (or it is read)
    else:
        assert 0 <= read <= len(content)


@settings(deadline=None, max_examples=8)
@given(st.integers(0, 2**32 - 1))
def test_events_in_any_order_are_counted_in_their_frames(tmp_path_factory, seed):
    random = np.random.default_rng(seed)
    path = tmp_path_factory.mktemp("tpx") / "scan.tpx3"
    count, events = 40, 3000
    frame = np.sort(random.integers(0, count, events))
    frame[0], frame[-1] = 0, count - 1
    time = 5 * RANGE - 20 * UNITS + frame * UNITS + random.integers(0, UNITS - 1, events)
    time[0] = 5 * RANGE - 20 * UNITS
    row, column = random.integers(0, CHIP, events), random.integers(0, CHIP, events)
    # Later ones may lie up to 100 us before earlier ones in the file, also where times begin anew.
    order = np.argsort(time + random.integers(0, round(100e-6 / UNIT), events))
    with path.open("wb") as file:
        for part in np.array_split(order, 7):
            file.write(packets(time[part], row[part], column[part]))
    expected = np.zeros((count, CHIP, CHIP), np.uint16)
    np.add.at(expected, ((time - time[0]) // UNITS, row, column), 1)
    source, items, frames = followed(path, settled=200e-6)
    assert source.rejected == 0, source.last_rejection
    assert np.array_equal(frames, expected)
    assert isinstance(items[-1], RunEnded)
    assert items[-1].status == "success"
    block = next(item for item in items if isinstance(item, FrameBlock))
    assert block.columns["exposure"][0] == PERIOD


def test_a_part_of_the_frame_is_taken(tmp_path):
    path = tmp_path / "scan.tpx3"
    path.write_bytes(packets([UNITS, 2 * UNITS, 3 * UNITS], [10, 20, 12], [30, 40, 33]))
    _, _, frames = followed(path, part=(10, 30, 4, 5))
    assert frames.shape == (3, 4, 5)
    assert [tuple(one) for one in np.argwhere(frames)] == [(0, 0, 0), (2, 2, 3)]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"no event at all, but words", r"no chunk of Timepix3 events at byte 0"),
        (packets([9], [1], [1], chip=3), r"events of chip 3, and places for chips 0 to 0"),
        # A frame of 0.4 us here.
        (packets([256, 256 * (1 << 24) + 256], [1, 1], [1, 1]), r"room for 16,777,216 frames of 4e-07 s"),
    ],
)
def test_what_is_wrong_with_a_file_is_said(content, sentence, tmp_path):
    path = tmp_path / "scan.tpx3"
    path.write_bytes(content)
    source, _, frames = followed(path, period=256 * UNIT)
    assert source.rejected == 1
    assert len(frames) == 0
    with pytest.raises(AssertionError, match=sentence):
        raise AssertionError(source.last_rejection)


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"period": 0.0}, "period is 0 s"),
        ({"period": float("nan")}, "period is nan s"),
        ({"settled": -1.0}, "settled is -1 s"),
        ({"chips": ()}, "chips are"),
        ({"chips": ((-1, 0, 0),)}, "chips are"),
        ({"part": (0, 0, 300, 10)}, r"part is .* within 256 x 256 px"),
        ({"part": (0, 0, 0, 10)}, "part is"),
    ],
)
def test_settings_that_cannot_be_are_said(settings, sentence, tmp_path):
    with pytest.raises(SteeringError, match=sentence):
        followed(tmp_path / "scan.tpx3", **settings)
