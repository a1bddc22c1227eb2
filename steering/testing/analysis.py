"""The contract of an analysis."""

import pickle
from collections.abc import Sequence
from functools import reduce
from typing import Any

import numpy as np
import xarray as xr

from steering.core.analysis import Analysis
from steering.core.block import FrameBlock, Inline
from steering.core.result import Outcome
from steering.testing.blocks import varied_blocks
from steering.testing.broken import require

_ROUNDING = 1e-9
_ITERATIVE = 1e-3


def check_analysis(analysis: Analysis[Any], blocks: Sequence[FrameBlock] = (), seed: int = 0) -> None:
    """Check that an analysis is four pure functions whose merge is exact to the class that it declares.

    Args:
        analysis: What is checked.
        blocks: Blocks with ``Inline`` frames; varied ones if left out.
        seed: Of blocks and orders.

    Raises:
        ContractError: If it is not.
    """
    chosen = tuple(blocks) or tuple(varied_blocks(seed))
    states = [_update(analysis, analysis.empty(), block) for block in chosen]
    whole = reduce(lambda state, block: _update(analysis, state, block), chosen, analysis.empty())
    expected = analysis.result(whole)
    _well_formed(analysis.result(analysis.empty()), "the result of no frames")
    _well_formed(expected, "the result of all frames")
    random = np.random.default_rng(seed)
    for turn in range(4):
        order = [states[index] for index in random.permutation(len(states))]
        merged = _merge_in_pairs(analysis, order) if turn % 2 else reduce(analysis.merge, order, analysis.empty())
        _same(analysis, analysis.result(merged), expected, "merged in another order")
    neutral = analysis.merge(analysis.merge(analysis.empty(), whole), analysis.empty())
    _same(analysis, analysis.result(neutral), expected, "merged with empty states")
    _untouched(analysis, chosen[0])
    copied = pickle.loads(pickle.dumps(whole))  # noqa: S301  (what we have just dumped ourselves)
    _same(analysis, analysis.result(copied), expected, "sent to another process")
    if analysis.exactness == "bitwise":
        twice = analysis.merge(whole, states[0])
        _same(analysis, analysis.result(twice), expected, "given a block twice")


def _update(analysis: Analysis[Any], state: Any, block: FrameBlock) -> Any:
    require(isinstance(block.place, Inline), "the kit needs blocks with Inline frames")
    frames = block.place.frames if isinstance(block.place, Inline) else np.empty((0, 0, 0))
    return analysis.update(state, block, frames)


def _merge_in_pairs(analysis: Analysis[Any], states: list[Any]) -> Any:
    while len(states) > 1:
        pairs = [analysis.merge(*states[index : index + 2]) for index in range(0, len(states) - 1, 2)]
        states = pairs + states[2 * len(pairs) :]
    return states[0]


def _untouched(analysis: Analysis[Any], block: FrameBlock) -> None:
    """Check that arguments are left as they are."""
    state = _update(analysis, analysis.empty(), block)
    before = pickle.dumps(state)
    frames = block.place.frames if isinstance(block.place, Inline) else np.empty((0, 0, 0))
    pixels = frames.copy()
    _update(analysis, state, block)
    analysis.merge(state, state)
    analysis.result(state)
    require(pickle.dumps(state) == before, f"{analysis.name} changes a state that it was given")
    require(np.array_equal(frames, pixels), f"{analysis.name} changes the frames that it was given")


def _well_formed(outcome: Outcome, what: str) -> None:
    for name, feature in outcome.features.items():
        require(feature.units, f"{what}: feature {name!r} has no unit")
        require(np.isfinite(feature.value), f"{what}: feature {name!r} is {feature.value}; leave it out instead")
        require(not feature.uncertainty < 0, f"{what}: feature {name!r} has an uncertainty below zero")
    for name, variable in outcome.data.variables.items():
        require("units" in variable.attrs, f'{what}: variable {name!r} has no attrs["units"]')


def _same(analysis: Analysis[Any], found: Outcome, expected: Outcome, how: str) -> None:
    sentence = f"{analysis.name} gives another result when {how}"
    require(found.features.keys() == expected.features.keys(), f"{sentence}: other features")
    tolerance = {"bitwise": 0.0, "rounding": _ROUNDING, "iterative": _ITERATIVE}[analysis.exactness]
    for name, feature in expected.features.items():
        other = found.features[name]
        near = np.isclose(other.value, feature.value, rtol=tolerance, atol=0.0)
        require(near, f"{sentence}: {name} is {other.value}, not {feature.value}")
    _same_data(found.data, expected.data, tolerance, sentence)


def _same_data(found: xr.Dataset, expected: xr.Dataset, tolerance: float, sentence: str) -> None:
    require(set(found.variables) == set(expected.variables), f"{sentence}: other variables")
    for name, variable in expected.variables.items():
        other = found.variables[name]
        near = other.shape == variable.shape and np.allclose(
            other.values, variable.values, rtol=tolerance, atol=0.0, equal_nan=True
        )
        require(near, f"{sentence}: variable {name!r} differs")
