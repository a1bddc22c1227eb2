"""Flows between folders, in this process: done once, whatever comes between."""

import errno
import fcntl
import json
import os
import shutil
from types import SimpleNamespace

import h5py
import pytest
from hypothesis import given
from hypothesis import strategies as st

from steering.catalogue.catalogue import Catalogue
from steering.core import registry
from steering.core.errors import SteeringError
from steering.core.result import Feature
from steering.flow_runner.orders import cancel, find_journal, order
from steering.flow_runner.runner import run_flow
from steering.flow_runner.several import run_several
from steering.flow_steps import copying, recorded_run
from steering.flow_steps.bells import Bell
from steering.flow_steps.copying import copy, part_name, sha256_of
from steering.flow_steps.flow_journal import BusyError, FlowJournal, flows_folder, journals
from steering.flow_steps.recorded_run import find_run
from steering.flow_steps.result_file import read_result_file, write_result_file
from steering.flow_steps.warm import WarmFacilities
from steering.flows.templates import free_name
from steering.places import hdf5
from tests.flow_runner.workspaces import AWKWARD, POINTS, UID, Inline, beside, flow, measured, renamed, rewritten


@pytest.fixture
def run(workspace, monkeypatch):
    """Do a flow with a run; return how it stands."""
    load = registry.load
    monkeypatch.setattr(registry, "load", lambda door, name: Inline if name == "inline" else load(door, name))
    measured(workspace)

    def do(entry, name="keep", features=None):
        journal, _ = order(workspace, name, entry, UID, features=features)
        journal.forget_wish()
        with WarmFacilities(workspace) as facilities:
            return run_flow(workspace, journal, facilities)

    return do


def kinds(workspace, name=f"keep-{UID[:8]}"):
    return [line["kind"] for line in FlowJournal(flows_folder(workspace) / name).lines()]


def test_a_run_is_copied_analysed_catalogued_and_given_out(workspace, run):
    state = run(flow())
    assert (state.status, state.why) == ("succeeded", "")
    assert [one.status for one in state.steps] == ["done"] * 4
    store, given = workspace.directory / "store" / UID, workspace.directory / "experiment" / "WSe2-flake"
    frames = workspace.frames / f"{UID}.h5"
    assert sha256_of(store / frames.name) == sha256_of(frames)
    assert (store / "journal.jsonl").read_bytes() == find_run(workspace, UID).journal.read_bytes()
    results = {one.name for one in (given / "results").iterdir()}
    assert results == {f"{UID[:8]}_curve.nxs"}
    with h5py.File(given / "results" / results.pop()) as file:
        assert file["entry/data"].attrs["signal"] == "intensity"
        assert file["entry/events/th"].shape == (POINTS,)
        assert file["entry/steering/decision_0001/author"].asstr()[()] == "recentre for ana"
    assert oct((given / "raw" / frames.name).stat().st_mode & 0o777) == "0o640"
    manifest = json.loads((given / f"MANIFEST-keep-{UID[:8]}.json").read_text())
    for one in manifest["files"]:
        assert sha256_of(given / one["name"]) == one["sha256"]
    # What it has found is a result like any other.
    (path,) = state.step("compute").outcome["results"].values()
    result = read_result_file(flows_folder(workspace) / path)
    assert result.provenance.run == UID
    assert result.provenance.frames == POINTS
    assert result.outcome.features["peak"].units == "deg"


