from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

class KDTree:
    def __init__(self, data: NDArray[np.float64], *, boxsize: float | Sequence[float] | None = ...) -> None: ...
    # With k neighbours a row has k distances.
    def query(
        self, x: NDArray[np.float64], k: int = ..., *, p: float = ..., distance_upper_bound: float = ...
    ) -> tuple[NDArray[np.float64], NDArray[np.int64]]: ...
