from typing import Any

import numpy as np
from numpy.typing import NDArray

def decompress_lz4(
    arr: NDArray[np.uint8], shape: tuple[int, ...], dtype: np.dtype[Any], block_size: int = ...
) -> NDArray[Any]: ...
