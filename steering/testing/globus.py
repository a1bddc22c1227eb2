"""A double of Globus on loopback: ``python -m steering.testing.globus``.

It prints the variables that lead ``globus-sdk``, unmodified, and our clients to it, and ends on Ctrl-C. In a test, use
:class:`DoubleGlobus` as a context manager.
"""

import argparse
import shlex
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import FrameType

from steering.core.errors import SteeringError, cause
from steering.globus_double.control import Control
from steering.globus_double.server import DoubleGlobus
from steering.machine.lifeline import hold_lifeline

__all__ = ["Control", "DoubleGlobus", "main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until Ctrl-C; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m steering.testing.globus", description="Serve a double of Globus.")
    parser.add_argument("--port", type=int, default=0, help="on loopback; a free one by default")
    parser.add_argument(
        "--collection",
        action="append",
        default=[],
        metavar="NAME=FOLDER",
        help="let a folder stand for a collection; may be given more than once",
    )
    for kind, what in (("index", "an index of Search"), ("endpoint", "an endpoint of Compute")):
        parser.add_argument(f"--{kind}", action="append", default=[], metavar="NAME", help=f"make {what}")
    parser.add_argument("--lifeline", action="store_true", help="end when standard input ends")
    parser.add_argument("--time-scale", type=float, default=1.0, help="0.01 makes 100 s of a flow's waits one second")
    given = parser.parse_args(arguments)
    if given.lifeline:
        hold_lifeline()
    try:
        folders = dict(_named(text) for text in given.collection)
        with DoubleGlobus(time_scale=given.time_scale, port=given.port) as double:
            _serve(double, [*_made(double, folders, given.index, given.endpoint)])
    except SteeringError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    except OSError as error:
        sys.stderr.write(f"Port {given.port} on 127.0.0.1 cannot be used ({cause(error)}). Name another with --port.\n")
        return 1
    return 0


def _made(
    double: DoubleGlobus, folders: dict[str, Path], indexes: Sequence[str], endpoints: Sequence[str]
) -> Iterator[tuple[str, str]]:
    """Make what was asked for; yield the variables that name it."""
    for name, folder in folders.items():
        yield f"GLOBUS_COLLECTION_{name.upper()}", double.collection(name, folder).id
    for name in indexes:
        yield f"GLOBUS_INDEX_{_identifier(name).upper()}", double.search.make(name)
    for name in endpoints:
        yield f"GLOBUS_ENDPOINT_{_identifier(name).upper()}", double.compute.endpoint(name).id


def _serve(double: DoubleGlobus, made: Sequence[tuple[str, str]]) -> None:
    ended = threading.Event()

    def end(number: int, frame: FrameType | None) -> None:
        del number, frame
        ended.set()

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, end)
    lines = [f"export {name}={shlex.quote(value)}" for name, value in (*double.environment().items(), *made)]
    sys.stdout.write("\n".join([*lines, "# Serving. Ctrl-C ends it.", ""]))
    sys.stdout.flush()
    ended.wait()


def _identifier(name: str) -> str:
    if not name.isidentifier():
        raise SteeringError(f"The name is {name!r:.100}. Allowed: letters, digits and _, such as runs.")
    return name


def _named(text: str) -> tuple[str, Path]:
    name, equals, folder = text.partition("=")
    if not (name.isidentifier() and equals and folder):
        raise SteeringError(f"The collection is {text!r:.100}. Allowed: NAME=FOLDER, such as raw=/data/raw.")
    return name, Path(folder)


if __name__ == "__main__":
    sys.exit(main())
