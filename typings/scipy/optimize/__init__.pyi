from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

class OptimizeResult:
    x: Floats
    fun: Floats
    jac: Floats
    success: bool
    message: str

def least_squares(
    fun: Callable[[Floats], Floats], x0: Floats, *, method: str = ..., x_scale: Floats | str = ..., **options: Any
) -> OptimizeResult: ...
