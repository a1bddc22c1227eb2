"""Blocks from a file of Timepix3 events, finished or still growing: what arrives in a period is a frame."""

import hashlib
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from steering.core.errors import SteeringError, cause
from steering.core.source import SourceItem
from steering.core.workspace import Workspace, default_workspace
from steering.event_sources.events import EventsSource
from steering.photons.rigaku import write_rigaku
from steering.photons.timepix import UNIT, ChipPlace, Timepix3
from steering.readers.paths import absolute

# So many bytes are read at once.
_PIECE = 1 << 24
_MOST_FRAMES = 1 << 24
_SAME = 1e-12
_ONE_CHIP = ((0, 0, 0),)


class TimepixSource(EventsSource):
    """Follows one ``.tpx3`` file; it is one run, and its first event begins the first frame.

    Events come a little out of the order of their times. So they are put in order into a file of the workspace, which
    is what workers read; it is written anew when the file is followed again.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        period: float,
        chips: Sequence[ChipPlace] = _ONE_CHIP,
        part: tuple[int, int, int, int] | None = None,
        settled: float = 0.1,
        frames: int = 0,
        idle_seconds: float = 10.0,
        mask: "str | Path | NDArray[Any] | None" = None,
        workspace: Workspace | None = None,
    ) -> None:
        """Follow a file; it need not be there yet.

        Args:
            path: The file.
            period: Seconds of a frame, which becomes the column ``exposure``.
            chips: Of each chip row and column of its first pixel, and its quarter turns.
            part: Row and column of the first pixel, rows and columns of what is taken; all if left out.
            settled: So many seconds after an event, by the detector's clock, none of before comes any more.
            frames: How many frames there will be, see :class:`EventsSource`.
            idle_seconds: A run ends after this time without a new event.
            mask: Bad pixels, see :class:`EventsSource`.
            workspace: Where the ordered events are kept; the user's own if left out.

        Raises:
            SteeringError: If a number is not what it may be, or the workspace cannot be written to.
        """
        if not period >= UNIT:
            message = f"period is {period:g} s; it must be {UNIT:g} s, the detector's resolution, or more."
            raise SteeringError(message)
        if not settled >= 0:
            message = f"settled is {settled:g} s; it must be 0 s or more."
            raise SteeringError(message)
        self._chunks, self._frame_units = Timepix3(chips), _units(period)
        self._part = part or (0, 0, *self._chunks.shape)
        self._check_part()
        shown = Path(absolute(path))
        ordered = _file_in(workspace or default_workspace(), shown)
        super().__init__(
            ordered, rows=self._part[2], columns=self._part[3], period=period, frames=frames,
            idle_seconds=idle_seconds, mask=mask,
        )  # fmt: skip
        self._shown, self._detail = shown, f"Waiting for {shown}."
        self._settled, self._idle_conversion = settled / UNIT, idle_seconds / 2
        self._read_bytes, self._grown = 0, time.monotonic()
        self._origin = 0.0
        self._newest: float | None = None
        self._held = np.empty((2, 0), np.int64)

    def _check_part(self) -> None:
        top, left, rows, columns = self._part
        high, wide = self._chunks.shape
        if not (0 <= top < top + rows <= high and 0 <= left < left + columns <= wide):
            message = f"part is {self._part}. Allowed: row, column, rows and columns within {high} x {wide} px."
            raise SteeringError(message)

    def _look(self) -> Sequence[SourceItem] | None:
        if self._state != "ended":
            try:
                self._order()
            except FileNotFoundError:
                if self._run:
                    self._state, self._detail = "lost", f"{self._shown} has gone."
            except OSError as error:
                self._detail = f"{self._shown} cannot be read ({cause(error)})."
            except SteeringError as error:
                self._reject(f"{self._shown}: {error}")
                self._detail = self.last_rejection
                return self._end("fail")
        return super()._look()

    def _order(self) -> None:
        """Read what has come, and write the events before which none comes any more."""
        with self._shown.open("rb") as file:
            file.seek(self._read_bytes)
            content = file.read(_PIECE)
        found, read = self._chunks.read(content)
        if read:
            self._read_bytes, self._grown = self._read_bytes + read, time.monotonic()
        quiet = time.monotonic() - self._grown >= self._idle_conversion
        if len(found.time):
            if self._newest is None:
                self._origin = float(found.time.min())
            self._newest = max(self._newest or 0.0, float(found.time.max()))
            self._held = np.concatenate([self._held, np.stack([found.time, self._placed(found.pixel)])], axis=1)
        if self._newest is None:
            return
        ready = self._held[0] <= (np.inf if quiet else self._newest - self._settled)
        if not ready.any():
            return
        arrived, pixel = self._held[:, ready]
        self._held = self._held[:, ~ready]
        frame = np.maximum((arrived - self._origin) // self._frame_units, 0).astype(np.int64)
        if int(frame.max()) >= _MOST_FRAMES:
            message = (
                f"a run has room for {_MOST_FRAMES:,} frames of {self._frame_units * UNIT:g} s. Take a longer period"
            )
            raise SteeringError(f"{message}.")
        # Those outside of the part say that frames go on, and are none of their counts.
        inside = pixel >= 0
        order = np.argsort(frame[inside], kind="stable")
        write_rigaku(self._path, frame[inside][order], pixel[inside][order], np.ones(len(order), np.int64))

    def _placed(self, pixel: NDArray[np.int64]) -> NDArray[np.int64]:
        """Give the pixels of the part their numbers in it; -1 to others."""
        top, left, rows, columns = self._part
        row, column = np.divmod(pixel, self._chunks.shape[1])
        row, column = row - top, column - left
        inside = (row >= 0) & (row < rows) & (column >= 0) & (column < columns)
        return np.where(inside, row * columns + column, -1)


def _units(period: float) -> float:
    """Return a period in units of the detector's clock; a whole number where it is one but for the last digit."""
    units = period / UNIT
    return float(round(units)) if abs(units - round(units)) < _SAME * units else units


def _file_in(workspace: Workspace, shown: Path) -> Path:
    name = f"{shown.stem}-{hashlib.sha256(str(shown).encode()).hexdigest()[:12]}.bin"
    folder = workspace.directory / "events"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / name).unlink(missing_ok=True)
    except OSError as error:
        message = f"The events cannot be kept in {folder}: {cause(error)}. Name another workspace."
        raise SteeringError(message) from error
    return folder / name