def test_the_catalogue_finds_it_by_features_words_and_facets(workspace, run):
    run(flow())
    catalogue = Catalogue(workspace)
    found = catalogue.find("peak > 0 deg and status == success", sample="WSe2 flake")
    assert [one.subject for one in found] == [f"run:{UID}", f"result:{UID}:curve"]
    entry, result = found
    assert entry.metadata["experiment"] == "GUP-1"
    assert entry.metadata["cycle"] == "2026-3"
    assert entry.decisions["accepted"] == 1
    assert "set exposure: 0.25 s -> 1 s" in entry.decisions["told"][0]["what"]
    assert result.metadata["parent"] == entry.subject
    assert result.content["dc"]["creators"] == [{"name": "Ana"}]
    (file,) = result.files
    assert len(file["sha256"]) == 64
    assert catalogue.find("peak > 100 deg") == []
    # Another flow adds to the entry of the run, and takes nothing away.
    centres = {"facility": "inline", "analyses": [{"analysis": "centre_of_mass", "label": "centres"}]}
    run(flow(transfer=None, compute=centres, distribute=None), name="again")
    assert [one.label for one in catalogue.find(kind="result")] == ["centres", "curve"]
    again = catalogue.find("curve.peak > 0 deg", kind="run")[0]
    assert any(name.startswith("centres.") for name in again.features)
    assert again.files == entry.files
    assert catalogue.find("curve.peak > 0 deg", kind="result")[0].label == "curve"
    assert catalogue.find(kind="result", scan="rocking", label="curve")[0].subject == result.subject
    assert catalogue.facets()["sample"] == {"WSe2 flake": 3}
    assert catalogue.features()["peak"] == "deg"
    with pytest.raises(SteeringError, match=r"No entry has what 'tau0 < 1 s' asks for. Known are: .*peak"):
        catalogue.find("tau0 < 1 s")
    with pytest.raises(SteeringError, match="There is no facet 'sampel'"):
        catalogue.find(sampel="x")


# What schema 4.3 of DataCite asks for, and what it allows besides.
NEEDED = {"identifiers", "creators", "titles", "publisher", "publicationYear", "types", "schemaVersion"}
ALLOWED = NEEDED | {
    "alternateIdentifiers", "container", "contributors", "dates", "descriptions", "formats", "fundingReferences",
    "geoLocations", "language", "relatedIdentifiers", "rightsList", "sizes", "subjects", "version",
}  # fmt: skip


def test_an_entry_is_described_as_datacite_4_has_it(workspace, run):
    run(flow(transfer=None, distribute=None))
    for entry in Catalogue(workspace).find():
        said = entry.content["dc"]
        assert set(said) >= NEEDED
        assert set(said) <= ALLOWED
        assert said["identifiers"] == [{"identifier": entry.subject, "identifierType": "steering"}]
        assert said["types"] == {"resourceType": "Dataset", "resourceTypeGeneral": "Dataset"}
        assert said["publicationYear"] == "2023"
        assert isinstance(said["publisher"], str)
        assert all(isinstance(one["name"], str) for one in said["creators"])
        assert said["schemaVersion"] == "http://datacite.org/schema/kernel-4"


def test_a_flow_that_is_ordered_twice_is_done_once(workspace, run):
    run(flow())
    before = kinds(workspace)
    assert run(flow(transfer=None)).status == "succeeded"
    assert kinds(workspace) == before
    assert set(Catalogue(workspace).writes().values()) == {1}


def test_a_step_whose_condition_does_not_hold_is_left_out_with_the_reason(workspace, run):
    state = run(flow(distribute={"to": "out", "when": "peak > 100 deg"}))
    assert state.status == "succeeded"
    assert state.step("distribute").status == "left out"
    assert state.step("distribute").why == "status == success and (peak > 100 deg) does not hold."
    assert not (workspace.directory / "out").exists()


@pytest.mark.parametrize("status", ["abort", "fail"])
def test_a_run_that_did_not_succeed_is_copied_and_is_no_result(workspace, run, status):
    measured(workspace, exit_status=status, points=3)
    state = run(flow(distribute={"to": "experiment", "when": "curve.fwhm < 100 deg"}))
    assert state.status == "succeeded"
    assert [one.status for one in state.steps] == ["done", "done", "left out", "left out"]
    assert state.step("distribute").why == "status == success and (curve.fwhm < 100 deg) does not hold."
    assert not (workspace.directory / "experiment").exists()
    # Who wants it says so.
    wanted = {
        "distribute": {"to": "experiment", "when": "status != success"},
        "catalogue": {"when": f"status == {status}"},
    }
    assert [one.status for one in run(flow(**wanted), "wanted").steps] == ["done"] * 4


def test_a_condition_that_cannot_be_judged_stops_the_flow_with_a_sentence(workspace, run):
    state = run(flow(transfer={"to": "store", "when": "tau0 < 1 s"}))
    assert state.status == "failed"
    assert "No result has a feature 'tau0'. Known are: duration, frames, points." in state.why
    assert state.step("compute").status == "waiting"


