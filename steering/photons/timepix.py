"""The events that Timepix3 detectors write by way of SPIDR boards and SERVAL: chunks of 64-bit packets (``.tpx3``).

A chunk begins with ``TPX3``, the number of the chip (bits 32 to 39) and its size in bytes (48 to 63). In a packet of a
pixel (highest bits 0xb) bits 0 to 15 are the SPIDR time (25 ns * 2^14), 16 to 19 the fine time (1.5625 ns, counted
back), 20 to 29 the time over threshold, 30 to 43 the time of arrival (25 ns), 44 to 59 the pixel: double column, super
pixel, pixel. Other packets (triggers, global time) are passed over. Times begin anew every 26.8 s.

Source: SERVAL manual 3.2, "TPX3 raw file format"; T. Poikela et al., JINST 9 (2014) C05013,
10.1088/1748-0221/9/05/C05013.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from steering.core.errors import SteeringError

CHIP = 256
# Seconds of a unit of the fine time, and units after which times begin anew.
UNIT = 1.5625e-9
_RANGE = 1 << 34
# By so many units at most (3.4 s) an event lies behind one that is before it in the file.
_BEHIND = _RANGE // 8
_WORD = 8
_MAGIC = int.from_bytes(b"TPX3", "little")
_PIXEL_PACKET = 0xB

ChipPlace: TypeAlias = tuple[int, int, int]
"""Row and column of a chip's first pixel in the frame, and by how many quarter turns it stands there."""


@dataclass(frozen=True)
class Arrivals:
    """Events as they were read.

    Attributes:
        time: Of each in units of 1.5625 ns, since the times last began anew before the first, shape ``(events,)``.
        pixel: Of each, into the flattened frame.
    """

    time: NDArray[np.int64]
    pixel: NDArray[np.int64]


class Timepix3:
    """Reads one file's chunks one after another, and knows how often the times have begun anew."""

    def __init__(self, chips: Sequence[ChipPlace] = ((0, 0, 0),)) -> None:
        """Say where the chips stand.

        Args:
            chips: In the order of their numbers.

        Raises:
            SteeringError: If there is none, or one stands outside.
        """
        if not chips or any(row < 0 or column < 0 for row, column, _ in chips):
            message = f"chips are {list(chips)!r:.100}. Give row, column (0 or more) and quarter turns of each."
            raise SteeringError(message)
        self._chips = [*chips]
        self._last: int | None = None
        self._anew = 0

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of a frame."""
        return max(one[0] for one in self._chips) + CHIP, max(one[1] for one in self._chips) + CHIP

    def read(self, content: bytes) -> tuple[Arrivals, int]:
        """Read the whole chunks of what a file holds from some byte on.

        Returns:
            Their events in the order of the file, and how many bytes were read.

        Raises:
            SteeringError: If there is no chunk where one should begin, or it is of a chip that has no place.
        """
        words = np.frombuffer(content, "<u8", len(content) // _WORD)
        ends, chips, at = [0], [0], 0
        while at < len(words):
            head = int(words[at])
            size = head >> 48
            if head & 0xFFFFFFFF != _MAGIC or size % _WORD:
                message = (
                    f"There is no chunk of Timepix3 events at byte {at * _WORD}. Is it a file as SERVAL writes it?"
                )
                raise SteeringError(message)
            after = at + 1 + size // _WORD
            if after > len(words):
                break
            chips.append((head >> 32) & 0xFF)
            ends.append(after)
            at = after
        return self._events(words, ends, chips), at * _WORD

    def _events(self, words: NDArray[np.uint64], ends: list[int], chips: list[int]) -> Arrivals:
        spans = np.diff(ends)
        chip = np.repeat(np.asarray(chips[1:], np.int64), spans)
        packets = words[: ends[-1]].astype(np.int64)
        is_pixel = (packets >> 60) & 0xF == _PIXEL_PACKET
        # The heads of chunks are none, whatever their size looks like.
        is_pixel[np.asarray(ends[:-1], np.int64)[spans > 0]] = False
        packets, chip = packets[is_pixel], chip[is_pixel]
        arrival = (((packets & 0xFFFF) << 14) | ((packets >> 30) & 0x3FFF)) * 16 - ((packets >> 16) & 0xF)
        return Arrivals(self._unwrapped(arrival), self._placed((packets >> 44) & 0xFFFF, chip))

    def _unwrapped(self, arrival: NDArray[np.int64]) -> NDArray[np.int64]:
        """Add up the times: one that is earlier by more than events come out of order came after they began anew.

        So a break, as of a closed shutter, may last for most of the range.
        """
        if not len(arrival):
            return arrival
        steps = np.diff(arrival, prepend=arrival[0] if self._last is None else self._last)
        anew = self._anew + np.cumsum((steps < -_BEHIND).astype(np.int64) - (steps >= _RANGE - _BEHIND))
        self._last, self._anew = int(arrival[-1]), int(anew[-1])
        return arrival + anew * _RANGE

    def _placed(self, address: NDArray[np.int64], chip: NDArray[np.int64]) -> NDArray[np.int64]:
        pixel = address & 0x7
        column = ((address >> 9) & 0x7F) * 2 + (pixel >> 2)
        row = ((address >> 3) & 0x3F) * 4 + (pixel & 0x3)
        placed = np.empty(len(address), np.int64)
        wide = self.shape[1]
        numbers: list[int] = np.unique(chip).tolist()
        for number in numbers:
            if number >= len(self._chips):
                message = (
                    f"There are events of chip {number}, and places for chips 0 to {len(self._chips) - 1}. Give its."
                )
                raise SteeringError(message)
            mine = chip == number
            top, left, turns = self._chips[number]
            down, right = row[mine], column[mine]
            for _ in range(turns % 4):
                down, right = CHIP - 1 - right, down
            placed[mine] = (top + down) * wide + left + right
        return placed


def write_timepix(time: NDArray[np.int64], row: NDArray[np.int64], column: NDArray[np.int64], chip: int = 0) -> bytes:
    """Write events of one chip as one chunk, as a detector or a simulation does.

    Args:
        time: Of each in units of 1.5625 ns; what is beyond their range begins anew.
        row: Of each, on the chip.
        column: Of each.
        chip: Its number.

    Raises:
        ValueError: If there are more than a chunk has room for.
    """
    if len(time) * _WORD > 0xFFFF:
        message = f"{len(time)} events have no room in a chunk; at most {0xFFFF // _WORD} have"
        raise ValueError(message)
    inside = time % _RANGE
    fine = -inside % 16
    coarse = (inside + fine) // 16 % (1 << 30)
    pixel = (row & 0x3) | ((column & 0x1) << 2)
    address = ((column >> 1) << 9) | ((row >> 2) << 3) | pixel
    words = (address << 44) | ((coarse & 0x3FFF) << 30) | (fine << 16) | (coarse >> 14)
    packets = words.astype(np.uint64) | (np.uint64(_PIXEL_PACKET) << np.uint64(60))
    head = np.uint64(_MAGIC | (chip << 32) | (len(time) * _WORD << 48))
    return head.astype("<u8").tobytes() + packets.astype("<u8").tobytes()
