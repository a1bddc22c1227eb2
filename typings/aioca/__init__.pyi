from collections.abc import Callable
from typing import Any

FORMAT_TIME: int
FORMAT_CTRL: int

async def caput(pv: str, value: Any, *, wait: bool = ..., **options: Any) -> Any: ...
async def caget(pv: str, *, format: int = ..., **options: Any) -> Any: ...
def camonitor(
    pv: str, callback: Callable[[Any], object], *, format: int = ..., notify_disconnect: bool = ..., **options: Any
) -> Any: ...
