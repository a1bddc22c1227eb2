"""How small does the error get on the recorded Siemens star, with positions as they are and corrected?

``python -m benchmarks.recorded_star [ITERATIONS]``: 516 patterns of 128 x 128 px from a flat object and the file's
first probe, without the stages of a scan that grows; corrected by up to 50 nm, which are five pixels of the object.
"""

import sys
import time

import numpy as np

from steering.core.pixels import NOTHING_BAD
from steering.ptychography.lattice import Lattice
from steering.ptychography.patterns import Patterns, Window
from steering.ptychography.projections import Iterate
from steering.ptychography.reconstruction import iterated
from steering.ptychography.start import starting_probe
from tests.analyses.ptychography import recorded

PIXEL_UM, MOST_PX = 0.01, 5.0


def main(arguments):
    """Measure and print."""
    iterations = int(arguments[0]) if arguments else 60
    frames, positions, probe = recorded()
    patterns = Patterns(np.arange(len(frames)), Window().amplitudes(frames, NOTHING_BAD), positions)
    lattice = Lattice.of(positions, (PIXEL_UM, PIXEL_UM), frames.shape[1:])
    first = starting_probe(patterns.amplitudes, 1, probe)
    for what, moves in (("as they are", None), ("corrected", np.zeros((len(frames), 2)))):
        flat = np.full(lattice.shape, 0.5, np.complex64)
        start = Iterate(flat, first, lattice.corner, np.zeros(lattice.shape), moves=moves)
        begin = time.perf_counter()
        found = iterated(patterns, lattice, start, iterations, MOST_PX)
        took = time.perf_counter() - begin
        print(f"positions {what}: error {found.errors[0]:.4f} to {found.errors[-1]:.4f} in {iterations}, {took:.0f} s")


if __name__ == "__main__":
    main(sys.argv[1:])
