"""How a command ends: by Ctrl-C, a closed terminal or a batch system, and with nobody to read what it says."""

import signal
import sys
from contextlib import suppress

from steering.machine.daemon import TIES


def end_like_ctrl_c() -> None:
    """Have SIGTERM, and a terminal that closes, end this command as Ctrl-C does: with all that it has started.

    What it starts notices by itself when it is killed.
    """
    TIES.tie()
    for number in (signal.SIGTERM, signal.SIGHUP):
        # Whoever has it ignored (nohup) wants to go on when the terminal closes.
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, signal.default_int_handler)


def end_undisturbed() -> None:
    """Ignore further requests to end: a second Ctrl-C must not leave half of it running."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)


def say(text: str) -> None:
    """Print a line at once; whether anybody is there to read it changes nothing."""
    with suppress(OSError, ValueError):
        sys.stdout.write(f"{text}\n")
        sys.stdout.flush()