def test_what_was_known_when_it_was_ordered_decides(workspace, run):
    known = {"xpcs": {"tau0": Feature(0.2, 0.1, "s")}}
    state = run(
        flow(transfer={"to": "store", "when": "xpcs.tau0 < 300 ms"}, compute=None, distribute=None), features=known
    )
    assert [one.status for one in state.steps] == ["done", "done"]


def test_what_failed_is_resumed_where_it_failed(workspace, run):
    there = workspace.directory / "store" / UID / f"{UID}.h5"
    there.parent.mkdir(parents=True)
    there.write_text("somebody else's")
    state = run(flow())
    assert state.status == "failed"
    assert f"Another file is at {there} (15 bytes), and it is not written over" in state.why
    assert there.read_text() == "somebody else's"
    there.unlink()
    state = run(flow())
    assert state.status == "succeeded"
    assert [one.tries for one in state.steps] == [2, 1, 1, 1]


def test_frames_that_cannot_be_read_fail_the_step_with_a_sentence(workspace, run, monkeypatch):
    monkeypatch.setattr(hdf5, "SETTLED", 0.0)
    (workspace.frames / f"{UID}.h5").write_bytes(b"no HDF5")
    state = run(flow(transfer=None))
    assert state.step("compute").status == "failed", state
    assert f"curve has 0 of {POINTS} frames of run {UID[:8]}." in state.why
    measured(workspace)
    assert run(flow(transfer=None)).status == "succeeded"


def test_a_facility_that_is_not_there_is_a_sentence_with_those_that_are(workspace, run):
    state = run(flow(compute={"facility": "nowhere"}))
    assert "There is no 'nowhere' among the facilities. Installed: " in state.why


def test_a_file_that_has_gone_is_named(workspace, run):
    shutil.move(workspace.frames / f"{UID}.h5", workspace.directory / "away.h5")
    state = run(flow())
    assert f"A file of run {UID[:8]} cannot be found here: {workspace.frames}" in state.why


def test_a_copy_that_is_not_what_was_read_is_never_given_its_name(tmp_path, monkeypatch):
    (tmp_path / "a").write_bytes(b"pixels" * 1000)
    good = copying.sha256_of
    monkeypatch.setattr(copying, "sha256_of", lambda path: "0" * 64 if path.name == ".b.part" else good(path))
    with pytest.raises(SteeringError, match="is not what was read"):
        copy(tmp_path / "a", tmp_path / "b", lambda _: None)
    assert not (tmp_path / "b").exists()
    monkeypatch.undo()
    assert copy(tmp_path / "a", tmp_path / "b", lambda _: None).size == 6000


@pytest.mark.parametrize("part", [b"", b"pix", b"pixels" * 500, b"other", b"pixels" * 2000])
def test_a_copy_goes_on_from_what_an_earlier_one_left(tmp_path, part):
    (tmp_path / "a").write_bytes(b"pixels" * 1000)
    (tmp_path / ".b.part").write_bytes(part)
    assert copy(tmp_path / "a", tmp_path / "b", lambda _: None).sha256 == sha256_of(tmp_path / "a")
    assert (tmp_path / "b").read_bytes() == b"pixels" * 1000
    assert not (tmp_path / ".b.part").exists()
    assert copy(tmp_path / "a", tmp_path / "b", lambda _: None).again


def test_two_do_not_run_one_flow_and_a_wish_to_cancel_is_heard(workspace, run):
    journal, _ = order(workspace, "keep", flow(), UID)
    with journal:
        with pytest.raises(BusyError, match="is run by another process"), FlowJournal(journal.folder):
            pass
        assert FlowJournal(journal.folder).state.status == "running"
        assert cancel(workspace, FlowJournal(journal.folder)).status == "running"
        assert journal.cancel_wished
    with WarmFacilities(workspace) as facilities:
        run_flow(workspace, journal, facilities)
    assert [line["kind"] for line in journal.lines()] == ["ordered"]
    assert cancel(workspace, journal).status == "cancelled"
    assert run(flow()).status == "succeeded"


