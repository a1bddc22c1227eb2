"""A rocking curve that waits at its frames until a gate is open, so that its node is lost in the midst of its work."""

import os
import sys
import time
from pathlib import Path

from steering.analyses.rocking_curve import RockingCurve

VARIABLE = "STEERING_TEST_GATE"


class Gated(RockingCurve):
    """Says in a folder which job, or process, has begun; goes on once there is a file ``open``."""

    name = "gated"

    def update(self, state, block, frames):
        gate = Path(os.environ[VARIABLE])
        (gate / f"begun-{os.environ.get('SLURM_JOB_ID') or os.getpid()}").touch()
        while not (gate / "open").exists():
            # Its node may be far away, where nothing tells it.
            time.sleep(0.02)
        return super().update(state, block, frames)


def installed(folder):
    """Install the analysis ``gated`` for processes whose path names the folder; return their environment."""
    info = folder / "gated-0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: gated\nVersion: 0\n")
    (info / "entry_points.txt").write_text("[steering.analyses]\ngated = tests.system.gated:Gated\n")
    return {"PYTHONPATH": os.pathsep.join([str(folder), *[one for one in sys.path if one]])}
