"""The index: each entry once, seen by those who may, found by words, ranges and facets."""

import pytest

from steering.globus.errors import GlobusError, MissingError
from steering.globus.search import Condition, Entry, SearchIndex

pytestmark = pytest.mark.system


def entry(name, tau, group, **more):
    content = {
        "dc": {"titles": [{"title": f"Run of {name}"}], "subjects": [{"subject": "xpcs"}, {"subject": name}]},
        "project_metadata": {"sample": name, "tau0": {"value": tau, "units": "s"}, "cycle": "2026-3", **more},
    }
    return Entry(f"globus://eagle/runs/{name}-{tau}", content, (f"urn:globus:groups:id:{group}",))


@pytest.fixture
def group(double):
    return double.auth.person.groups[0]


@pytest.fixture
def index(double, login):
    return SearchIndex(login, double.search.make("runs"))


@pytest.fixture
def theirs(index, person):
    return SearchIndex(person, index.index)


def test_an_entry_is_found_by_its_group(index, theirs, group, double):
    index.ingest(entry("gel", 0.5, group))
    found = theirs.find("gel")
    assert [one.subject for one in found.entries] == ["globus://eagle/runs/gel-0.5"]
    assert found.entries[0].content["project_metadata"]["tau0"] == {"value": 0.5, "units": "s"}
    assert theirs.get("globus://eagle/runs/gel-0.5").id == "metadata"


def test_nobody_else_finds_it(index, theirs):
    index.ingest(entry("gel", 0.5, "00000000-0000-0000-0000-000000000000"))
    assert theirs.find("gel").total == 0
    with pytest.raises(MissingError, match="no entry"):
        theirs.get("globus://eagle/runs/gel-0.5")


def test_the_same_entry_is_written_once(index, group, double):
    for _ in range(3):
        index.ingest(entry("gel", 0.5, group))
    assert double.control.effects()["entries_written"] == 1


@pytest.mark.parametrize("visible", [True, False])
def test_a_lost_answer_writes_no_second_entry(index, group, double, visible):
    double.control.lose("search", times=2, path="/ingest")
    made = entry("gel", 0.5, group)
    index.ingest(Entry(made.subject, made.content, (double.auth.service.urn,)) if visible else made)
    assert double.control.effects()["entries_written"] == 1


def test_a_changed_entry_takes_the_place_of_the_old_one(index, group, theirs, double):
    index.ingest(entry("gel", 0.5, group))
    index.ingest(entry("gel", 0.5, group, note="aged"))
    assert theirs.find("").total == 1
    assert theirs.find("aged").total == 1
    assert double.control.effects()["entries_written"] == 2


def test_an_entry_that_cannot_be_indexed_is_said(index, group, double):
    double.control.fail_ingests()
    with pytest.raises(GlobusError, match="could not be indexed"):
        index.ingest(entry("gel", 0.5, group))
    index.ingest(entry("gel", 0.5, group))
    assert double.control.effects()["entries_written"] == 1


@pytest.fixture
def many(index, theirs, group):
    for name, tau in [("gel", 0.2), ("gel", 2.0), ("glass", 20.0)]:
        index.ingest(entry(name, tau, group))
    return theirs


TAU, SAMPLE = "project_metadata.tau0.value", "project_metadata.sample"


@pytest.mark.parametrize(
    ("conditions", "total"),
    [
        ([Condition(TAU, high=1.0)], 1),
        ([Condition(TAU, low=1.0)], 2),
        ([Condition(TAU, low=1.0, high=5.0)], 1),
        ([Condition(SAMPLE, any_of=("gel",))], 2),
        ([Condition(SAMPLE, any_of=("gel",)), Condition(TAU, low=1.0)], 1),
        ([Condition("dc.subjects.subject", any_of=("glass", "dust"))], 1),
        ([Condition("nowhere", any_of=("x",))], 0),
    ],
)
def test_entries_are_found_by_conditions(many, conditions, total):
    assert many.find(conditions=conditions).total == total


def test_facets_are_counted_over_all_entries(many):
    found = many.find(facets=[SAMPLE, "project_metadata.cycle"], limit=1)
    assert len(found.entries) == 1
    assert found.facets == {SAMPLE: {"gel": 2, "glass": 1}, "project_metadata.cycle": {"2026-3": 3}}


@pytest.mark.parametrize(
    "condition", [Condition("x"), Condition("x", any_of=(1,), low=2.0), Condition("", any_of=("x",))]
)
def test_a_condition_that_asks_for_nothing_is_refused(index, condition):
    with pytest.raises(GlobusError, match="asks for nothing, or for two things"):
        index.find(conditions=[condition])


@pytest.mark.parametrize("limit", [0, -1, 10_001])
def test_a_limit_that_is_none_is_refused(index, limit):
    with pytest.raises(GlobusError, match="Allowed: 1 to 10000"):
        index.find(limit=limit)


def test_who_may_not_write_is_told(theirs, group):
    with pytest.raises(GlobusError, match=r"may not write.*'writer'.*Ask the owner"):
        theirs.ingest(entry("gel", 0.5, group))


@pytest.mark.parametrize("visible", [(), ("everybody",)])
def test_an_entry_that_nobody_could_see_is_refused(index, visible):
    with pytest.raises(GlobusError, match=r"nobody may see it|no principal"):
        index.ingest(Entry("globus://x", {}, visible))


def test_an_index_that_is_not_there_is_said(login):
    with pytest.raises(MissingError, match="There is no index"):
        SearchIndex(login, "00000000-0000-0000-0000-000000000000").find("x")
