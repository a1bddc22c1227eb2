import pytest

import steering
from steering.core.workspace import Workspace
from tests.processes import left_behind, of_workspace


@pytest.fixture(scope="package")
def place(tmp_path_factory):
    """The workspace of the embedded beamline."""
    return Workspace(tmp_path_factory.mktemp("beamline"))


@pytest.fixture(scope="package")
def session(place):
    """A session on an embedded beamline that runs 20 times faster than life; everything ends with it."""
    made = steering.open(workspace=place, speed=20.0)
    yield made
    processes = of_workspace(place)
    made.shutdown()
    assert processes, "the embedded beamline had no processes"
    left = left_behind(processes)
    assert not left, f"processes were left behind: {left}"
