"""What is wrong is found before anything is submitted, each with its cure."""

import socket
from dataclasses import replace

import pytest

from steering.compute.checks import check_before_start, checks
from steering.compute.site import read_site
from steering.core.errors import SteeringError
from tests.compute.facility_files import section


@pytest.fixture
def polaris(tmp_path, pbs):
    """Polaris as it would be right on this machine."""
    interface = socket.if_nameindex()[0][1]
    return replace(
        read_site("polaris", section("polaris")),
        account="demo",
        directory=str(tmp_path / "shared"),
        filesystems={"home": "/home", "eagle": str(tmp_path)},
        scheduler_interface=interface,
    )


def test_all_is_well_and_the_folder_is_made_for_its_owner_only(polaris, tmp_path):
    folder = tmp_path / "shared" / "polaris"
    assert [check.what for check in checks(polaris, folder) if not check.good] == []
    check_before_start(polaris, folder)
    assert folder.stat().st_mode & 0o777 == 0o700


WRONG = {
    "account": ({"account": ""}, "account of polaris in steering.yaml, --account"),
    "directory": ({"directory": ""}, "Set directory of polaris in steering.yaml"),
    "filesystems": ({"filesystems": {"home": "/nowhere"}}, "is on none of /nowhere, which the nodes see"),
    "not asked for": ({"directives": ("-l filesystems=home",)}, "is on eagle, for which directives do not ask"),
    "interface": ({"scheduler_interface": "hsn7"}, "this machine has no network interface 'hsn7'; it has "),
}


@pytest.mark.parametrize(("change", "words"), WRONG.values(), ids=WRONG)
def test_what_is_wrong_comes_with_its_cure(polaris, tmp_path, change, words):
    with pytest.raises(SteeringError, match=r"Polaris \(ALCF\) cannot be used from here yet") as told:
        check_before_start(replace(polaris, **change), tmp_path / "shared" / "polaris")
    assert words in str(told.value)
    assert not (tmp_path / "shared").exists()


def test_everything_that_is_wrong_is_said_at_once(polaris, tmp_path):
    with pytest.raises(SteeringError) as told:
        check_before_start(replace(polaris, account="", scheduler_interface="hsn7"), tmp_path / "shared")
    assert "account: " in str(told.value)
    assert "interface: " in str(told.value)


def test_a_machine_without_the_batch_system_says_where_to_go(polaris, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SteeringError, match=r"no qsub, qstat, qdel\. Run this on a login node of Polaris"):
        check_before_start(polaris, tmp_path / "shared")


def test_filesystems_are_found_however_they_are_asked_for(polaris, tmp_path):
    combined = replace(polaris, directives=("-l walltime=1,filesystems=home:eagle", "-k doe"))
    assert [check.detail for check in checks(combined, tmp_path / "shared") if not check.good] == []
