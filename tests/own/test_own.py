"""What a person wrote in a cell, as an analysis, and how it is tried on a run's first frames."""

import importlib
import math
import pickle
import sys

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from steering.analyses.centre_of_mass import CentreOfMass
from steering.contract.analysis import pixels_of
from steering.contract.outcome import require_same
from steering.core.block import FrameBlock, Inline
from steering.core.errors import SteeringError
from steering.core.result import Feature
from steering.own.analysis import Own, own_analysis
from steering.own.trial import try_out
from steering.testing import check_analysis
from steering.testing.blocks import make_block


class Mean:
    """The mean frame and its brightest pixel: sums that anybody would write."""

    def update(self, state, block, frames):
        total, count = state or (0, 0)
        return total + frames.sum(axis=0, dtype=np.int64), count + len(frames)

    def merge(self, left, right):
        return left[0] + right[0], left[1] + right[1]

    def result(self, state):
        total, count = state
        mean = total / count
        return {"mean": mean, "brightest": mean.max(), "level": (mean.mean(), math.sqrt(mean.sum()) / mean.size)}


def block_of(count=6, start=0):
    return make_block(np.arange(count * 12, dtype=np.uint16).reshape(count, 3, 4) + start, start)


def found(analysis, *blocks):
    state = analysis.empty()
    for block in blocks:
        state = analysis.update(state, block, pixels_of(block))
    return analysis.result(state)


def test_three_functions_are_an_analysis():
    analysis = own_analysis(Mean, units={"mean": "counts", "brightest": "counts"})
    outcome = found(analysis, block_of(2), block_of(2, 2))
    assert outcome.features["brightest"].units == "counts"
    assert math.isnan(outcome.features["brightest"].uncertainty)
    assert outcome.features["level"].uncertainty > 0
    assert outcome.features["level"].units == "1"
    assert outcome.data["mean"].dims == ("mean_y", "mean_x")
    assert outcome.data["mean"].attrs == {"units": "counts"}
    nothing = analysis.result(analysis.empty())
    assert (nothing.features, dict(nothing.data.variables)) == ({}, {})


def test_it_keeps_the_contract():
    check_analysis(own_analysis(Mean()), [block_of(3), block_of(2, 3), block_of(1, 5)])


def test_it_travels_and_says_by_a_hash_what_it_does():
    analysis = own_analysis(Mean(), name="bright", units="counts")
    copy = pickle.loads(pickle.dumps(analysis))
    assert (copy.name, copy.parameters) == ("bright", analysis.parameters)
    # It is unpacked once, not with each block.
    assert copy._packed.value is pickle.loads(pickle.dumps(analysis))._packed.value

    class Other(Mean):
        def result(self, state):
            return {"brightest": 0.0}

    assert own_analysis(Other(), name="bright", units="counts").parameters != analysis.parameters


def test_a_function_of_a_frame_and_what_is_an_analysis_already():
    def corner(frame):
        return frame[0, 0]

    analysis = own_analysis(corner, units="counts")
    assert (analysis.name, found(analysis, block_of()).features["mean_corner"]) == (
        "corner", Feature(30.0, pytest.approx(np.std(np.arange(6) * 12, ddof=1) / 6**0.5), "counts"),
    )  # fmt: skip
    made = CentreOfMass()
    assert own_analysis(made) is made
    with pytest.raises(SteeringError, match="made already has its name and units"):
        own_analysis(made, name="other")
    with pytest.raises(SteeringError, match=r"these were given: kept\. What you wrote takes name, units and alarms"):
        own_analysis(corner, kept=3)
    with pytest.raises(SteeringError, match="the unit of a is empty"):
        own_analysis(corner, units={"a": ""})


class Needing(Mean):
    def __init__(self, level):
        self.level = level


@pytest.mark.parametrize(
    ("wanted", "sentence"),
    [
        (3, "3 is no analysis"),
        (None, "None is no analysis"),
        (dict, "is no analysis"),
        (Needing, "cannot be made without arguments"),
        (type("Half", (), {"update": lambda *_: 0, "merge": lambda *_: 0})(), "is no analysis"),
    ],
)
def test_what_is_none_is_refused_with_what_is_one(wanted, sentence):
    with pytest.raises(SteeringError, match=sentence):
        own_analysis(wanted)


def test_what_cannot_be_sent_to_workers_says_so(tmp_path):
    holding, sentence = Mean(), "Mean cannot be sent to the workers .*no open file"
    with (tmp_path / "log").open("w") as holding.file, pytest.raises(SteeringError, match=sentence):
        own_analysis(holding)


