"""The process of the simulated beamline: ``python -m steering.sim``.

Prints one line of JSON when it is ready (``environment`` holds what an EPICS client needs to find this beamline and no
other), and ends on SIGTERM, on SIGINT and when its standard input does.
"""

import argparse
import asyncio
import json
import os
import signal
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Any

from steering.core.errors import SteeringError
from steering.machine.interrupted import interrupted
from steering.machine.lifeline import hold_lifeline
from steering.machine.loading import find_epics, loading
from steering.machine.ports import free_port

PREFIX = "STEER:"
_LOOPBACK = "127.0.0.1"
_KELVIN_A_SECOND = 2.0


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the simulated beamline; return its exit code."""
    parser = argparse.ArgumentParser(prog="python -m steering.sim", description="A simulated beamline.")
    parser.add_argument("--speed", type=float, default=5.0, help="an exposure or a motion of t seconds lasts t / SPEED")
    parser.add_argument("--seed", type=int, default=0, help="seed of the noise")
    parser.add_argument(
        "--ports", type=int, nargs=3, metavar=("CA", "PVA_TCP", "PVA_UDP"), help="the ports of the one before it"
    )
    parser.add_argument("--contents", type=json.loads, default={}, help="samples and motors beside its own, as JSON")
    options = parser.parse_args(arguments)
    port, image_port, image_search_port = options.ports or (free_port(), 0, free_port())
    # Before anything of EPICS is imported: servers listen on loopback only, and tell nobody that they exist.
    os.environ.update(
        EPICS_CA_SERVER_PORT=str(port),
        EPICS_CAS_INTF_ADDR_LIST=_LOOPBACK,
        EPICS_CAS_BEACON_ADDR_LIST="",
        EPICS_CAS_AUTO_BEACON_ADDR_LIST="NO",
        EPICS_PVAS_INTF_ADDR_LIST=_LOOPBACK,
        EPICS_PVAS_AUTO_BEACON_ADDR_LIST="NO",
        EPICS_PVAS_SERVER_PORT=str(image_port),
        EPICS_PVAS_BROADCAST_PORT=str(image_search_port),
    )
    find_epics()
    try:
        asyncio.run(_serve(options.speed, options.seed, port, options.contents))
    except SteeringError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    except KeyboardInterrupt:
        return interrupted()
    return 0


async def _serve(speed: float, seed: int, port: int, contents: dict[str, Any]) -> None:
    with loading():
        # The detector's channels are made from those of ophyd-async.
        import_module("ophyd_async.epics.adsimdetector")
        from caproto.asyncio.server import Context

        from steering.sim.contents import load_samples, make_motors, order_samples
        from steering.sim.detector import Detector
        from steering.sim.image import ImageServer
        from steering.sim.motor import Motor
        from steering.sim.nodelay import without_delay
        from steering.sim.samples import MapSample, RockingSample
        from steering.sim.scaler import Scaler
        from steering.sim.stage import Stage

    without_delay()
    motors = {
        "th": Motor(f"{PREFIX}th", units="deg", limits=(-5.0, 5.0), speed=20.0, ramp=0.002, haste=speed),
        "sx": Motor(f"{PREFIX}sx", units="um", limits=(-25.0, 25.0), speed=2000.0, ramp=0.002, haste=speed),
        "sy": Motor(f"{PREFIX}sy", units="um", limits=(-35.0, 35.0), speed=2000.0, ramp=0.002, haste=speed),
    }
    motors |= make_motors(PREFIX, contents.get("motors", {}), speed)
    samples = {"rocking": RockingSample.load(), "map": MapSample.load(), **load_samples(contents.get("samples", {}))}
    image = ImageServer(f"{PREFIX}det:Pva1:Image")

    def positions() -> dict[str, float]:
        return {name: motor.position for name, motor in motors.items()}

    stage = Stage(PREFIX, rate=_KELVIN_A_SECOND * speed)

    def transmission() -> float:
        return stage.transmission

    detectors = [Detector(f"{PREFIX}det:", samples, positions, image.post, transmission, speed=speed, seed=seed)]
    for name, chosen in contents.get("detectors", {}).items():
        seen = order_samples(name, chosen, samples)
        detectors.append(
            Detector(
                f"{PREFIX}{name}:", seen, positions, _unseen, transmission, speed=speed, seed=seed + len(detectors)
            )
        )
    channels: dict[str, Any] = {name: pv for motor in motors.values() for name, pv in motor.pvdb.items()}
    channels |= stage.pvdb
    channels |= Scaler(f"{PREFIX}scaler1", lambda: float(stage.current.value), speed=speed).channels
    for detector in detectors:
        await detector.begin()
        channels |= detector.channels
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)

    async def ready(_: Any) -> None:
        hold_lifeline()
        tcp, udp = image.ports
        environment = {
            "EPICS_CA_ADDR_LIST": f"{_LOOPBACK}:{port}",
            "EPICS_CA_AUTO_ADDR_LIST": "NO",
            "EPICS_PVA_ADDR_LIST": f"{_LOOPBACK}:{udp}",
            "EPICS_PVA_NAME_SERVERS": f"{_LOOPBACK}:{tcp}",
            "EPICS_PVA_AUTO_ADDR_LIST": "NO",
        }
        _announce({"kind": "ready", "pid": os.getpid(), "ports": [port, tcp, udp], "environment": environment})

    server = asyncio.create_task(Context(channels, [_LOOPBACK]).run(startup_hook=ready))
    waiting = asyncio.create_task(stop.wait())
    await asyncio.wait([server, waiting], return_when=asyncio.FIRST_COMPLETED)
    if server.done():
        server.result()
    server.cancel()
    await asyncio.gather(server, return_exceptions=True)
    image.close()


def _unseen(frame: Any, time: float, number: int) -> None:
    """Take an image that nobody serves."""
    del frame, time, number


def _announce(content: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(content) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
