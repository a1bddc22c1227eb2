"""What a thread was to do ends for whoever waits for it, however it ends."""

import asyncio

import pytest

from steering.machine.threads import in_thread


@pytest.mark.parametrize(
    ("error", "seen"), [(StopIteration(), RuntimeError), (KeyError("a"), KeyError), (SystemExit(3), SystemExit)]
)
def test_whatever_it_raises_is_raised_where_it_is_waited_for(error, seen):
    def fail():
        raise error

    async def wait():
        async with asyncio.timeout(20):
            await in_thread(fail, daemon=True)

    with pytest.raises(seen):
        asyncio.run(wait())
