"""The tutorial of XPCS runs from its first cell to its last, and what it says is true."""

import re

import pytest

from steering.sim.speckle import SpeckleSample
from tests.commands.notebooks import executed

# What it says of files is true as well: what was exported is read back as it was.
ENDING = """
import xarray as xr
from steering.xpcs.nexus import read_xpcs

uid = session.record[0].uid
print(session.exit_status(uid))
file = session.past.export(uid, "nexus")
xr.testing.assert_identical(read_xpcs(file), session.results["xpcs"].outcome.data)
session.shutdown()
"""


@pytest.mark.system
@pytest.mark.timeout(700)
def test_it_steers_a_scan_on_what_its_curves_say(workspace, monkeypatch):
    said, last = executed("02-measure-dynamics-with-xpcs.ipynb", ENDING, workspace, monkeypatch)
    # Both the filter and the end of the scan were accepted while it ran.
    assert said.count("accepted") == 2, said
    assert "success" in last
    lost = re.search(r"The light changes by (-[\d.]+)", said)
    assert float(lost.group(1)) < -5
    found = re.search(r"diffusion +([\d.e+]+)", said)
    assert float(found.group(1)) == pytest.approx(SpeckleSample.diffusion, rel=0.1)
