"""A detector's writer: ``python -m steering.testing.benches.hdf5_writer FILE``."""

import sys
from typing import Any

import h5py
import numpy as np

from steering.testing.bench import SHAPE, value
from steering.testing.benches.child import serve

_TIMES = "/entry/instrument/NDAttributes/NDArrayTimeStamp"


def main() -> None:
    """Write what is asked for, as areaDetector's HDF5 plugin does."""
    file = h5py.File(sys.argv[1], "w", libver="latest")
    data = file.create_dataset("/entry/data/data", (0, *SHAPE), "f4", maxshape=(None, *SHAPE), chunks=(1, *SHAPE))
    times = file.create_dataset(_TIMES, (0,), "f8", maxshape=(None,), chunks=(16,))
    angle = file.create_dataset("/entry/instrument/NDAttributes/th", (0,), "f8", maxshape=(None,), chunks=(16,))
    file.swmr_mode = True

    def do(request: dict[str, Any]) -> None:
        for index in request.get("frames", ()):
            for dataset, content in ((times, 1e9 + index), (angle, 0.1 * index), (data, value(index))):
                dataset.resize(dataset.shape[0] + 1, axis=0)
                dataset[dataset.shape[0] - 1] = content
            if index % 5 == 1:
                frame = np.full(SHAPE, value(index), np.float32)
                frame[0, 0] = np.nan
                data[data.shape[0] - 1] = frame
            for dataset in (times, angle, data):
                dataset.flush()
        if "close" in request:
            file.close()

    serve({}, do)


if __name__ == "__main__":
    main()
