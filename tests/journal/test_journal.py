"""Whatever stands in a document, the journal has a line of it, and those that follow are written."""

import datetime as dt
import errno
import json
import math
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as made

from steering.core.workspace import Workspace
from steering.journal.journal import Entry, Journal, decode, encode, newest_number, read_journal
from steering.service.feed import Feed


class Odd:
    """Of a class that cannot even be shown."""

    def __str__(self):
        raise RuntimeError


def full(*_):
    raise OSError(errno.ENOSPC, "No space left on device")


CIRCLE = {"a": 1}
CIRCLE["again"] = [CIRCLE, CIRCLE]
ODD = {
    "a number without dimensions": np.array(1.5),
    "texts": np.array(["a", "b"]),
    "every other number": np.arange(8)[::2],
    "the other byte order": np.arange(3, dtype=">i4"),
    "complex": np.array([1 + 2j]),
    "objects": np.array([{"a": Path("x")}, None], dtype=object),
    "a table": np.array([(1, 2.0)], dtype=[("a", "i4"), ("b", "f8")]),
    "bytes": b"\xff\x00",
    "a path": Path("/a/b"),
    "a set": {1},
    "keys that are no text": {(1, 2): 3, np.int64(4): {frozenset({5}): 6}},
    "a date": np.array(["2026-11-30"], dtype="M8[s]"),
    "a long date": np.datetime64("2026-11-30T00:00:00.123456789"),
    "a time": dt.timedelta(1),
    "a decimal": Decimal("1.5"),
    "a circle": CIRCLE,
    "a class": Odd,
    "what cannot be shown": Odd(),
    "half a sign": "\udcff",
    "a great number": 1 << 80,
    "no number": math.nan,
}
KEYS = st.text() | st.integers() | st.binary()
VALUES = st.recursive(
    st.sampled_from([*ODD.values()])
    | st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary()
    | made.arrays(made.scalar_dtypes(), made.array_shapes(max_dims=2, max_side=3)),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=6,
)  # fmt: skip


@given(VALUES)
def test_whatever_it_is_there_is_a_line_of_it_that_is_read_back(value):
    line = encode(Entry("document", "event", {"data": value}))
    assert b"\n" not in line
    read = decode(line)
    assert (read.kind, read.name, list(read.content)) == ("document", "event", ["data"])
    # What was read is written again as it was.
    assert encode(read) == encode(decode(encode(read)))


@pytest.mark.parametrize(
    ("value", "read"),
    [
        (np.array(1.5), 1.5),
        (np.array(["a", "b"]), ["a", "b"]),
        (np.arange(8)[::2], [0, 2, 4, 6]),
        (np.arange(3, dtype=">i4"), [0, 1, 2]),
        (np.array(["NaT", "2026-11-30"], dtype="M8[D]"), ["NaT", "2026-11-30"]),
        (np.timedelta64(3, "s"), "3 seconds"),
        (Path("/a/b"), "/a/b"),
        ({1}, [1]),
        ({(1, 2): 3}, {"(1, 2)": 3}),
        ({np.int64(4): np.float32(0.5)}, {"4": 0.5}),
        (CIRCLE, {"a": 1, "again": ["...", "..."]}),
        (b"abc", "abc"),
    ],
)
def test_what_means_something_keeps_its_meaning(value, read):
    assert json.loads(encode(Entry("document", "event", {"data": value})))["content"]["data"] == read


@pytest.mark.parametrize("value", ODD.values(), ids=ODD)
def test_a_document_that_is_no_json_is_in_nobodys_way(tmp_path, value):
    feed = Feed(Workspace(tmp_path))
    feed.begin("own")
    for entry in ({"uid": "a", "odd": value}, {"uid": "b"}):
        feed.publish(Entry("document", "event", entry))
    assert feed.trouble == ""
    feed.begin("the next")
    feed.close()
    (first, _) = sorted(Workspace(tmp_path).journal.glob("*.jsonl"))
    assert [entry.content["uid"] for entry in read_journal(first)] == ["a", "b"]


def test_the_next_number_is_counted_on_from_the_last_run_of_a_plan_with_several(tmp_path):
    assert newest_number(tmp_path) == 0
    for scan, numbers in {"a": (4,), "own": (5, 6, 7), "none": ()}.items():
        journal = Journal(tmp_path, scan)
        for number in numbers:
            journal.write(Entry("document", "start", {"uid": str(number), "scan_id": number}))
            for at in range(30):
                journal.write(Entry("document", "event", {"seq_num": at, "scan_id": 99}))
        journal.close()
    assert newest_number(tmp_path) == 7


def test_the_journal_of_a_scan_that_is_over_grows_no_more(tmp_path, monkeypatch):
    place = Workspace(tmp_path)
    feed = Feed(place)
    feed.begin("rocking")
    feed.publish(Entry("document", "stop", {"run_start": "a"}))
    feed.end()
    (first,) = place.journal.glob("*.jsonl")
    before = first.read_bytes()
    for late in ("1", "2"):
        feed.publish(Entry("ruling", "", {"id": late, "verdict": "refused"}))
    assert first.read_bytes() == before
    (between,) = place.journal.glob("*-between-*.jsonl")
    assert [one.content["id"] for one in read_journal(between)] == ["1", "2"]
    feed.begin("map")
    feed.publish(Entry("document", "start", {"uid": "b"}))
    feed.end()
    # Where no other one can be made nothing is lost.
    monkeypatch.setattr("steering.service.feed.Journal", full)
    feed.publish(Entry("ruling", "", {"id": "3"}))
    feed.close()
    (second,) = place.journal.glob("*-map-*.jsonl")
    assert [one.content for one in read_journal(second)] == [{"uid": "b"}, {"id": "3"}]
