"""The detector's image over PVAccess, as an NTNDArray."""

from typing import Any

import numpy as np


class ImageServer:
    """Serves one NTNDArray channel on loopback."""

    def __init__(self, channel: str) -> None:
        """Start the server; where it listens follows from the environment."""
        from p4p.nt import NTNDArray
        from p4p.server import Server, StaticProvider
        from p4p.server.thread import SharedPV

        self._type = NTNDArray()
        self._image = SharedPV(initial=self._type.wrap(np.zeros((1, 1), np.int32)))
        self._provider = StaticProvider("image")
        self._provider.add(channel, self._image)
        self._server = Server(providers=[self._provider])

    @property
    def ports(self) -> tuple[int, int]:
        """TCP and UDP port on which it listens."""
        configuration = self._server.conf()
        return int(configuration["EPICS_PVAS_SERVER_PORT"]), int(configuration["EPICS_PVAS_BROADCAST_PORT"])

    def post(self, frame: Any, time: float, number: int) -> None:
        """Post a frame with its time (Unix seconds) and number."""
        value = self._type.wrap(frame, timestamp=time)
        value["uniqueId"] = number
        self._image.post(value)

    def close(self) -> None:
        """Stop the server."""
        self._server.stop()
