from collections.abc import Callable
from typing import Any

class PVGroup:
    pvdb: dict[str, Any]
    def __init__(self, prefix: str, **options: Any) -> None: ...

class pvproperty:
    def __init__(
        self,
        *,
        value: Any,
        name: str,
        record: str,
        precision: int,
        startup: Callable[..., Any],
        put: Callable[..., Any],
    ) -> None: ...
