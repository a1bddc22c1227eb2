"""Loading large libraries in a process of our own, without what only delays it."""

import gc
import sys
from collections.abc import Generator
from contextlib import ExitStack, contextmanager, suppress
from importlib import import_module
from importlib.util import find_spec, module_from_spec
from types import ModuleType
from typing import cast

# jsonschema, which Bluesky's documents need, compiles this grammar of addresses wherever JupyterLab has installed it:
# up to a second and a half of a core in each process, for a format that no schema of these documents names.
# And httpx loads the command that it also is, with all that makes that one colourful.
_NEEDLESS = ("rfc3987_syntax", "httpx._main")
# What asks where EPICS' shared libraries lie. It does so by Python's inspect, which looks through all that is loaded
# and up the whole stack: a quarter of a second of a core, unless it is asked first and from near the top.
_ASKING = ("epicscorelibs.path", "epicscorelibs.ca.cadef", "pvxslibs.path")
# What answers also builds such libraries, and loads setuptools and Cython for that.
_BUILDER = "setuptools_dso"


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
        with ExitStack() as stack:
            for name in _NEEDLESS:
                stack.enter_context(not_found(name))
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


def find_epics() -> None:
    """Have EPICS' shared libraries found before anything else is loaded; does nothing where they are not installed.

    Only for processes of one purpose, which build nothing.
    """
    spec = find_spec(_BUILDER)
    if spec is None or _BUILDER in sys.modules:
        return
    # The package without what its own file loads, but with what finds libraries.
    package = sys.modules[_BUILDER] = module_from_spec(spec)
    vars(package).update(vars(import_module(f"{_BUILDER}.runtime")) | vars(package))
    for name in _ASKING:
        with suppress(ModuleNotFoundError):
            import_module(name)