def test_those_who_look_take_none_of_them_for_the_one_that_runs_it(workspace, run):
    journal = FlowJournal(flows_folder(workspace) / run(flow()).id)
    with (journal.folder / "lock").open() as another:
        fcntl.flock(another, fcntl.LOCK_SH)  # as it looks
        assert not journal.held
        assert journal.state.status == "succeeded"


def test_a_cancelled_copy_stops_at_once_and_goes_on_when_resumed(workspace, run, monkeypatch):
    tell = copying._TELL_SECONDS
    monkeypatch.setattr(copying, "_TELL_SECONDS", -1.0)
    monkeypatch.setattr(copying, "_PIECE", 1024)
    told = []

    def wish(name):
        told.append(name)
        if name == "copying.piece" and len(told) == 2:
            order(workspace, "keep", flow(), UID)[0].wish_cancelled()

    monkeypatch.setattr(copying, "point", wish)
    state = run(flow())
    assert (state.status, state.step("compute").status) == ("cancelled", "waiting")
    assert 0 < state.step("transfer").bytes < state.step("transfer").bytes_total
    monkeypatch.setattr(copying, "_TELL_SECONDS", tell)
    assert run(flow()).status == "succeeded"


def test_a_journal_that_a_crash_cut_off_is_mended(workspace, run):
    journal, _ = order(workspace, "keep", flow(), UID)
    with (journal.folder / "journal.jsonl").open("ab") as file:
        file.write(b'{"kind": "runn')
    assert run(flow()).status == "succeeded"
    assert "running" in kinds(workspace)


def test_whoever_listens_is_told_and_a_dead_listener_is_forgotten(workspace, run):
    dead = flows_folder(workspace) / "bells" / "1-dead"
    dead.parent.mkdir(parents=True)
    os.mkfifo(dead)
    with Bell(flows_folder(workspace)) as bell:
        assert not bell.wait(0.0)
        run(flow())
        assert bell.wait(5.0)
    assert not dead.exists()
    assert not list(dead.parent.iterdir())


def test_a_result_comes_back_as_it_was(workspace, run, tmp_path):
    state = run(flow())
    result = read_result_file(flows_folder(workspace) / state.step("compute").outcome["results"]["curve"])
    write_result_file(tmp_path / "again.json", result)
    again = read_result_file(tmp_path / "again.json")
    assert again.outcome.data.identical(result.outcome.data)
    assert dict(again.outcome.features) == dict(result.outcome.features)
    (tmp_path / "again.json").write_text("{}")
    with pytest.raises(SteeringError, match="holds no result"):
        read_result_file(tmp_path / "again.json")


@pytest.mark.parametrize("run_uid", ["nothing", ""])
def test_a_run_that_is_not_there_is_a_sentence(workspace, run_uid):
    with pytest.raises(SteeringError, match=r"begins with 'nothing'|has ended yet"):
        find_run(workspace, run_uid)


def test_a_flow_that_ends_while_it_is_cancelled_stays_as_it_has_ended(workspace, monkeypatch):
    journal, _ = order(workspace, "keep", flow(), UID)
    wish = FlowJournal.wish_cancelled

    def late(self):
        wish(self)
        with FlowJournal(journal.folder) as other:
            other.write("running")
            other.write("ended", {"status": "succeeded", "why": ""})

    monkeypatch.setattr(FlowJournal, "wish_cancelled", late)
    assert cancel(workspace, journal).status == "succeeded"


def test_a_flow_that_is_taken_up_while_it_is_cancelled_hears_of_the_wish(workspace, monkeypatch):
    journal, _ = order(workspace, "keep", flow(), UID)
    monkeypatch.setattr(FlowJournal, "held", False)
    monkeypatch.setattr("steering.flow_steps.flow_journal._LOOK_SECONDS", 0.05)
    with FlowJournal(journal.folder) as other:
        other.write("running")
        cancel(workspace, FlowJournal(journal.folder))
        assert other.cancel_wished
        assert other.state.status != "cancelled"


