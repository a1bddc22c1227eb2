"""XPCS of long bursts: ten thousand frames in parts are the whole, to the bit."""

import numpy as np
import pytest

from steering.analyses.xpcs import Xpcs
from tests.analyses.test_xpcs import of, same

FRAMES = 10_000


@pytest.mark.whole
@pytest.mark.parametrize("mean", [0.01, 3.0])
def test_a_burst_of_ten_thousand_frames_in_parts_is_the_whole(mean):
    random = np.random.default_rng(17)
    # What a pixel holds goes on for some frames, so there is something to correlate.
    light = np.repeat(random.gamma(2.0, mean / 2, (FRAMES // 20, 8, 12)), 20, axis=0)
    frames = random.poisson(light).astype(np.uint16)
    analysis = Xpcs(bins=2, static_pixels=16, slot=50)
    told = {"events": np.ones(FRAMES), "indices": np.arange(FRAMES)}
    whole = of(analysis, frames, **told)
    assert whole.data["delay"].values.max() == pytest.approx(1e-3 * 8 * 2 ** (len(whole.data["delay"]) // 4 - 2))
    assert whole.data["g2"].values[:, 0].min() > 1.1
    assert whole.data["two_time"].size
    for many in (7, 300):
        cuts = np.sort(random.choice(np.arange(1, FRAMES), many, replace=False)).tolist()
        same(of(analysis, frames, cuts, random.permutation(many + 1), **told), whole)
