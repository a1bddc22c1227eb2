"""The command line: ``steering lab | run | serve | compute | flow | globus | check | stop``."""

import argparse
import gc
import os
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress

from steering.core.errors import SteeringError
from steering.machine.interrupted import interrupted
from steering.machine.loading import loading

Command = Callable[[Sequence[str]], int]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; return its exit code. A user's mistake gives a sentence, never a traceback."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    parser = argparse.ArgumentParser(prog="steering", description="Steer a running scan on its own frames.")
    parser.add_argument(
        "command",
        choices=sorted(_COMMANDS),
        help="lab: JupyterLab with a live scan; run: a scan without Jupyter; serve: a beamline service; "
        "compute: a compute owner; flow: what is done with runs; globus: log in to Globus, send and find; "
        "check: what of this machine is ready; stop: end all that runs in a workspace",
    )
    parser.add_argument("rest", nargs=argparse.REMAINDER, help="see steering COMMAND --help")
    options = parser.parse_args(given[:1] or ["--help"])
    try:
        with loading():
            command = _COMMANDS[options.command]()
        return _run_to_its_end(command, given[1:])
    except SteeringError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    except KeyboardInterrupt:
        with suppress(OSError):
            sys.stderr.write("Stopped.\n")
        return interrupted()
    except BrokenPipeError:
        # Nobody reads on (a pager that was closed): nothing is wrong, and nothing can be said either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141


def _run_to_its_end(command: Command, arguments: Sequence[str]) -> int:
    code = command(arguments)
    # Here, not at the interpreter's end, where a closed pipe would be a traceback.
    sys.stdout.flush()
    # The garbage collector would look through all that is loaded once more: a third of a second of a core, for nothing.
    gc.freeze()
    return code


def _lab() -> Command:
    from steering.commands.lab import lab

    return lab


def _run() -> Command:
    from steering.commands.run import run

    return run


def _serve() -> Command:
    from steering.beamline.__main__ import main as serve

    return serve


def _compute() -> Command:
    from steering.commands.compute import compute

    return compute


def _globus() -> Command:
    from steering.commands.globus import globus

    return globus


def _flow() -> Command:
    from steering.commands.flow import flow

    return flow


def _check() -> Command:
    from steering.commands.check import check

    return check


def _stop() -> Command:
    from steering.commands.stop import stop

    return stop


_COMMANDS: dict[str, Callable[[], Command]] = {
    "lab": _lab,
    "run": _run,
    "serve": _serve,
    "compute": _compute,
    "flow": _flow,
    "globus": _globus,
    "check": _check,
    "stop": _stop,
}


if __name__ == "__main__":
    sys.exit(main())
