"""The runs of the record as a list: searched, looked at, exported; with a real Tiled server."""

import csv
import json
import math
from dataclasses import replace

import h5py
import httpx
import numpy as np
import pytest
import xarray as xr

from steering.archive.export import write_run
from steering.archive.past import Past
from steering.archive.record import connect_record
from steering.archive.recorder import Recorder
from steering.archive.results import write_result
from steering.archive.run_entry import RunEntry, entry_of
from steering.archive.run_results import NotYetError, RunResults
from steering.archive.server import TiledServer
from steering.core.errors import SteeringError
from steering.core.result import Feature, Outcome, Provenance, Result
from tests.archive.test_record import journalled

ANALYSES = [{"analysis": "rocking_curve", "label": "curve"}]
FEATURES = {"peak": Feature(0.25, 0.01, "deg"), "total": Feature(12.0, math.nan, "counts")}


def result(run, points=60, label="curve"):
    x = np.linspace(0.0, 0.5, points)
    data = xr.Dataset(
        {
            "intensity": ("point", np.exp(-(((x - 0.25) / 0.1) ** 2)), {"units": "counts/s"}),
            "intensity_error": ("point", np.full(points, 0.1), {"units": "counts/s"}),
            "fit": ("fit_point", np.ones(200), {"units": "counts/s"}),
        },
        {"th": ("point", x, {"units": "deg"}), "th_fit": ("fit_point", np.ones(200), {"units": "deg"})},
        {"fit_centre": 0.25},
    )
    source = Provenance(run, "rocking_curve", {"axis": "th"}, "0", "0.1", "local", points, points - 1, label=label)
    return Result(3, Outcome(FEATURES, data), source)


def mapped(run):
    x, y = (axis.ravel() for axis in np.meshgrid(np.arange(4.0), np.arange(3.0)))
    values = {
        "intensity": ("point", x + 10 * y, {"units": "counts/s"}),
        "a_step": ("point", x * 0 + 1, {"units": "um"}),
    }
    data = xr.Dataset(values, {"b": ("point", y, {"units": "um"}), "a": ("point", x, {"units": "um"})})
    source = Provenance(run, "map_features", {"axes": ["b", "a"]}, "0", "0.1", "local", 12, 11, label="map")
    return Result(3, Outcome(FEATURES, data), source)


@pytest.fixture(scope="module")
def past(tmp_path_factory):
    folder = tmp_path_factory.mktemp("past")
    (folder / "frames").mkdir()
    with TiledServer(folder / "tiled", "key", readable=folder / "frames") as server:
        client = connect_record(server.url, "key")
        for uid in ("first", "second"):
            Recorder(client, journalled(folder, uid, 6).path.parent).step()
        start = {"uid": "third", "time": 2e9, "plan_name": "rocking", "scan_id": 12, "sample": {"name": "Ni 3"}}
        client.create_container("third", metadata={"start": start | {"analyses": ANALYSES}})
        client.create_container("odd", metadata={"start": {"time": "never", "plan_name": 7, "sample": [1]}})
        write_result(client, result("second"))
        write_result(client, result("third", label="other"))
        write_result(client, result("third"))
        write_result(client, mapped("third"))
        yield Past(lambda: client, folder / "exports")


@pytest.mark.system
def test_runs_are_listed_newest_first_and_found_by_all_words(past):
    found = past.find()
    assert {entry.uid for entry in found.entries} == {"first", "second", "third", "odd"}
    starts = [entry.started for entry in found.entries if math.isfinite(entry.started)]
    assert starts == sorted(starts, reverse=True)
    assert (found.searched, found.whole) == (4, True)
    third = past.find("NI #12").entries
    assert [(one.uid, one.scan, one.sample, one.status, one.label) for one in third] == [
        ("third", "rocking", "Ni 3", "unfinished", "curve")
    ]
    assert past.find("ni abort").entries == ()
    assert [one.uid for one in past.find("sec").entries] == ["second"]
    assert past.find("", limit=2).whole is False


@pytest.mark.system
def test_a_look_brings_features_and_a_small_curve_and_an_open_run_is_read_again(past):
    second = past.look(past.find("second").entries[0])
    assert second.features["peak"] == FEATURES["peak"]
    assert second.points == 60
    assert len(second.curve) == 40
    along = [position for position, _ in second.curve]
    assert along == sorted(along)
    assert 0.0 <= along[0] < along[-1] <= 1.0
    assert max(height for _, height in second.curve) == 1.0
    # Of an ended run with a result the record is not asked again.
    assert past.look(past.find("second").entries[0]) is second
    past.forget("second")
    assert past.look(past.find("second").entries[0]) is not second
    third = past.look(past.find("third").entries[0])
    assert (third.label, third.points) == ("curve", 60)
    assert past.look(third) is not third
    assert past.look(past.find("first").entries[0]).features == {}


@pytest.mark.system
def test_a_look_at_a_map_brings_a_small_map_with_the_fast_axis_to_the_right(past):
    seen = past.look(replace(past.find("third").entries[0], label="map"))
    assert seen.curve == ()
    levels = np.frombuffer(seen.picture.levels, np.uint8).reshape(3, seen.picture.columns)
    assert (levels[2, 0], levels[0, 3]) == (1, 255)
    assert levels[2, 3] < levels[1, 0]
    results = past.record("third").results
    assert [len(one) for one in results.map("curve")] == [0, 0, 0]
    assert [len(one) for one in results.curve("map")] == [0, 0]


