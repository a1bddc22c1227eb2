"""The channels of Channel Access that a process holds, and their end."""

import sys


def close_channels() -> None:
    """Close the channels of devices of ophyd-async, in good time before the process ends.

    Call it once nothing reads or moves a device any more. Otherwise aioca closes them when the interpreter ends. In a
    process that also has devices of classic ophyd both use one context of libca, and whichever of pyepics and aioca
    came last ends first: pyepics then frees the context, and aioca waits for ever for a lock in what was freed.
    """
    aioca = sys.modules.get("aioca")
    if aioca is not None:
        aioca.purge_channel_caches()
