"""A facility's section of YAML, what overrides it, and what is wrong in it."""

import dask.config
import pytest

from steering.compute.site import make_site, read_site
from steering.core import registry
from steering.core.errors import SteeringError
from steering.facilities.owned import OwnedFacility
from tests.compute.facility_files import section

OWNED = [name for name in registry.names("facilities") if issubclass(registry.load("facilities", name), OwnedFacility)]


@pytest.mark.parametrize("name", OWNED)
def test_every_shipped_section_can_be_read_and_gives_the_source_of_each_limit(name, workspace):
    site = registry.load("facilities", name)(workspace=workspace).site
    assert site.title
    assert all(queue.source for queue in site.queues.values())
    assert set(site.preference) == set(site.walltime) == {"live", "soon", "batch"}


def test_the_workspace_s_file_goes_before_dask_s_and_settings_before_all(tmp_path, monkeypatch):
    monkeypatch.setenv("PBS_ACCOUNT", "from-environment")
    read = lambda **settings: read_site("polaris", section("polaris"), tmp_path, settings).account  # noqa: E731
    assert read() == "from-environment"
    with dask.config.set({"steering.sites.polaris.account": "from-dask"}):
        assert read() == "from-dask"
        (tmp_path / "steering.yaml").write_text("steering: {sites: {polaris: {account: from-file}}}")
        assert read() == "from-file"
        assert read(account="from-settings") == "from-settings"


def test_an_account_that_no_variable_names_is_empty(monkeypatch):
    monkeypatch.delenv("PBS_ACCOUNT", raising=False)
    assert read_site("polaris", section("polaris")).account == ""


def test_one_value_of_one_queue_can_be_overridden_alone(tmp_path):
    (tmp_path / "steering.yaml").write_text("steering: {sites: {polaris: {queues: {debug: {jobs-most: 3}}}}}")
    site = read_site("polaris", section("polaris"), tmp_path)
    assert (site.queues["debug"].jobs_most, site.queues["debug"].nodes_most) == (3, 2)


def test_a_queue_can_be_taken_out(tmp_path):
    (tmp_path / "steering.yaml").write_text(
        "steering: {sites: {polaris: {queues: {demand: false}, preference: {live: [debug]}}}}"
    )
    site = read_site("polaris", section("polaris"), tmp_path)
    assert "demand" not in site.queues


WRONG = {
    "unknown": ({"colour": 3}, "has no setting 'colour'. Settings: account, "),
    "no whole number": (
        {"workers_per_node": "two"},
        "workers_per_node of the facility x cannot be 'two': write a whole",
    ),
    "nothing of it": ({"threads_per_worker": 0}, "threads_per_worker of the facility x cannot be 0"),
    "a truth": ({"nodes": True}, "nodes of the facility x cannot be True"),
    "no list": ({"prologue": "module load x"}, "prologue of the facility x cannot be 'module load x': write a list"),
    "no memory": ({"memory_per_node": "much"}, "memory_per_node of the facility x cannot be 'much'"),
    "no time": ({"poll": "soon"}, "poll of the facility x cannot be 'soon': write a time as HH:MM:SS"),
    "a time before": ({"linger": -1}, "linger of the facility x cannot be -1"),
    "no urgency": ({"walltime": {"never": 5}}, "there is no urgency 'never'; allowed: live, soon, batch"),
    "no queues": ({"queues": ["debug"]}, "queues of the facility x cannot be"),
    "an unknown limit": ({"queues": {"debug": {"colour": 3}}}, "queues of the facility x cannot be"),
    "a queue's limit in words": ({"queues": {"debug": {"nodes_most": "two"}}}, "queues of the facility x cannot be"),
    "no such queue": ({"preference": {"live": ["debug"]}}, "prefers queue 'debug' for live, but describes none"),
    "too few cores": ({"workers_per_node": 2, "cores": ["0"]}, "gives cores for 1 workers, but has 2 workers a node"),
    "no end": (
        {"batch": "pbs", "queues": {"q": {}}, "preference": {"live": ["q"]}},
        "has no walltime for live jobs in queue 'q'. Set walltime: {live: HH:MM:SS} of x",
    ),
    "no batch system": ({"batch": "lsf"}, "batch of the facility x cannot be 'lsf'"),
    "no fan-out": ({"fan_out": "ssh"}, "fan_out of the facility x cannot be 'ssh'"),
    "hours in words": ({"node_hours": "many"}, "node_hours of the facility x cannot be 'many'"),
    "resources in words": ({"resources": "GPU"}, "resources of the facility x cannot be 'GPU'"),
    "an account that is a list": ({"account": ["a"]}, "account of the facility x cannot be"),
    "a number for a title": ({"account_needed": "maybe"}, "account_needed of the facility x cannot be 'maybe'"),
}


@pytest.mark.parametrize(("given", "words"), WRONG.values(), ids=WRONG)
def test_what_is_wrong_is_named(given, words):
    with pytest.raises(SteeringError) as told:
        make_site("x", given)
    assert words in str(told.value)


@pytest.mark.parametrize("text", ["steering: [", "- a", "steering: {sites: 3}", "steering: {sites: {polaris: 3}}"])
def test_a_file_that_is_no_description_is_named(tmp_path, text):
    (tmp_path / "steering.yaml").write_text(text)
    with pytest.raises(SteeringError, match=r"steering\.yaml cannot be read as a description of facilities"):
        read_site("polaris", section("polaris"), tmp_path)
