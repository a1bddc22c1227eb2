"""Globus Compute's plain formats, as its own SDK writes them; what may be pickled is refused on both sides."""

import base64
import functools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steering.globus.errors import GlobusError
from steering.globus.payload import (
    Source,
    pack,
    read_arguments,
    read_code,
    read_data,
    source_of,
    unpack,
    write_arguments,
    write_code,
    write_data,
)

# As globus-compute-sdk 4 packs them: JSONData, and PureSourceTextInspect.
ARGUMENTS = '13\n11\n[1, "two"]25\n11\n{"three": [3.5, null]}'
CODE = "st\n" + base64.encodebytes(b"f:def f():\n    return 1\n").decode()


def test_arguments_are_written_as_globus_computes_own_sdk_does():
    assert write_arguments((1, "two"), {"three": [3.5, None]}) == ARGUMENTS
    assert read_arguments(ARGUMENTS) == ([1, "two"], {"three": [3.5, None]})


def test_a_function_is_written_as_globus_computes_own_sdk_does():
    source = Source("f", "def f():\n    return 1\n")
    assert write_code(source) == f"{len(CODE)}\n{CODE}"
    assert read_code(write_code(source)) == source


@given(st.lists(st.text()))
def test_buffers_come_apart_as_they_were_packed(buffers):
    assert unpack(pack(buffers)) == buffers


@given(st.text())
def test_no_text_does_more_than_be_refused(text):
    for read in (unpack, read_code, read_arguments, read_data):
        try:
            read(text)
        except GlobusError as error:
            assert str(error).endswith(".")  # noqa: PT017


@pytest.mark.parametrize("identifier", ["00", "01", "02", "03", "04", "10", "12", "13", "zz"])
def test_what_may_be_pickled_is_refused(identifier):
    with pytest.raises(GlobusError, match="may hold pickles"):
        read_data(f"{identifier}\ngASVAA==")
    with pytest.raises(GlobusError, match="may hold pickles"):
        read_code(pack([f"{identifier}\ngASVAA=="]))
    with pytest.raises(GlobusError, match="may hold pickles"):
        read_arguments(pack([f"{identifier}\ngASVAA==", write_data({})]))


class Method:
    def method(self):
        return 1


def test_what_is_no_plain_function_is_refused():
    for function in (lambda: 1, Method().method, Method.method, print, functools.partial(print), Method, 3):
        with pytest.raises(GlobusError, match="written with def"):
            source_of(function)


def test_a_function_that_uses_what_is_around_it_is_refused():
    around = 3

    def inner():
        return around

    with pytest.raises(GlobusError, match="inner uses around from around it"):
        source_of(inner)


def test_an_inner_function_is_sent_without_its_indentation():
    def inner():
        return 1

    assert source_of(inner) == Source("inner", "def inner():\n    return 1\n")


def test_a_function_without_a_text_is_refused():
    names = {}
    exec("def f(): return 1", names)
    with pytest.raises(GlobusError, match="text of f is not to be had"):
        source_of(names["f"])


def test_deep_and_cyclic_values_are_refused():
    value = []
    value.append(value)
    with pytest.raises(GlobusError, match="cannot be sent"):
        write_data(value)
