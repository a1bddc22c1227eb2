"""The process of flows: ``python -m steering.flow_runner``.

As the service's child it is told of runs on its standard input, and ends when that does. With ``--do`` it does one flow
run and ends.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from steering.core.errors import SteeringError
from steering.core.workspace import Workspace
from steering.flow_runner.runner import run_flow
from steering.flow_runner.watcher import Watcher
from steering.flow_steps.flow_journal import FlowJournal, flows_folder
from steering.flow_steps.warm import WarmFacilities


def main(arguments: Sequence[str] | None = None) -> int:
    """Run it; return its exit code."""
    parser = argparse.ArgumentParser(prog="python -m steering.flow_runner")
    parser.add_argument("--workspace", type=Path, required=True)
    parser.add_argument("--beamline", type=Path)
    parser.add_argument("--do", default="", help="a flow run that has been ordered")
    options = parser.parse_args(arguments)
    workspace = Workspace(options.workspace)
    try:
        if options.do:
            with WarmFacilities(workspace) as facilities:
                run_flow(workspace, FlowJournal(flows_folder(workspace) / options.do), facilities)
            return 0
        Watcher(workspace, options.beamline).run(sys.stdin)
    except SteeringError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    # The service has ended. A flow that is being done is cut off, and goes on with the next service.
    sys.stderr.flush()
    os._exit(0)


if __name__ == "__main__":
    sys.exit(main())
