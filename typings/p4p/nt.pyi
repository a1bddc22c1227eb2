from typing import Any

class NTNDArray:
    type: Any
    def wrap(self, value: Any, *, timestamp: float = ...) -> Any: ...
