"""Documents as Bluesky, ophyd-async and classic ophyd really make them."""

import asyncio
import json
import math

import event_model
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from steering.core.block import FrameBlock
from steering.core.source import RunEnded, RunStarted
from steering.documents.document_run import DocumentRun
from steering.places.hdf5 import FrameFile
from steering.places.images import ImageFiles
from steering.sources.documents import DocumentSource
from steering.sources.frames import read_frames


def start(uid="r", **more):
    return "start", {"uid": uid, "time": 1.0, "plan_name": "p", **more}


def stop(uid="r"):
    return "stop", {"uid": f"{uid}-s", "run_start": uid, "exit_status": "success", "time": 9.0}


def image(*shape, external="STREAM:"):
    return {"source": "x", "dtype": "array", "shape": list(shape), "dtype_numpy": "<u2", "external": external}


MOTOR = {"source": "m", "dtype": "number", "shape": [], "units": "mm"}


def descriptor(run="r", uid="d", name="primary", **keys):
    return "descriptor", {"uid": uid, "name": name, "run_start": run, "time": 1.0, "data_keys": keys}


def resource(
    key="cam", uid="s", run="r", uri="file://localhost/data/x.h5", mimetype="application/x-hdf5", **parameters
):
    document = {"uid": uid, "data_key": key, "mimetype": mimetype, "uri": uri, "parameters": parameters}
    return "stream_resource", document | ({"run_start": run} if run else {})


def datum(first, stop, event=None, uid="s", to="d", events=None):
    event = first + 1 if event is None else event
    after = event + (stop - first if events is None else events)
    return "stream_datum", {
        "uid": f"{uid}/{first}",
        "stream_resource": uid,
        "descriptor": to,
        "indices": {"start": first, "stop": stop},
        "seq_nums": {"start": event, "stop": after},
    }


def event(number, to="d", **data):
    return "event", {"uid": f"e{number}", "descriptor": to, "seq_num": number, "time": 2.0 + number, "data": data}


def fed(documents, **settings):
    source = DocumentSource(**settings)
    for name, document in documents:
        source.feed(name, json.loads(json.dumps(document)))
    source.close()
    return source, source.taken()


def frames_of(items, run="r"):
    """Each frame: its index, its index in its file, and its columns."""
    found = []
    for block in items:
        if isinstance(block, FrameBlock) and block.run == run:
            for offset in range(len(block)):
                in_file = None if block.first is None else block.first + offset
                columns = {name: column[offset] for name, column in block.columns.items()}
                found.append((block.start + offset, in_file, columns))
    return found


