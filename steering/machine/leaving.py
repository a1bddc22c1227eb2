"""The end of a process, once its own work has ended: no library that it loaded may keep it."""

import signal


def leave_within(seconds: float) -> None:
    """Have the kernel end this process if the interpreter has not ended by then. Call it last.

    Libraries in C (libca, pvAccess) take down threads and locks when the interpreter ends, in whatever order they were
    loaded. One that waits for ever would hold the workspace, and the next service could not start. Python itself is no
    watchman then: its signal handlers and daemon threads do not run any more.

    Args:
        seconds: More than an orderly end takes.
    """
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_REAL, seconds)
