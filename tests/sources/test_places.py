"""What every kind of place can do, whatever is cut and joined."""

from itertools import pairwise

import h5py
import numpy as np
import pytest
import tifffile
from hypothesis import given
from hypothesis import strategies as st

from steering.core.block import FrameBlock, Inline
from steering.core.place import Place
from steering.places.first_reachable import FirstReachable
from steering.places.hdf5 import FrameFile
from steering.places.images import ImageFiles
from steering.places.ring import RawFrames
from steering.places.served import ServedFrames
from steering.places.tiled import TiledFrames
from steering.sources.frames import read_frames

FRAMES = np.random.default_rng(1).poisson(9, (12, 5, 7)).astype("u2")
TIMES = tuple(1.7e9 + number for number in range(len(FRAMES)))
NAMED = ImageFiles(tuple(f"/there/{number}.tif" for number in range(len(FRAMES))), (0,) * len(FRAMES), TIMES)
CUTS = st.sets(st.integers(1, len(FRAMES) - 1), max_size=6).map(sorted)
# Those that lie nowhere here can be cut and joined, not read.
ELSEWHERE = {
    "tiled": TiledFrames("http://there", times=TIMES),
    "tiled, times unknown": TiledFrames("http://there"),
    "served file": ServedFrames(FrameFile("/there/f.h5", "d"), "http://there", "t"),
    "served images": ServedFrames(NAMED, "http://there", "t"),
    "file or tiled": FirstReachable((FrameFile("/there/f.h5", "d"), TiledFrames("http://there", times=TIMES))),
}


@pytest.fixture(scope="module")
def here(tmp_path_factory):
    """The same frames in each kind of place that can be read here."""
    folder = tmp_path_factory.mktemp("frames")
    with h5py.File(folder / "f.h5", "w") as file:
        file["d"], file["t"] = FRAMES, TIMES
    raw = folder / "s.raw"
    raw.write_bytes(b"\0" * 64 + FRAMES.tobytes())
    for number, frame in enumerate(FRAMES):
        tifffile.imwrite(folder / f"{number}.tif", frame)
    file = FrameFile(str(folder / "f.h5"), "d", "t")
    ring = RawFrames("s", (str(raw),), 64, (5, 7), "<u2", TIMES)
    images = ImageFiles(
        tuple(str(folder / f"{number}.tif") for number in range(len(FRAMES))), (0,) * len(FRAMES), TIMES
    )
    return {"file": file, "ring": ring, "images": images, "ring or file": FirstReachable((ring, file))}


def block(place: Place) -> FrameBlock:
    columns = {"th": np.arange(float(len(FRAMES)))}
    return FrameBlock("run", "primary", 0, len(FRAMES), place, columns, {"th": "deg"}, {}, 0)


def parts(whole, cuts):
    ends = [0, *cuts, len(FRAMES)]
    return [whole.part(start, stop) for start, stop in pairwise(ends)]


def same(one, other):
    assert (one.place, one.start, one.stop, one.first, one.units) == (
        other.place,
        other.start,
        other.stop,
        other.first,
        other.units,
    )
    assert np.array_equal(one.columns["th"], other.columns["th"])


@pytest.mark.parametrize("kind", ["file", "ring", "images", "ring or file", *ELSEWHERE])
@given(cuts=CUTS)
def test_what_is_cut_is_joined_to_what_it_was(here, kind, cuts):
    whole = block((here | ELSEWHERE)[kind])
    cut = parts(whole, cuts)
    assert all(one.goes_on_in(other) for one, other in pairwise(cut))
    same(cut[0].joined(cut[1:]), whole)


@pytest.mark.parametrize("kind", ["file", "ring", "images", "ring or file", "inline"])
@given(cuts=CUTS)
def test_each_part_holds_its_own_frames(here, kind, cuts):
    whole = block((here | {"inline": Inline(FRAMES)})[kind])
    for part in parts(whole, cuts):
        frames, times = read_frames(part)
        assert np.array_equal(frames, FRAMES[part.start : part.stop])
        assert kind == "inline" or tuple(times) == TIMES[part.start : part.stop]


@pytest.mark.parametrize("kind", ["file", "ring", "images", "ring or file", "inline", *ELSEWHERE])
def test_what_does_not_follow_is_not_joined(here, kind):
    whole = block((here | ELSEWHERE | {"inline": Inline(FRAMES)})[kind])
    first, second, third = parts(whole, [4, 8])
    assert not first.goes_on_in(third)
    assert not second.goes_on_in(first)
    assert not first.goes_on_in(first)
    other = FrameFile("/another/f.h5", "d") if kind != "inline" else Inline(FRAMES)
    assert not first.goes_on_in(block(other).part(4, 8))


def test_frames_by_value_are_never_joined():
    first, second = parts(block(Inline(FRAMES)), [4])
    assert not first.goes_on_in(second)
    with pytest.raises(ValueError, match="by value"):
        first.place.joined([second.place])


def test_only_a_file_of_many_frames_needs_one_reference(here):
    weightless = {name for name, place in (here | ELSEWHERE).items() if place.weight(100) == 0}
    assert weightless == {"file", "served file"}
    assert Inline(FRAMES).weight(len(FRAMES)) == FRAMES.nbytes // 8


def test_blocks_of_scalars_alone_are_joined_too():
    one = FrameBlock("run", "primary", 0, 2, None, {"i0": np.array([1.0, 2.0])})
    two = FrameBlock("run", "primary", 2, 3, None, {"i0": np.array([3.0])})
    assert one.goes_on_in(two)
    assert one.joined([two]).columns["i0"].tolist() == [1.0, 2.0, 3.0]
    assert not one.goes_on_in(FrameBlock("run", "primary", 2, 3, Inline(FRAMES[:1]), {"i0": np.array([3.0])}))
