"""Frames of few photons: only the pixels that hold some are kept.

A detector that takes 50,000 frames a second of half a million pixels with fifty photons each writes those photons
alone. To whoever asks they are frames as others are; what takes them as they are is a thousand times faster.
"""

from collections.abc import Iterator, Sequence
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

# To whoever wants pixels they are laid out in parts of so many bytes.
_PART_BYTES = 1 << 26


class EventFrames:
    """Frames as the pixels that hold counts. It can be asked for what an array of frames is asked for.

    Attributes:
        begins: Where the events of each frame begin, and where the last one's end, shape ``(frames + 1,)``.
        pixel: Of each event, into the flattened frame.
        count: Of each event; events of one pixel in one frame add up.
        shape: Frames, rows and columns.
    """

    dtype = np.dtype(np.uint16)
    ndim = 3

    def __init__(
        self,
        begins: NDArray[np.int64],
        pixel: NDArray[np.int32],
        count: NDArray[np.uint16],
        shape: tuple[int, int],
    ) -> None:
        """Keep events that are in the order of their frames.

        Args:
            begins: Of each frame's events, rising.
            pixel: Of each event.
            count: Of each event.
            shape: Rows and columns.

        Raises:
            ValueError: If these do not fit together, or an event lies outside the frame.
        """
        if not len(begins) or int(begins[-1]) - int(begins[0]) != len(pixel) or len(pixel) != len(count):
            message = f"{len(pixel)} pixels and {len(count)} counts do not fit to frames that end at {begins[-1:]}"
            raise ValueError(message)
        size = shape[0] * shape[1]
        if len(pixel) and not (int(pixel.min()) >= 0 and int(pixel.max()) < size):
            beyond = int(pixel.min()) if int(pixel.min()) < 0 else int(pixel.max())
            message = f"an event is at pixel {beyond}, but a frame of {shape[0]} x {shape[1]} px ends at {size - 1}"
            raise ValueError(message)
        self.begins, self.pixel, self.count = begins, pixel, count
        self.shape = (len(begins) - 1, *shape)

    @property
    def nbytes(self) -> int:
        """Bytes that the events take, not those of the frames that they stand for."""
        return self.begins.nbytes + self.pixel.nbytes + self.count.nbytes

    @property
    def size(self) -> int:
        """Pixels of all frames."""
        return self.shape[0] * self.shape[1] * self.shape[2]

    def __len__(self) -> int:
        """Count the frames."""
        return self.shape[0]

    @overload
    def __getitem__(self, which: int) -> NDArray[Any]: ...

    @overload
    def __getitem__(self, which: slice) -> "EventFrames": ...

    def __getitem__(self, which: int | slice) -> "EventFrames | NDArray[Any]":
        """Some of the frames, one after another; or one, laid out as pixels.

        Raises:
            IndexError: If there is no such frame.
            ValueError: If frames are to be left out.
        """
        if not isinstance(which, slice):
            number = which + len(self) if which < 0 else which
            if not 0 <= number < len(self):
                message = f"frame {which} of {len(self)} frames"
                raise IndexError(message)
            return np.asarray(self[number : number + 1])[0]
        begin, end, step = which.indices(len(self))
        if step != 1:
            message = f"frames of events are taken one after another, not with a step of {step}"
            raise ValueError(message)
        begins = self.begins[begin : max(end, begin) + 1]
        first = int(self.begins[0])
        events = slice(int(begins[0]) - first, int(begins[-1]) - first)
        return EventFrames(begins, self.pixel[events], self.count[events], self.shape[1:])

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:  # noqa: FBT001  (numpy calls it)
        """Lay them out as frames, of shape ``(frames, rows, columns)``; what is above 65,535 counts as that.

        Raises:
            ValueError: If they are not to be copied.
        """
        if copy is False:
            message = "frames of events have no pixels that could be used without a copy"
            raise ValueError(message)
        room = np.zeros(self.size, np.uint32)
        frame = np.repeat(np.arange(len(self)), np.diff(self.begins))
        np.add.at(room, frame * (self.shape[1] * self.shape[2]) + self.pixel, self.count)
        found = np.minimum(room, np.iinfo(np.uint16).max).astype(self.dtype if dtype is None else dtype)
        return found.reshape(self.shape)

    def without(self, which: NDArray[np.bool_]) -> "EventFrames":
        """Leave events out, those for which ``which`` is true."""
        before = np.concatenate([[0], np.cumsum(which)])
        begins = self.begins - before[self.begins - self.begins[0]]
        return EventFrames(begins, self.pixel[~which], self.count[~which], self.shape[1:])

    def each(self) -> NDArray[np.int64]:
        """Counts of each frame, shape ``(frames,)``."""
        before = np.concatenate([[0], np.cumsum(self.count, dtype=np.int64)])
        return np.diff(before[self.begins - self.begins[0]])

    @staticmethod
    def joined(some: "Sequence[EventFrames]") -> "EventFrames":
        """Frames of the same shape, those of one after those of the other; at least one."""
        if len(some) == 1:
            return some[0]
        after, begins = 0, [np.zeros(1, np.int64)]
        for one in some:
            begins.append(one.begins[1:] - one.begins[0] + after)
            after += len(one.pixel)
        pixel, count = (np.concatenate([getattr(one, name) for one in some]) for name in ("pixel", "count"))
        return EventFrames(np.concatenate(begins), pixel, count, some[0].shape[1:])

    def parts(self) -> Iterator[slice]:
        """Yield which frames are laid out at a time, so that memory is bounded."""
        many = max(_PART_BYTES // max(self.shape[1] * self.shape[2] * 4, 1), 1)
        for begin in range(0, len(self), many):
            yield slice(begin, min(begin + many, len(self)))
