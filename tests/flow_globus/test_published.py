"""What a flow has published in an index of Globus Search is found as in the local catalogue."""

import json
import time

import pytest

from steering.catalogue import published
from steering.catalogue.catalogue import Catalogue
from steering.catalogue.searchable import searchable
from steering.core.errors import SteeringError
from steering.flow_runner.orders import order
from steering.flow_runner.runner import run_flow
from steering.flow_steps.warm import WarmFacilities
from steering.globus.errors import GlobusError
from steering.globus.login import Login
from steering.globus.search import Entry, SearchIndex
from steering.globus_double_data.index import Index
from tests.catalogue.entries import entry
from tests.catalogue.entries import published as as_published
from tests.flow_globus.places import STEPS
from tests.flow_runner.workspaces import UID, measured

pytestmark = pytest.mark.system

# What is asked, and how many fit.
ASKED = [
    ("", {}, 2),
    ("", {"kind": "result"}, 1),
    ("curve.fwhm > 1 mdeg", {"sample": "WSe2 flake"}, 2),
    ("curve.fwhm > 1 rad", {}, 0),
    ("peak > -1 deg and status == success", {"kind": "run", "scan": "rocking", "beamline": "here"}, 1),
    ("duration == 1 min and frames >= 40 frames", {"label": "curve", "experiment": "GUP-1", "day": "2023-11-14"}, 1),
    ("", {"sample": "glass"}, 0),
    ("", {"flow": f"keep-{UID[:8]}"}, 2),
]
SLIPS = [
    (lambda one: one.find("tau0 < 1 s"), "No entry has what 'tau0 < 1 s' asks for. Known are: .*curve.fwhm"),
    (lambda one: one.find("curve.fwhm < 1 s"), "cannot be compared with the unit 's'"),
    (lambda one: one.find(sampel="x"), "There is no facet 'sampel'"),
    (lambda one: one.entry("run:nobody"), "The index runs has no entry 'run:nobody' of a run or a result"),
    (lambda one: one.entry("run:x"), "has no entry 'run:x' of a run or a result"),
]


@pytest.fixture
def both(workspace, there, run):
    """The local catalogue and the published one, after a flow on Globus; the index has an entry of somebody else."""
    assert run(there.flow()).status == "succeeded"
    login = Login(workspace)
    theirs = [Entry("run:x", {"project_metadata": {"scan": "rocking"}}, ("public",)), Entry("y", {}, ("public",))]
    for one in theirs:
        SearchIndex(login, there.index).ingest(one)
    catalogue = Catalogue(workspace)
    return catalogue, catalogue.on("runs")


def test_it_is_found_by_features_with_units_words_and_facets_as_locally(both, monkeypatch):
    local, there = both
    # Page by page.
    monkeypatch.setattr(published, "_PAGE", 1)
    for condition, facets, count in ASKED:
        found = [one.subject for one in there.find(condition, **facets)]
        assert sorted(found) == sorted(one.subject for one in local.find(condition, **facets)), (condition, facets)
        assert len(found) == count, (condition, facets)
    assert len(there.find("", limit=1)) == 1
    assert there.features() == local.features()
    for name, counted in local.facets().items():
        # Somebody else's entry has a scan too.
        more = {"rocking": 1} if name == "scan" else {}
        assert there.facets()[name] == {word: count + more.get(word, 0) for word, count in counted.items()}, name


def test_an_entry_leads_back_to_its_run_and_its_decisions(both):
    local, there = both
    (result,) = there.find("curve.fwhm > 1 mdeg", kind="result", sample="WSe2 flake")
    mine = local.entry(result.subject)
    assert (result.run, result.flow, result.label) == (UID, f"keep-{UID[:8]}", "curve")
    assert result.features == mine.features
    assert result.decisions == mine.decisions
    assert "set exposure: 0.25 s -> 1 s" in result.decisions["told"][0]["what"]
    assert result.metadata["parent"] == f"run:{UID}"
    assert there.entry(f"run:{UID}").files == local.entry(f"run:{UID}").files
    assert "fwhm" in repr(result)


