"""What of the journals is written into the record, when, and how often; the record itself is a double."""

import json
import os
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steering.archive import recorder
from steering.archive.recorder import Recorder
from steering.journal import journal_folder, journal_tail
from steering.journal.journal import Entry, Journal, encode
from steering.journal.recorded_mark import is_recorded
from tests.documents import documents_of_a_run


class Record:
    """A catalogue that keeps the documents of each run, and refuses some."""

    def __init__(self):
        self.runs, self.begun, self.refuses = {}, [], set()

    def __contains__(self, run):
        return run in self.runs

    def delete_contents(self, runs, **_how):
        for run in runs:
            del self.runs[run]


class Writer:
    """Writes into it at once."""

    def __init__(self, client):
        self._client, self._run = client, ""

    def write(self, name, document):
        if name == "start":
            self._run = document["uid"]
            self._client.begun.append(self._run)
            self._client.runs[self._run] = []
        if self._run in self._client.refuses:
            raise ValueError("duplicate key (seq_num)")
        self._client.runs[self._run].append((name, document))

    def rest(self):
        pass


@pytest.fixture(autouse=True)
def doubles(monkeypatch):
    monkeypatch.setattr(journal_tail, "RunWriter", Writer)


@pytest.fixture
def clock(monkeypatch):
    """A clock that a test sets on."""
    made = SimpleNamespace(now=0.0)
    for module in (recorder, journal_folder):
        monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=lambda: made.now))
    return made


def documents(uid, points=2):
    return [(name, json.loads(encode(Entry("", "", document)))["content"]) for name, document in
            documents_of_a_run(points, uid=uid)]  # fmt: skip


def write(journal, *entries):
    for name, document in entries:
        journal.write(Entry("document", name, document))


@st.composite
def plans(draw):
    """Make the documents of a plan that opens runs after and inside one another."""
    lines, open_runs, uids = [], [], []
    for turn in draw(st.lists(st.sampled_from(["open", "go on", "close"]), min_size=1, max_size=12)):
        if turn == "open" and len(uids) < 4:
            uids.append(f"run-{len(uids)}")
            open_runs.append(documents(uids[-1], draw(st.integers(0, 3))))
            lines.append(open_runs[-1].pop(0))
        elif open_runs:
            one = open_runs[-1] if turn == "close" else open_runs[draw(st.integers(0, len(open_runs) - 1))]
            taken = len(one) if turn == "close" else min(2, len(one) - 1)
            lines += one[:taken]
            del one[:taken]
            open_runs = [left for left in open_runs if left]
    for one in reversed(open_runs):
        lines += one
    return uids, lines


@given(plans(), st.lists(st.integers(0, 30), max_size=4), st.booleans())
def test_each_run_of_a_plan_is_in_the_record_whole_whenever_the_recorder_is_stopped(
    tmp_path_factory, plan, stops, newer
):
    (uids, lines), folder, client = plan, tmp_path_factory.mktemp("journal"), Record()
    journal, following = Journal(folder, "own"), Recorder(client, folder)
    for number, line in enumerate(lines):
        write(journal, line)
        following.step()
        if number in stops:
            following = Recorder(client, folder)
    if newer:
        Journal(folder, "next")
        following = Recorder(client, folder)
    for _ in range(3):
        following.step()
    assert {uid: client.runs[uid] for uid in client.runs} == {uid: documents_in(lines, uid) for uid in uids}
    assert is_recorded(journal.path) or not lines
    begun = len(client.begun)
    again = Recorder(client, folder)
    assert not again.step()
    assert len(client.begun) == begun, "what is in the record is not written again"


def documents_in(lines, uid):
    return [line for line in lines if any(str(value).startswith(uid) for value in line[1].values())]


def test_a_journal_that_holds_no_run_is_let_go_when_the_next_one_comes(tmp_path):
    following = Recorder(Record(), tmp_path)
    for _ in range(5):
        Journal(tmp_path, "rocking").write(Entry("ruling", "", {"id": "r"}))
        following.step()
        following.step()
    assert len(following._tails) == 1


