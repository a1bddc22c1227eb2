from typing import Any

class PVGroup:
    pvdb: dict[str, Any]
    def __init__(self, prefix: str, **options: Any) -> None: ...

class pvproperty:
    value: Any
    def __init__(self, *, value: Any, name: str, **options: Any) -> None: ...
