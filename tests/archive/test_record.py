"""The recorder against a real Tiled server."""

import json
import math
import threading
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module

import dask
import h5py
import numpy as np
import pyarrow as pa
import pytest
import xarray as xr
from tiled.client import from_uri

from steering.archive.record import Record, connect_record
from steering.archive.recorder import Recorder
from steering.archive.results import write_result
from steering.archive.run_results import NotYetError, RunResults
from steering.archive.server import TiledServer
from steering.core.errors import SteeringError
from steering.core.result import Feature, Outcome, Provenance, Result
from steering.documents import run_writer
from steering.journal.journal import Entry, Journal, read_journal
from tests.documents import documents_of_a_run

pytestmark = pytest.mark.system


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("record")
    (folder / "frames").mkdir()
    with TiledServer(folder / "tiled", "key", readable=folder / "frames") as made:
        yield made.url, folder


def test_a_record_that_has_gone_with_its_service_is_asked_no_more(server):
    gone = threading.Event()
    client = connect_record(server[0], "key", given_up=gone)
    assert "none" not in client
    gone.set()
    with pytest.raises(SteeringError, match="has gone with its service"):
        client.create_container("none")


def journalled(folder, uid, points, stop=True):
    """Write a journal of a run whose frames exist."""
    path = folder / "frames" / f"{uid}.h5"
    with h5py.File(path, "w") as file:
        file["entry/data/data"] = np.arange(points * 64, dtype=np.int32).reshape(points, 8, 8)
    journal = Journal(folder / f"journal-{uid}", "rocking")
    for name, document in documents_of_a_run(points, path, uid):
        if stop or name != "stop":
            journal.write(Entry("document", name, document))
    return journal


def test_a_journal_ends_where_a_crash_cut_it(tmp_path):
    journal = Journal(tmp_path, "rocking")
    journal.write(Entry("document", "start", {"uid": "a", "value": np.float64(3.0), "list": np.arange(2)}))
    journal.close()
    with journal.path.open("ab") as file:
        file.write(b'{"kind": "document", "na')
    (entry,) = read_journal(journal.path)
    assert entry == Entry("document", "start", {"uid": "a", "value": 3.0, "list": [0, 1]})


def test_what_a_request_depends_on_is_worked_out_once(server, monkeypatch):
    dependencies = import_module("fastapi.dependencies.utils")
    worked_out, typed = [], dependencies.get_typed_signature
    monkeypatch.setattr(dependencies, "get_typed_signature", lambda call: worked_out.append(call) or typed(call))
    client = connect_record(server[0], "key")

    def ask():
        client.refresh()
        list(client.keys().head(1))

    ask()
    worked_out.clear()
    ask()
    assert worked_out == []


def test_a_run_is_written_read_and_after_a_stop_in_the_middle_written_again(server):
    url, folder = server
    client = connect_record(url, "key")
    journal = journalled(folder, "run-a", 9)
    lines = []
    Recorder(client, journal.path.parent).step(lambda: lines.append(1) or len(lines) < 12)
    assert "stop" not in client["run-a"].metadata
    Recorder(client, journal.path.parent).step()
    record = Record(client)
    assert record["run-a"].stop["exit_status"] == "success"
    assert record["run"]["primary"].sizes["event"] == 9
    assert record[0]["primary"]["th"].attrs["units"] == "deg"
    assert record[0].frames(2, 4).values[0, 0, 0] == 128
    assert not Recorder(client, journal.path.parent).step()


def test_runs_of_a_plan_after_and_inside_one_another_are_all_in_the_record(server):
    url, folder = server
    client = connect_record(url, "key")
    parts = {}
    for uid in ("plan-a", "plan-b", "plan-c"):
        path = journalled(folder, uid, 6).path
        parts[uid] = list(read_journal(path))
        path.unlink()
    journal = Journal(folder / "journal-plan", "own")
    outer = parts["plan-b"]
    following = Recorder(client, journal.path.parent)
    for entry in (*parts["plan-a"], *outer[:7], *parts["plan-c"], *outer[7:]):
        journal.write(entry)
        following.step()
    for uid in parts:
        run = Record(client)[uid]
        assert run.stop["run_start"] == uid
        assert run["primary"].sizes["event"] == 6
        assert run.frames(5, 6).values[0, 0, 0] == 5 * 64
    assert not Recorder(client, journal.path.parent).step()


