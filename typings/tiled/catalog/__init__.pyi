from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

def from_uri(
    uri: str,
    *,
    writable_storage: Sequence[str | Path] | None = None,
    readable_storage: Sequence[str | Path] | None = None,
    init_if_not_exists: bool = False,
    cache_config: Mapping[str, Any] | None = None,
) -> Any: ...