@pytest.mark.parametrize("each", [1, 3, 700])
def test_each_frame_of_a_burst_carries_the_position_of_its_event(each):
    documents = [start(), descriptor(cam=image(each, 4, 4), x=MOTOR), resource()]
    for number in range(1, 6):
        documents += [datum(number - 1, number), event(number, x=10.0 * number)]
    source, items = fed([*documents, stop()])
    found = frames_of(items)
    assert [(index, at, columns["x"]) for index, at, columns in found] == [
        (frame, frame, 10.0 * (frame // each + 1)) for frame in range(5 * each)
    ]
    # What an event of one frame says is all that there is to know of its place.
    places = [(columns.get("seq_num"), columns.get("burst_index")) for _, _, columns in found]
    assert places == [(frame // each + 1, frame % each) if each > 1 else (None, None) for frame in range(5 * each)]
    assert items[-1] == RunEnded("r", 5 * each, "success", 5)
    assert max(len(block) for block in items if isinstance(block, FrameBlock)) <= 512
    assert source.status.missed == source.rejected == 0


@pytest.mark.parametrize("each", [1, 4])
def test_frames_of_events_that_are_marked_as_spoilt_are_left_out_and_counted(each):
    documents = [start(), descriptor(cam=image(each, 4, 4), x=MOTOR, usable=MOTOR), resource()]
    for number in range(1, 7):
        documents += [datum(number - 1, number), event(number, x=1.0 * number, usable=int(number not in (2, 3, 6)))]
    source, items = fed([*documents, stop()])
    kept = [frame for frame in range(6 * each) if frame // each + 1 in (1, 4, 5)]
    assert [(index, at) for index, at, _ in frames_of(items)] == [(frame, frame) for frame in kept]
    assert [columns["x"] for _, _, columns in frames_of(items)] == [frame // each + 1.0 for frame in kept]
    assert items[-1] == RunEnded("r", 3 * each, "success", 6)
    assert source.status.missed == source.rejected == 0
    assert f"{3 * each} frames were taken while the scan was to wait; they are left out." in source.status.detail


def test_a_writer_that_counts_frames_in_place_of_events():
    documents = [start(), descriptor(cam=image(4, 8, 8), x=MOTOR), resource()]
    for number in range(1, 4):
        documents += [datum(4 * number - 4, 4 * number, number, events=1), event(number, x=1.0 * number)]
    _, items = fed([*documents, stop()])
    assert [(index, at, columns["x"]) for index, at, columns in frames_of(items)] == [
        (frame, frame, frame // 4 + 1.0) for frame in range(12)
    ]


@given(st.lists(st.integers(1, 50), min_size=1, max_size=8), st.integers(1, 4), st.integers(0, 7))
def test_a_fly_scan_has_frames_and_no_events(lengths, each, offset):
    documents = [start(), descriptor(cam=image(each, 4, 4)), resource()]
    entries = 0
    for length in lengths:
        # The file may begin before this stream.
        documents.append(datum(offset + entries, offset + entries + length, entries + 1))
        entries += length
    source, items = fed([*documents, documents[-1], stop()])
    assert [(index, at) for index, at, _ in frames_of(items)] == [
        (frame, frame + offset * each) for frame in range(entries * each)
    ]
    assert source.status.missed == 0
    assert source.status.repeated == lengths[-1]


def test_a_part_of_a_fly_scan_that_was_lost_is_counted():
    source, items = fed([start(), descriptor(cam=image(1, 4, 4)), resource(), datum(0, 5), datum(8, 10), stop()])
    assert [index for index, _, _ in frames_of(items)] == [0, 1, 2, 3, 4, 8, 9]
    assert source.status.missed == 3


def two_detectors():
    keys = {"cam": image(1, 4, 4), "other_image": image(1, 8, 8), "x": MOTOR}
    kind, described = descriptor(**keys)
    described["object_keys"] = {"cam": ["cam"], "other": ["other_image"]}
    documents = [start(), (kind, described), resource(uri="file://localhost/cam.h5")]
    documents.append(resource("other_image", "s2", uri="file://localhost/other.h5"))
    for number in range(1, 4):
        documents += [datum(number - 1, number, uid=uid) for uid in ("s", "s2")] + [event(number, x=1.0 * number)]
    return [*documents, stop()]


@pytest.mark.parametrize(
    ("wanted", "file"), [("", "/cam.h5"), ("cam", "/cam.h5"), ("other", "/other.h5"), ("other_image", "/other.h5")]
)
def test_of_several_detectors_one_is_chosen_and_said(wanted, file):
    source, items = fed(two_detectors(), detector=wanted)
    blocks = [item for item in items if isinstance(item, FrameBlock)]
    assert {block.place.path for block in blocks} == {file}
    assert sum(map(len, blocks)) == 3
    assert "cam" in source.status.detail
    assert "left out" in source.status.detail


def test_a_detector_that_is_not_there_is_said_and_scalars_come():
    source, items = fed(two_detectors(), detector="pilatus")
    assert [columns for _, _, columns in frames_of(items)] == [{"x": 1.0}, {"x": 2.0}, {"x": 3.0}]
    assert source.rejected == 1
    assert "Its detectors: cam, other_image" in source.last_rejection


def test_pages_of_events():
    events = [event(number, x=1.0 * number)[1] | {"timestamps": {"x": 1.0}, "filled": {}} for number in range(1, 8)]
    page = event_model.pack_event_page(*events)
    _, items = fed([start(), descriptor(x=MOTOR), ("event_page", page), stop()])
    assert [columns["x"] for _, _, columns in frames_of(items)] == [1, 2, 3, 4, 5, 6, 7]
    assert items[-1].events == 7


@pytest.mark.parametrize(
    ("mimetype", "parameters"),
    [("image/jpeg", {}), ("application/x-zarr", {}), ("multipart/related;type=image/tiff", {"template": "always.tif"})],
)
def test_frames_of_an_unknown_kind_lose_only_themselves(mimetype, parameters):
    documents = [start(), descriptor(cam=image(5, 4, 4), x=MOTOR), resource(mimetype=mimetype, **parameters)]
    for number in range(1, 4):
        documents += [datum(number - 1, number), event(number, x=1.0 * number)]
    source, items = fed([*documents, stop()])
    assert [columns for _, _, columns in frames_of(items)] == [{"x": 1.0}, {"x": 2.0}, {"x": 3.0}]
    assert source.rejected == 1
    assert "The frames of cam" in source.last_rejection
    assert source.status.missed == 0


@pytest.mark.parametrize("template", ["a_{:04d}.tiff", "a_%04d.tiff"])
def test_series_of_tiff_files_are_read(tmp_path, template):
    import tifffile

    for number in range(6):
        tifffile.imwrite(tmp_path / f"a_{number:04d}.tiff", np.full((4, 4), number, "u2"))
    kind = "multipart/related;type=image/tiff"
    documents = [start(), descriptor(cam=image(2, 4, 4), x=MOTOR)]
    documents.append(resource(uri=f"file://localhost{tmp_path}/", mimetype=kind, template=template))
    for number in range(1, 4):
        documents += [datum(number - 1, number), event(number, x=1.0 * number)]
    _, items = fed([*documents, stop()])
    blocks = [item for item in items if isinstance(item, FrameBlock)]
    assert all(isinstance(block.place, ImageFiles) for block in blocks)
    assert [int(frame[0, 0]) for block in blocks for frame in read_frames(block)[0]] == list(range(6))
    assert [value for block in blocks for value in block.columns["x"]] == [1, 1, 2, 2, 3, 3]


def classic(spec, kwargs, path="data/x.h5"):
    documents = [start(), descriptor(cam_image=image(2, 4, 4, external="FILESTORE:"), x=MOTOR)]
    document = {"uid": "res", "spec": spec, "root": "/", "resource_path": path, "resource_kwargs": kwargs}
    documents.append(("resource", document))
    for number in range(1, 5):
        # The points of the file need not be in the order of the events.
        named = {"resource": "res", "datum_id": f"res/{number}", "datum_kwargs": {"point_number": 4 - number}}
        documents += [("datum", named), event(number, x=1.0 * number, cam_image=f"res/{number}")]
    return [*documents, stop()]


def test_classic_detectors_are_followed_by_their_datums():
    _, items = fed(classic("AD_HDF5", {"frame_per_point": 2}))
    assert [(at, columns["x"]) for _, at, columns in frames_of(items)] == [
        (6, 1), (7, 1), (4, 2), (5, 2), (2, 3), (3, 3), (0, 4), (1, 4),
    ]  # fmt: skip
    assert items[1].place == FrameFile("/data/x.h5", "/entry/data/data", items[1].place.times)


def test_classic_tiff_files_are_named_as_area_detector_does():
    kwargs = {"template": "%s%s_%6.6d.tiff", "filename": "shot", "frame_per_point": 2}
    _, items = fed(classic("AD_TIFF", kwargs, "data"))
    assert items[1].place.paths == ("/data/shot_000006.tiff", "/data/shot_000007.tiff")


def test_frames_of_an_unknown_spec_do_not_hold_back_scalars():
    source, items = fed(classic("MYBEAMLINE_V3", {}))
    assert [columns["x"] for _, _, columns in frames_of(items)] == [1, 2, 3, 4]
    assert source.status.missed == 0
    assert "MYBEAMLINE_V3" in source.last_rejection
    assert items[-1].frames == 4


def test_values_that_are_no_numbers_are_left_out_and_the_event_is_kept():
    odd = {"x": 1.0, "text": "open", "none": None, "huge": 10**400, "table": {"a": 1}, "wave": [1, 2], "one": [7.5]}
    _, items = fed([start(), descriptor(x=MOTOR), event(1, **odd), event(2, x=2.0, late=3.0), stop()])
    [first, second] = [columns for _, _, columns in frames_of(items)]
    assert (first["x"], first["one"], second["x"], second["late"]) == (1.0, 7.5, 2.0, 3.0)
    assert math.isnan(second.get("one", math.nan))
    assert {"text", "none", "huge", "table", "wave"}.isdisjoint(first)


def test_values_as_numpy_has_them():
    source = DocumentSource()
    data = {"a": np.float32(1.5), "b": np.int64(3), "c": np.array(2.5), "d": np.array([4.0]), "e": np.bool_(True)}
    for name, document in [start(), descriptor(a=MOTOR), event(1, **data), stop()]:
        source.feed(name, document)
    [block] = [item for item in source.taken() if isinstance(item, FrameBlock)]
    assert {name: column[0] for name, column in block.columns.items()} == {"a": 1.5, "b": 3, "c": 2.5, "d": 4}


def interleaved(documents, others):
    return [document for pair in zip(documents, others, strict=True) for document in pair]


def of_run(uid, points):
    documents = [start(uid), descriptor(uid, f"{uid}-d", cam=image(1, 4, 4), x=MOTOR)]
    documents.append(resource(uid=f"{uid}-r", run=uid, uri=f"file:///data/{uid}.h5"))
    for number in range(1, points + 1):
        documents.append(datum(number - 1, number, uid=f"{uid}-r", to=f"{uid}-d"))
        documents.append(event(number, f"{uid}-d", x=1.0 * number))
    return [*documents, stop(uid)]


def test_runs_that_are_open_side_by_side_keep_their_own_frames():
    source, items = fed(interleaved(of_run("one", 20), of_run("two", 20)))
    for run in ("one", "two"):
        assert [(index, columns["x"]) for index, _, columns in frames_of(items, run)] == [
            (n, n + 1.0) for n in range(20)
        ]
        assert {item.place.path for item in items if isinstance(item, FrameBlock) and item.run == run} == {
            f"/data/{run}.h5"
        }
    assert [item for item in items if isinstance(item, RunEnded)] == [
        RunEnded("one", 20, "success", 20),
        RunEnded("two", 20, "success", 20),
    ]
    assert source.rejected == 0


def test_a_nested_run_leaves_the_outer_one_open():
    outer, inner = of_run("outer", 6), of_run("inner", 3)
    _, items = fed([*outer[:7], *inner, *outer[7:]])
    assert len(frames_of(items, "outer")) == 6
    assert len(frames_of(items, "inner")) == 3
    assert [item.run for item in items if isinstance(item, RunStarted)] == ["outer", "inner"]


def test_what_was_open_ends_as_failed_when_its_sender_is_gone():
    source = DocumentSource()
    for name, document in [*of_run("one", 3)[:-1], *of_run("two", 3)[:-1]]:
        source.feed(name, document)
    source.end_open(but="two")
    ended = [item for item in source.taken() if isinstance(item, RunEnded)]
    assert ended == [RunEnded("one", 3, "fail", 3)]


def test_units_that_only_the_plan_knows():
    _, items = fed([start(axis_units={"x": "mm"}), descriptor(x=MOTOR | {"units": None}), event(1, x=1.0), stop()])
    assert items[1].units == {"x": "mm"}


def test_a_mask_goes_with_each_block():
    mask = np.zeros((4, 4))
    mask[0, 0] = 1
    _, items = fed(of_run("r", 2), mask=mask, saturated=1000)
    assert items[1].pixels.saturated == 1000
    assert items[1].pixels.masks[0].bad().sum() == 1


@pytest.mark.parametrize("stop", [10**12, 10**9])
async def test_a_datum_that_promises_the_moon_is_refused_at_once(stop):
    documents = [
        start(),
        descriptor(cam=image(1, 4, 4), x=MOTOR),
        resource(),
        datum(0, stop),
        datum(0, 1),
        event(1, x=1),
    ]
    async with asyncio.timeout(20):
        source, items = await asyncio.to_thread(fed, documents)
    assert source.rejected == 1
    assert [at for _, at, _ in frames_of(items)] == [0]


@pytest.mark.parametrize("first", [True, False])
def test_a_datum_that_is_lost_or_malformed_costs_its_own_event(first):
    documents = classic("AD_HDF5", {"frame_per_point": 2})
    number = 1 if first else 3
    for name, document in documents:
        if name == "datum" and document["datum_id"] == f"res/{number}":
            document["datum_kwargs"]["point_number"] = "none"
    source, items = fed(documents)
    others = [one for one in range(1, 5) if one != number]
    assert [(at, columns["x"]) for _, at, columns in frames_of(items)] == [
        (2 * (4 - one) + frame, one) for one in others for frame in range(2)
    ]
    assert (source.status.rejected, source.status.missed) == (1, 2)


def test_a_resource_whose_entries_hold_several_frames_and_an_event_several_entries():
    documents = [start(), descriptor(cam=image(2, 8, 8), x=MOTOR), resource()]
    for number in range(1, 5):
        documents += [datum(3 * number - 3, 3 * number, number, events=1), event(number, x=1.0 * number)]
    source, items = fed([*documents, stop()])
    assert [(index, at, columns["x"]) for index, at, columns in frames_of(items)] == [
        (frame, frame, frame // 6 + 1) for frame in range(24)
    ]
    assert source.status.rejected == 0


def test_many_events_that_wait_for_their_frames_are_not_looked_through_each_time(monkeypatch):
    looked = []
    complete = DocumentRun._complete
    monkeypatch.setattr(DocumentRun, "_complete", lambda run, number: (looked.append(number), complete(run, number))[1])
    events = 2000
    documents = [start(), descriptor(cam=image(1, 4, 4), x=MOTOR), resource()]
    documents += [event(number, x=1.0 * number) for number in range(1, events + 1)]
    # All frames are told of at the end, as a flyer does.
    source, items = fed([*documents, datum(0, events), stop()])
    assert [(index, columns["x"]) for index, _, columns in frames_of(items)] == [(n, n + 1.0) for n in range(events)]
    assert source.status.missed == 0
    assert len(looked) < 20 * events
