import signal
import subprocess
import sys

# As a library in C does whose lock was freed: it holds the interpreter, and heeds no signal handler.
_HANGS = """
import atexit, ctypes, signal, sys
from steering.machine.leaving import leave_within
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
atexit.register(lambda: ctypes.PyDLL(None).sleep(600))
leave_within({seconds})
"""
_ENDS = "from steering.machine.leaving import leave_within\nleave_within(600)\nraise SystemExit(3)"


def ends(program):
    return subprocess.run([sys.executable, "-c", program], timeout=120, check=False).returncode


def test_a_library_that_waits_for_ever_does_not_keep_the_process():
    assert ends(_HANGS.format(seconds=0.1)) == -signal.SIGALRM


def test_who_ends_by_himself_has_his_own_exit_code():
    assert ends(_ENDS) == 3
