"""An export says what was decided on a run, and its parameters; of a real record, and of odd ones."""

import csv
import json
from dataclasses import asdict, fields

import h5py
import numpy as np
import pytest
import xarray as xr

from steering.archive.decisions import Decisions, change_of, decisions_of, moment, rulings_of
from steering.archive.export import write_run
from steering.archive.past import Past
from steering.archive.record import connect_record
from steering.archive.recorder import Recorder
from steering.archive.run_entry import RunEntry
from steering.archive.server import TiledServer
from steering.core.proposal import Ruling
from steering.journal.journal import Entry, Journal
from tests.documents import documents_of_a_run

SET = Ruling(
    "p1", "recentre for ana", "set", "centre", "0.22 deg", "0.3 deg", "accepted", "the peak moved",
    "rocking_curve@1a2b version 26, 26 frames", 1.7e9, 1.7e9 + 0.1, 1.7e9 + 0.5, 27,
    '{"kind": "set", "parameter": "centre", "value": 0.3}',
)  # fmt: skip
REFUSED = Ruling(
    "p2", "ben", "set", "exposure", "1 s", "99 s", "refused", "exposure = 99 s is outside", "", 1.7e9, 1.7e9
)
PARAMETERS = {"centre": {"value": 0.22, "units": "deg"}, "exposure": {"value": 1.0, "units": "s"}}


def events_of(*rulings):
    return xr.Dataset(
        {one.name: ("event", [getattr(ruling, one.name) for ruling in rulings]) for one in fields(Ruling)}
    )


def steered_documents(path, uid):
    """Documents of a run with two decisions, as the plan emits them."""
    documents = list(documents_of_a_run(4, path, uid))
    documents[0][1]["parameters"] = PARAMETERS
    kinds = {float: "number", int: "integer", str: "string"}
    keys = {name: {"source": "plan", "dtype": kinds[type(value)], "shape": []} for name, value in asdict(SET).items()}
    descriptor = {
        "uid": f"{uid}-s", "name": "steering", "run_start": uid, "data_keys": keys, "time": 0.0, "configuration": {},
        "object_keys": {}, "hints": {},
    }  # fmt: skip
    more = [("descriptor", descriptor)]
    for number, ruling in enumerate((SET, REFUSED), start=1):
        event = {
            "uid": f"{uid}-s{number}", "descriptor": f"{uid}-s", "seq_num": number, "time": float(number),
            "data": asdict(ruling), "timestamps": {},
        }  # fmt: skip
        more.append(("event", event))
    return [*documents[:-1], *more, documents[-1]]


@pytest.mark.system
def test_the_export_of_a_real_run_holds_its_decisions_and_parameters(tmp_path):
    (tmp_path / "frames").mkdir()
    path = tmp_path / "frames" / "run.h5"
    with h5py.File(path, "w") as file:
        file["entry/data/data"] = np.zeros((4, 8, 8), np.int32)
    journal = Journal(tmp_path / "journal", "rocking")
    for name, document in steered_documents(path, "steered"):
        journal.write(Entry("document", name, document))
    journal.close()
    with TiledServer(tmp_path / "tiled", "key", readable=tmp_path / "frames") as server:
        client = connect_record(server.url, "key")
        Recorder(client, journal.path.parent).step()
        past = Past(lambda: client, tmp_path / "exports")
        assert decisions_of(past.record("steered")) == Decisions((SET, REFUSED), PARAMETERS)
        table, whole = past.export("steered"), past.export("steered", "nexus")
    lines = table.read_text().splitlines()
    beside = table.with_name(f"{table.stem}-decisions.csv")
    assert f"# decisions: 2, in {beside.name}" in lines
    assert f"# scan parameters at the start: {json.dumps(PARAMETERS)}" in lines
    rows = list(csv.DictReader(line for line in beside.read_text().splitlines() if not line.startswith("#")))
    assert [row["verdict"] for row in rows] == ["accepted", "refused"]
    assert (rows[0]["who"], rows[0]["before"], rows[0]["after"]) == ("recentre for ana", "0.22 deg", "0.3 deg")
    assert (rows[0]["why"], rows[0]["based on"]) == (SET.reason, SET.basis)
    assert (rows[0]["decided"], rows[0]["before point"]) == (moment(SET.decided_at), "27")
    assert json.loads(rows[0]["action"])["value"] == 0.3
    assert rows[1]["applied"] == ""
    with h5py.File(whole) as file:
        place = file["entry/steering"]
        assert place.attrs["NX_class"] == "NXcollection"
        assert json.loads(place["parameters"].asstr()[()]) == PARAMETERS
        note = place["decision_0001"]
        assert note.attrs["NX_class"] == "NXnote"
        assert note["author"].asstr()[()] == "recentre for ana"
        assert note["description"].asstr()[()] == "set centre: 0.22 deg -> 0.3 deg"
        assert note["basis"].asstr()[()] == SET.basis
        assert note["before_point"][()] == 27
        assert place["decision_0002/verdict"].asstr()[()] == "refused"


