"""A person's own function as an analysis."""

import pickle

import numpy as np
import pytest

from steering.analyses.per_frame import PerFrame
from steering.contract.analysis import pixels_of
from steering.testing import check_analysis
from steering.testing.blocks import make_block


def spread(frame):
    return {"brightest": frame.max(), "scatter": frame.std(dtype=np.float64)}


UNITS = {"brightest": "counts", "scatter": "counts"}


def state_of(analysis, count=6):
    block = make_block(np.arange(count * 12).reshape(count, 3, 4), 0)
    return analysis.update(analysis.empty(), block, pixels_of(block))


@pytest.mark.parametrize("seed", range(2))
def test_it_keeps_the_contract(seed):
    check_analysis(PerFrame(spread, units=UNITS), seed=seed)
    check_analysis(PerFrame(lambda frame: frame[0, 0], name="corner", units="counts"), seed=seed)


def test_values_means_and_units():
    found = PerFrame(lambda frame: frame[0, 0], name="corner", units="counts", kept=4)
    outcome = found.result(state_of(found))
    assert outcome.data["corner"].values.tolist() == [24, 36, 48, 60]
    assert outcome.data["corner"].attrs["units"] == "counts"
    assert outcome.data.attrs["older"] == 2
    assert outcome.features["mean_corner"].value == 30
    assert outcome.features["mean_corner"].uncertainty == pytest.approx(np.std(np.arange(6) * 12, ddof=1) / 6**0.5)
    assert outcome.features["last_corner"].value == 60


def test_it_travels_with_its_function_and_its_parameters():
    level = 3
    sent = PerFrame(lambda frame: (frame > level).sum(), name="above")
    copy = pickle.loads(pickle.dumps(sent))
    assert copy.parameters == sent.parameters
    assert copy._packed.value is pickle.loads(pickle.dumps(sent))._packed.value
    np.testing.assert_array_equal(state_of(copy).table.column("above"), state_of(sent).table.column("above"))


def test_another_function_has_other_parameters():
    found = {PerFrame(f, name="f").parameters["function"] for f in (lambda a: a.max(), lambda a: a.min(), spread)}
    level = 4
    found.add(PerFrame(lambda frame: (frame > level).sum(), name="f").parameters["function"])
    level = 5
    found.add(PerFrame(lambda frame: (frame > level).sum(), name="f").parameters["function"])
    assert len(found) == 5


@pytest.mark.parametrize(
    ("function", "words"),
    [
        (lambda frame: 1 / 0, r"f fails for frame 0, of shape \(3, 4\) and type int64 \(ZeroDivisionError"),
        (lambda frame: "much", "returned 'much'.*Allowed: one number"),
        (lambda frame: {"other": 1}, "dictionary of numbers with the names in units: f"),
        (lambda frame: frame, "Allowed: one number"),
    ],
)
def test_a_function_that_fails_is_named(function, words):
    with pytest.raises(ValueError, match=words):
        state_of(PerFrame(function, name="f"))


def test_what_has_no_unit_is_refused():
    with pytest.raises(ValueError, match="the unit of f is empty"):
        PerFrame(spread, name="f", units="")
    with pytest.raises(ValueError, match="but units names brightest, scatter"):
        state_of(PerFrame(lambda frame: 1.0, name="f", units=UNITS))


def test_a_frame_is_masked_for_its_own_pixels_and_not_for_those_of_the_frame_beside_it():
    frames = np.ones((40, 128, 128), np.uint16)
    frames[7, 3, 4] = 65535
    found = PerFrame(
        lambda frame: {"masked": np.ma.count_masked(frame), "sum": frame.sum()}, units={"masked": "1", "sum": "counts"}
    )
    for size in (40, 8, 1):
        state = found.empty()
        for start in range(0, 40, size):
            block = make_block(frames[start : start + size], start)
            state = found.update(state, block, frames[start : start + size])
        data = found.result(state).data
        assert np.flatnonzero(data["masked"].values).tolist() == [7]
        assert data["sum"].values.tolist() == [128 * 128 - (index == 7) for index in range(40)]
