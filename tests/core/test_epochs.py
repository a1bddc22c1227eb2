import time

import numpy as np
import pytest

from steering.readers.epochs import EPICS_EPOCH, unix_seconds

NOW = time.time()


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        (NOW, NOW),
        (NOW - EPICS_EPOCH, NOW),
        (1088256331.5, 1088256331.5 + EPICS_EPOCH),  # June 2024, as areaDetector writes it
        (1.4e9, 1.4e9),
        (0.0, np.nan),
        (-5.0, np.nan),
        (np.nan, np.nan),
        (np.inf, np.nan),
        (NOW + 30 * 86400, np.nan),
        (NOW * 1e9, np.nan),
        (12.5, np.nan),
    ],
    ids=["now", "EPICS", "areaDetector", "2014", "zero", "below", "NaN", "inf", "future", "nanoseconds", "uptime"],
)
def test_a_frame_is_neither_of_2006_nor_of_the_future(written, meant):
    assert unix_seconds(written) == pytest.approx(meant, nan_ok=True)
    assert unix_seconds([written, NOW])[1] == NOW
