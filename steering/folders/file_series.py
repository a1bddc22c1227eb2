"""Files with the same name but for one number: one run. Which frame of it does a file begin with?"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

from steering.folders.whole_file import WholeFile

# Numbers of files that follow each other and are further apart than this are times, or something else that is no count.
_LARGEST_GAP = 1000
_FEW = 3


@dataclass
class _Gap:
    """Numbers that did not come: from one up to another, and the frame that the first of them would begin with."""

    start: int
    stop: int
    index: int


@dataclass
class FileSeries:
    """One run of files.

    Attributes:
        first: Its first file.
        run: Its uid.
        number: The number that comes next.
        index: The frame that it will be.
        frames: How many frames came.
        files: How many files came.
        touched: Monotonic time in seconds of the newest of them.
        counted: Whether the numbers count the files; if not, none is missed.
    """

    first: WholeFile
    run: str
    number: int
    index: int = 0
    frames: int = 0
    files: int = 0
    touched: float = 0.0
    counted: bool = True
    _missing: list[_Gap] = field(default_factory=list[_Gap])
    _refused: dict[int, int] = field(default_factory=dict[int, int])

    @classmethod
    def begin(cls, whole: WholeFile) -> "FileSeries":
        """Begin with a file."""
        file = whole.file
        said = f"{file.path.resolve().parent}|{file.series}|{file.path.stat().st_ino}"
        run = f"{Path(file.series).stem or 'files'}-{hashlib.sha256(said.encode()).hexdigest()[:12]}"
        return cls(whole, run, file.number)

    @property
    def name(self) -> str:
        """Its files' name without the number that counts."""
        return self.first.file.series

    def recount(self) -> None:
        """Follow a change of which number counts: the second file's name showed it."""
        if self.files == 1 and not self._missing and not self._refused:
            self.number = self.first.file.number + 1

    def is_no_count(self, waiting: Iterable[int]) -> bool:
        """Say whether the numbers of files that wait are no count, as far as these tell.

        Args:
            waiting: Numbers of files of this run, in order.
        """
        if self.files > _FEW:
            return False
        numbers = [self.number - 1] * bool(self.files) + list(waiting)
        gaps = [after - before for before, after in pairwise(numbers)]
        # Of files that are counted some follow each other, whatever is missing.
        return min(gaps, default=1) > 1 and (max(gaps) > _LARGEST_GAP or len(gaps) >= _FEW)

    def give_up(self, number: int) -> int:
        """Count the numbers before this one as missed; return how many frames that is, as many a file as the first."""
        missed = (number - self.number) * self.first.frames
        self._missing.append(_Gap(self.number, number, self.index))
        self.index += missed
        self.number = number
        return missed

    def place_late(self, number: int, frames: int) -> tuple[int | None, int]:
        """Say which frame a file begins with whose number is below the next one's.

        Args:
            number: Of the file.
            frames: How many it holds.

        Returns:
            The frame, or nothing if no place was kept for it, or too small a one; and how many frames of it had been
            counted as missed.
        """
        if not self.counted:
            self.index += frames
            return self.index - frames, 0
        if frames > self.first.frames:
            return None, 0
        refused = self._refused.pop(number, None)
        if refused is not None:
            return refused, 0
        for gap in self._missing:
            if gap.start <= number < gap.stop:
                index = gap.index + (number - gap.start) * self.first.frames
                self._missing.remove(gap)
                if number > gap.start:
                    self._missing.append(_Gap(gap.start, number, gap.index))
                if number + 1 < gap.stop:
                    self._missing.append(_Gap(number + 1, gap.stop, index + self.first.frames))
                return index, self.first.frames
        return None, 0

    def place(self, whole: WholeFile) -> int:
        """Say which frame the next file is."""
        self.number = whole.file.number + 1
        index, self.index = self.index, self.index + whole.frames
        return index

    def refuse(self, number: int) -> None:
        """Leave a file out; its number keeps its place."""
        if number >= self.number:
            self.number = number + 1
            self._refused[number] = self.index
            self.index += self.first.frames