def test_the_newest_run_is_first(both, there, run, workspace):
    later = measured(workspace, "ffff0000-1", began=1.8e9)
    journal, _ = order(workspace, "keep", there.flow(catalogue=STEPS["catalogue"]), later)
    with WarmFacilities(workspace) as facilities:
        assert run_flow(workspace, journal, facilities).status == "succeeded"
    assert [one.run for one in both[1].find(kind="run")] == [later, UID]


def test_a_slip_is_said(both, there, monkeypatch):
    for asked, said in SLIPS:
        with pytest.raises(SteeringError, match=said):
            asked(both[1])
    with pytest.raises(SteeringError, match=r"The index is 'rums', and none that this login may see is called so"):
        both[0].on("rums").find()
    there.double.search.make("runs")
    with pytest.raises(SteeringError, match=r"and 2 are: .* called so\. Give its id"):
        both[1].find()
    monkeypatch.setattr("steering.globus.search.MOST", 1)
    monkeypatch.setattr(published, "_PAGE", 1)
    with pytest.raises(
        SteeringError, match=r"2 entries of the index .* may fit, .* shows the newest 1\. Name more facets"
    ):
        both[0].on(there.index).find("curve.fwhm > 1 mdeg", limit=10)


def write(there, entries):
    """Write entries into the index, and wait until they can be found."""
    search = there.double.search
    task = search.ingest(there.index, as_published(entries))
    deadline = time.monotonic() + 20.0
    while search.task(task)["state"] == "PENDING" and time.monotonic() < deadline:
        time.sleep(0.01)
    assert search.task(task)["state"] == "SUCCESS"


