"""Reads a block's pixels, on the worker."""

import time
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from steering.core.block import Floats, FrameBlock
from steering.core.errors import SteeringError
from steering.core.place import (
    FirstReachable,
    FrameFile,
    ImageFiles,
    Inline,
    Place,
    RawFrames,
    ServedFrames,
    TiledFrames,
)
from steering.ingest.segments import read_segment
from steering.readers.hdf5_frames import count_frames, fetch_range, refresh
from steering.readers.hdf5_times import read_times
from steering.readers.hdf5_written import is_being_written, look_anew
from steering.readers.image_files import read_images
from steering.readers.open_files import OpenFiles
from steering.readers.paths import local_path
from steering.readers.served import read_served
from steering.readers.tiled_slices import read_slice

# A frame's event comes after its file was flushed; a network filesystem may still need this long (seconds).
PATIENCE = 10.0
# A file that has not changed for so long (seconds), and that nobody has open for writing, will not change any more.
SETTLED = 60.0
_REFRESH_SECONDS = 0.005

_FILES = OpenFiles()


def read_frames(block: FrameBlock) -> tuple[NDArray[Any], Floats]:
    """Read a block's pixels and the times at which they were exposed. Several threads may read at once.

    Args:
        block: Says where the frames lie.

    Returns:
        Frames of shape ``(len(block), rows, columns)``, perhaps read-only, and Unix times in seconds of the ends of
        their exposures, NaN where nobody says.

    Raises:
        SteeringError: If the frames cannot be read, or do not come within the patience.
    """
    if block.place is None:
        return np.empty((len(block), 0, 0)), np.full(len(block), np.nan)
    first = block.start if block.first is None else block.first
    frames, times = _read(block.place, first, first + len(block))
    if len(frames) != len(block):
        message = f"{len(frames)} frames were read for frames {block.start} to {block.stop - 1} of run {block.run}."
        raise SteeringError(message)
    return frames, times


def _read(place: Place, first: int, stop: int) -> tuple[NDArray[Any], Floats]:
    match place:
        case Inline(frames=frames):
            return frames, np.full(stop - first, np.nan)
        case FrameFile():
            return _from_file(place, first, stop)
        case RawFrames():
            return read_segment(place), np.array(place.times)
        case ImageFiles():
            return read_images(place), np.array(place.times)
        case TiledFrames():
            return read_slice(place, first, stop), np.array(place.times or [np.nan] * (stop - first))
        case ServedFrames():
            return read_served(place, first, stop)
        case FirstReachable():
            return _first_reachable(place, first, stop)


def _first_reachable(place: FirstReachable, first: int, stop: int) -> tuple[NDArray[Any], Floats]:
    refusals: list[str] = []
    for choice in place.places:
        try:
            return _read(choice, first, stop)
        except SteeringError as error:
            refusals.append(str(error))
    message = f"Frames {first} to {stop - 1} cannot be reached in any of {len(refusals)} places. {' '.join(refusals)}"
    raise SteeringError(message)


def _from_file(place: FrameFile, first: int, stop: int) -> tuple[NDArray[Any], Floats]:
    # Frames are mostly there: whether the file is still being written is looked at when they are not.
    patience, deadline = 0.0, -1.0
    while True:
        path = local_path(place.path)
        try:
            found = None if path is None else _slice(path, place, first, stop)
            problem = "it is not there" if path is None else ""
        except (OSError, KeyError, RuntimeError, ValueError) as error:
            found, problem = None, str(error) or type(error).__name__
            _FILES.forget(str(path))
        if found is not None:
            return found
        if deadline < 0:
            patience = _patience(place)
            deadline = time.monotonic() + patience
        if problem and (path is None or time.monotonic() > deadline):
            message = (
                f"Frames {first} to {stop - 1} cannot be read from {place.path}, dataset {place.dataset} "
                f"({problem}). Check that this worker sees the detector's filesystem."
            )
            raise SteeringError(message)
        if time.monotonic() > deadline:
            message = (
                f"{place.path} does not hold frames {first} to {stop - 1}, also not after {patience:g} s. "
                "The detector's writer may have stopped, or its file is cut short."
            )
            raise SteeringError(message)
        time.sleep(_REFRESH_SECONDS)


def _patience(place: FrameFile) -> float:
    """Say how long frames are waited for: not at all in a file that nobody has touched for longer than that."""
    path = local_path(place.path)
    try:
        settled = path is not None and time.time() - path.stat().st_mtime > SETTLED and not is_being_written(path)
    except OSError:
        return PATIENCE
    return 0.0 if settled else PATIENCE


def _slice(path: Path, place: FrameFile, first: int, stop: int) -> tuple[NDArray[Any], Floats] | None:
    times = np.full(stop - first, np.nan)
    with _FILES.use(str(path)) as file:
        dataset = file[place.dataset]
        refresh(dataset, stop)
        if count_frames(dataset) < stop:
            return None
        finish = fetch_range(dataset, first, stop)
        if place.times and place.times in file:
            written = file[place.times]
            if written.shape[0] < stop:
                look_anew(written)
            if written.shape[0] >= stop:
                times = read_times(file, place.times, first, stop)
    # Other threads may use HDF5 while this one decompresses.
    return finish(), times
