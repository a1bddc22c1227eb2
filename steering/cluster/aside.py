"""Lets a task step aside: the worker runs other tasks beside it, as if its thread were free."""

from distributed.threadpoolexecutor import thread_state
from distributed.worker import secede


def step_aside() -> None:
    """Leave the worker's threads to other tasks, as this one may take long. Do nothing outside a worker thread."""
    if hasattr(thread_state, "proceed"):
        secede()
