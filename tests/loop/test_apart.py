"""A frame that cannot be read, or that an analysis fails for, costs itself only; markers reach no function."""

from itertools import pairwise

import h5py
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from steering.analyses.per_frame import PerFrame
from steering.core.block import FrameBlock, FrameFile, Inline
from steering.core.pixels import MaskBits, Pixels
from steering.loop import partial
from steering.loop.partial import analyse
from steering.sources import frames as reading

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


@given(bad=st.sets(st.integers(0, 39)), cuts=st.lists(st.integers(1, 39), max_size=4))
def test_a_frame_that_an_analysis_fails_for_costs_itself_only(bad, cuts):
    content = numbered(40)
    edges = sorted({0, *cuts, 40})
    blocks = [block(content[low:high], low) for low, high in pairwise(edges)]
    analysis = picky(bad)
    found = analyse(analysis, blocks)
    assert found.failed == len(bad)
    assert found.frames == 40 - len(bad)
    good = [index for index in range(40) if index not in bad]
    values = analysis.result(found.state).data
    assert values["frame"].values.tolist() == good
    assert values["sum"].values.tolist() == [index * SIDE * SIDE for index in good]
    assert len(found.failures) == min(len(bad), 20)
    for index, sentence in zip(sorted(bad)[-20:], found.failures, strict=False):
        assert sentence.startswith(f"frame {index}: ")
        assert f"frame {index} is odd" in sentence


def test_a_search_that_takes_too_long_gives_up_what_is_left(monkeypatch):
    monkeypatch.setattr(partial, "_APART_SECONDS", -1.0)
    found = analyse(picky({3}), [block(numbered(10))])
    assert (found.failed, found.frames) == (10, 0)
    assert found.failures[0].startswith("frames 0 to 9: ")


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
    found = analyse(analysis, [whole])
    assert (found.failed, found.frames) == (1, 11)
    assert found.failures[0].startswith("frame 7: ")
    assert "f.h5" in found.failures[0]
    kept = [index for index in range(12) if index != 7]
    assert analysis.result(found.state).data["sum"].values.tolist() == content[kept].sum(axis=(1, 2)).tolist()


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
    values = analysis.result(analyse(analysis, [block(content, pixels=pixels)]).state).data
    assert values["sum"].values.tolist() == [5 * 12] * 3
    for name in ("mean", "largest", "smallest"):
        assert values[name].values.tolist() == [5] * 3


def test_a_mask_of_another_shape_is_a_sentence():
    pixels = Pixels((MaskBits.of(np.ones((3, 3), bool)),))
    found = analyse(picky(set()), [block(numbered(2), pixels=pixels)])
    assert found.failed == 2
    assert "has shape (3, 3), but the frames have shape (4, 4)" in found.failures[0]
