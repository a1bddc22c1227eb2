from collections.abc import Callable
from typing import Any

from p4p.util import ThreadedWorkQueue

class Subscription:
    def close(self) -> None: ...

class Context:
    def __init__(self, provider: str, *, nt: bool = ...) -> None: ...
    def monitor(
        self,
        name: str,
        cb: Callable[[Any], None],
        request: str | None = ...,
        notify_disconnect: bool = ...,
        queue: ThreadedWorkQueue | None = ...,
    ) -> Subscription: ...
    def close(self) -> None: ...
