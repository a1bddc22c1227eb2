from collections.abc import Callable
from typing import Any

class Model:
    id: str
    def on_change(self, attr: str, *callbacks: Callable[[str, Any, Any], object]) -> None: ...
    def update(self, **properties: Any) -> None: ...
