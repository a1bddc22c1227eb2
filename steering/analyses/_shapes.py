"""What frames must be like for an analysis of pictures."""

from typing import Any

from numpy.typing import NDArray

from steering.core.block import FrameBlock


def shape_of(what: str, block: FrameBlock, frames: NDArray[Any], held: tuple[int, int] | None) -> tuple[int, int]:
    """Return rows and columns of a block's frames.

    Args:
        what: Name of the technique.
        block: Of the frames.
        frames: Counts, shape ``(len(block), rows, columns)``.
        held: Rows and columns of those that came before in the run; ``None`` for the first.

    Raises:
        ValueError: If they have the wrong shape, or another one than those before.
    """
    if frames.ndim != 3 or len(frames) != len(block) or not frames.size:
        message = f"frames have shape {frames.shape}. {what} needs ({len(block)}, rows, columns), not empty."
        raise ValueError(message)
    shape = (int(frames.shape[1]), int(frames.shape[2]))
    if held is not None and held != shape:
        message = f"frames of {shape[0]} x {shape[1]} px came after ones of {held[0]} x {held[1]} px in one run."
        raise ValueError(message)
    return shape
