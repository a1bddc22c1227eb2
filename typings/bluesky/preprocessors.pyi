from collections.abc import Callable, Sequence
from typing import Any, TypeVar

Plan = TypeVar("Plan", bound=Callable[..., Any])

def stage_decorator(devices: Sequence[Any]) -> Callable[[Plan], Plan]: ...
def run_decorator(*, md: dict[str, Any]) -> Callable[[Plan], Plan]: ...
