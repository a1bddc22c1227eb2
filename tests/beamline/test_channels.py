"""The channels of a process that uses libca through aioca, and through pyepics beside it."""

import subprocess
import sys

# As a service whose devices are of both kinds: pyepics comes first, and aioca takes the context that it made.
_BOTH = """
import asyncio
import epics
from steering.devices.channels import close_channels
import aioca

epics.ca.initialize_libca()
epics.PV("STEER:none:of:these")


async def open_channels():
    aioca.camonitor(["STEER:nobody", "STEER:has:these"], print)
    assert len(aioca.get_channel_infos()) == 2
    close_channels()
    assert not aioca.get_channel_infos()


asyncio.run(open_channels())
"""


def run(program):
    environment = {"EPICS_CA_ADDR_LIST": "127.0.0.1:9", "EPICS_CA_AUTO_ADDR_LIST": "NO", "PATH": "/usr/bin:/bin"}
    return subprocess.run(
        [sys.executable, "-c", program], env=environment, timeout=120, check=False, capture_output=True, text=True
    )


def test_channels_are_closed_before_the_interpreter_ends_and_it_ends():
    done = run(_BOTH)
    assert done.returncode == 0, done.stderr


def test_who_has_loaded_no_channel_access_has_nothing_to_close():
    done = run(
        "import sys\nfrom steering.devices.channels import close_channels\n"
        "close_channels()\nassert 'aioca' not in sys.modules"
    )
    assert done.returncode == 0, done.stderr
