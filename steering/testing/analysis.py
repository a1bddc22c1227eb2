"""The contract of an analysis, on varied frames."""

from collections.abc import Sequence
from typing import Any

from steering.contract.analysis import check
from steering.core.analysis import Analysis
from steering.core.block import FrameBlock
from steering.testing.blocks import varied_blocks


def check_analysis(analysis: Analysis[Any], blocks: Sequence[FrameBlock] = (), seed: int = 0) -> None:
    """Check that an analysis is four pure functions whose merge is exact to the class that it declares.

    Args:
        analysis: What is checked.
        blocks: Blocks with ``Inline`` frames; varied ones if left out.
        seed: Of blocks and orders.

    Raises:
        ContractError: If it is not.
    """
    check(analysis, tuple(blocks) or tuple(varied_blocks(seed)), seed)
