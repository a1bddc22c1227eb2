from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Any

def set(values: Mapping[str, Any]) -> AbstractContextManager[None]: ...
