from collections.abc import Callable
from typing import Any, TypeVar

from bluesky.utils import MsgGenerator

Plan = TypeVar("Plan", bound=Callable[..., Any])

def finalize_wrapper(plan: MsgGenerator, final_plan: Callable[[], MsgGenerator]) -> MsgGenerator: ...
def run_decorator(*, md: dict[str, Any]) -> Callable[[Plan], Plan]: ...
def set_run_key_wrapper(plan: MsgGenerator, run: Any) -> MsgGenerator: ...
