"""Blocks with frames inside, as varied as detectors are."""

from collections.abc import Iterator
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from steering.core import burst
from steering.core.block import Floats, FrameBlock, Inline

Frames: TypeAlias = NDArray[Any]

_AXES = {"th": "deg", "sx": "um", "sy": "um"}
_OTHERS = {"exposure": "s", "grid": "1", "omega": "deg", burst.EVENT: "", burst.INDEX: ""}
_UNITS = _AXES | {f"{axis}_step": units for axis, units in _AXES.items()} | _OTHERS
_SHAPE = (24, 32)
# Frames of an event, and of a sweep of the rotation; blocks are cut anywhere in both.
_BURST, _SWEEP, _TURN = 7, 11, 0.5


def make_block(frames: Frames, start: int, seed: int = 0) -> FrameBlock:
    """Make a block of given frames at made-up positions, of events of seven frames and sweeps of eleven.

    Which event and which angle a frame belongs to follows from its number, so blocks that are cut anywhere fit.

    Args:
        frames: Shape ``(frames, rows, columns)``.
        start: Index of the first.
        seed: Of the positions.
    """
    random = np.random.default_rng([seed, start])
    count = len(frames)
    columns: dict[str, Floats] = {name: random.uniform(-1, 1, count).round(4) for name in _AXES}
    columns |= {f"{name}_step": np.full(count, 0.01) for name in _AXES}
    columns |= {"exposure": random.choice([0.1, 0.25, 1.0], count), "grid": np.zeros(count)}
    number = np.arange(start, start + count, dtype=np.float64)
    columns |= {burst.EVENT: number // _BURST + 1, burst.INDEX: number % _BURST}
    columns["omega"] = number % _SWEEP * _TURN
    return FrameBlock("kit", "primary", start, start + count, Inline(frames), columns, _UNITS)


def varied_blocks(seed: int = 0) -> Iterator[FrameBlock]:
    """Make blocks of one to five frames: empty, saturated, noisy, of each common type, with values that were lost."""
    random = np.random.default_rng(seed)
    start = 0
    kinds = ("uint16", "int32", "zeros", "saturated", "float32", "single", "lost position", "lost exposure")
    for kind in kinds:
        count = 1 if kind == "single" else int(random.integers(1, 6))
        block = make_block(_frames(kind, count, random), start, seed)
        if kind == "lost position":
            for name in (*_AXES, "omega"):
                block.columns[name][0] = np.nan
        if kind == "lost exposure":
            block.columns["exposure"][0] = 0.0
        yield block
        start += count


def _frames(kind: str, count: int, random: np.random.Generator) -> Frames:
    frames = random.poisson(5, (count, *_SHAPE)).astype(np.int32)
    match kind:
        case "uint16":
            return frames.astype(np.uint16)
        case "zeros":
            return np.zeros_like(frames)
        case "saturated":
            return np.full_like(frames, np.iinfo(np.int32).max)
        case "float32":
            # No whole numbers, and some below zero, as after a dark was subtracted.
            return random.normal(1.0, 2.0, frames.shape).astype(np.float32)
        case _:
            return frames
