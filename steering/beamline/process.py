"""What the process of the beamline service does.

It starts what its beamline needs (a simulated beamline, a record), connects the devices, writes its connection file
and serves until it is told to stop, or until nobody has listened for the linger time while no scan runs.
"""

import argparse
import asyncio
import fcntl
import getpass
import logging
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from functools import partial
from pathlib import Path
from types import FrameType

import uvicorn

from steering.beamline.app import Face
from steering.beamline.children import start_flows, start_record, start_simulation
from steering.beamline.flow_teller import FlowTeller
from steering.beamline.newest import Newest
from steering.beamline.preview import Preview
from steering.beamline.reading import BODY_BYTES
from steering.beamline.record_door import RecordDoor
from steering.beamline.sockets import STATUS_INTERVAL
from steering.beamline.tokens import Tokens
from steering.core.errors import SteeringError
from steering.core.workspace import Workspace, default_workspace
from steering.description.description import read_description
from steering.description.description_entries import BeamlineDescription
from steering.devices.channels import close_channels
from steering.devices.connecting import connect, connect_instrument
from steering.devices.instrument import Instrument
from steering.journal.journal import newest_number
from steering.machine.identity import identity, leave
from steering.machine.interrupted import interrupted
from steering.machine.secret_file import make_private, read_secret, write_secret
from steering.plans.engine import Engine
from steering.service.cut_off import close_cut_off
from steering.service.service import Beamline

_LINGER_CHECK_SECONDS = 1.0
_LOG = logging.getLogger(__name__)
_CLAIM_SECONDS, _ENDING_SECONDS = 10.0, 75.0
_TOLD_SECONDS = 3.0
_TURN_SECONDS = 0.0005
_CLAIM_CHECK_SECONDS = 0.1


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the service; return its exit code."""
    options = _options(arguments)
    workspace = Workspace(options.workspace)
    # Requests and the scan share an interpreter: the scan's thread must not wait long for its turn.
    sys.setswitchinterval(_TURN_SECONDS)
    try:
        with ExitStack() as stack:
            _serve(options, workspace, stack)
    except SteeringError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    except KeyboardInterrupt:
        return interrupted()
    return 0


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="steering serve", description="Serve a beamline.")
    parser.add_argument("--beamline", type=Path, help="YAML file of the beamline; the simulated one if left out")
    parser.add_argument(
        "--instrument", default="", help="the beamline's own Bluesky instrument: its startup module, or startup folder"
    )
    parser.add_argument("--workspace", type=Path, default=default_workspace().directory, help="folder for all files")
    parser.add_argument("--port", type=int, default=0, help="port on 127.0.0.1; 0 picks a free one")
    parser.add_argument(
        "--speed", type=float, default=5.0, help="simulated beamline only: how many times faster than life"
    )
    parser.add_argument("--seed", type=int, default=0, help="simulated beamline only: seed of its noise")
    parser.add_argument(
        "--linger", type=float, default=600.0, help="end after so many seconds without a listener; 0: never"
    )
    parser.add_argument("--no-record", action="store_true", help="do not start a Tiled server; the journal is kept")
    return parser.parse_args(arguments)


def _serve(options: argparse.Namespace, workspace: Workspace, stack: ExitStack) -> None:
    given = read_description(options.beamline) if options.beamline or not options.instrument else None
    named = _instrument_of(options, given)
    if not options.speed > 0 or not options.linger >= 0:
        message = f"--speed {options.speed:g} must be above 0, and --linger {options.linger:g} s not below."
        raise SteeringError(message)
    _end_in_order()
    _claim(workspace, stack)
    stack.callback(close_channels)
    instrument = Instrument.start(named) if named else None
    description = given or (instrument.describe() if instrument is not None else read_description(None))
    file = workspace.run / "beamline.json"
    # Nearly last: until then it says that this one is ending, and the next one waits.
    stack.callback(lambda: file.unlink(missing_ok=True))
    cut = close_cut_off(workspace)
    watched: list[Callable[[str], None]] = []
    say = partial(_tell, watched)
    record = None if options.no_record else start_record(workspace, stack, say)
    if description.simulate is not None:
        contents = description.simulate.model_dump()
        os.environ.update(start_simulation(stack, options.speed, options.seed, contents, say))
    make_private(workspace.frames)
    # Two runs of a day are not both called "rocking 1", although Bluesky counts from 1 in each process.
    counted = {"scan_id": newest_number(workspace.journal)}
    engine = Engine(counted) if instrument is None else instrument.engine
    # Before the simulated beamline ends: its end would be complained of at length on the terminal.
    stack.callback(close_channels)
    stack.callback(engine.close)
    connecting = (
        connect(description, workspace.frames) if instrument is None else connect_instrument(description, instrument)
    )
    devices = engine.call(connecting, timeout=60.0)
    haste = options.speed if description.simulate is not None else 1.0
    beamline = Beamline(description, devices, engine, workspace, haste)
    stack.callback(beamline.close)
    if FlowTeller.wanted(description.flows):
        served = "" if options.beamline is None else str(options.beamline.expanduser().resolve())
        # After the beamline's own, so that the journal has what it tells of. The engine holds it weakly; this does not.
        teller = FlowTeller(description.flows, start_flows(workspace, served, stack, say))
        engine.subscribe(teller.take)
    for one in cut[-1:]:
        beamline.remark(one.sentence)
    watched.append(beamline.remark)
    newest = _newest(description, stack)
    tokens = Tokens()
    token = tokens.issue(getpass.getuser())
    listening = socket.create_server(("127.0.0.1", options.port))
    stack.callback(listening.close)

    def stop() -> None:
        leave(file)
        server.should_exit = True

    door = RecordDoor(str(record["url"]), str(record["key"])) if record is not None else None
    app = Face(beamline, tokens, newest, stop, door).build()
    # Not compressed: the service and whoever talks to it are on one machine.
    config = uvicorn.Config(
        app, log_level="warning", ws_max_size=BODY_BYTES, ws_per_message_deflate=False, timeout_graceful_shutdown=2
    )
    server = _Server(config, partial(leave, file), beamline)
    address = f"http://127.0.0.1:{listening.getsockname()[1]}"
    content = identity() | {"url": address, "token": token, "beamline": description.name}
    # Whoever starts scans unasked, as a tutorial does, does so on the built-in simulation only.
    content["embedded"] = options.beamline is None and instrument is None
    content["file"] = "" if options.beamline is None else str(options.beamline.expanduser().resolve())
    if record is not None:
        content["record"] = record
    write_secret(file, content)
    with suppress(OSError):
        # Whether anybody reads it changes nothing.
        sys.stdout.write(f"The beamline service of {description.name} is at {address}\n")
        sys.stdout.flush()
    ended = threading.Event()
    stack.callback(ended.set)
    if options.linger > 0:
        threading.Thread(target=_linger, args=(beamline, stop, options.linger, ended), daemon=True).start()
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        # uvicorn knows the other signals to end.
        signal.signal(signal.SIGHUP, server.handle_exit)
    # A loop in C, where it is installed: who asks much then takes half as much of the scan's time.
    with asyncio.Runner(loop_factory=config.get_loop_factory()) as runner:
        runner.run(server.serve([listening]))


def _instrument_of(options: argparse.Namespace, given: BeamlineDescription | None) -> str:
    """Name the beamline's own instrument; empty if it has none.

    Raises:
        SteeringError: If the file is of another one.
    """
    written = given.instrument if given is not None else ""
    if options.instrument and written not in ("", options.instrument):
        message = f"{options.beamline} is of the instrument {written}, not of {options.instrument}."
        raise SteeringError(message)
    if options.instrument and given is not None and not written:
        message = f"{options.beamline} is of no instrument. Write instrument: {options.instrument} into it."
        raise SteeringError(message)
    return written or options.instrument


def _newest(description: BeamlineDescription, stack: ExitStack) -> Newest:
    """Follow the detector's image, if it has one; return where its newest frame is."""
    newest = Newest()
    image = description.detector.image if description.detector is not None else ""
    if image:
        stack.callback(Preview(image, newest).close)
    return newest


