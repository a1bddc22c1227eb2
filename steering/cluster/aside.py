"""A task that steps aside: others are computed beside it, as if its thread were free."""

from distributed.threadpoolexecutor import thread_state
from distributed.worker import secede


def step_aside() -> None:
    """Leave the worker's threads to other tasks, as this one may take long; in no worker's thread, do nothing."""
    if hasattr(thread_state, "proceed"):
        secede()
