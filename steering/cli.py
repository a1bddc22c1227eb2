"""The command line: ``steering lab | run | serve | compute | flow | globus | check | stop``."""

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress

from steering.core.errors import SteeringError

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
        return _run_to_its_end(_COMMANDS[options.command], given[1:])
    except SteeringError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    except KeyboardInterrupt:
        with suppress(OSError):
            sys.stderr.write("Stopped.\n")
        return 130
    except BrokenPipeError:
        # Nobody reads on (a pager that was closed): nothing is wrong, and nothing can be said either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141


def _run_to_its_end(command: Command, arguments: Sequence[str]) -> int:
    code = command(arguments)
    # Here, not at the interpreter's end, where a closed pipe would be a traceback.
    sys.stdout.flush()
    return code


def _lab(arguments: Sequence[str]) -> int:
    from steering.commands.lab import lab

    return lab(arguments)


def _run(arguments: Sequence[str]) -> int:
    from steering.commands.run import run

    return run(arguments)


def _serve(arguments: Sequence[str]) -> int:
    from steering.beamline.__main__ import main as serve

    return serve(arguments)


def _compute(arguments: Sequence[str]) -> int:
    from steering.commands.compute import compute

    return compute(arguments)


def _globus(arguments: Sequence[str]) -> int:
    from steering.commands.globus import globus

    return globus(arguments)


def _flow(arguments: Sequence[str]) -> int:
    from steering.commands.flow import flow

    return flow(arguments)


def _check(arguments: Sequence[str]) -> int:
    from steering.commands.check import check

    return check(arguments)


def _stop(arguments: Sequence[str]) -> int:
    from steering.commands.stop import stop

    return stop(arguments)


_COMMANDS: dict[str, Command] = {
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
