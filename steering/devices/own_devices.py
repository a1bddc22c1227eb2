"""Devices of a beamline's own: any ophyd-async or classic ophyd class, read at each point of a scan that names it."""

import asyncio
import importlib
from collections.abc import Mapping
from typing import Any

from steering.core.errors import SteeringError, said
from steering.description.description_entries import DeviceEntry, MotorEntry
from steering.devices.positioner import part_of, unit_of

CONNECT_SECONDS = 20.0


async def connect_devices(entries: Mapping[str, DeviceEntry]) -> dict[str, Any]:
    """Make and connect devices. Call on the engine's loop.

    Raises:
        SteeringError: If one cannot be made, does not answer, or cannot be read; with its name.
    """
    made = {name: _make(name, entry) for name, entry in entries.items()}
    await asyncio.gather(*(_connect(name, device) for name, device in made.items()))
    return made


def make_axes(entries: Mapping[str, MotorEntry]) -> dict[str, Any]:
    """Make the axes that have a class of their own; nothing is connected, so what is wrong with a class is known first.

    Raises:
        SteeringError: If one cannot be made; with its name.
    """
    return {
        axis: _make(axis, DeviceEntry(kind=entry.kind, arguments=entry.arguments))
        for axis, entry in entries.items()
        if entry.kind
    }


async def connect_positioners(
    entries: Mapping[str, MotorEntry], devices: Mapping[str, Any], axes: Mapping[str, Any]
) -> dict[str, tuple[Any, str]]:
    """Connect the axes that are no motor records. Call on the engine's loop.

    Args:
        entries: Those axes.
        devices: The beamline's own devices, connected.
        axes: Those with a class of their own, see :func:`make_axes`.

    Returns:
        Each axis' device and its own unit.

    Raises:
        SteeringError: If one cannot be made, does not answer, or cannot be moved; with its name.
    """
    made: dict[str, Any] = {}
    for axis, entry in entries.items():
        if entry.kind:
            made[axis] = axes[axis]
        else:
            owner, _, path = entry.device.partition(".")
            made[axis] = part_of(owner, devices[owner], path, axis)
    await asyncio.gather(*(_connect(axis, made[axis]) for axis, entry in entries.items() if entry.kind))
    units = await asyncio.gather(*(unit_of(axis, device) for axis, device in made.items()))
    return {axis: (device, unit) for (axis, device), unit in zip(made.items(), units, strict=True)}


def _make(name: str, entry: DeviceEntry) -> Any:
    module, _, attribute = entry.kind.partition(":")
    try:
        device = getattr(importlib.import_module(module), attribute)(**entry.arguments, name=name)
    except Exception as error:  # a stranger's class may raise anything
        missing = isinstance(error, ModuleNotFoundError) and error.name in ("ophyd", "epics")
        cure = " Install steering[classic]." if missing else ""
        message = f"The device {name} cannot be made from {entry.kind}: {said(error)}.{cure}"
        raise SteeringError(message) from error
    if not (hasattr(device, "read") and hasattr(device, "describe")):
        message = f"The device {name} ({entry.kind}) cannot be read: it has no read() and describe(), as Bluesky wants."
        raise SteeringError(message)
    return device


async def _connect(name: str, device: Any) -> None:
    try:
        if hasattr(device, "connect"):
            await device.connect(timeout=CONNECT_SECONDS)
        elif hasattr(device, "wait_for_connection"):
            # Classic ophyd waits in the calling thread.
            await asyncio.to_thread(device.wait_for_connection, timeout=CONNECT_SECONDS)
    except Exception as error:  # whatever the control system raises, a person must learn which device it was
        first = (str(error) or type(error).__name__).splitlines()[0]
        message = (
            f"The device {name} does not answer within {CONNECT_SECONDS:g} s ({first:.200}). "
            "Check that its IOC runs and that EPICS_CA_ADDR_LIST reaches it."
        )
        raise SteeringError(message) from error
