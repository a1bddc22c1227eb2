"""Lets a task step aside: the worker runs other tasks beside it, as if its thread were free."""

import os
import sys
from threading import get_native_id

from distributed.threadpoolexecutor import thread_state
from distributed.worker import secede

# Of the operating system: beside a thread of live work this one gets a third of a core that both want. With more a
# reconstruction would never end on a machine where others work too.
_NICENESS = 3


def step_aside() -> None:
    """Leave the worker's threads to other tasks, as this one may take long, and the cores too where both want them.

    It does nothing outside a worker's thread. One that has stepped aside ends with its task, so no other is slowed.
    """
    if not hasattr(thread_state, "proceed"):
        return
    secede()
    # Elsewhere a priority is of the whole process.
    if sys.platform == "linux":
        mine = get_native_id()
        os.setpriority(os.PRIO_PROCESS, mine, min(os.getpriority(os.PRIO_PROCESS, mine) + _NICENESS, 19))
