"""Maps of the simulated nickel, for tests."""

import numpy as np

from steering.analyses.laue import Laue
from steering.core.block import FrameBlock, Inline
from steering.core.result import Provenance, Result
from steering.sim.polycrystal import NICKEL, PANEL

UNITS = {"sy": "um", "sx": "um", "sy_step": "um", "sx_step": "um", "exposure": "s", "grid": "1"}
COARSE = np.arange(-8.0, 8.1, 2.0)


def panel(of=PANEL):
    return {"shape": of.shape, "size": of.size, "rotation": of.rotation, "translation": of.translation}


def analysis(sample, **more):
    """Make the analysis with what is known of a sample."""
    usual = {
        "threshold": 6.0, "panel": panel(), "turns": [one.tolist() for one in sample.known()], "axes": ("sy", "sx"),
        "crystal": {"lengths": NICKEL.lengths, "atoms": NICKEL.atoms},
    }  # fmt: skip
    return Laue(**usual | more)


def snaked(rows, columns):
    """List the points of a map, there and back."""
    return np.array([(y, x) for number, y in enumerate(rows) for x in (columns if number % 2 == 0 else columns[::-1])])


def measured(sample, points, step=2.0, start=0, grid=0, exposure=0.5, seed=0):
    """Expose the frames of some points; a block of them."""
    random = np.random.default_rng([seed, start])
    frames = np.stack([sample.frame({"sy": y, "sx": x}, exposure, random) for y, x in points])
    columns = {"sy": points[:, 0], "sx": points[:, 1]} | {
        name: np.full(len(points), value)
        for name, value in (("sy_step", step), ("sx_step", step), ("exposure", exposure), ("grid", float(grid)))
    }
    return FrameBlock("r", "primary", start, start + len(points), Inline(frames), columns, UNITS)


def result_of(made, block, version=1, run="r"):
    outcome = made.result(made.update(made.empty(), block, block.place.frames))
    source = Provenance(run, "laue", {}, "1a2b3c4d", "0.1.0", "local", len(block), len(block) - 1, label="laue")
    return Result(version, outcome, source)
