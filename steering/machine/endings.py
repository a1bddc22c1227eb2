"""Threads that end what runs are waited for before the interpreter closes its thread pools.

At its end the interpreter first has all executors take nothing more, and then waits for threads that are no daemons. A
thread that just ends a session needs an executor to do so.
"""

import threading
from importlib import import_module
from typing import Any
from weakref import WeakSet

_ENDINGS: WeakSet[threading.Thread] = WeakSet()


def begin_ending(thread: threading.Thread) -> None:
    """Start a thread that ends something."""
    try:
        thread.start()
    finally:
        # Whoever starts it may be interrupted while it starts.
        _ENDINGS.add(thread)


def _wait_for_endings() -> None:
    for thread in list(_ENDINGS):
        if thread.ident is not None:
            thread.join()


# It registers its own end when it is loaded: so that comes after ours.
import_module("concurrent.futures.thread")
# The one hook that comes before those of executors; atexit comes after all threads.
_register: Any = vars(threading)["_register_atexit"]
_register(_wait_for_endings)
