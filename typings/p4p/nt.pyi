from typing import Any

class NTNDArray:
    def wrap(self, value: Any, *, timestamp: float = ...) -> Any: ...
