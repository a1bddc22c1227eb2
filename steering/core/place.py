"""Where frames lie: what a block refers to, and what a worker needs to get at the pixels."""

from dataclasses import dataclass, field
from typing import Any, TypeAlias

from numpy.typing import NDArray


@dataclass(frozen=True)
class FrameFile:
    """Frames in an HDF5 file that may still grow (SWMR).

    Attributes:
        path: File on a filesystem that the worker sees.
        dataset: Dataset of shape ``(frames, rows, columns)``, or ``(rows, columns)`` for a single frame.
        times: Dataset with one Unix time in seconds a frame (the end of its exposure), or empty.
    """

    path: str
    dataset: str
    times: str = ""


@dataclass(frozen=True)
class Inline:
    """Frames sent by value, where no file can be seen.

    Attributes:
        frames: Array of shape ``(frames, rows, columns)``.
    """

    frames: NDArray[Any]


@dataclass(frozen=True)
class RingServer:
    """Where the pixels of an ingest ring are served to workers that do not see its files.

    Attributes:
        host: Address.
        port: TCP port.
        token: Lets its bearer read pixels, nothing else. Never printed.
        certificate: The server's own certificate (PEM); a connection is made to it and to nothing else.
    """

    host: str
    port: int
    token: str = field(repr=False)
    certificate: str = field(repr=False)


@dataclass(frozen=True)
class RawFrames:
    """Frames one after another in a raw segment of an ingest ring.

    Attributes:
        segment: Name of the segment.
        paths: Where the segment may lie, in the order in which to look (memory first, then where it was spilled to).
        offset: Where the first frame begins, in bytes.
        shape: Of one frame, ``(rows, columns)``.
        dtype: Of one pixel, as numpy writes it (``"<u2"``).
        times: Unix time in seconds of the end of each exposure.
        server: Who sends the pixels to a worker that sees none of the paths.
    """

    segment: str
    paths: tuple[str, ...]
    offset: int
    shape: tuple[int, int]
    dtype: str
    times: tuple[float, ...]
    server: RingServer | None = None


@dataclass(frozen=True)
class ImageFiles:
    """Frames in image files (TIFF, CBF and what else a detector writes).

    Attributes:
        paths: One file a frame.
        indices: Which image of its file each frame is, from 0.
        times: Unix time in seconds at which each frame was complete, or NaN.
    """

    paths: tuple[str, ...]
    indices: tuple[int, ...]
    times: tuple[float, ...]


@dataclass(frozen=True)
class TiledFrames:
    """Frames in an array of a Tiled server, read by HTTP slices.

    Attributes:
        url: Of the array, as its metadata has it (``.../api/v1/metadata/PATH``).
        per_event: How many frames one entry of the array's first axis holds.
        key: API key. Never printed.
        times: Unix time in seconds of each frame, or NaN.
    """

    url: str
    per_event: int = 1
    key: str = field(default="", repr=False)
    times: tuple[float, ...] = ()


@dataclass(frozen=True)
class ServedFrames:
    """Frames of files that are not seen here, sent by the beamline's service.

    Attributes:
        place: Where they lie at the beamline.
        url: Of the service.
        token: For it. Never printed.
    """

    place: FrameFile | ImageFiles
    url: str
    token: str = field(repr=False)


@dataclass(frozen=True)
class FirstReachable:
    """The same frames in several places; a worker takes the first that it can reach.

    Attributes:
        places: In order of preference.
    """

    places: "tuple[FrameFile | RawFrames | ImageFiles | TiledFrames | ServedFrames, ...]"


Place: TypeAlias = FrameFile | Inline | RawFrames | ImageFiles | TiledFrames | ServedFrames | FirstReachable
