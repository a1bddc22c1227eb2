import os
import subprocess
import sys
from pathlib import Path


def test_a_line_for_a_log_that_has_no_room_is_lost_and_the_process_goes_on():
    code = "from steering.machine.noting import note\nfor _ in range(9000): note('x')\nprint('done', flush=True)"
    with Path("/dev/full").open("wb", buffering=0) as full:
        done = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=full, check=False)
    assert done.stdout == f"done{os.linesep}".encode()
