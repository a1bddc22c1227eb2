from typing import Any

from numpy.typing import NDArray

class cKDTree:
    def __init__(self, data: NDArray[Any]) -> None: ...
    def query(self, x: NDArray[Any], k: int = ...) -> tuple[NDArray[Any], NDArray[Any]]: ...
