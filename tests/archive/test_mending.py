"""A journal is whole lines, whatever was cut off, and a cut-off run is closed in it."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steering.core.errors import SteeringError
from steering.core.workspace import Workspace
from steering.ingest.journal import FrameJournal, read_lines
from steering.journal.journal import Entry, Journal, encode, newest_number, read_journal
from steering.machine.lines import append, mend
from steering.service.cut_off import REASON, close_cut_off, find
from steering.service.feed import Feed

ENTRIES = [Entry("document", "event", {"uid": str(number), "text": "a" * number}) for number in range(20)]


class Small:
    """A file with room for so many bytes, which writes as much as fits, as a full disk does."""

    def __init__(self, file, room):
        self._file, self.room = file, room

    def seek(self, *place):
        return self._file.seek(*place)

    def truncate(self, size):
        self.room += self._file.seek(0, 2) - size
        return self._file.truncate(size)

    def write(self, line):
        if not self.room:
            raise OSError(28, "No space left on device")
        count = self._file.write(line[: self.room])
        self.room -= count
        return count

    def close(self):
        self._file.close()


@given(room=st.integers(0, 1500), more=st.integers(0, 1500))
def test_on_a_full_disk_a_line_is_there_whole_or_not_at_all(tmp_path_factory, room, more):
    path = tmp_path_factory.mktemp("full") / "lines"
    with path.open("ab", buffering=0) as plain:
        file, written = Small(plain, room), []
        for entry in ENTRIES:
            try:
                append(file, encode(entry) + b"\n")
            except OSError:
                # Somebody frees some room.
                file.room += more
            else:
                written.append(entry)
    assert list(read_journal(path)) == written


@given(cut=st.integers(0, 4000))
def test_a_journal_that_was_cut_anywhere_is_mended_and_gone_on_with(tmp_path_factory, cut):
    path = tmp_path_factory.mktemp("cut") / "lines"
    content = b"".join(encode(entry) + b"\n" for entry in ENTRIES)[:cut]
    path.write_bytes(content)
    assert mend(path) == (bool(content) and not content.endswith(b"\n"))
    with path.open("ab", buffering=0) as file:
        append(file, encode(ENTRIES[-1]) + b"\n")
    whole = content.count(b"\n")
    assert list(read_journal(path)) == [*ENTRIES[:whole], ENTRIES[-1]]


@given(cut=st.integers(1, 60), first=st.integers(0, 18))
def test_a_line_that_is_glued_to_a_part_of_another_is_read(tmp_path_factory, cut, first):
    path = tmp_path_factory.mktemp("glued") / "lines"
    path.write_bytes(encode(ENTRIES[first])[:cut] + encode(ENTRIES[19]) + b"\n" + encode(ENTRIES[3]) + b"\n")
    assert list(read_journal(path)) == [ENTRIES[19], ENTRIES[3]]


def test_the_rings_journal_is_read_whatever_stands_in_it(tmp_path):
    journal = FrameJournal(tmp_path, "run")
    journal.write(frame=1)
    journal.close()
    with journal.path.open("ab") as file:
        file.write(b'{"frame": 2\n[1]\n\xff\n{"fra')
    again = FrameJournal(tmp_path, "run")
    again.write(frame=3)
    again.close()
    assert list(read_lines(journal.path)) == [{"frame": 1}, {"frame": 3}]


def documents(stop=True):
    start = {
        "uid": "3f2a4711",
        "plan_name": "rocking",
        "axes": ["th"],
        "parameters": {"step": {"value": 0.1, "units": "deg"}},
    }
    ruling = {"kind": "set", "subject": "step", "new": "0.05 deg", "applied_at": 0.0}
    return [
        Entry("document", "start", start),
        Entry("document", "descriptor", {"uid": "d", "name": "primary"}),
        Entry("document", "event", {"descriptor": "d", "data": {"th": 0.1}}),
        Entry("ruling", "", ruling),
        Entry("ruling", "", ruling | {"applied_at": 7.0}),
        Entry("document", "event", {"descriptor": "d", "data": {"th": 0.2}}),
        *([Entry("document", "stop", {"run_start": "3f2a4711", "exit_status": "success"})] if stop else []),
    ]


def written(workspace, entries):
    journal = Journal(workspace.journal, "rocking")
    for entry in entries:
        journal.write(entry)
    journal.close()
    return journal.path


def test_a_run_that_was_cut_off_is_closed_once(tmp_path):
    workspace = Workspace(tmp_path)
    assert close_cut_off(workspace) == []
    path = written(workspace, documents(stop=False))
    with path.open("ab") as file:
        file.write(b'{"kind": "docum')
    written(workspace, documents()[:0])
    (cut,) = close_cut_off(workspace)
    assert (cut.run, cut.scan, cut.values) == ("3f2a4711", "rocking", {"step": 0.05})
    assert cut.positions == ({"th": 0.1}, {"th": 0.2})
    assert "cut off after 2 points" in cut.sentence
    *before, stop = read_journal(path)
    assert before == documents(stop=False)
    assert (stop.name, stop.content["exit_status"], stop.content["reason"]) == ("stop", "fail", REASON)
    assert stop.content["num_events"] == {"primary": 2}
    assert close_cut_off(workspace) == []
    assert find(workspace, "3f2a").run == "3f2a4711"
    assert find(workspace, "nothing") is None
    assert find(workspace, "") is None


def test_a_run_that_ended_is_left_as_it_is(tmp_path):
    workspace = Workspace(tmp_path)
    path = written(workspace, documents())
    content = path.read_bytes()
    assert close_cut_off(workspace) == []
    assert find(workspace, "3f2a") is None
    assert path.read_bytes() == content


def of_run(uid, points, stop=False):
    """Make the lines of a run of a plan: a descriptor is called the same in each, as devices are."""
    yield Entry("document", "start", {"uid": uid, "plan_name": "own", "axes": ["th"], "parameters": {}})
    yield Entry("document", "descriptor", {"uid": f"{uid}-d", "name": "primary", "run_start": uid})
    for number in range(points):
        yield Entry("document", "event", {"descriptor": f"{uid}-d", "data": {"th": float(number)}})
    if stop:
        yield Entry("document", "stop", {"run_start": uid, "exit_status": "success"})


def test_each_run_of_a_plan_that_was_cut_off_is_closed_the_inner_ones_first(tmp_path):
    workspace = Workspace(tmp_path)
    first, outer, inner = of_run("first", 2, stop=True), list(of_run("outer", 3)), list(of_run("inner", 1))
    path = written(workspace, [*first, *outer[:3], *inner, *outer[3:]])
    # The record has the first one, and noted so.
    path.with_suffix(".recorded").write_text('{"size": 400}')
    assert [(cut.run, len(cut.positions)) for cut in close_cut_off(workspace)] == [("outer", 3), ("inner", 1)]
    *_, one, two = read_journal(path)
    assert [(stop.content["run_start"], stop.content["num_events"]) for stop in (one, two)] == [
        ("inner", {"primary": 1}),
        ("outer", {"primary": 3}),
    ]
    assert close_cut_off(workspace) == []
    assert (find(workspace, "outer").run, find(workspace, "inn").run, find(workspace, "first")) == (
        "outer",
        "inner",
        None,
    )


@pytest.mark.parametrize("stop", [True, False])
def test_a_journal_of_which_the_record_has_all_is_not_looked_at(tmp_path, stop):
    workspace = Workspace(tmp_path)
    path = written(workspace, of_run("run", 1, stop=stop))
    content = path.read_bytes()
    path.with_suffix(".recorded").write_text(json.dumps({"size": len(content)}))
    assert close_cut_off(workspace) == []
    assert path.read_bytes() == content


def test_what_does_not_fit_waits_and_is_written_when_there_is_room(tmp_path):
    feed = Feed(Workspace(tmp_path))
    feed.begin("rocking")
    feed.publish(ENTRIES[0])
    journal = feed._journal
    journal._file = small = Small(journal._file, 10)
    for entry in ENTRIES[1:5]:
        feed.publish(entry)
    assert list(feed.hub.since(-1, 0)[1]) == ENTRIES[:5]
    assert "No space left on device). 4 entries wait in memory" in feed.trouble
    with pytest.raises(SteeringError, match="The last run is not written yet"):
        feed.begin("map")
    small.room = 10_000
    assert feed.trouble == ""
    feed.begin("map")
    assert list(read_journal(journal.path)) == ENTRIES[:5]
    feed.close()
    assert json.loads(journal.path.read_bytes().splitlines()[0])["name"] == "event"


def test_the_next_service_counts_on_from_the_newest_run(tmp_path):
    assert newest_number(tmp_path / "journal") == 0
    for number in (7, 8, None):
        journal = Journal(tmp_path / "journal", "rocking")
        journal.write(Entry("ruling", "ruling", {"id": "r"}))
        # The last one is of a scan that never opened its run.
        if number is not None:
            journal.write(Entry("document", "start", {"uid": f"run-{number}", "scan_id": number}))
        journal.close()
    assert newest_number(tmp_path / "journal") == 8
