"""Checks whether a scheduler listens at an address. Fails at once if refused, whereas Dask's own connect retries."""

import asyncio


async def probe(address: str, seconds: float) -> None:
    """Connect to the port of an address such as ``tls://10.0.0.1:8786``, and close the connection.

    Args:
        address: Address of a scheduler.
        seconds: Longest wait.

    Raises:
        OSError: If nothing listens there.
        TimeoutError: If there is no answer in time.
    """
    host, _, port = address.rpartition("://")[2].rpartition(":")
    async with asyncio.timeout(seconds):
        _, writer = await asyncio.open_connection(host.strip("[]"), int(port))
    writer.close()