@pytest.fixture
def crowd(workspace, there):
    """Many runs, each with a result, in an index; of each tenth the result has a short decay, one in seconds."""
    entries = []
    for number in range(300):
        tau0 = (0.5, "s") if number == 150 else (900.0, "ms") if number % 10 == 0 else (5000.0, "ms")
        # Several begin at once, as clocks have it.
        more = {"began": 1.7e9 + number // 50, "sample": "gel" if number % 2 else "glass"}
        entries += [entry(number, {"curve.tau0": tau0}, **more), entry(number, {"tau0": tau0}, "curve", **more)]
    entries.append(entry(999, {"tau0": (0.1, "deg")}, "tilt", sample="glass"))
    write(there, entries)
    return Catalogue(workspace).on(there.index), entries


@pytest.fixture
def asked(there, monkeypatch):
    """What the index is asked, and how many entries it answers with."""
    found, search = [], Index.search

    def heard(self, query, principals):
        answer = search(self, query, principals)
        found.append((query, len(answer["gmeta"])))
        return answer

    monkeypatch.setattr(Index, "search", heard)
    return found


def test_the_index_judges_a_condition_and_what_fits_none_is_not_sent(crowd, asked):
    catalogue, entries = crowd
    found = catalogue.find("curve.tau0 < 1 s", limit=1000)
    assert {one.run for one in found} == {f"{number:08d}-1" for number in range(0, 300, 10)}
    assert len(found) == 60
    units, page = asked
    # One entry comes with the units; the others all fit.
    assert (units[1], page[1]) == (1, 60)
    ranges = json.dumps(page[0]["filters"])
    assert '"to": 1.000001' in ranges
    assert '"to": 1000.001' in ranges
    assert "tilt" not in {one.label for one in catalogue.find("tau0 < 1 s", limit=1000)}


def test_a_condition_is_judged_alike_wherever_the_entries_are(crowd, workspace):
    catalogue, entries = crowd
    local = Catalogue(workspace)
    local.write(*entries)
    for condition, facets in (
        ("curve.tau0 < 1 s", {"sample": "glass"}),
        ("tau0 < 600 ms or tau0 < 1 deg", {}),
        ("not curve.tau0 < 1 s and status == success", {"kind": "result"}),
        ("tau0 != 900 ms", {}),
        ("tau0 < 1 s or status != success", {}),
    ):
        mine = [one.subject for one in local.find(condition, limit=1000, **facets)]
        assert sorted(one.subject for one in catalogue.find(condition, limit=1000, **facets)) == sorted(mine), condition
        assert mine, condition


def test_pages_miss_no_entry_and_repeat_none_though_many_began_at_once(crowd, monkeypatch, there):
    catalogue, entries = crowd
    monkeypatch.setattr(published, "_PAGE", 37)
    found = [one.subject for one in catalogue.find(limit=1000)]
    assert sorted(found) == sorted(one.subject for one in entries)
    # Two runs are published while a person reads on.
    late = [entry(number, {"tau0": (1.0, "s")}, began=1.8e9) for number in (2000, 2001)]
    find = SearchIndex.find

    def found_meanwhile(self, *words, **more):
        page = find(self, *words, **more)
        if more.get("first") == 37:
            write(there, late)
        return page

    monkeypatch.setattr(SearchIndex, "find", found_meanwhile)
    found = [one.subject for one in catalogue.find(limit=1000)]
    assert len(found) == len(set(found)) == len(entries)


def test_what_nobody_has_is_said_after_one_page(crowd, asked):
    catalogue, _ = crowd
    for condition, said in (
        ("tau9 < 1 s", "No entry has what 'tau9 < 1 s' asks for. Known are: .*curve.tau0"),
        ("curve.tau0 < 1 Pa", "cannot be compared with the unit 'Pa'"),
    ):
        asked.clear()
        with pytest.raises(SteeringError, match=said):
            catalogue.find(condition)
        assert len(asked) == 2


def test_who_may_not_see_it_does_not_find_it(workspace, there, run):
    catalogue = {**STEPS["catalogue"], "visible_to": ["urn:globus:groups:id:00000000-0000-0000-0000-00000000000f"]}
    assert run(there.flow(catalogue=catalogue)).status == "succeeded"
    assert Catalogue(workspace).on("runs").find() == []
    assert len(Catalogue(workspace).find()) == 2


def test_nobody_waits_for_an_index_for_ever(workspace, there, monkeypatch):
    monkeypatch.setattr(published, "_PATIENCE_SECONDS", 0.0)
    there.double.control.refuse("search", status=503, times=100)
    with pytest.raises(GlobusError, match="search the index"):
        Catalogue(workspace).on(there.index).find()


def test_a_sample_that_is_called_as_a_day_keeps_no_other_out(workspace, there):
    login, catalogue = Login(workspace), Catalogue(workspace).on("runs")
    index = SearchIndex(login, there.index)
    made = [
        entry(1, {"peak": (1, "deg")}, sample="2026-11-30", parameters={"exposure": 1, "mode": "fast"}),
        entry(2, {"peak": (1.5, "deg")}, sample="gel", parameters={"exposure": 0.25, "mode": None}),
    ]
    for one in made:
        index.ingest(Entry(one.subject, searchable(one.content), one.visible_to))
    for sample, wanted in (("2026-11-30", made[0]), ("gel", made[1])):
        (found,) = catalogue.find("peak > 0 deg", sample=sample)
        assert (found.subject, found.sample) == (wanted.subject, sample)
        assert found.metadata["parameters"] == wanted.metadata["parameters"]
    assert catalogue.facets()["sample"] == {"2026-11-30": 1, "gel": 1}
    # As it stood, the day had kept the other out for good.
    index.ingest(Entry("a", {"here": "2026-11-30"}, ("public",)))
    with pytest.raises(GlobusError, match="field 'here' is of type date, and a value of type string cannot be stored"):
        index.ingest(Entry("b", {"here": "gel"}, ("public",)))
