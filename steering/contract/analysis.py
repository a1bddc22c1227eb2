"""The contract of an analysis, checked on given frames."""

import json
import pickle
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import reduce
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray

from steering.contract.alarm import Alarm
from steering.contract.broken import ContractError, require, require_kind
from steering.contract.outcome import require_same, require_well_formed
from steering.core.analysis import Analysis, Exactness
from steering.core.block import FrameBlock, Inline

_ORDERS = 4


def check(analysis: Analysis[Any], blocks: Sequence[FrameBlock], seed: int = 0) -> None:
    """Check that an analysis is four pure functions whose merge is exact to the class that it declares.

    Args:
        analysis: What is checked.
        blocks: Blocks with ``Inline`` frames; at least one.
        seed: Of the orders.

    Raises:
        ContractError: If it is not.
    """
    _described(analysis)
    _untouched(analysis, blocks)
    states = [_update(analysis, analysis.empty(), block) for block in blocks]
    whole = reduce(lambda state, block: _update(analysis, state, block), blocks, analysis.empty())
    expected = analysis.result(whole)
    require_well_formed(analysis.result(analysis.empty()), f"{analysis.name}: the result of no frames")
    require_well_formed(expected, f"{analysis.name}: the result of all frames")
    for state in states:
        require_well_formed(analysis.result(state), f"{analysis.name}: the result of one block")

    def same(state: Any, how: str) -> None:
        sentence = f"{analysis.name} gives another result when {how}"
        require_same(analysis.result(state), expected, analysis.exactness, sentence)

    random = np.random.default_rng(seed)
    for turn in range(_ORDERS):
        order = [states[index] for index in random.permutation(len(states))]
        merged = _merge_in_pairs(analysis, order) if turn % 2 else reduce(analysis.merge, order, analysis.empty())
        same(merged, "merged in another order")
    middle = len(states) // 2
    halves = [reduce(analysis.merge, part, analysis.empty()) for part in (states[:middle], states[middle:])]
    same(analysis.merge(*halves), "merged from halves")
    same(analysis.merge(*reversed(halves)), "its halves are exchanged")
    pieces = [_update(analysis, analysis.empty(), piece) for block in blocks for piece in split(block)]
    same(_merge_in_pairs(analysis, pieces), "its blocks are cut into single frames")
    same(analysis.merge(analysis.merge(analysis.empty(), whole), analysis.empty()), "merged with empty states")
    same(pickle.loads(pickle.dumps(whole)), "sent to another process")  # noqa: S301  (what we have just dumped)
    if analysis.exactness == "bitwise":
        same(analysis.merge(whole, states[0]), "given a block twice")
        same(_update(analysis, whole, blocks[-1]), "given a block once more")
        same(analysis.merge(whole, whole), "merged with itself")
    nothing = analysis.merge(analysis.empty(), analysis.empty())
    sentence = f"{analysis.name} makes something of nothing when empty states are merged"
    require_same(analysis.result(nothing), analysis.result(analysis.empty()), analysis.exactness, sentence)


def _described(analysis: Analysis[Any]) -> None:
    needed = "name, exactness, parameters, empty, update, merge and result"
    require_kind(analysis, Analysis, f"an analysis must have {needed}")
    require(analysis.name, f"{type(analysis).__name__} has no name")
    classes = get_args(Exactness)
    exactness = f"{analysis.name} is exact to the class {analysis.exactness!r}"
    require(analysis.exactness in classes, f"{exactness}. Allowed: {', '.join(classes)}")
    try:
        json.dumps(dict(analysis.parameters), allow_nan=False)
    except (TypeError, ValueError) as error:
        message = f"the parameters of {analysis.name} cannot be written as JSON: {error}"
        raise ContractError(message) from error
    declared = getattr(analysis, "alarms", ())
    require_kind(declared, Sequence, f"the alarms of {analysis.name} are not in a sequence")
    for alarm in declared:
        require_kind(alarm, Alarm, f"{analysis.name} declares an alarm that is none")


def _update(analysis: Analysis[Any], state: Any, block: FrameBlock) -> Any:
    return analysis.update(state, block, pixels_of(block))


def _merge_in_pairs(analysis: Analysis[Any], states: list[Any]) -> Any:
    while len(states) > 1:
        pairs = [analysis.merge(*states[index : index + 2]) for index in range(0, len(states) - 1, 2)]
        states = pairs + states[2 * len(pairs) :]
    return states[0]


def _untouched(analysis: Analysis[Any], blocks: Sequence[FrameBlock]) -> None:
    """Check that arguments are left as they are."""
    given = pickle.dumps(blocks)
    left, right = (_update(analysis, analysis.empty(), block) for block in (blocks[0], blocks[-1]))
    before = pickle.dumps(left), pickle.dumps(right)
    _update(analysis, left, blocks[0])
    analysis.merge(left, right)
    analysis.merge(left, left)
    analysis.result(left)
    after = pickle.dumps(left), pickle.dumps(right)
    require(after == before, f"{analysis.name} changes a state that it was given")
    require(pickle.dumps(blocks) == given, f"{analysis.name} changes the frames or columns that it was given")


def pixels_of(block: FrameBlock) -> NDArray[Any]:
    """Return the frames of a block that holds them, shape ``(frames, rows, columns)``.

    Raises:
        ContractError: If it only says where they are.
    """
    if not isinstance(block.place, Inline):
        message = f"the check needs blocks with Inline frames, not {block.place}"
        raise ContractError(message)
    return block.place.frames


def split(block: FrameBlock) -> Iterator[FrameBlock]:
    """Cut a block into blocks of one frame."""
    frames = pixels_of(block)
    for index in range(len(block)):
        one = slice(index, index + 1)
        columns = {name: column[one] for name, column in block.columns.items()}
        start = block.start + index
        yield replace(block, start=start, stop=start + 1, place=Inline(frames[one]), columns=columns)
