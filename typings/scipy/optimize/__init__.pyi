from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

def curve_fit(
    f: Callable[..., Floats],
    xdata: Floats,
    ydata: Floats,
    p0: Sequence[float],
    sigma: Floats | None = None,
    **options: Any,
) -> tuple[Floats, Floats]: ...
