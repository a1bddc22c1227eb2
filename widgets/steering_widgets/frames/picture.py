"""Makes of a frame what one view is sent: at most a byte for each pixel of its screen, and the colours of the bytes."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from steering.core.frame import Frame
from steering.readers.eye import bin_marks, bin_maximum
from steering_widgets.drawing.colours import colour_bytes
from steering_widgets.frames.flow import Window
from steering_widgets.frames.limits import Levels, find_levels, make_histogram
from steering_widgets.frames.pixels import MARK_LEVELS, binning_of, to_bytes


@dataclass(frozen=True)
class Drawing:
    """How a person wants frames to be drawn.

    Attributes:
        colour_map: One of ``colours.PALETTES``.
        scale: One of ``limits.SCALES``.
        low: Counts drawn darkest; ``None`` finds them in each frame.
        high: Counts drawn brightest, likewise.
    """

    colour_map: str
    scale: str
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Picture:
    """What a view is sent.

    Attributes:
        levels: Between which counts it is drawn.
        header: Fields of the message.
        buffers: Its pixels, one byte each in C order, and the 256 colours of the bytes.
    """

    levels: Levels
    header: dict[str, Any]
    buffers: list[bytes]


def make_picture(
    frame: Frame, window: Window, size: tuple[float, float], drawing: Drawing, *, counted: bool
) -> Picture:
    """Draw a part of a frame.

    Args:
        frame: With what is no count marked.
        window: The part that the view looks at.
        size: Width and height of the view in pixels of its screen.
        drawing: How to draw it.
        counted: Whether to add the histogram of the shown pixels.
    """
    window = within(window, frame.pixels.shape)
    part = slice(window.row, window.row + window.rows), slice(window.column, window.column + window.columns)
    pitch = binning_of((window.rows, window.columns), *size)
    binned = bin_maximum(frame.pixels[part], pitch)
    marks = None if frame.marks is None else bin_marks(frame.marks[part], pitch)
    bad = None if marks is None else marks > 0
    levels = find_levels(binned, drawing.low, drawing.high, drawing.scale, bad)
    drawn = to_bytes(binned, levels, marks)
    header: dict[str, Any] = {
        "shape": list(drawn.shape),
        "window": [window.row, window.column, window.rows, window.columns],
        "frame": list(frame.pixels.shape),
        "pitch": pitch,
        "binning": frame.binning,
        "number": frame.number,
        "low": levels.low,
        "high": levels.high,
        "scale": levels.scale,
        "reserved": 0 if marks is None else MARK_LEVELS,
        "marked": list(frame.marked),
        "histogram": None,
    }
    if counted:
        found = make_histogram(binned, levels, bad)
        header["histogram"] = {"pixels": found.pixels, "low": found.low, "high": found.high}
    return Picture(levels, header, [drawn.tobytes(), colour_bytes(drawing.colour_map, marked=marks is not None)])


def squares_seen(binned: Frame, window: Window, size: tuple[float, float]) -> bool:
    """Say whether a view has more pixels than a binned frame has in the part that it looks at."""
    window, factor = within(window, binned.pixels.shape), binned.binning
    return binning_of((window.rows * factor, window.columns * factor), *size) < factor


def make_closer(
    whole: Frame, binned: Frame, window: Window, size: tuple[float, float], drawing: Drawing, *, counted: bool
) -> Picture:
    """Draw of a frame with every pixel what a view sees that counts in the squares of the binned one."""
    factor = binned.binning
    made = make_picture(whole, scaled(within(window, binned.pixels.shape), factor), size, drawing, counted=counted)
    header = {
        **made.header,
        "window": [side / factor for side in made.header["window"]],
        "frame": list(binned.pixels.shape),
        "pitch": made.header["pitch"] / factor,
        "binning": factor,
    }
    return Picture(made.levels, header, made.buffers)


def scaled(window: Window, factor: int) -> Window:
    """Give the same part of a frame that has so many pixels for each."""
    return Window(window.row * factor, window.column * factor, window.rows * factor, window.columns * factor)


def within(window: Window, shape: tuple[int, ...]) -> Window:
    """Keep a window within a frame; none is the whole of it."""
    if window.rows <= 0 or window.columns <= 0:
        return Window(0, 0, shape[0], shape[1])
    row, column = min(max(window.row, 0), shape[0] - 1), min(max(window.column, 0), shape[1] - 1)
    return Window(row, column, min(window.rows, shape[0] - row), min(window.columns, shape[1] - column))


def make_profiles(frame: Frame, window: Window, row: int, column: int) -> list[bytes]:
    """Cut a frame along a row and along a column, within what a view looks at.

    Returns:
        Counts along the row and along the column as float32 in C order; NaN where there is no count.
    """
    window = within(window, frame.pixels.shape)
    across = row, slice(window.column, window.column + window.columns)
    down = slice(window.row, window.row + window.rows), column
    lines: list[bytes] = []
    for part in (across, down):
        line = frame.pixels[part].astype(np.float32)
        if frame.marks is not None:
            line[frame.marks[part] > 0] = np.nan
        lines.append(line.tobytes())
    return lines
