"""The tutorial of SAXS runs from its first cell to its last, and what it says is true."""

import re

import pytest

from steering.sim.spheres import SpheresSample
from tests.commands.notebooks import executed

# What it says of files is true as well: what was exported is read back as it was.
ENDING = """
from steering.radial.nexus import read_nxcansas

uid = session.record[0].uid
print(session.exit_status(uid))
file = read_nxcansas(session.past.export(uid, "nexus"))
shown = session.results["radial"].outcome.data.isel(curve=0).dropna("q", subset=["intensity"])
print(np.array_equal(file["q"], shown["q"]), np.array_equal(file["intensity"], shown["intensity"]))
session.shutdown()
"""


@pytest.mark.system
@pytest.mark.timeout(700)
def test_an_agent_spares_the_sample_and_the_size_is_right(workspace, monkeypatch):
    said, last = executed("07-measure-sizes-with-saxs.ipynb", ENDING, workspace, monkeypatch)
    kinds = re.findall(r"^spare for \S+: (\w+).*: accepted, before spot", said, re.MULTILINE)
    assert kinds == ["set", "set", "finish"], said
    full, spared = re.findall(r"the light changes by +([-\d.]+) .*? Rg = ([\d.]+) \+- ([\d.]+) angstrom", said)
    truth = SpheresSample().radius_of_gyration
    assert float(full[0]) > 7
    assert float(full[1]) > 1.07 * truth
    assert float(spared[1]) == pytest.approx(truth, rel=0.04)
    assert float(spared[2]) <= 0.0026 * float(spared[1])
    assert int(re.search(r"(\d+) of 81 spots", said).group(1)) < 70, said
    radius, error = map(float, re.search(r"radius ([\d.]+) \+- ([\d.]+) angstrom, made 50", said).groups())
    assert radius == pytest.approx(50, rel=0.02)
    assert error < 0.5
    spread = float(re.search(r"spread ([\d.]+) \+- [\d.]+ %, made 10", said).group(1))
    assert spread == pytest.approx(10, abs=1.5)
    assert "success" in last
    assert "True True" in last