def test_a_run_that_is_refused_is_in_nobodys_way_is_told_and_then_tried_seldom(tmp_path, clock):
    client, said = Record(), []
    client.refuses = {"bad"}
    journal = Journal(tmp_path, "own")
    outer, bad = documents("outer"), documents("bad")
    write(journal, *outer[:2], *bad, *outer[2:], *documents("later"))
    following = Recorder(client, tmp_path, said.append)
    for _ in range(24 * 60):
        clock.now += 60.0
        following.step()
    assert {uid: client.runs[uid] for uid in ("outer", "later")} == {uid: documents(uid) for uid in ("outer", "later")}
    assert (client.begun.count("outer"), client.begun.count("later")) == (1, 1)
    assert client.begun.count("bad") <= recorder._TRIES + 24
    assert len(said) == client.begun.count("bad") - recorder._TRIES + 1
    assert said[0] == (
        "The run bad is not in the record, which refused it 10 times: duplicate key (seq_num) (value error). Nothing "
        f"is lost: its journal {journal.path} has all of it. It is tried again every 60 min, and when the service "
        "starts: mend that, or look at the service's log."
    )
    # It is known to be missing when the record is started again, and nothing else is written then.
    client.refuses, begun = set(), len(client.begun)
    Journal(tmp_path, "next")
    following = Recorder(client, tmp_path, said.append)
    following.step()
    assert client.begun[begun:] == ["bad"]
    assert client.runs["bad"] == documents("bad")
    following.step()
    assert not Recorder(client, tmp_path).step()
    assert json.loads(journal.path.with_suffix(".recorded").read_text())["missing"] == []


def test_a_run_that_was_refused_inside_one_that_goes_on_is_written_once_by_the_next_recorder(tmp_path):
    client = Record()
    client.refuses = {"bad"}
    journal, outer = Journal(tmp_path, "own"), documents("outer")
    write(journal, *outer[:2], *documents("bad"), outer[2])
    Recorder(client, tmp_path).step()
    client.refuses, client.begun = set(), []
    following = Recorder(client, tmp_path)
    following.step()
    assert sorted(client.begun) == ["bad", "outer"]
    write(journal, *outer[3:])
    following.step()
    assert client.runs == {"outer": outer, "bad": documents("bad")}


def test_a_run_that_goes_on_while_it_is_refused_is_caught_up_with(tmp_path, clock):
    client = Record()
    client.refuses = {"run"}
    journal, lines = Journal(tmp_path, "rocking"), documents("run", 6)
    following = Recorder(client, tmp_path)
    for number, line in enumerate(lines):
        write(journal, line)
        clock.now += 5.0
        following.step()
        if number == 5:
            client.refuses = set()
    clock.now += 120.0
    for _ in range(3):
        following.step()
    assert client.runs["run"] == lines
    assert is_recorded(journal.path)


def test_journals_that_are_in_the_record_are_not_looked_at_again(tmp_path, clock, monkeypatch):
    client = Record()
    for number in range(30):
        write(Journal(tmp_path, "rocking"), *documents(f"run-{number}"))
    first = Recorder(client, tmp_path)
    first.step()
    first.step()
    listed, listing = [], os.scandir
    monkeypatch.setattr(os, "scandir", lambda folder: listed.append(folder) or listing(folder))
    following = Recorder(client, tmp_path)
    for _ in range(100):
        following.step()
    assert len(listed) == 1
    assert len(following._tails) == 1
    write(Journal(tmp_path, "rocking"), *documents("new"))
    following.step()
    assert client.runs["new"] == documents("new")
    # Of a disk whose clock is too coarse.
    seen = tmp_path.stat().st_mtime_ns
    following.step()
    os.utime(tmp_path, ns=(seen, seen))
    following.step()
    write(Journal(tmp_path, "rocking"), *documents("newer"))
    os.utime(tmp_path, ns=(seen, seen))
    following.step()
    clock.now += 5.0
    following.step()
    assert client.runs["newer"] == documents("newer")
    assert set(client.begun) == set(client.runs)
    assert len(client.begun) == len(client.runs)


def test_a_journal_that_somebody_takes_away_or_that_cannot_be_read_is_in_nobodys_way(tmp_path, clock, monkeypatch):
    client, gone, other = Record(), Journal(tmp_path, "a"), Journal(tmp_path, "b")
    write(gone, documents("gone")[0])
    following = Recorder(client, tmp_path)
    following.step()
    gone.path.unlink()
    following.step()
    write(other, *documents("other"))
    following.step()
    assert client.runs["other"] == documents("other")
    assert len(following._tails) == 1

    def broken(_path, _line):
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(recorder, "write_mark", broken)
    write(other, *documents("later"))
    following.step()
    assert client.runs["later"] == documents("later")
    monkeypatch.undo()


def test_what_an_older_version_has_noted_holds(tmp_path):
    old, new = Journal(tmp_path, "a"), Journal(tmp_path, "b")
    for journal, uid in ((old, "old"), (new, "new")):
        write(journal, *documents(uid))
        journal.path.with_suffix(".recorded").write_text(json.dumps({"run": uid}))
    client = Record()
    following = Recorder(client, tmp_path)
    following.step()
    assert client.begun == []
    write(new, *documents("later"))
    following.step()
    assert client.begun == ["later"]
    # One that a full disk has cut off says nothing.
    new.path.with_suffix(".recorded").write_text("")
    following = Recorder(client, tmp_path)
    following.step()
    assert client.begun == ["later", "new", "later"]
