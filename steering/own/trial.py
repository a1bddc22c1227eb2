"""A person's own analysis is tried on the first frames of the run that it is to join, on a worker."""

from dataclasses import replace
from typing import Any

from steering.contract.analysis import check
from steering.contract.broken import ContractError
from steering.core.analysis import Analysis
from steering.core.block import FrameBlock, Inline
from steering.core.errors import SteeringError
from steering.sources.frames import read_frames

_MOST_FRAMES = 4


def try_out(analysis: Analysis[Any], block: FrameBlock) -> None:
    """Check an analysis on a few frames, one by one, in other orders and merged in other ways.

    Args:
        analysis: What is to join a run.
        block: Frames of that run; the first four are read.

    Raises:
        SteeringError: If it fails for them, or does not give the same whatever the order.
    """
    some = block.part(block.start, min(block.stop, block.start + _MOST_FRAMES))
    frames, _ = read_frames(some)
    blocks = [
        replace(some.part(some.start + at, some.start + at + 1), place=Inline(frames[at : at + 1]), first=0)
        for at in range(len(some))
    ]
    try:
        check(analysis, blocks)
    except ContractError as error:
        message = f"{analysis.name} was not added. {error}. Correct it, and run the cell again."
        raise SteeringError(message) from error
    except Exception as error:
        message = (
            f"{analysis.name} was not added: it fails for the first frames of this run, {some.start} to "
            f"{some.stop - 1}, of shape {frames.shape[1:]} and type {frames.dtype} ({type(error).__name__}: {error}). "
            "Correct it, and run the cell again."
        )
        raise SteeringError(message) from error
