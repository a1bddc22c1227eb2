from typing import Any

class WorkerPlugin:
    name: str
    async def setup(self, worker: Any) -> None: ...
