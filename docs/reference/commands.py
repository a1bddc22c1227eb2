"""The page of the command line, made of the commands' own parsers."""

import argparse
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from unittest.mock import patch

from tables import NONE, table

_HEAD = """# Command line

{made}

In the clone `./steer WORD` is `steering WORD`, after the environment has been made; `./steer` alone is
`./steer lab`, and `./steer test` runs all tests. Each command has `--help`.
"""
# What is to be known of a command beside its options.
_MORE = {
    "lab": "Ctrl-C is its usual end. It ends what it has started, and not what it found running.",
    "run": """`SCAN` is the name of a scan of the beamline's file; the built-in ones are `rocking` and `map`.
`--agent NAME` alone means `NAME=automatic`. Without `--workspace` it runs in a folder of its own, which is
removed. It asks the service that runs in the workspace. If none does, the file that `--beamline` names is
served, or the built-in *simulated* beamline; the report says under `beamline` which it was. See
[how to steer from a file](../how-to/steer-from-a-file.md).""",
    "serve": """It runs until Ctrl-C, `steering stop`, or `--linger` seconds without a listener while no scan runs.
At a beamline give `--linger 0`. A workspace has one service at a time.""",
    "compute": """`status` without a facility lists all that run. `start` asks for a pool, `scale` for another size
(`--nodes 0` gives its nodes back), `stop` ends the facility with its jobs, or with `--pool` that pool.
`explain` prints what would be submitted and ends with 1 if something is not ready; `prepare` builds the worker
environment. See [how to compute on a cluster](../how-to/compute-on-a-cluster.md).""",
    "flow": """`status` without a name lists the newest 20. `resume` without a name goes on with all that failed or
was cut off. See [how to automate an experiment](../how-to/automate-an-experiment.md).""",
    "globus": "See [how to use Globus](../how-to/use-globus.md). `--workspace` stands before or after the word.",
    "check": """It fetches recorded data that are missing (up to 67 MB), and starts no process that stays. It ends
with 1 if anything is not ready. With `--beamline` it only reads that file.""",
    "stop": "It ends with 1 if something could not be ended, and says what.",
}
_TAIL = """## Exit codes

| code | of | it means |
|---|---|---|
| 0 | all | done; of `lab` also Ctrl-C, of `serve` also SIGTERM and `steering stop` |
| 1 | all | a mistake, or something failed: the sentence on standard error says what to do |
| 1 | `run` | the scan was aborted or failed; with `--flow` also a step that failed |
| 1 | `check`, `compute explain` | something is not ready |
| 2 | all | the command line is not understood; nothing was begun |
| 3 | `flow` | it was cut off, or another process runs it: `steering flow resume` |
| 4 | `flow`, `run --flow` | it was cancelled |
| 4 | `globus` | a person has to log in or to consent: the sentence ends with the command |
| 130 | all but `lab` | Ctrl-C; of `run` and `flow` also SIGTERM and SIGHUP |
| 141 | all | nobody reads what it prints any more, as `head` does |

Of several flows the largest code counts. What is asked with `timeout` before it ends with 124.

## Environment variables

| variable | it says |
|---|---|
| `STEERING_HOME` | the workspace, where no other is given; `~/.local/share/steering` if it is not set |
| `STEERING_DATA_DIR` | a folder that has the recorded data |
| `STEERING_PYTHON` | of `./steer`: the Python that makes the environment |
| `STEERING_ENVIRONMENT` | of `./steer`: the folder for the environment; `.venv` of the clone if it is not set |
| `STEERING_PATHS` | where this machine finds files: `THERE=HERE`, several separated by `:` |
| `STEERING_GLOBUS_CLIENT_ID`, `STEERING_GLOBUS_CLIENT_SECRET` | a service account of Globus |
| `STEERING_GLOBUS_SECRET_FILE` | the file that has it |
| `STEERING_GLOBUS_APP_ID` | the application with which a person logs in to Globus |
| `DASK_STEERING__SITES__NAME__KEY` | a key of a [facility](facilities.md) |

## Extras

`pip install "/path/to/clone[NAME,NAME]"`. Without any there are the core, the commands and the compute owner.

| extra | for |
|---|---|
| `epics` | a beamline's devices, and frames over PVA |
| `classic` | devices of classic ophyd |
| `record` | the record (Tiled); a service without it needs `--no-record` |
| `lab` | JupyterLab and the dashboard |
| `hpc` | PBS and Slurm |
| `globus` | Globus |
| `fast` | compiled sums (numba) |
| `formats` | compressed files and images, on workers too |
| `pictures` | pictures of results (PNG) |
| `zmq` | documents over 0MQ |
| `sim` | the simulated beamline and its recorded data |
| `ptychi` | final reconstructions by pty-chi |
| `all` | all but `classic` and `ptychi` |
"""


