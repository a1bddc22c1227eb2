from typing import Any

ALL_REVISIONS: list[str]
REQUIRED_REVISION: str

async def initialize_database(engine: Any) -> None: ...