@pytest.mark.parametrize(
    "content", [b"", b"null\n", b"[1]\n", b"\0\0\0\n", b'{"kind": "ordered", "time": 1}\n', b'{"kind": "done"}\n']
)
def test_a_journal_that_cannot_be_read_is_said_and_hides_no_other(workspace, run, content):
    run(flow(compute=None, catalogue=None))
    spoilt = FlowJournal(flows_folder(workspace) / f"other-{UID[:8]}")
    spoilt.folder.mkdir()
    (spoilt.folder / "journal.jsonl").write_bytes(content)
    states = {one.id: one.state for one in journals(workspace)}
    assert states[f"keep-{UID[:8]}"].status == "succeeded"
    said = states[spoilt.id]
    assert (said.status, said.steps) == ("failed", ())
    assert "cannot be read" in said.why
    assert "Move its folder elsewhere" in said.why
    assert find_journal(workspace, "keep").state.status == "succeeded"
    with WarmFacilities(workspace) as facilities, pytest.raises(SteeringError, match="Move its folder elsewhere"):
        run_flow(workspace, spoilt, facilities)
    with pytest.raises(SteeringError, match="Move its folder elsewhere"):
        cancel(workspace, spoilt)
    with pytest.raises(SteeringError, match="Move its folder elsewhere"):
        order(workspace, "other", flow(), UID)
    assert (spoilt.folder / "journal.jsonl").read_bytes() == content


def test_a_name_may_be_anything(workspace, run):
    renamed(workspace, AWKWARD)
    state = run(flow())
    assert state.status == "succeeded", state.why
    for folder in ("store", "experiment"):
        (copied,) = (path for path in (workspace.directory / folder).rglob("*.h5") if "results" not in path.parts)
        assert copied.name == AWKWARD
    assert AWKWARD in [one["filename"] for one in Catalogue(workspace).entry(f"run:{UID}").files]


# What a run may have beside its frames, and what a flow would call files of its own.
TAKEN = ("journal.jsonl", "JOURNAL-2.jsonl", f".{UID}.h5.part", f"..{UID}.h5.part", f"keep-{UID[:8]}/journal.jsonl",
         "results/frames.nxs", f"MANIFEST-keep-{UID[:8]}.json", "x" * 250)  # fmt: skip


def test_no_file_of_a_run_is_taken_for_one_of_the_flow(workspace, run):
    written = beside(workspace, *TAKEN)
    state = run(flow())
    assert state.status == "succeeded", state.why
    frames = (workspace.frames / f"{UID}.h5").read_bytes()
    for folder in (workspace.directory / "store" / UID, workspace.directory / "experiment" / "WSe2-flake" / "raw"):
        for name, content in {**written, f"{UID}.h5": frames}.items():
            assert (folder / name).read_bytes() == content
        assert (folder / "journal-3.jsonl").read_bytes() == find_run(workspace, UID).journal.read_bytes()
        assert len([one for one in folder.rglob("*") if one.is_file()]) == len(written) + 2


@given(st.lists(st.text(st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1), max_size=6))
def test_a_name_of_the_flow_s_own_is_no_file_s(names):
    for wanted in ("journal.jsonl", *names):
        assert free_name(wanted, names).casefold() not in {one.casefold() for one in names}
        assert part_name(wanted, names) not in names
        assert len(part_name(wanted[:60], names)) <= 255
    assert free_name("journal.jsonl", ["a.h5", "b/journal.jsonl"]) == "journal.jsonl"


def test_an_empty_folder_of_frames_is_no_copy_of_the_run(workspace, run):
    frames = workspace.frames / f"{UID}.h5"
    folder = workspace.frames / "sequence"
    folder.mkdir()
    rewritten(workspace, frames, folder)
    state = run(flow())
    assert (state.status, state.step("transfer").status) == ("failed", "failed")
    assert f"The folder {folder} of run {UID[:8]} is empty, and the run has {POINTS} points." in state.why
    assert not (workspace.directory / "store").exists()
    # A run that was ended before its first point has no frames to lose.
    measured(workspace, "ffff0000-1", points=0, exit_status="abort")
    rewritten(workspace, workspace.frames / "ffff0000-1.h5", folder)
    journal, _ = order(workspace, "keep", flow(compute=None, catalogue=None, distribute=None), "ffff0000-1")
    with WarmFacilities(workspace) as facilities:
        assert run_flow(workspace, journal, facilities).status == "succeeded"