class _CaughtError(Exception):
    """Brings a parser out of the command that made it."""

    def __init__(self, parser: argparse.ArgumentParser) -> None:
        super().__init__()
        self.parser = parser


def command_line(made: str) -> str:
    """Make the page; ``made`` says how it is made."""
    parts = [_HEAD.format(made=made)]
    for name, parser in parsers().items():
        parts.append(f"## steering {name}\n\n{parser.description}\n\n{_MORE[name]}\n\n{_options(parser)}\n")
        parts += [f"### steering {name} {word}\n\n{_options(one)}\n" for word, one in words_of(parser).items()]
    return "\n".join([*parts, _TAIL])


def parsers() -> dict[str, argparse.ArgumentParser]:
    """Return the parser of each command, in the order in which a person meets them."""
    from steering import cli

    first = _caught(cli.main)
    known = next(one.choices for one in first._actions if one.dest == "command")  # noqa: SLF001  (argparse has no door)
    found = {str(name): _caught(_door(str(name))) for name in known or ()}
    return dict(sorted(found.items(), key=lambda one: list(_MORE).index(one[0])))


def words_of(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    """Return the parsers of a command's own commands, if it has some."""
    actions = [one for one in parser._actions if isinstance(one, argparse._SubParsersAction)]  # noqa: SLF001
    return {name: one for action in actions for name, one in action.choices.items()}


def options_of(parser: argparse.ArgumentParser) -> Iterator[argparse.Action]:
    """Yield what a command takes."""
    for action in parser._actions:  # noqa: SLF001
        # What a word takes as its command does is listed there.
        no_option = isinstance(action, argparse._HelpAction | argparse._SubParsersAction)  # noqa: SLF001
        if not no_option and action.default != argparse.SUPPRESS:
            yield action


def called(action: argparse.Action) -> str:
    """Write an option as it is given, or an argument by its name."""
    if action.option_strings:
        value = "" if action.nargs == 0 else f" {action.metavar or action.dest.upper()}"
        return f"{action.option_strings[-1]}{value}"
    shown = str(action.metavar or action.dest.upper())
    return f"[{shown}]" if action.nargs in ("?", "*") else shown


def _door(name: str) -> Callable[[Sequence[str]], int]:
    from steering.beamline import process
    from steering.cli import _COMMANDS

    # Its door has the process claim its end before it looks at its arguments.
    return process.main if name == "serve" else _COMMANDS[name]()


def _caught(command: Callable[[Sequence[str]], int]) -> argparse.ArgumentParser:
    def parse(parser: argparse.ArgumentParser, *_: object) -> None:
        raise _CaughtError(parser)

    with patch.object(argparse.ArgumentParser, "parse_args", parse):
        try:
            command([])
        except _CaughtError as error:
            return error.parser
    message = "This command has no parser."
    raise RuntimeError(message)


def _options(parser: argparse.ArgumentParser) -> str:
    rows = [(f"`{called(one)}`", _default(one), _meaning(one)) for one in options_of(parser)]
    return table(("option", "default", "meaning"), rows) if rows else "It takes no options."


def _default(action: argparse.Action) -> str:
    if action.required:
        return "needed"
    if isinstance(action.default, Path):
        return "the workspace"
    if action.default is None or action.default is False or action.default in ("", []):
        return NONE
    return f"`{action.default:g}`" if isinstance(action.default, float) else f"`{action.default}`"


def _meaning(action: argparse.Action) -> str:
    # The default has a column of its own.
    said = re.sub(r" \(default [^)]*\)", "", action.help or "")
    named = action.choices or ()
    # Some say in words what each is.
    choices = "" if said and all(str(one) in said for one in named) else ", ".join(f"`{one}`" for one in named)
    return f"{said}: {choices}" if said and choices else said or choices
