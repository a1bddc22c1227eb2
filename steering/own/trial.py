"""A person's own analysis is tried on the first frames of the run that it is to join, on a worker."""

import asyncio
import time
from dataclasses import replace
from typing import Any
from uuid import uuid4

from steering.cluster.aside import step_aside
from steering.contract.analysis import check
from steering.contract.broken import ContractError
from steering.core.analysis import Analysis
from steering.core.block import FrameBlock, Inline
from steering.core.errors import SteeringError
from steering.core.facility import Facility
from steering.sources.frames import read_frames

_MOST_FRAMES = 4
# Whoever waits for a cell to end does not wait longer. After the first of these a worker that hangs is looked for.
_LATE_SECONDS, _MOST_SECONDS = 5.0, 60.0


async def try_on(facility: Facility, analysis: Analysis[Any], block: FrameBlock, most: float = _MOST_SECONDS) -> None:
    """Check an analysis on a worker of a facility; see :func:`try_out`.

    Args:
        facility: Where the run is analysed.
        analysis: What is to join the run.
        block: The run's first frames.
        most: Seconds that it may take.

    Raises:
        SteeringError: If it fails, or is not through in time; or the facility is gone.
    """
    remote = facility.submit(f"trial-{uuid4()}", _try_aside, analysis, block)
    waiting = asyncio.ensure_future(remote.result())
    deadline = time.monotonic() + most
    try:
        while not waiting.done() and time.monotonic() < deadline:
            await asyncio.wait([waiting], timeout=min(_LATE_SECONDS, most))
            if not waiting.done():
                await facility.overdue(remote.key, _LATE_SECONDS)
        if waiting.done():
            waiting.result()
            return
    finally:
        waiting.cancel()
    message = (
        f"{analysis.name} was not added: it is not through with {min(len(block), _MOST_FRAMES)} frames of this run "
        f"after {most:g} s. Make it faster, or wait until the workers have less to do, and run the cell again."
    )
    raise SteeringError(message)


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


def _try_aside(analysis: Analysis[Any], block: FrameBlock) -> None:
    # What a person wrote may never end. The run's own tasks must not wait for it.
    step_aside()
    try_out(analysis, block)