def test_reading_what_is_not_there_gives_a_sentence(server):
    url, folder = server
    client = connect_record(url, "key")
    journal = journalled(folder, "grows", 4, stop=False)
    Recorder(client, journal.path.parent).step()
    record = Record(client)["grows"]
    assert record.stop is None
    assert record["primary"].sizes["event"] == 4
    for wrong in (lambda: record["steering"], lambda: record.result("x"), lambda: Record(client)["zzz"]):
        with pytest.raises(SteeringError):
            wrong()


def test_a_run_whose_first_events_are_not_written_yet_says_so(server):
    url, folder = server
    client = connect_record(url, "key")
    journal = journalled(folder, "begins", 2, stop=False)
    Recorder(client, journal.path.parent).step()
    with pytest.raises(SteeringError, match="no event of stream primary in the record yet"):
        Record(client)["begins"]["primary"]


def test_what_waits_for_its_group_is_written_when_nothing_has_come_for_a_while(server, monkeypatch):
    url, folder = server
    client = connect_record(url, "key")
    journal = journalled(folder, "pauses", 6, stop=False)
    monkeypatch.setattr(run_writer, "_BATCH_SECONDS", 3600.0)
    following = Recorder(client, journal.path.parent)
    following.step()
    record = Record(client)
    assert record["pauses"]["primary"].sizes["event"] == 4
    following.step()
    assert record["pauses"]["primary"].sizes["event"] == 4
    monkeypatch.setattr(run_writer, "_BATCH_SECONDS", 0.0)
    following.step()
    assert record["pauses"]["primary"].sizes["event"] == 6
    assert record["pauses"].frames(4, 6).values[1, 0, 0] == 5 * 64
    journal.write(Entry("document", "stop", {"uid": "s", "run_start": "pauses", "exit_status": "success", "time": 9.0}))
    following.step()
    assert record["pauses"].stop["exit_status"] == "success"
    assert record["pauses"]["primary"].sizes["event"] == 6


def test_results_of_several_sessions_lie_side_by_side_and_the_fullest_is_read(server):
    url, folder = server
    client = connect_record(url, "key")
    journal = journalled(folder, "shared", 4)
    Recorder(client, journal.path.parent).step()
    for frames in (2, 4, 3):
        data = xr.Dataset({"y": ("point", np.arange(frames), {"units": "counts"})})
        outcome = Outcome({"peak": Feature(1.0, 0.1, "deg")}, data.assign_coords(x=("point", np.arange(frames) / 2)))
        source = Provenance("shared", "kit", {}, "0", "0", "inline", frames, frames - 1)
        write_result(client, Result(1, outcome, source))
    kept = Record(client)["shared"].result("kit")
    assert Record(client)["shared"].provenance("kit")["frames"] == 4
    assert Record(client)["shared"].features("kit") == {"peak": Feature(1.0, 0.1, "deg")}
    kept.to_netcdf(folder / "result.nc")
    with xr.open_dataset(folder / "result.nc") as read:
        assert json.loads(read.attrs["features"])["peak"]["units"] == "deg"
        assert read["y"].values.tolist() == [0, 1, 2, 3]
    Record(client)["shared"]["primary"].to_netcdf(folder / "events.nc")
    assert "record[0]" in repr(Record(client))
    assert "streams primary" in repr(Record(client)[0])
    assert kept["y"].attrs["units"] == "counts"
    assert "x" in kept.coords


# Of each kind and shape of variable there is.
VARIED = xr.Dataset(
    {
        "single": ("point", np.array([0.1, math.nan, 3e30], np.float32), {"units": "counts"}),
        "other_single": ("point", np.array([1, 2, 3], np.float32)),
        "whole": ("point", np.array([2**53 + 1, -1, 0])),
        "huge": ("point", np.array([2**64 - 1, 0, 7], np.uint64)),
        "huger": ("point", np.array([1, 2, 2**63 + 1], np.uint64)),
        "flag": ("point", np.array([True, False, True])),
        "name": ("point", np.array(["a", "β", ""])),
        "image": (("row", "column"), np.arange(6.0).reshape(2, 3)),
        "level": ((), np.float64(3.5)),
        "offset": ((), np.float64(-0.5), {"units": "counts"}),
        "point-float64": ("point", np.array([7.0, 8.0, 9.0])),
        "alone": ("other", np.array([1.5, 2.5])),
        "also_alone": ("lonely", np.array([1.5, 2.5])),
    },
    {"x": ("point", np.array([1.0, 2.0, 3.0]), {"units": "deg"})},
    {"said": "something"},
)


