"""Is anybody at a scheduler's address? A refusal is an answer; Dask's own connecting would wait for more."""

import asyncio


async def probe(address: str, seconds: float) -> None:
    """Reach the port of an address such as ``tls://10.0.0.1:8786``.

    Args:
        address: Of a scheduler.
        seconds: Longest wait.

    Raises:
        OSError: If nobody listens there.
        TimeoutError: If nobody answers in time.
    """
    host, _, port = address.rpartition("://")[2].rpartition(":")
    async with asyncio.timeout(seconds):
        _, writer = await asyncio.open_connection(host.strip("[]"), int(port))
    writer.close()
