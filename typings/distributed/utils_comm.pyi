from collections.abc import Collection, Mapping
from typing import Any

async def gather_from_workers(
    who_has: Mapping[str, Collection[str]], rpc: Any
) -> tuple[dict[str, Any], list[str], list[str], list[str]]: ...