@pytest.mark.parametrize(
    "when", ["between the look and its size", "between its size and the copy", "before its checksum"]
)
def test_a_file_that_goes_away_meanwhile_is_named_and_the_flow_goes_on_when_it_is_back(
    workspace, run, monkeypatch, when
):
    frames, away = workspace.frames / f"{UID}.h5", workspace.directory / "away.h5"
    given = flow(transfer=None, distribute=None) if when == "before its checksum" else flow()
    taken = []

    def once(true):
        if true and not taken:
            taken.append(frames.rename(away))

    if when == "between the look and its size":
        names = recorded_run._names
        monkeypatch.setattr(recorded_run, "_names", lambda paths: (once(frames in paths), names(paths))[1])
    elif when == "between its size and the copy":
        monkeypatch.setattr("steering.flow_steps.file_steps._see_room", lambda _folder, _size: once(frames.exists()))
    else:
        checksum = recorded_run.sha256_of
        monkeypatch.setattr(recorded_run, "sha256_of", lambda path: (once(path == frames), checksum(path))[1])
    state = run(given)
    assert taken
    assert state.status == "failed"
    assert str(frames) in state.why
    assert "resume" in state.why
    assert "(" not in state.why.replace("(STEERING_PATHS", ""), "the error's name is no sentence"
    away.rename(frames)
    assert run(given).status == "succeeded"


@pytest.mark.parametrize("number", [errno.EPERM, errno.EOPNOTSUPP])
def test_a_filesystem_without_links_takes_copies_and_what_stands_there_is_left(tmp_path, monkeypatch, number):
    def link(part, target):
        raise OSError(number, os.strerror(number), str(part), None, str(target))

    monkeypatch.setattr(os, "link", link)
    source, target = tmp_path / "a.h5", tmp_path / "there" / "a.h5"
    source.write_bytes(b"frames")
    assert copy(source, target, lambda _: None).again is False
    assert [one.name for one in target.parent.iterdir()] == ["a.h5"]
    assert copy(source, target, lambda _: None).again is True

    def come(part, target):
        # Somebody is quicker.
        target.write_bytes(b"theirs")
        link(part, target)

    monkeypatch.setattr(os, "link", come)
    with pytest.raises(SteeringError, match="cannot be copied to"):
        copy(source, tmp_path / "there" / "b.h5", lambda _: None)
    assert (tmp_path / "there" / "b.h5").read_bytes() == b"theirs"


def test_one_that_cannot_be_taken_up_is_not_in_the_way_of_the_next(workspace):
    measured(workspace)
    measured(workspace, "ffff0000-1")
    steps = flow(compute=None, distribute=None, transfer=None)
    bad, good = (order(workspace, "keep", steps, uid)[0] for uid in (UID, "ffff0000-1"))
    (bad.folder / "lock").symlink_to("nowhere/lock")
    with pytest.raises(SteeringError, match=r"cannot be taken up in .*: No such file or directory. See that you may"):
        run_several(workspace, [bad, good])
    assert good.state.status == "succeeded"


def test_one_whose_journal_cannot_be_mended_now_can_be_run_later(workspace, monkeypatch):
    measured(workspace)
    journal, _ = order(workspace, "keep", flow(compute=None, distribute=None, transfer=None), UID)

    def spoiled(_path):
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    with monkeypatch.context() as patch:
        patch.setattr("steering.flow_steps.flow_journal.mend", spoiled)
        with pytest.raises(SteeringError, match="Input/output error"), journal:
            pass
    assert not journal.held
    with journal:
        assert journal.held


def test_a_copy_that_was_cut_off_needs_room_for_its_rest_only(run, workspace, monkeypatch):
    name, journal = f"{UID}.h5", next(workspace.journal.glob("*.jsonl"))
    store = workspace.directory / "store" / UID
    store.mkdir(parents=True)
    content = (workspace.frames / name).read_bytes()
    (store / part_name(name)).write_bytes(content[:-100])
    free = 50_000_000 + journal.stat().st_size + 4096
    monkeypatch.setattr("steering.flow_steps.file_steps.shutil.disk_usage", lambda _: SimpleNamespace(free=free))
    keep = flow(compute=None, distribute=None, catalogue=None)
    assert run(keep).why == ""
    assert (store / name).read_bytes() == content
    # And where nothing is there it needs all of it.
    shutil.rmtree(store)
    assert "There is no room" in run(keep, "again").why
