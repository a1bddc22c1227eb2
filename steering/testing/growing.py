"""Results of a scan that grows, for agents to look at."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from steering.core.analysis import Analysis
from steering.core.parameter import Parameter
from steering.core.result import Provenance, Result, parameters_hash
from steering.core.version import VERSION
from steering.testing.blocks import make_block

PEAK = 0.1
_WIDTH = 0.05
_EXPOSURE = 0.1
_POINTS = 41

PARAMETERS = (
    Parameter("centre", "deg", 0.0, -5.0, 5.0, 0.5),
    Parameter("range", "deg", 1.0, 0.01, 5.0, 0.5),
    Parameter("step", "deg", 0.005, 0.001, 0.1, 0.1),
    Parameter("exposure", "s", _EXPOSURE, 0.01, 5.0, 2.0),
)


def growing_results(analysis: Analysis[Any], run: str = "kit", every: int = 3) -> Iterator[Result]:
    """Make results of a scan from -0.5 to 0.5 on every axis, with a clear peak at 0.1, as its points come.

    Args:
        analysis: What makes the results.
        run: Run uid.
        every: A result after so many points.
    """
    positions = np.linspace(-0.5, 0.5, _POINTS)
    hashed = parameters_hash(analysis.name, analysis.parameters)
    state = analysis.empty()
    for version, start in enumerate(range(0, _POINTS, every), 1):
        here = positions[start : start + every]
        frames = np.zeros((len(here), 4, 4), np.int32)
        frames[:, 1, 1] = 20 + 50_000 * np.exp(-(((here - PEAK) / _WIDTH) ** 2))
        block = make_block(frames, start)
        for axis in ("th", "sx", "sy"):
            block.columns[axis][:] = here
        block.columns["exposure"][:] = _EXPOSURE
        state = analysis.update(state, block, frames)
        source = Provenance(
            run, analysis.name, analysis.parameters, hashed, VERSION, "inline", block.stop, block.stop - 1
        )
        yield Result(version, analysis.result(state), source)
