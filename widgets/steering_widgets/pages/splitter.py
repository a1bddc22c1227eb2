"""The bar between the plots and the frame; see ``splitter.js``."""

import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import traitlets

from steering_widgets.parts.heard import HeardWidget, code

USUAL = 0.5
_LEAST = 0.25


class Splitter(HeardWidget):
    """Says how much of its band's width the left column has; a person drags it, or moves it with keys.

    Attributes:
        share: Of the width, from 0.25 to 0.75.
    """

    _esm = code(Path(__file__).with_name("splitter.js"))
    share = traitlets.Float(USUAL).tag(sync=True)

    def __init__(self, share: float, moved: Callable[[float], object]) -> None:
        """Begin with a share.

        Args:
            share: What was left the last time.
            moved: Called with the new share when a person has moved it.
        """
        super().__init__(share=share)
        self._moved = moved
        self.observe(self._tell, "share")

    def _tell(self, change: Mapping[str, Any]) -> None:
        self._moved(float(change["new"]))


def share_of(kept: object) -> float:
    """Take a share as it was kept; what is no share, or leaves a column too narrow, is the usual one."""
    if isinstance(kept, bool) or not isinstance(kept, int | float) or not math.isfinite(kept):
        return USUAL
    return float(kept) if _LEAST <= kept <= 1 - _LEAST else USUAL
