"""Measurements: how fast, how late, and what is lost; each is run as ``python -m benchmarks.NAME``."""

import os

# Before numpy is loaded: processes that share the cores are measured, and threads of BLAS would only get in the way
# of each other.
for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(_name, "1")
