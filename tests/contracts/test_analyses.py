"""Every installed analysis keeps the contract; none is named here."""

from itertools import pairwise

import numpy as np
import pytest
import xarray as xr
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from steering.analyses.rocking_curve import RockingCurve
from steering.core import registry
from steering.core.result import Feature, Outcome
from steering.testing import ContractError, check_analysis
from steering.testing.blocks import make_block


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("name", registry.names("analyses"))
def test_analyses(name, seed):
    analysis = registry.load("analyses", name)()
    assert analysis.name == name
    check_analysis(analysis, seed=seed)


KINDS = (np.uint8, np.uint16, np.int32, np.uint32, np.float32)


@st.composite
def blocks(draw):
    """Frames of any size and kind, with runs of equal, saturated and lost pixels, cut anywhere."""
    shape, kind = draw(st.tuples(st.integers(4, 20), st.integers(4, 20))), draw(st.sampled_from(KINDS))
    count, seed = draw(st.integers(2, 12)), draw(st.integers(0, 999))
    top = 1e6 if kind is np.float32 else np.iinfo(kind).max
    values = draw(st.lists(st.sampled_from([0, 0, 1, 2, 7, 90, 250, top]), min_size=4, max_size=8))
    frames = np.random.default_rng(seed).choice(values, (count, *shape)).astype(kind)
    if kind is np.float32 and draw(st.booleans()):
        frames[draw(st.integers(0, count - 1)), 0] = np.nan
    edges = [0, *sorted(draw(st.sets(st.integers(1, count - 1), max_size=4))), count]
    start = draw(st.sampled_from([0, 1, 1000]))
    return [make_block(frames[a:b], start + a, seed) for a, b in pairwise(edges)]


@pytest.mark.whole
@pytest.mark.parametrize("name", registry.names("analyses"))
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(made=blocks())
def test_made_up_blocks_keep_the_contract(name, made):
    check_analysis(registry.load("analyses", name)(), made)


@pytest.mark.parametrize("name", registry.names("analyses"))
def test_what_was_chosen_makes_the_same_analysis_again(name):
    make = registry.load("analyses", name)
    chosen = make().parameters
    assert make(**chosen).parameters == chosen


class Total:
    """The sum of all frames, right in every way but that a frame counts as often as it comes."""

    name = "total"
    exactness = "rounding"

    def __init__(self):
        self.parameters = {}

    def empty(self):
        return np.zeros(())

    def update(self, state, block, frames):
        return state + frames.sum(dtype=np.float64)

    def merge(self, left, right):
        return left + right

    def result(self, state):
        data = xr.Dataset({"total": ((), float(state), {"units": "counts"})})
        return Outcome({"total": Feature(float(state), 0.0, "counts")}, data)


def test_a_sum_keeps_the_contract():
    check_analysis(Total())


class Overconfident(Total):
    exactness = "bitwise"


class Sloppy(Total):
    exactness = "sloppy"


class Seeded(Total):
    def empty(self):
        return np.ones(())


class LastOnly(Total):
    def merge(self, left, right):
        return right if right.any() else left


class PerBlock(Total):
    def update(self, state, block, frames):
        return state + 1


class InPlace(Total):
    def update(self, state, block, frames):
        state += frames.sum(dtype=np.float64)
        return state


class MergesInPlace(Total):
    def empty(self):
        return np.zeros(1)

    def merge(self, left, right):
        right += left
        return right

    def result(self, state):
        return super().result(state[0])


class Scribbler(Total):
    def update(self, state, block, frames):
        found = super().update(state, block, frames)
        frames[0, 0, 0] = 0
        return found


class Relabeller(Total):
    def update(self, state, block, frames):
        block.columns["exposure"][:] = 1.0
        return super().update(state, block, frames)


class Timed(Total):
    def result(self, state):
        found = super().result(state)
        found.data.attrs["when"] = np.datetime64("now")
        return found


class NoUnit(Total):
    def result(self, state):
        return Outcome({"total": Feature(float(state), 0.0, "")}, super().result(state).data)


class NoUnitOnData(Total):
    def result(self, state):
        return Outcome(super().result(state).features, xr.Dataset({"total": float(state)}))


class NotANumber(Total):
    def result(self, state):
        return Outcome({"total": Feature(float("nan"), 0.0, "counts")}, super().result(state).data)


class OwnUncertainty(Total):
    count = 0

    def result(self, state):
        self.count += 1
        return Outcome({"total": Feature(float(state), self.count, "counts")}, super().result(state).data)


class Objects(Total):
    def result(self, state):
        data = xr.Dataset({"total": ((), np.array(None, dtype=object), {"units": "counts"})})
        return Outcome(super().result(state).features, data)


class Secretive(Total):
    def __init__(self):
        self.parameters = {"mask": np.zeros(3)}


class Forgetful(RockingCurve):
    def merge(self, left, right):
        return left if len(left) else right


BROKEN = {
    Overconfident: "gives another result when given a block twice",
    Sloppy: "Allowed: bitwise, rounding, iterative",
    Seeded: "makes something of nothing when empty states are merged",
    LastOnly: "gives another result when merged in another order",
    PerBlock: "gives another result when its blocks are cut into single frames",
    InPlace: "changes a state that it was given",
    MergesInPlace: "changes a state that it was given",
    Scribbler: "changes the frames or columns",
    Relabeller: "changes the frames or columns",
    Timed: "data.attrs cannot be written as JSON",
    NoUnit: "feature 'total' has no unit",
    NoUnitOnData: "variable 'total' has no attrs",
    NotANumber: "leave it out instead",
    OwnUncertainty: "gives another result when",
    Objects: "holds values of type object",
    Secretive: "parameters of total cannot be written as JSON",
    Forgetful: "rocking_curve gives another result when",
    object: "an analysis must have name, exactness, parameters, empty, update, merge and result",
}


@pytest.mark.parametrize(("make", "words"), BROKEN.items(), ids=lambda item: getattr(item, "__name__", ""))
def test_a_broken_analysis_is_found(make, words):
    with pytest.raises(ContractError, match=words):
        check_analysis(make())
