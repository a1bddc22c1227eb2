"""What a flow has published in an index of Globus Search is found as in the local catalogue."""

import pytest

from steering.catalogue import published
from steering.catalogue.catalogue import Catalogue
from steering.core.errors import SteeringError
from steering.flow_runner.orders import order
from steering.flow_runner.runner import run_flow
from steering.flow_steps.warm import WarmFacilities
from steering.globus.errors import GlobusError
from steering.globus.login import Login
from steering.globus.search import Entry, SearchIndex
from tests.flow_globus.places import STEPS
from tests.flow_runner.workspaces import UID, measured

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
    monkeypatch.setattr("steering.globus.search.MOST", 2)
    monkeypatch.setattr(published, "_PAGE", 1)
    with pytest.raises(SteeringError, match=r"4 entries of the index .* shows the newest 2\. Name more facets"):
        both[0].on(there.index).find("curve.fwhm > 1 mdeg", limit=10)


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
