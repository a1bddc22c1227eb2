"""Loading large libraries in a process of our own, without what only delays it."""

import gc
import sys
from collections.abc import Generator
from contextlib import contextmanager
from types import ModuleType
from typing import cast

# jsonschema, which Bluesky's documents need, compiles this grammar of addresses wherever JupyterLab has installed it:
# up to a second and a half of a core in each process, for a format that no schema of these documents names.
_NEEDLESS = "rfc3987_syntax"


@contextmanager
def loading() -> Generator[None]:
    """Load modules within: a service that is waited for is there sooner.

    The garbage collector would look through all that is loaded again and again (a fifth of the time) and find nothing;
    what is loaded here stays, so it is not looked through later either. Only for processes of one purpose: a notebook's
    kernel is its user's.
    """
    collecting = gc.isenabled()
    gc.disable()
    try:
        with not_found(_NEEDLESS):
            yield
    finally:
        gc.freeze()
        if collecting:
            gc.enable()


@contextmanager
def not_found(name: str) -> Generator[None]:
    """Within, a module that is not loaded yet is not to be found: for a library that loads it if it can, to no use."""
    if name in sys.modules:
        yield
        return
    modules = cast("dict[str, ModuleType | None]", sys.modules)
    # Python's own way to say so.
    modules[name] = None
    try:
        yield
    finally:
        del modules[name]