def points():
    return xr.Dataset({"th": ("event", [0.1, 0.2], {"units": "deg"})})


def test_a_run_that_nobody_steered_says_so_and_has_no_second_file(tmp_path):
    path = write_run(tmp_path, "csv", RunEntry("u"), None, points(), Decisions())
    assert "# decisions: none" in path.read_text()
    assert list(tmp_path.iterdir()) == [path]


def test_a_run_that_goes_on_has_what_the_record_does_not_hold_yet():
    recorded = Decisions((SET,), PARAMETERS)
    assert recorded.with_newer((SET, REFUSED)) == Decisions((SET, REFUSED), PARAMETERS)
    assert recorded.with_newer(()) is recorded
    unread = Decisions((), PARAMETERS, "The record does not answer.")
    assert unread.with_newer((SET,)) == Decisions((SET,), PARAMETERS)
    assert unread.with_newer(()).missing


def test_decisions_that_are_not_known_are_said_to_be_so(tmp_path):
    unknown = Decisions(missing="They come in a moment.")
    path = write_run(tmp_path, "csv", RunEntry("u"), None, points(), unknown)
    assert "# decisions: not known. They come in a moment." in path.read_text()
    with h5py.File(write_run(tmp_path, "nexus", RunEntry("u"), None, points(), unknown)) as file:
        assert file["entry/steering"].attrs["missing"] == "They come in a moment."


def test_nothing_is_written_over_and_each_table_has_its_own_decisions(tmp_path):
    decisions = Decisions((SET,))
    paths = [write_run(tmp_path, "csv", RunEntry("u"), None, points(), decisions) for _ in range(2)]
    paths[0].unlink()
    paths.append(write_run(tmp_path, "csv", RunEntry("u"), None, points(), decisions))
    assert len({path.name for path in paths}) == 3
    assert len(list(tmp_path.glob("*-decisions.csv"))) == 3


def test_hostile_words_make_no_formula_and_no_other_cell(tmp_path):
    hostile = Ruling("p", "=cmd()", "set", "a,b", "x", "y", "refused", '@SUM("1")\n"; drop', "\0", 0.0, 1e300)
    path = write_run(tmp_path, "csv", RunEntry("u"), None, points(), Decisions((hostile,)))
    text = path.with_name(f"{path.stem}-decisions.csv").read_text()
    (row,) = csv.DictReader(text.splitlines(keepends=True)[2:])
    assert row["who"] == "'=cmd()"
    assert row["why"] == '\'@SUM("1")\n"; drop'
    assert row["decided"] == ""
    write_run(tmp_path, "nexus", RunEntry("u"), None, points(), Decisions((hostile,)))


def test_rulings_of_an_older_run_lack_what_it_did_not_write():
    events = events_of(SET).drop_vars(["outcome", "action"])
    assert rulings_of(events) == (Ruling(**(asdict(SET) | {"outcome": "", "action": ""})),)
    assert rulings_of(xr.Dataset()) == ()
    odd = events_of(SET)
    odd["applied_at"] = ("event", [np.nan])
    assert rulings_of(odd)[0].applied_at == 0.0


def test_what_was_asked_for_is_a_sentence():
    assert change_of(SET) == "set centre: 0.22 deg -> 0.3 deg"
    assert change_of(Ruling("p", "ana", "finish", "", "", "", "accepted", "", "", 0.0, 0.0)) == "finish"