VALUES = st.one_of(
    st.floats(), st.integers(-(2**40), 2**40), st.booleans(), st.text(max_size=5), st.none(),
    st.tuples(st.floats(), st.floats()), hnp.arrays(np.float32, hnp.array_shapes(max_dims=5, max_side=3)),
    st.lists(st.one_of(st.floats(), st.lists(st.floats(), max_size=2)), max_size=3),
)  # fmt: skip


@example({"a": [1.0, [2.0]]})
@example({"a": (1.0, math.nan)})
@given(st.one_of(VALUES, st.dictionaries(st.one_of(st.text(max_size=5), st.integers()), VALUES, max_size=3)))
def test_whatever_a_result_is_it_is_shown_or_its_fault_is_said(value):
    class Any(Mean):
        def result(self, state):
            return value

    analysis = Own(Any())
    try:
        outcome = found(analysis, block_of())
    except ValueError as error:
        assert str(error).startswith("Any")  # noqa: PT017  (either of two is right)
    else:
        assert all(math.isfinite(one.value) and one.units for one in outcome.features.values())
        assert all(one.attrs["units"] for one in outcome.data.variables.values())


KEPT_IN_A_MODULE = """
class Sum:
    exactness = "bitwise"

    def update(self, state, block, frames):
        return (state or 0) + int(frames.sum())

    def merge(self, left, right):
        return left + right

    def result(self, state):
        return {"sum": state}


def brightest(frame):
    return frame.max()
"""


@pytest.mark.parametrize("wanted", ["Sum", "brightest"])
def test_nothing_is_loaded_by_being_received(tmp_path, monkeypatch, wanted):
    # A worker that brings in a person's module on its event loop answers nobody meanwhile.
    (tmp_path / "kept_here.py").write_text(KEPT_IN_A_MODULE)
    monkeypatch.syspath_prepend(tmp_path)
    analysis = own_analysis(getattr(importlib.import_module("kept_here"), wanted))
    sent = pickle.dumps(analysis)
    monkeypatch.delitem(sys.modules, "kept_here")
    received = pickle.loads(sent)
    assert "kept_here" not in sys.modules
    assert (received.name, received.parameters) == (analysis.name, analysis.parameters)
    assert received.exactness == analysis.exactness == "bitwise"
    assert pickle.dumps(received) == sent
    require_same(found(received, block_of()), found(analysis, block_of()), "bitwise", "received")
    assert "kept_here" in sys.modules


def test_a_worker_that_lacks_the_module_says_which(tmp_path, monkeypatch):
    (tmp_path / "kept_there.py").write_text(KEPT_IN_A_MODULE)
    with monkeypatch.context() as here:
        here.syspath_prepend(tmp_path)
        sent = pickle.dumps(own_analysis(importlib.import_module("kept_there").Sum))
    del sys.modules["kept_there"]
    with pytest.raises(ValueError, match=r"Sum fails for frames 0 to 5, .*No module named 'kept_there'"):
        found(pickle.loads(sent), block_of())


def test_a_trial_passes_what_gives_the_same_in_any_order():
    try_out(own_analysis(Mean()), block_of())
    try_out(own_analysis(lambda frame: frame.max(), name="top"), block_of(1))


class Last(Mean):
    """Depends on the order of its frames."""

    def merge(self, left, right):
        return right

    def result(self, state):
        return {"last": float(state[0].sum())}


class Changing(Mean):
    """Changes the state that it is given."""

    def update(self, state, block, frames):
        state = state or [0]
        state[0] += int(frames.sum())
        return state

    def merge(self, left, right):
        return [left[0] + right[0]]

    def result(self, state):
        return {"sum": state[0]}


class Failing(Mean):
    def result(self, state):
        return {"ratio": 1 // (state[1] - state[1])}


@pytest.mark.parametrize(
    ("wanted", "sentence"),
    [
        (Last, r"Last was not added\. Last gives another result when .*\. Correct it, and run the cell again\."),
        (Changing, r"Changing was not added\. Changing changes a state"),
        (Failing, r"fails for the first frames of this run, 4 to 7, of shape \(3, 4\) and type uint16 \(ZeroDivision"),
        (lambda frame: frame["x"], r"fails for the first frames"),
        (lambda frame: "much", r"fails for the first frames .* returned 'much'"),
    ],
)
def test_a_trial_says_what_is_wrong(wanted, sentence):
    with pytest.raises(SteeringError, match=sentence):
        try_out(own_analysis(wanted), block_of(6, 4))


def test_a_trial_reads_the_first_few_frames_of_a_long_block_only():
    frames = np.zeros((1000, 3, 4), np.uint16)
    seen = []

    class Seen(Mean):
        def update(self, state, block, given):
            seen.append((block.start, block.stop))
            return Mean.update(self, state, block, given)

    try_out(Own(Seen()), FrameBlock("run", "primary", 20, 1020, Inline(frames), {}, {}))
    assert {start for start, _ in seen} == {20, 21, 22, 23}
