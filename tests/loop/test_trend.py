import math

import numpy as np
import pytest
import xarray as xr

from steering.core.result import Feature, Outcome, Provenance, Result
from steering.loop.trend import MOST_FEATURES, TrendGatherer


def result(frames, features, run="run"):
    source = Provenance(run, "kit", {}, "0", "0", "inline", frames, frames - 1, {"result": 100.0 + frames})
    return Result(frames, Outcome(features, xr.Dataset()), source)


def gathered(count, most=2000):
    gatherer = TrendGatherer(most)
    for frames in range(1, count + 1):
        gatherer.add(result(frames, {"peak": Feature(frames / 10, 0.1, "deg")}))
    return gatherer


@pytest.mark.parametrize("count", [1, 2, 20, 21, 22, 23, 45, 1000, 1023])
def test_a_long_run_is_thinned_evenly_and_ends_with_the_newest_result(count):
    trend = gathered(count, most=20).trend
    assert len(trend.frames) <= 20 + 1
    assert (trend.frames[0], trend.frames[-1]) == (1, count)
    steps = np.diff(trend.frames)[:-1]
    assert len(set(steps)) <= 1, "the steps differ"
    assert np.allclose(trend.features["peak"].values, trend.frames / 10)
    assert (trend.times == 100 + trend.frames).all()
    assert trend.features["peak"].units == "deg"


def test_a_feature_that_comes_late_or_goes_is_not_a_number_where_it_lacks():
    gatherer = TrendGatherer()
    gatherer.add(result(1, {}))
    gatherer.add(result(2, {"peak": Feature(1.0, 0.5, "deg")}))
    gatherer.add(result(3, {}))
    course = gatherer.trend.features["peak"]
    assert [math.isnan(value) for value in course.values] == [True, False, True]
    assert course.uncertainties[1] == 0.5


def test_another_run_begins_anew_and_features_are_bounded():
    gatherer = gathered(5)
    many = {f"f{n}": Feature(1.0, 0.1, "1") for n in range(MOST_FEATURES + 5)}
    gatherer.add(result(1, many, run="next"))
    trend = gatherer.trend
    assert (trend.run, trend.frames.tolist(), len(trend.features)) == ("next", [1.0], MOST_FEATURES)
