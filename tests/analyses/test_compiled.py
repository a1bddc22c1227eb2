import threading

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from steering.core.pixels import Bad, top_of
from steering.machine import compiled as machine_compiled
from steering.moments import compiled as _compiled
from steering.moments.compiled import Compiled
from steering.moments.measure import measure_frames, moments

KINDS = [np.uint8, np.uint16, np.uint32]


@pytest.fixture(scope="module")
def compiled():
    found = {kind: Compiled(kind) for kind in KINDS}
    for one in found.values():
        one.load()
    return found


@given(data=st.data(), kind=st.sampled_from(KINDS))
@settings(deadline=None, max_examples=80)
def test_it_says_bit_for_bit_what_numpy_says(compiled, data, kind):
    shape = data.draw(st.tuples(st.integers(1, 4), st.integers(1, 40), st.integers(1, 40)))
    frames = data.draw(arrays.arrays(kind, shape))
    mask = data.draw(st.none() | arrays.arrays(bool, shape[1:]))
    saturated = data.draw(st.just(float("inf")) | st.floats(1, 2.0**33))
    bad = Bad(mask, saturated)
    for _ in range(2):  # what was found in one block tells how the next is looked at, and changes nothing
        for one, other in zip(compiled[kind].moments(frames, bad), moments(frames, bad), strict=True):
            assert one.tolist() == other.tolist()


@pytest.mark.parametrize("kind", KINDS)
def test_what_leaves_the_exact_is_summed_in_integers_all_the_same(compiled, kind, monkeypatch):
    largest = top_of(np.dtype(kind)) or int(np.iinfo(kind).max)
    frames = np.full((2, 700, 1300), largest, kind)
    monkeypatch.setattr(_compiled, "_COMPILED", {})
    by_numpy = measure_frames(frames)
    monkeypatch.setattr(_compiled, "_COMPILED", {np.dtype(kind): compiled[kind]})
    assert np.array_equal(measure_frames(frames), by_numpy)
    assert by_numpy[0].tolist() == [float(700 * 1300 * largest)] * 2


def test_what_it_cannot_sum_numpy_sums(compiled):
    frames = np.arange(2 * 6 * 8, dtype=np.uint16).reshape(2, 6, 8)
    assert compiled[np.uint16].moments(frames[:, :, ::2]) is None
    assert compiled[np.uint16].moments(np.zeros((1, 1, 1 << 17), np.uint16)) is None
    frames.flags.writeable = False
    assert compiled[np.uint16].moments(frames)[0].tolist() == frames.sum(axis=(1, 2)).tolist()


def test_it_compiles_when_there_was_much_to_do_again_and_again(monkeypatch):
    monkeypatch.setattr(_compiled, "_MANY_BYTES", 1000)
    one = Compiled(np.uint16)
    for _ in range(20):
        assert one.moments(np.ones((1, 10, 10), np.uint16)) is None
    assert one._kernels._thread is None
    for _ in range(4):
        assert one.moments(np.ones((10, 10, 10), np.uint16)) is None
    one._kernels._thread.join()
    assert one.moments(np.ones((1, 10, 10), np.uint16))[0].tolist() == [100.0]


def test_without_numba_numpy_goes_on(monkeypatch):
    monkeypatch.setattr(_compiled, "_MANY_BYTES", 1000)
    monkeypatch.setattr(machine_compiled, "find_spec", lambda _: None)
    one = Compiled(np.uint16)
    for _ in range(9):
        assert one.moments(np.ones((10, 10, 10), np.uint16)) is None
    one._kernels._thread.join()
    assert one.moments(np.ones((10, 10, 10), np.uint16)) is None


def test_a_numba_that_does_not_work_is_said_once_and_numpy_goes_on(monkeypatch, caplog):
    monkeypatch.setattr(_compiled, "_MANY_BYTES", 1000)

    def broken(kind):
        raise ImportError(kind)

    monkeypatch.setattr(_compiled, "_compile", broken)
    one = Compiled(np.uint16)
    for _ in range(9):
        assert one.moments(np.ones((10, 10, 10), np.uint16)) is None
    one._kernels._thread.join()
    assert one.moments(np.ones((10, 10, 10), np.uint16)) is None
    assert [record.message for record in caplog.records] == [
        "numba is installed but could not compile; numpy does it instead."
    ]
    assert "steering-compile" not in {thread.name for thread in threading.enumerate()}