def found_by(run, data):
    source = Provenance(run, "varied", {}, "0", "0.1", "local", 3, 2)
    return Result(1, Outcome({"peak": Feature(1.0, 0.1, "deg")}, data), source)


def test_variables_of_each_kind_come_back_as_they_were_and_the_many_of_a_curve_take_few_requests(server):
    client = connect_record(server[0], "key")
    write_result(client, found_by("varied", VARIED))
    xr.testing.assert_identical(RunResults(client, "varied").result("varied").outcome.data, VARIED)
    # One that a variable is called as keeps its name; what has a type, or an axis, of its own stands alone.
    (node,) = client["results"]["varied"].values()
    together = {"point-float32": 2, "point-uint64": 2, "number-float64": 2}
    assert {key: node[key].shape[0] for key in node if key not in VARIED.variables} == together
    curve = xr.Dataset({f"y{number}": ("point", np.full(5, float(number))) for number in range(10)})
    asked = []
    client.context.http_client.event_hooks["request"] = [asked.append]
    write_result(client, found_by("curve", curve))
    # Each request is work of the record's machine: two to see what is there, four to make it.
    assert len([one for one in asked if one.method != "GET"]) == 4
    xr.testing.assert_identical(RunResults(client, "curve").result("varied").outcome.data, curve)


def test_a_result_of_which_an_array_is_missing_is_not_read(server):
    client = connect_record(server[0], "key")
    write_result(client, found_by("torn", VARIED))
    (node,) = client["results"]["torn"].values()
    node.delete_contents("point-float32", external_only=False)
    with pytest.raises(NotYetError, match="holds no result of 'varied'"):
        RunResults(client, "torn").data("varied")


def test_a_result_of_before_whose_variables_are_arrays_each_is_read(server):
    client = connect_record(server[0], "key")
    described = {
        name: {"dims": ["point"], "attrs": {"units": units}, "coordinate": name == "x"}
        for name, units in (("x", "deg"), ("y", "counts"))
    }
    source = {"run": "before", "analysis": "kit", "parameters": {}, "parameters_hash": "0", "software": "0.1"}
    source |= {"facility": "local", "frames": 2, "newest_frame": 1, "version": 1}
    run = client["results"].create_container("before")
    node = run.create_container("kit-1", metadata={"features": {}, "provenance": source, "variables": described})
    for name in described:
        node.write_array(np.arange(2.0), key=name)
    data = RunResults(client, "before").data("kit")
    assert data["y"].values.tolist() == [0, 1]
    assert data["x"].attrs == {"units": "deg"}
    assert "x" in data.coords


def test_a_record_that_does_not_answer_gives_a_sentence():
    with pytest.raises(SteeringError, match="does not answer"):
        connect_record("http://127.0.0.1:9/api/v1", "key", patience=0.5)


def test_a_record_that_has_gone_is_waited_for_no_longer():
    gone = threading.Event()
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(connect_record, "http://127.0.0.1:9/api/v1", "key", 600.0, gone)
        gone.set()
        with pytest.raises(SteeringError, match="does not answer"):
            waiting.result(60)


def test_a_table_can_be_read_by_many_while_it_grows(server):
    url, _ = server
    rows = pa.schema([("point", pa.int64())])
    table = from_uri(url, api_key="key").create_appendable_table(schema=rows, key="growing")
    written = threading.Event()

    def read():
        mine = from_uri(url, api_key="key")["growing"]
        seen = [len(mine.read_partition(0))]
        while not written.is_set():
            seen.append(len(mine.read_partition(0)))
        return seen

    table.append_partition(0, pa.table({"point": [0]}))
    with dask.config.set(scheduler="synchronous"), ThreadPoolExecutor(3) as readers:
        reading = [readers.submit(read) for _ in range(3)]
        for point in range(1, 25):
            table.append_partition(0, pa.table({"point": [point]}))
        written.set()
        for seen in [one.result() for one in reading]:
            assert seen == sorted(seen)
    assert table.read_partition(0)["point"].tolist() == list(range(25))
