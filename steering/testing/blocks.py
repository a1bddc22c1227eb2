"""Blocks with frames inside, as varied as detectors are."""

from collections.abc import Iterator

import numpy as np

from steering.core.block import FrameBlock, Inline

_COLUMNS = ("th", "sx", "sy")
_UNITS = {"th": "deg", "sx": "um", "sy": "um", "th_step": "deg", "sx_step": "um", "sy_step": "um", "exposure": "s"}


def make_block(frames: "np.ndarray[tuple[int, ...], np.dtype[np.generic]]", start: int, seed: int = 0) -> FrameBlock:
    """Make a block of given frames at made-up positions.

    Args:
        frames: Shape ``(frames, rows, columns)``.
        start: Index of the first.
        seed: Of the positions.
    """
    random = np.random.default_rng([seed, start])
    count = len(frames)
    columns = {name: random.uniform(-1, 1, count).round(4) for name in _COLUMNS}
    columns |= {f"{name}_step": np.full(count, 0.01) for name in _COLUMNS}
    columns |= {"exposure": random.choice([0.1, 0.25, 1.0], count), "grid": np.zeros(count)}
    return FrameBlock("kit", "primary", start, start + count, Inline(frames), columns, _UNITS)


def varied_blocks(seed: int = 0) -> Iterator[FrameBlock]:
    """Make blocks of one to five frames: empty, saturated, noisy, of each common type, with a NaN position."""
    random = np.random.default_rng(seed)
    start = 0
    for kind in ("uint16", "int32", "zeros", "saturated", "float32", "single", "lost position"):
        count = 1 if kind == "single" else int(random.integers(1, 6))
        frames: np.ndarray[tuple[int, ...], np.dtype[np.generic]] = random.poisson(5, (count, 24, 32)).astype(np.int32)
        if kind == "uint16":
            frames = frames.astype(np.uint16)
        elif kind == "zeros":
            frames = np.zeros_like(frames)
        elif kind == "saturated":
            frames = np.full_like(frames, np.iinfo(np.int32).max)
        elif kind == "float32":
            frames = frames.astype(np.float32)
        block = make_block(frames, start, seed)
        if kind == "lost position":
            for name in _COLUMNS:
                block.columns[name][0] = np.nan
        yield block
        start += count
