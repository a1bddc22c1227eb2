"""caproto's server never sets TCP_NODELAY: pipelined requests then stall 40 ms each (Nagle and delayed ACK)."""

import socket
from typing import Any

from caproto.asyncio import server


def without_delay() -> None:
    """Have every circuit that caproto's asyncio server opens from now on send at once."""

    class PromptCircuit(server.VirtualCircuit):
        def __init__(self, circuit: Any, client: Any, context: Any, **options: Any) -> None:
            client.writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            super().__init__(circuit, client, context, **options)

    server.Context.CircuitClass = PromptCircuit
