"""A frame that cannot be read, or that an analysis fails for, costs itself only; markers reach no function."""

from itertools import pairwise

import h5py
import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

from steering.analyses.per_frame import PerFrame
from steering.core.block import FrameBlock, Inline
from steering.core.pixels import MaskBits, Pixels
from steering.core.result import Feature, Outcome
from steering.loop import partial
from steering.loop.partial import analyse, finish
from steering.places import hdf5 as reading
from steering.places.hdf5 import FrameFile

SIDE = 4


def block(content, start=0, **options):
    return FrameBlock("run", "primary", start, start + len(content), Inline(content), **options)


def picky(bad):
    def look(frame):
        if frame[0, 0] in bad:
            raise RuntimeError(f"frame {int(frame[0, 0])} is odd")
        return frame.sum()

    return PerFrame(look, units="counts", name="sum")


def numbered(count):
    return np.arange(count, dtype="u2")[:, None, None] * np.ones((1, SIDE, SIDE), "u2")


@given(bad=st.sets(st.integers(0, 39)), cuts=st.lists(st.integers(1, 39), max_size=4), order=st.randoms())
def test_a_frame_that_an_analysis_fails_for_costs_itself_only(bad, cuts, order):
    content = numbered(40)
    edges = sorted({0, *cuts, 40})
    blocks = [block(content[low:high], low) for low, high in pairwise(edges)]
    # Blocks of frames are done in any order.
    order.shuffle(blocks)
    analysis = picky(bad)
    found = analyse({"a": analysis}, blocks)
    member = found.members["a"]
    assert (found.failed, member.failed) == (0, len(bad))
    assert found.frames == 40
    good = [index for index in range(40) if index not in bad]
    values = analysis.result(member.state).data
    assert values["frame"].values.tolist() == good
    assert values["sum"].values.tolist() == [index * SIDE * SIDE for index in good]
    assert len(member.failures) == min(len(bad), 20)
    for index, failure in zip(sorted(bad)[-20:], member.failures, strict=True):
        assert failure.text.startswith(f"frame {index}: ")
        assert f"frame {index} is odd" in failure.text


@given(bad=st.sets(st.integers(0, 19)), worse=st.sets(st.integers(0, 19)))
def test_what_one_analysis_fails_for_costs_the_others_nothing(bad, worse):
    analyses = {"picky": picky(bad), "plain": picky(set()), "worse": picky(worse)}
    found = finish(analyses, [block(numbered(12)), block(numbered(20)[12:], 12)])
    assert (found.frames, found.failed) == (20, 0)
    for label, left_out in (("picky", bad), ("plain", set()), ("worse", worse)):
        alone = finish({"": analyses[label]}, [block(numbered(20))]).ended[""]
        ended = found.ended[label]
        assert ended.failed == alone.failed == len(left_out)
        assert ended.outcome.data.identical(alone.outcome.data)
    assert found.missing == max(len(bad), len(worse))


class Odd:
    name, exactness = "odd", "bitwise"
    parameters = {}  # noqa: RUF012  (a stranger's)

    def __init__(self, said):
        self.said = said

    def empty(self):
        return 0

    def update(self, state, block, frames):
        return state + len(block)

    def merge(self, left, right):
        return left + right

    def result(self, state):
        if isinstance(self.said, Exception):
            raise self.said
        return self.said


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (None, "result() returned NoneType"),
        ({"a": 1}, "result() returned dict"),
        (Outcome({"a": 1.0}, xr.Dataset()), "The feature 'a' is float"),
        (Outcome({}, np.zeros(3)), "data is ndarray"),
        (ZeroDivisionError("no frames"), "no frames (zero division error)"),
    ],
)
def test_nonsense_is_named_and_costs_the_others_nothing(said, why):
    found = finish({"odd": Odd(said), "plain": picky(set())}, [block(numbered(5))])
    assert found.ended["odd"].outcome is None
    assert why in found.ended["odd"].error
    assert found.ended["plain"].outcome.data["sum"].size == 5


def test_a_number_that_is_none_is_left_out():
    outcome = Outcome({"a": Feature(float("nan"), 0.0, "1"), "b": Feature(1.0, float("nan"), "1")}, xr.Dataset())
    assert list(finish({"": Odd(outcome)}, ()).ended[""].outcome.features) == ["b"]


def test_a_search_that_takes_too_long_gives_up_what_is_left(monkeypatch):
    monkeypatch.setattr(partial, "_APART_SECONDS", -1.0)
    found = analyse({"a": picky({3})}, [block(numbered(10))]).members["a"]
    assert found.failed == 10
    assert found.failures[0].text.startswith("frames 0 to 9: ")


def test_a_damaged_chunk_costs_its_frame_and_is_not_waited_for(tmp_path, monkeypatch):
    monkeypatch.setattr(reading, "SETTLED", -1.0)
    path = tmp_path / "f.h5"
    content = np.random.default_rng(1).poisson(5, (12, 64, 64)).astype("u2")
    with h5py.File(path, "w", libver="latest") as file:
        data = file.create_dataset("d", data=content, chunks=(1, 64, 64), compression="gzip")
        offset = data.id.get_chunk_info(7).byte_offset
    with path.open("r+b") as file:
        file.seek(offset)
        file.write(b"\xff" * 100)
    whole = FrameBlock("run", "primary", 0, 12, FrameFile(str(path), "d"), first=0)
    analysis = PerFrame(lambda frame: frame.sum(), units="counts", name="sum")
    found = analyse({"a": analysis}, [whole])
    assert (found.failed, found.frames) == (1, 11)
    assert found.failures[0].text.startswith("frame 7: ")
    assert "f.h5" in found.failures[0].text
    kept = [index for index in range(12) if index != 7]
    assert (
        analysis.result(found.members["a"].state).data["sum"].values.tolist() == content[kept].sum(axis=(1, 2)).tolist()
    )


@pytest.mark.parametrize("marker", [65535, None])
def test_a_persons_function_is_given_no_markers(marker):
    content = np.full((3, SIDE, SIDE), 5, "u2")
    mask = np.zeros((SIDE, SIDE), bool)
    mask[1] = True
    if marker:
        content[:, 1] = marker
    pixels = Pixels() if marker else Pixels((MaskBits.of(mask),))
    analysis = PerFrame(
        lambda frame: {"sum": frame.sum(), "mean": frame.mean(), "largest": frame.max(), "smallest": frame.min()},
        units=dict.fromkeys(("sum", "mean", "largest", "smallest"), "counts"),
    )
    values = analysis.result(analyse({"a": analysis}, [block(content, pixels=pixels)]).members["a"].state).data
    assert values["sum"].values.tolist() == [5 * 12] * 3
    for name in ("mean", "largest", "smallest"):
        assert values[name].values.tolist() == [5] * 3


def test_a_mask_of_another_shape_is_a_sentence():
    pixels = Pixels((MaskBits.of(np.ones((3, 3), bool)),))
    found = analyse({"a": picky(set())}, [block(numbered(2), pixels=pixels)])
    assert found.failed == 2
    assert "has shape (3, 3), but the frames have shape (4, 4)" in found.failures[0].text
