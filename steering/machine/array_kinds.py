"""Has xarray look for kinds of arrays only among the libraries that are loaded.

With the first array, xarray imports each library whose arrays it knows (dask.array, pint, sparse), if it is installed,
to see whether the array is one of its. That takes half a second of a core, most of it for numba, which sparse loads: in
a notebook's kernel just when the first frame comes, and on each node before its first worker. An array of a library
that is not loaded cannot exist, so the answer is the same without.
"""

import sys
from types import SimpleNamespace
from typing import Any

# What must be loaded for there to be arrays of a kind. Of other libraries xarray asks the version, not the arrays.
_LOADED_BY = {"dask": "dask.array", "pint": "pint", "cupy": "cupy", "sparse": "sparse", "cubed": "cubed"}

_NONE = SimpleNamespace(module=None, type=(), available=False)


def look_among_loaded() -> None:
    """Have this process' xarray do so from now on; do nothing the second time, or if this xarray looks another way."""
    from xarray.namedarray import pycompat

    known: Any = pycompat
    looked = getattr(known, "_get_cached_duck_array_module", None)
    if looked is None or isinstance(looked, _Kinds):
        return
    known._get_cached_duck_array_module = _Kinds(looked)  # noqa: SLF001  (there is no public way)


class _Kinds:
    """Stands for xarray's own look at a library."""

    def __init__(self, look: Any) -> None:
        self._look = look

    def __call__(self, name: str) -> Any:
        loaded = name not in _LOADED_BY or _LOADED_BY[name] in sys.modules
        return self._look(name) if loaded else _NONE
