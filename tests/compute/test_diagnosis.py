"""Words of batch systems and ends of logs become a cause and a cure."""

import pytest

from steering.compute.diagnosis import diagnose
from steering.compute.site import make_site

SITE = make_site("polaris", {"account": "demo"})
SIGNS = {
    "qsub: Account_Name is required to be set.": "account of polaris in steering.yaml, or --account",
    "qsub: Resource: filesystems is required to be set.": "Add '-l filesystems=...' to directives of polaris",
    "qsub: Job violates queue and/or server resource limits": "Ask for fewer nodes",
    "qsub: would exceed queue debug's per-user limit of jobs": "Wait for one to end",
    "qsub: Unauthorized Request": "Ask the facility for access",
    "qsub: Unknown queue": "queues of polaris in steering.yaml",
    "Can Never Run: Insufficient amount of resource: ncpus (R: 300 A: 64)": "Ask for fewer nodes",
    "Not Running: Insufficient amount of resource: eagle_fs (R: 1 A: 0 T: 0)": "is asked for (eagle_fs)",
    "Can Never Run: Insufficient amount of server resource: filesystems (home != eagle)": "lacks a filesystem",
    "Invalid account or account/partition combination specified": "The account 'demo' may not be used here",
    "Requested time limit is invalid (missing or exceeds some limit)": "--walltime",
    "Requested node configuration is not available": "Ask for fewer nodes",
    "QOSMaxSubmitJobPerUserLimit": "Wait for one to end",
    "Traceback (most recent call last):\nModuleNotFoundError: No module named 'distributed'":
        "no package 'distributed'. Build it: steering compute prepare polaris",
    "/var/spool/job.SC: line 12: /eagle/x/bin/python: No such file or directory": "no Python at /eagle/x/bin/python",
    "Lmod has detected the following error: The following module(s) are unknown: \"conda\"": "no module conda",
    "This node (x1) has no network interface 'hsn0'; it has lo.": "This node (x1) has no network interface 'hsn0'",
    "No scheduler answered on x1 within 60 s. Check it.": "No scheduler answered on x1 within 60 s.",
    "This node has no cores 0-7 (Invalid argument).": "This node has no cores 0-7",
}  # fmt: skip


@pytest.mark.parametrize(("words", "cure"), SIGNS.items())
def test_a_sign_is_read(words, cure):
    said = diagnose(words, SITE)
    assert cure in said
    assert "{" not in said


def test_what_nobody_knows_is_shown_as_it_is():
    assert diagnose("the  dog ate\nthe queue", SITE) == "the dog ate the queue"
    assert diagnose("", SITE) == "The batch system gave no reason."


def test_a_long_log_is_shortened_to_its_end():
    said = diagnose("x" * 5000 + " No module named 'h5py'", SITE)
    assert said.startswith("The worker environment has no package 'h5py'")
    assert len(said) < 500


def test_braces_in_a_log_do_no_harm():
    assert "{0}" in diagnose("No module named 'a' {0} {name}", SITE)
