"""The tutorial of ptychography runs from its first cell to its last, and what it says is true."""

import re

import pytest

from tests.commands.notebooks import executed

# What it says of files is true as well: the probe that was exported is the one that was found.
ENDING = """
import numpy as np
from steering.ptychography.cxi import probe_of, read_probe

uid = session.record[0].uid
print(session.exit_status(uid))
result = session.results["ptychography"]
file = session.past.export_result(result, "nexus")
assert np.array_equal(read_probe(file), probe_of(result.outcome.data))
session.shutdown()
"""


@pytest.mark.system
@pytest.mark.timeout(700)
def test_it_steers_a_scan_on_what_its_object_says(workspace, monkeypatch):
    said, last = executed("04-see-an-object-with-ptychography.ipynb", ENDING, workspace, monkeypatch)
    # The step, the pause and the end of the scan were accepted while it ran.
    assert said.count("accepted") == 3, said
    assert "success" in last
    assert float(re.search(r"overlap by (\d+) %", said).group(1)) < 30
    assert float(re.search(r"changes by ([\d.]+) rad", said).group(1)) == pytest.approx(0.8, abs=0.15)
    assert float(re.search(r"beam +([\d.]+)", said).group(1)) == pytest.approx(0.449, abs=0.02)
