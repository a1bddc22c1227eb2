"""The process of the beamline service: ``python -m steering.beamline`` (or ``steering serve``)."""

import sys
from collections.abc import Sequence

from steering.machine.leaving import leave_within
from steering.machine.lifeline import hold_while_starting
from steering.machine.loading import find_epics, loading

_LEAVE_SECONDS = 10.0


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the service; return its exit code."""
    hold_while_starting()
    with loading():
        find_epics()
        from steering.beamline import process
    try:
        return process.main(arguments)
    finally:
        leave_within(_LEAVE_SECONDS)


if __name__ == "__main__":
    sys.exit(main())
