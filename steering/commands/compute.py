"""``steering compute``: start, look at and stop a compute owner."""

import argparse
import asyncio
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import cast

from steering.core import registry
from steering.core.facility import Facility, FacilityStatus
from steering.core.workspace import Workspace, default_workspace


def compute(arguments: Sequence[str]) -> int:
    """Run the command; return its exit code."""
    parser = argparse.ArgumentParser(prog="steering compute", description="Start, look at or stop a compute owner.")
    parser.add_argument("what", choices=("start", "status", "stop"))
    parser.add_argument("facility", help=f"one of: {', '.join(registry.names('facilities'))}")
    parser.add_argument("--workspace", type=Path, default=default_workspace().directory)
    parser.add_argument("--json", action="store_true", help="print JSON only")
    options = parser.parse_args(arguments)
    facility = cast("Facility", registry.load("facilities", options.facility)(workspace=Workspace(options.workspace)))
    status = asyncio.run(_do(options.what, facility))
    if options.json:
        sys.stdout.write(json.dumps(asdict(status)) + "\n")
    else:
        sys.stdout.write(
            f"{status.name}: {status.state}, {len(status.workers)} workers. {status.detail}".strip() + "\n"
        )
    return 0


async def _do(what: str, facility: Facility) -> FacilityStatus:
    if what == "stop":
        await facility.close()
        return await facility.status()
    if what == "start":
        await facility.start()
    else:
        await facility.attach()
    try:
        return await facility.status()
    finally:
        await facility.detach()