def _tell(watched: Sequence[Callable[[str], None]], sentence: str) -> None:
    """Say something of a child to whoever can be told yet."""
    for say in watched:
        say(sentence)


def _end_in_order() -> None:
    """Have a batch system's SIGTERM, and a terminal that closes, end the children first, as Ctrl-C does."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, lambda _number, _frame: sys.exit(0))


def _claim(workspace: Workspace, stack: ExitStack) -> None:
    """Hold the workspace for as long as this service lives: two would write one journal into one record.

    Raises:
        SteeringError: If another service holds it.
    """
    make_private(workspace.run)
    file = stack.enter_context((workspace.run / "service.lock").open("w"))
    began = time.monotonic()
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            # One that ends, as it was told to or since whoever started it was killed, holds it for a moment more.
            other = read_secret(workspace.run / "beamline.json")
            patience = _CLAIM_SECONDS if other is None else _ENDING_SECONDS if other.get("ending") else 0.0
            if time.monotonic() - began < patience:
                time.sleep(_CLAIM_CHECK_SECONDS)
                continue
            message = (
                f"A beamline service runs, or is starting, in the workspace {workspace.directory}. "
                "Use that one, stop it, or choose another folder with --workspace."
            )
            raise SteeringError(message) from error
        return


class _Server(uvicorn.Server):
    """Says that it is ending as soon as it is told to: whoever comes now waits for the next one."""

    def __init__(self, config: uvicorn.Config, leaving: Callable[[], None], beamline: Beamline) -> None:
        super().__init__(config)
        self._leaving, self._beamline = leaving, beamline

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Take a signal to end."""
        self._leaving()
        super().handle_exit(sig, frame)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End the scan before the sockets: whoever listens hears how it ended."""
        ended = await asyncio.to_thread(self._beamline.finish)
        await self._beamline.hub.told(_TOLD_SECONDS)
        if ended:
            # The state goes out by itself, this often.
            await asyncio.sleep(2 * STATUS_INTERVAL)
        await super().shutdown(sockets)


def _may_scan(beamline: Beamline) -> bool:
    """Say whether a scan runs, or that cannot be told: this is asked for days, and must not end for one answer."""
    try:
        return beamline.status().scanning
    except Exception:  # noqa: BLE001  (whatever it is, another answer follows in a second)
        _LOG.exception("The state of the beamline could not be told.")
        return True


def _linger(beamline: Beamline, stop: Callable[[], None], linger: float, ended: threading.Event) -> None:
    """Stop the service once nobody has listened for the linger time while no scan was running."""
    used = time.monotonic()
    while not ended.wait(_LINGER_CHECK_SECONDS):
        if beamline.hub.listening or _may_scan(beamline):
            used = time.monotonic()
        if time.monotonic() - used > linger:
            stop()
            return
