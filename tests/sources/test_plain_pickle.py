"""A pickle is read and never run."""

import datetime as dt
import pickle
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from steering.documents.plain_pickle import PlainPickleError, read_pickle

PROTOCOLS = range(pickle.HIGHEST_PROTOCOL + 1)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]))
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXTS | st.binary()
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner) | st.dictionaries(TEXTS, inner), max_leaves=30)


@given(value=VALUES, protocol=st.sampled_from(PROTOCOLS))
def test_plain_values_are_what_pickle_says(value, protocol):
    assert read_pickle(pickle.dumps(value, protocol)) == value


@given(
    code=st.sampled_from(["u1", "<i2", ">i4", "u8", "f4", ">f8", "?", "c16", "<U3", "S2"]),
    shape=st.lists(st.integers(0, 4), max_size=3),
    order=st.sampled_from("CF"),
    protocol=st.sampled_from(PROTOCOLS),
)
def test_numpys_numbers_and_arrays_are_lists_and_numbers(code, shape, order, protocol):
    array = np.asarray(np.arange(np.prod(shape, dtype=int)).reshape(shape).astype(code), order=order)
    document = {"data": {"image": array, "number": array.dtype.type(1)}, "again": [array, array]}
    found = read_pickle(pickle.dumps(document, protocol))
    assert found == {
        "data": {"image": array.tolist(), "number": array.dtype.type(1).item()},
        "again": [array.tolist()] * 2,
    }


def test_tuples_and_sets_are_lists():
    for protocol in PROTOCOLS:
        assert read_pickle(pickle.dumps(((1,), (1, 2), (1, 2, 3), (1, 2, 3, 4), (), {5}), protocol)) == [
            [1], [1, 2], [1, 2, 3], [1, 2, 3, 4], [], [5],
        ]  # fmt: skip


class Runs:
    """Writes a file when it is unpickled by ``pickle.loads``."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_nothing_in_it_is_run(tmp_path, protocol):
    mark = tmp_path / "mark"
    content = pickle.dumps({"uid": Runs(mark)}, protocol)
    pickle.loads(content)
    assert mark.exists(), "so it would have been run"
    mark.unlink()
    with pytest.raises(PlainPickleError, match="no plain value"):
        read_pickle(content)
    assert not mark.exists()


@pytest.mark.parametrize(
    "value",
    [dt.datetime(2026, 1, 1, tzinfo=dt.UTC), Path("x"), np.array([{}, []], dtype=object), print, np.dtype("f8"), int],
)
def test_any_other_object_is_named_and_refused(value):
    with pytest.raises(PlainPickleError):
        read_pickle(pickle.dumps({"a": value}))


@given(st.binary(max_size=200))
def test_noise_is_an_error_and_nothing_else(noise):
    for content in (noise, b"\x80\x04" + noise, pickle.dumps({"a": [1, 2]})[:-3] + noise):
        try:
            read_pickle(content)
        except PlainPickleError:
            continue


@given(value=VALUES, place=st.integers(0, 10**6), byte=st.integers(0, 255))
def test_a_byte_that_is_wrong_is_an_error_or_another_plain_value(value, place, byte):
    content = bytearray(pickle.dumps({"a": value}))
    content[place % len(content)] = byte
    try:
        read_pickle(bytes(content))
    except PlainPickleError:
        return


def test_what_grows_when_it_is_written_out_is_bounded():
    value = [1]
    for _ in range(64):
        value = [value, value]
    with pytest.raises(PlainPickleError, match="more than"):
        read_pickle(pickle.dumps(value))
    many = np.zeros(1_000_000)
    with pytest.raises(PlainPickleError, match="more than"):
        read_pickle(pickle.dumps([many, many, many]))
    round_and_round = []
    round_and_round.append(round_and_round)
    with pytest.raises(PlainPickleError, match="damaged"):
        read_pickle(pickle.dumps(round_and_round))
