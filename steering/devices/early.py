"""What stands still while a detector exposes is read at the begin of the exposure, not after it."""

from typing import Any


class Early:
    """A motor that stands, or a value that is set, as a Readable that takes its reading when it is triggered.

    Bluesky triggers everything of a point together, and reads one device after another once the detector is done. Each
    question to a device then keeps waiting the frame that was just taken. What is the same before and after the
    exposure is therefore asked for while the detector exposes.
    """

    parent = None

    def __init__(self, device: Any) -> None:
        """Read ``device``, whose ``read`` is a coroutine. If it was not triggered before, it is read when it is asked.

        Args:
            device: Motor or signal. The columns, configuration and hints are its own.
        """
        self.name = device.name
        self._device = device
        self._taken: dict[str, Any] | None = None

    def __getattr__(self, name: str) -> Any:
        """Give what else Bluesky asks of the device: its configuration and hints, where it has them."""
        if name.startswith("_") or name in ("stage", "unstage", "set"):
            raise AttributeError(name)
        return getattr(self._device, name)

    def trigger(self) -> Any:
        """Take the reading; return a status that is done when it is there."""
        from ophyd_async.core import AsyncStatus

        self._taken = None
        return AsyncStatus(self._take())

    async def read(self) -> dict[str, Any]:
        """Give the reading that was taken, once; else a new one."""
        taken, self._taken = self._taken, None
        return await self._device.read() if taken is None else taken

    async def describe(self) -> dict[str, Any]:
        """Describe the device's columns."""
        return await self._device.describe()

    async def _take(self) -> None:
        self._taken = await self._device.read()
