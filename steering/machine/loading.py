"""Loading large libraries in a process of our own, without what only delays it."""

import gc
import sys
from collections.abc import Generator
from contextlib import contextmanager

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
    present = _NEEDLESS in sys.modules
    if not present:
        sys.modules[_NEEDLESS] = None  # pyright: ignore[reportArgumentType]  (Python's own way to say: not to be found)
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if collecting:
            gc.enable()
        if not present:
            del sys.modules[_NEEDLESS]
