from collections.abc import Iterator, Mapping
from typing import Any

def unpack_event_page(event_page: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]: ...
