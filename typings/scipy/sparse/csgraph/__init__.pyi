from typing import Any

from numpy import int32
from numpy.typing import NDArray

def connected_components(csgraph: Any, directed: bool = ..., **kwargs: Any) -> tuple[int, NDArray[int32]]: ...