@pytest.mark.system
def test_a_run_whose_result_is_being_written_is_listed_and_looked_at_again(past, monkeypatch):
    def unfinished(self, label):
        raise NotYetError(f"The record holds no result of {label!r} yet.")

    past.forget("second")
    with monkeypatch.context() as patch:
        patch.setattr(RunResults, "_choose", unfinished)
        seen = past.look(past.find("second").entries[0])
        assert (seen.uid, seen.label, seen.features) == ("second", "curve", {})
    assert past.look(past.find("second").entries[0]).features["peak"] == FEATURES["peak"]


@pytest.mark.system
def test_a_result_is_read_back_whole_and_what_is_not_there_gives_a_sentence(past):
    kept = past.result("third")
    assert kept.provenance.label == "curve"
    assert kept.version == 3
    xr.testing.assert_identical(kept.outcome.data, result("third").outcome.data)
    assert kept.outcome.features["peak"] == FEATURES["peak"]
    with pytest.raises(SteeringError, match=r"keeps no result of run first\. Analyse it again"):
        past.result("first")
    with pytest.raises(SteeringError, match="holds no result of 'nothing'"):
        past.result("third", "nothing")
    with pytest.raises(SteeringError, match="None of the 4 runs in the record begins with 'zzz'"):
        past.entry("zzz")
    with pytest.raises(SteeringError, match=r"no export 'pdf'\. There are: csv, nexus, png"):
        past.export("third", "pdf")


@pytest.mark.system
def test_a_run_is_exported_with_units_and_uncertainties_and_never_written_over(past):
    paths = [past.export("second") for _ in range(2)]
    assert paths[0].name.endswith("_curve_second.csv")
    assert paths[1].name.endswith("_curve_second-2.csv")
    lines = paths[0].read_text().splitlines()
    assert "# run: second" in lines
    assert "# feature: peak, 0.25, 0.01, deg" in lines
    rows = list(csv.reader(line for line in lines if not line.startswith("#")))
    assert rows[0] == ["th (deg)", "intensity (counts/s)", "intensity_error (counts/s)"]
    assert len(rows) == 61
    # A run without a result: its events.
    lines = past.export("first").read_text().splitlines()
    table = list(csv.DictReader(line for line in lines if not line.startswith("#")))
    assert len(table) == 6
    assert "th (deg)" in table[0]
    with h5py.File(past.export("second", "nexus")) as file:
        assert file["entry"].attrs["NX_class"] == "NXentry"
        assert file["entry/entry_identifier"].asstr()[()] == "second"
        data = file["entry/data"]
        assert (data.attrs["signal"], list(data.attrs["axes"])) == ("intensity", ["th"])
        assert data["intensity_errors"].shape == data["intensity"].shape == (60,)
        assert data["th"].attrs["units"] == "deg"
        assert file["entry/features/peak"].attrs["uncertainty"] == 0.01
        assert json.loads(file["entry/process/parameters"].asstr()[()]) == {"axis": "th"}
        assert file["entry/events/th"].shape == (6,)


def test_a_start_document_may_say_anything():
    entry = entry_of("u", {"start": {"time": math.inf, "scan_id": "x", "sample": {"name": 3}}, "stop": {"time": 1}})
    assert entry == RunEntry("u", status="fail")
    assert entry.date == ""
    assert entry_of("u", {"start": {}, "stop": {"num_events": {"primary": 7}}}).points == 7
    assert entry_of("u", {"start": {}, "stop": {"num_events": {"baseline": 2}}}).points == 0
    assert entry_of("u", {"start": None}).status == "unfinished"
    assert entry_of("u", {"start": {"sample_name": " a\nb "}, "stop": None}).sample == "a b"
    assert len(entry_of("u", {"start": {"plan_name": "p" * 5000}}).scan) == 80


def test_an_entry_says_what_its_scan_was_started_with():
    started = {"step": {"value": 0.005, "units": "deg"}, "exposure": {"value": 0.25, "units": "s"}, "n": {"value": 2}}
    assert entry_of("u", {"start": {"parameters": started}}).settings == "step 0.005 deg, exposure 0.25 s, n 2"
    odd = {"a": 1, "b": {"value": math.nan}, "c": {"value": "x"}, "d": {"value": 1.5, "units": ["s"]}}
    assert entry_of("u", {"start": {"parameters": odd}}).settings == "d 1.5"
    assert entry_of("u", {"start": {"parameters": [1]}}).settings == ""


def test_a_hostile_sample_makes_no_other_path_and_no_second_header_line(tmp_path):
    entry = RunEntry("0123456789", "../scan", sample="../../etc/\npasswd, 1", started=1e9)
    path = write_run(tmp_path / "new", "csv", entry, result("0123456789"), None)
    assert path.parent == tmp_path / "new"
    assert "/etc/ passwd" in path.read_text()
    with pytest.raises(SteeringError, match="nothing to export"):
        write_run(tmp_path, "csv", entry, None, None)


def test_what_cannot_be_written_is_said_and_leaves_nothing(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    with pytest.raises(SteeringError, match="cannot be written"):
        write_run(tmp_path / "file", "csv", RunEntry("u"), result("u"), None)
    monkeypatch.setattr("steering.archive.export._write_csv", lambda *_: (_ for _ in ()).throw(OSError(28, "No space")))
    with pytest.raises(SteeringError, match=r"No space\. Free space"):
        write_run(tmp_path / "full", "csv", RunEntry("u"), result("u"), None)
    assert list((tmp_path / "full").iterdir()) == []


def test_a_record_that_does_not_answer_is_a_sentence(tmp_path):
    class Gone:
        def sort(self, *_):
            raise httpx.ConnectError("refused")

    with pytest.raises(SteeringError, match=r"The record cannot be read .ConnectError: refused.. Try again"):
        Past(Gone, tmp_path).find()
